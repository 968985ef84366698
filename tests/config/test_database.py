import os

import pytest
from django.conf import settings
from django.db import connection

from cloudigrade.config import database


def test_a_url_with_everything():
    entry = database.entry("postgresql://me:s%40fe@db.example:5433/name?sslmode=require", connection_age=60)
    assert {place: entry[place] for place in ("NAME", "USER", "PASSWORD", "HOST", "PORT")} == {
        "NAME": "name",
        "USER": "me",
        "PASSWORD": "s@fe",
        "HOST": "db.example",
        "PORT": "5433",
    }
    assert entry["OPTIONS"] == {"prepare_threshold": None, "sslmode": "require"}
    assert entry["CONN_MAX_AGE"] == 60
    assert entry["CONN_HEALTH_CHECKS"] is True
    assert entry["DISABLE_SERVER_SIDE_CURSORS"] is True


def test_a_url_of_a_socket():
    entry = database.entry("postgresql://me@/name?host=%2Frun%2Fx")
    assert (entry["HOST"], entry["PORT"], entry["PASSWORD"]) == ("/run/x", "", "")


def test_without_a_url_nothing_is_reached():
    entry = database.entry("")
    assert (entry["NAME"], entry["HOST"]) == ("cloudigrade", "/nonexistent")


def test_point_at_moves_this_process_and_its_children(monkeypatch):
    place = dict(settings.DATABASES["default"])
    monkeypatch.setattr(settings, "DATABASES", {"default": place})
    monkeypatch.setattr(settings, "DATABASE_URL", "")
    monkeypatch.setattr(database, "connections", type("None", (), {"close_all": staticmethod(lambda: None)}))
    monkeypatch.setenv("DATABASE_URL", "")
    database.point_at("postgresql://me@/other?host=/run/y")
    assert (place["NAME"], place["HOST"], place["USER"]) == ("other", "/run/y", "me")
    assert settings.DATABASE_URL == os.environ["DATABASE_URL"] == "postgresql://me@/other?host=/run/y"


@pytest.mark.django_db
def test_tests_run_on_a_real_server_of_a_supported_version():
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version_num')::int, current_setting('TimeZone')")
        version, zone = cursor.fetchone()
    assert version >= 150_000
    assert zone == "UTC"
