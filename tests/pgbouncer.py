"""A plugin of pytest, `-p tests.pgbouncer`: the tests' database is behind a real PgBouncer in transaction mode.

There each transaction of a connection may go to another server process, and here it does: the pool is filled before
the first test and used in turn, and no test is wrapped in one long transaction. What a session has set, prepared,
locked or made for itself is gone with the transaction.
"""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from cloudigrade.config.cluster import NAME

_PATIENCE = 30.0
_POOL = 4
"""Server processes that take turns."""
_SETTINGS = """
[databases]
* = host={server}
[pgbouncer]
listen_addr =
unix_socket_dir = {folder}
unix_socket_mode = 0777
auth_type = trust
auth_file = {folder}/users
pool_mode = transaction
server_round_robin = 1
default_pool_size = 12
max_client_conn = 200
logfile = {folder}/log
syslog = 0
"""

_folder = pytest.StashKey[Path]()
_process = pytest.StashKey["subprocess.Popen[bytes]"]()


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None]:
    """After tests.postgres has started a server, and before Django reads its settings: we stand in front of it."""
    if "PYTEST_XDIST_WORKER" in os.environ:  # the one of the process that started this one stands there already
        return (yield)
    server = str(conninfo_to_dict(os.environ.get("DATABASE_URL", "")).get("host", ""))
    if not early_config.pluginmanager.hasplugin("tests.postgres") or not Path(server, "pg_ident.conf").exists():
        raise pytest.UsageError("tests.pgbouncer wants the server of tests.postgres: do not set DATABASE_URL")
    _start(early_config, server)
    folder = early_config.stash[_folder]
    os.environ["DATABASE_URL"] = f"postgresql://{NAME}@/{NAME}?host={quote(str(folder), safe='')}&port=6432"
    return (yield)


def pytest_configure(config: pytest.Config) -> None:
    """The pool holds connections to the tests' database, so that it cannot be dropped; it goes with its server."""
    config.option.reuse_db = True


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Transactions end where they end in production, and the next one meets another server process.

    Not in tests that look at what is done on commit: these want theirs never to come.
    """
    for item in items:
        if "django_capture_on_commit_callbacks" in getattr(item, "fixturenames", ()):
            continue
        if item.get_closest_marker("django_db") or "db" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.django_db(transaction=True), append=False)


@pytest.fixture(scope="session", autouse=True)
def _filled_pool(django_db_setup: None, django_db_blocker: Any) -> None:
    """There are several server processes to meet."""
    from django.db import connection  # noqa: PLC0415 - wants Django to be set up

    place = connection.get_connection_params()
    with django_db_blocker.unblock(), contextlib.ExitStack() as held:
        for _ in range(_POOL):
            one = held.enter_context(contextlib.closing(connection.get_new_connection(place)))
            # at once, in transactions that end: whom a client leaves within one is closed by PgBouncer
            held.enter_context(one.transaction())
            one.execute("SELECT 1")
    with django_db_blocker.unblock(), contextlib.closing(connection.get_new_connection(place)) as alone:
        met = {_backend(alone) for _ in range(_POOL)}
    assert len(met) > 1, "the transactions of one connection stay with one server process"


def _backend(connection: "psycopg.Connection[Any]") -> int:
    """The server process of one transaction."""
    with connection.transaction():
        (pid,) = connection.execute("SELECT pg_backend_pid()").fetchone() or (0,)
        return int(pid)


@pytest.fixture(scope="session", autouse=True)
def _quickly_emptied() -> None:
    """After a test its rows are deleted: to truncate every table, as Django does, takes longer than most tests."""
    from django.test import TransactionTestCase  # noqa: PLC0415 - wants Django to be set up

    def empty(_: object) -> None:
        _delete_all()

    setattr(TransactionTestCase, "_fixture_teardown", empty)  # noqa: B010 - mypy forbids the plain way


def _delete_all() -> None:
    from django.db import connection, transaction  # noqa: PLC0415 - wants Django to be set up

    tables = connection.introspection.django_table_names(only_existing=False, include_views=False)
    look = " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT FROM {name})" for name in tables)  # noqa: S608 - ours
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")  # foreign keys are not looked at
        cursor.execute(look)
        for (name,) in cursor.fetchall():
            cursor.execute(f"DELETE FROM {name}")  # noqa: S608 - likewise


def pytest_unconfigure(config: pytest.Config) -> None:
    """It is gone, however the run ended."""
    if process := config.stash.get(_process, None):
        process.kill()
        process.wait()
    if folder := config.stash.get(_folder, None):
        shutil.rmtree(folder, ignore_errors=True)


def _start(config: pytest.Config, server: str) -> None:
    folder = config.stash[_folder] = Path(tempfile.mkdtemp(prefix="cloudigrade-pgbouncer-"))
    (folder / "users").write_text(f'"{NAME}" ""\n', encoding="ascii")
    (folder / "pgbouncer.ini").write_text(_SETTINGS.format(server=server, folder=folder), encoding="utf-8")
    owner = _let_in(server)
    for path in (folder, *folder.iterdir()):
        os.chown(path, owner.pw_uid, owner.pw_gid)
    other: dict[str, Any] = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []} if not os.getuid() else {}
    command = [shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin") or "pgbouncer", "-q"]
    config.stash[_process] = subprocess.Popen([*command, str(folder / "pgbouncer.ini")], cwd="/", **other)
    _await_answer(config.stash[_process], folder)


def _let_in(server: str) -> pwd.struct_passwd:
    """The owner of the server's folder, who may connect as we do: PgBouncer refuses to run as root."""
    rules = Path(server, "pg_ident.conf")
    owner = pwd.getpwuid(rules.stat().st_uid)
    with rules.open("a", encoding="utf-8") as file:
        file.write(f'owner "{owner.pw_name}" {NAME}\n')
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        connection.execute("SELECT pg_reload_conf()")
    return owner


def _await_answer(process: "subprocess.Popen[bytes]", folder: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    for last in _attempts(folder):
        if process.poll() is not None or time.monotonic() > deadline:
            raise pytest.UsageError(f"PgBouncer does not answer: {last}")


def _attempts(folder: Path) -> Iterator[str]:
    """Why it did not answer, until it does."""
    while True:
        try:
            psycopg.connect(host=str(folder), port=6432, user=NAME, dbname=NAME).close()
        except psycopg.OperationalError as error:
            yield str(error)
            time.sleep(0.05)
        else:
            return
