"""The whole service on one machine: both APIs, worker and beat as processes of ours, over a database that runs."""

import contextlib
import fcntl
import http.client
import signal
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple, NoReturn

from django.conf import settings
from django.core.management.base import CommandError
from django.db import Error, connection

from cloudigrade.management.claims import HOST
from cloudigrade.management.processes import Processes, Program, Say
from cloudigrade.tasks.metering import answer_ended_days, rebuild_runs

VARIABLES = {
    # The API listens on the loopback address alone: whoever reaches it is on this machine.
    "IDENTITY_HEADER_TRUSTED": "true",
    "DJANGO_ALLOWED_HOSTS": "localhost,127.0.0.1,[::1]",
}
"""Environment of the processes."""

PAUSE = 0.2
"""Seconds between two looks at the processes."""
_LOOK = 5.0
"""Seconds between two looks at the database."""
_PATIENCE = 60.0
"""Seconds in which API and database answer."""
_OUT_OF_THE_WAY = 20
"""Lower numbers of open files may be a shell's own."""


class Listeners(NamedTuple):
    """Where each API is spoken to."""

    public: socket.socket
    internal: socket.socket


class Answer(NamedTuple):
    """What the API said; status 0 where it said nothing."""

    status: int
    body: bytes


def stop_on_signals() -> None:
    """SIGTERM, SIGINT and SIGHUP end us with status 0, once everything is closed; repeating them changes nothing."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _stop)


def _stop(*_: object) -> NoReturn:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.exit(0)


@contextlib.contextmanager
def running(listeners: Listeners, say: Say) -> Iterator[Processes]:
    """The service answers at the sockets until the block ends."""
    public, internal = (fcntl.fcntl(one.fileno(), fcntl.F_DUPFD_CLOEXEC, _OUT_OF_THE_WAY) for one in listeners)
    with Processes(_programs(public, internal), logs=settings.DATA_FOLDER / "log", say=say) as processes:
        for listener in listeners:
            _await_api(processes, listener.getsockname()[1])
        # What an earlier service left need not wait for the first tick.
        rebuild_runs.delay()
        answer_ended_days.delay()
        yield processes


def serve(processes: Processes) -> NoReturn:
    """The service goes on until a signal ends it; without a database it ends too, for whoever may start it again."""
    answered = looked = time.monotonic()
    while True:
        processes.check()
        now = time.monotonic()
        if now - looked > _LOOK:
            looked = now
            answered = now if _does_database_answer() else answered
        if now - answered > _PATIENCE:
            raise CommandError(f"the database has not answered for {_PATIENCE:.0f} s; see {settings.DATA_FOLDER}")
        time.sleep(PAUSE)


def _does_database_answer() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        connection.close()
        return False
    return True


def ask(port: int, path: str, headers: Mapping[str, str] | None = None) -> Answer:
    """The answer to a GET."""
    with contextlib.closing(http.client.HTTPConnection(HOST, port, timeout=10)) as client:
        try:
            client.request("GET", path, headers=dict(headers or {}))
            response = client.getresponse()
            return Answer(response.status, response.read())
        except (OSError, http.client.HTTPException):
            return Answer(0, b"")


def _programs(public: int, internal: int) -> tuple[Program, ...]:
    """In the order in which they are stopped: nobody asks, nothing new is queued, what was begun is finished."""
    python = (sys.executable, "-m")
    return (
        _api("api", "application", public, workers=2),
        # A process of its own: no mistake in the one can open the paths of the other.
        _api("internal-api", "internal", internal, workers=1),
        Program(
            name="beat",
            command=(*python, "celery", "--app", "cloudigrade.config.celery", "beat", "--pidfile="),
            patience=10,
        ),
        *_listeners(),
        Program(
            name="worker",
            command=(
                *(*python, "cloudigrade.config.worker", "--pool", "threads", "--concurrency", "2"),
                *("--without-gossip", "--without-mingle", "--without-heartbeat"),
            ),
            patience=60,
        ),
    )


def _api(name: str, application: str, descriptor: int, *, workers: int) -> Program:
    return Program(
        name=name,
        command=(
            *(sys.executable, "-m", "gunicorn", "--config", "python:cloudigrade.config.gunicorn"),
            *("--bind", f"fd://{descriptor}", "--workers", str(workers), "--graceful-timeout", "10"),
            f"cloudigrade.config.wsgi:{application}",
        ),
        patience=15,
        files=(descriptor,),
    )


def _listeners() -> tuple[Program, ...]:
    """One, where there is a Kafka to listen to."""
    if not settings.PLATFORM.bootstrap_servers:
        return ()
    return (Program(name="listener", command=(sys.executable, "-m", "cloudigrade", "listen"), patience=20),)


def _await_api(processes: Processes, port: int) -> None:
    deadline = time.monotonic() + _PATIENCE
    while ask(port, "/internal/healthz/").status != http.client.OK:
        if time.monotonic() > deadline:
            raise CommandError(f"the API does not answer; see {settings.DATA_FOLDER / 'log'}")
        processes.check()
        time.sleep(PAUSE)
