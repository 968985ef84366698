"""Connections that are kept open: one that the server has ended costs no request."""

import psycopg
import pytest
from django.db import connection

pytestmark = pytest.mark.django_db(transaction=True)


def process_id():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return cursor.fetchone()[0]


def begin_request():
    vars(connection)["health_check_enabled"] = True  # as with CONN_HEALTH_CHECKS
    connection.close_if_unusable_or_obsolete()


def test_a_connection_that_lives_is_kept_and_not_asked(monkeypatch):
    first = process_id()
    monkeypatch.setattr(connection, "is_usable", None)
    begin_request()

    assert process_id() == first


def test_one_that_the_server_has_ended_is_replaced():
    first = process_id()
    with psycopg.connect(connection.connection.info.dsn, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [first])
    begin_request()

    assert process_id() != first
