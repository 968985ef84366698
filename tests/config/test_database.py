import os

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from cloudigrade.config import database, embedded


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
    monkeypatch.setenv("DJANGO_DATABASE_PREPARED_STATEMENTS", "")
    database.point_at("postgresql://me@/other?host=/run/y")
    assert (place["NAME"], place["HOST"], place["USER"]) == ("other", "/run/y", "me")
    assert settings.DATABASE_URL == os.environ["DATABASE_URL"] == "postgresql://me@/other?host=/run/y"


@pytest.mark.parametrize(("given", "asked", "keeps"), [("", False, True), ("x", False, False), ("x", True, True)])
def test_statements_are_kept_by_the_embedded_database_and_where_it_is_set(monkeypatch, given, asked, keeps):
    place = database.entry(given and "postgresql://me@/before", keeps_statements=asked)
    monkeypatch.setattr(settings, "DATABASES", {"default": place})
    monkeypatch.setattr(settings, "DATABASE_URL", given)
    monkeypatch.setattr(database, "connections", type("None", (), {"close_all": staticmethod(lambda: None)}))
    for name in ("DATABASE_URL", "DJANGO_DATABASE_PREPARED_STATEMENTS"):
        monkeypatch.setenv(name, "")

    for _ in range(2):  # what was moved once may be moved again
        database.point_at("postgresql://me@/other")
        assert place["OPTIONS"]["prepare_threshold"] == (5 if keeps else None)
        assert os.environ["DJANGO_DATABASE_PREPARED_STATEMENTS"] == ("true" if keeps else "false")


@pytest.mark.django_db
def test_tests_run_on_a_real_server_of_a_supported_version():
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version_num')::int, current_setting('TimeZone')")
        version, zone = cursor.fetchone()
    assert version >= 150_000
    assert zone == "UTC"


def test_a_second_process_works_on_the_database_that_the_first_one_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "DATABASE_URL", "")
    with database.existing(tmp_path) as first:
        with database.existing(tmp_path) as second:
            assert second == first
        with psycopg.connect(first) as still_there:
            assert still_there.execute("SELECT 1").fetchone() == (1,)

    assert embedded.running(tmp_path) is None
    assert not (tmp_path / "address").exists()


def test_an_address_that_leads_nowhere_is_no_database(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "DATABASE_URL", "")
    with embedded.start(tmp_path) as server:
        (tmp_path / "address").write_text(f"postgresql://x@/x?host={tmp_path}", encoding="utf-8")

        with pytest.raises(embedded.DataInUse, match="is in use by another cloudigrade"), database.existing(tmp_path):
            pass

        with psycopg.connect(server.url) as still_there:
            assert still_there.execute("SELECT 1").fetchone() == (1,)
