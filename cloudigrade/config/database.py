"""Where the data is: a connection URL in, Django's view of it and a database ready for use out."""

import contextlib
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from django.conf import settings
from django.db import connections
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from cloudigrade.config import embedded, env

_PLACES = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}


_TEMPLATE = "template0"
"""What a temporary database on a given server is copied from: the one that no installation adds anything to."""
_ASKED_OFTEN = 5
"""How often a statement is asked before the server keeps it; psycopg's own default."""


def entry(url: str, *, connection_age: int = 0, keeps_statements: bool = False) -> dict[str, Any]:
    """Django's settings of the database; without a URL, of one that cannot be reached before `point_at`."""
    given: dict[str, Any] = conninfo_to_dict(url) if url else {"dbname": "cloudigrade", "host": "/nonexistent"}
    places = {place: str(given.pop(name, "")) for name, place in _PLACES.items()}
    return {
        **places,
        "ENGINE": "cloudigrade.config.postgresql",
        "CONN_MAX_AGE": connection_age,
        "CONN_HEALTH_CHECKS": True,
        # PgBouncer gives each transaction another connection: nothing may outlive a transaction.
        "DISABLE_SERVER_SIDE_CURSORS": True,
        "OPTIONS": {"prepare_threshold": _ASKED_OFTEN if keeps_statements else None, **given},
    }


def point_at(url: str) -> None:
    """Django, and all that this process starts, use this database from now on.

    Where no URL was set, it is the embedded one, which nobody stands before: it keeps statements.
    """
    connections.close_all()
    place = settings.DATABASES["default"]
    keeps = not settings.DATABASE_URL or place["OPTIONS"]["prepare_threshold"] is not None
    place.update(entry(url, connection_age=place["CONN_MAX_AGE"], keeps_statements=keeps))
    settings.DATABASE_URL = url
    env.hand_down(DATABASE_URL=url, DJANGO_DATABASE_PREPARED_STATEMENTS=str(keeps).lower())


@contextlib.contextmanager
def existing(data: Path) -> Iterator[str]:
    """The URL of the installation's database: the one that is set, or the embedded one of the data folder.

    One that another process of ours runs already is used along with it, and left running.
    """
    if settings.DATABASE_URL:
        yield settings.DATABASE_URL
        return
    try:
        server = embedded.start(data)
    except embedded.DataInUse:
        if url := embedded.running(data):
            yield url
            return
        raise
    with server:
        yield server.url


@contextlib.contextmanager
def temporary(data: Path | None) -> Iterator[str]:
    """The URL of a database of one's own: kept in the folder, or without one gone afterwards."""
    if data is None and settings.DATABASE_URL:
        with _added_to(settings.DATABASE_URL) as url:
            yield url
    else:
        with embedded.temporary() if data is None else embedded.start(data) as server:
            yield server.url


@contextlib.contextmanager
def _added_to(url: str) -> Iterator[str]:
    name = f"cloudigrade_{secrets.token_hex(8)}"
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {} ENCODING 'UTF8'").format(
        sql.Identifier(name), sql.Identifier(_TEMPLATE)
    )
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    _execute(url, create)
    try:
        yield urlunsplit(urlsplit(url)._replace(path=f"/{quote(name)}"))
    finally:
        _execute(url, drop)


def _execute(url: str, statement: sql.Composed) -> None:
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(statement)
    except psycopg.Error as error:
        reason = str(error).strip().split("\n")[0]
        raise embedded.DatabaseProblem(f"the server of DATABASE_URL gives no temporary database: {reason}") from None
