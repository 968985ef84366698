"""Runs the `cloudigrade` command within the test's own process, which is afterwards as it was before."""

import atexit
import logging
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from typing import NamedTuple
from unittest.mock import patch
from urllib.parse import quote, urlsplit, urlunsplit

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection, connections
from pytest_django import DjangoDbBlocker

from cloudigrade.__main__ import main
from cloudigrade.config import database
from cloudigrade.config.cluster import DatabaseProblem


class Answer(NamedTuple):
    """How a command ended, and what it said."""

    status: int
    out: str
    err: str


def command(name: str, *arguments: object, blocker: DjangoDbBlocker, said: pytest.CaptureFixture[str]) -> Answer:
    """The command's answer; `blocker` and `said` are the fixtures django_db_blocker and capsys."""
    said.readouterr()
    with blocker.unblock(), patch.object(database, "_TEMPLATE", _migrated()), _restored():
        try:
            status = main([name, *map(str, arguments)])
        except SystemExit as end:
            status = int(end.code or 0)
    return Answer(status, *said.readouterr())


@cache
def _migrated() -> str:
    """The name of a database with our tables, to copy: to make them takes a command longer than all the rest."""
    made = ExitStack()
    with _restored():
        url = made.enter_context(database.temporary(None))
        database.point_at(url)
        call_command("migrate", interactive=False, verbosity=0)
    atexit.register(_forget, made)
    return urlsplit(url).path.removeprefix("/")


def _forget(made: ExitStack) -> None:
    """The database is gone, by the end of the process at the latest with its server."""
    with suppress(DatabaseProblem):
        made.close()


@contextmanager
def _restored() -> Iterator[None]:
    """The command points Django and the environment at a database of its own, takes SIGTERM, and sets the log up."""
    place = settings.DATABASES["default"]
    before, url, environment = dict(place), settings.DATABASE_URL, dict(os.environ)
    on_termination = signal.getsignal(signal.SIGTERM)
    try:
        with same_log():
            yield
    finally:
        connections.close_all()
        place.clear()
        place.update(before)
        settings.DATABASE_URL = url
        os.environ.clear()
        os.environ.update(environment)
        signal.signal(signal.SIGTERM, on_termination)


@contextmanager
def same_log() -> Iterator[None]:
    """The log goes where it went: a command binds it to what is standard error then, which ends with the test."""
    handlers = logging.root.handlers[:]
    try:
        yield
    finally:
        logging.root.handlers[:] = handlers


def database_url() -> str:
    """Of the tests' own database, for other processes."""
    name = quote(str(connection.settings_dict["NAME"]))
    return urlunsplit(urlsplit(settings.DATABASE_URL)._replace(path=f"/{name}"))
