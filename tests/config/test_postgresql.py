"""Connections that are kept open: one that the server has ended costs no request; and what the server keeps."""

from typing import Any

import psycopg
import pytest
from django.db import ProgrammingError, connection
from django.test.utils import CaptureQueriesContext

pytestmark = pytest.mark.django_db(transaction=True)

backend: Any = connection


def process_id():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return cursor.fetchone()[0]


def begin_request():
    backend.health_check_enabled = True  # as with CONN_HEALTH_CHECKS
    backend.close_at = None  # not aged: the tests before this one may have taken any time
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


@pytest.mark.parametrize(("threshold", "kept"), [(2, 1), (None, 0)])
def test_statements_are_kept_only_where_that_is_set(monkeypatch, threshold, kept):
    process_id()
    monkeypatch.setattr(connection.connection, "prepare_threshold", threshold)
    for number in range(4):
        with backend.prepared_cursor() as cursor:
            cursor.execute("SELECT %(number)s + 1 AS kept", {"number": number})
            assert cursor.fetchall() == [(number + 1,)]
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%%AS kept'", [])
        [(found,)] = cursor.fetchall()

    assert found == kept


def test_a_prepared_cursor_opens_a_connection_and_tells_what_it_executes():
    connection.close()
    with CaptureQueriesContext(connection) as captured, backend.prepared_cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)
    with pytest.raises(ProgrammingError), backend.prepared_cursor() as cursor:
        cursor.execute("SELECT nothing")

    assert len(captured) == 1
