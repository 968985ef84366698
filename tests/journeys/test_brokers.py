"""Workers as in production, killed and told to end, on a real Redis and on the broker of files."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from django.db import connection, transaction
from django.utils import timezone
from redis import Redis

from cloudigrade.config import celery
from cloudigrade.management import service
from cloudigrade.management.processes import Processes, Program
from cloudigrade.models import ConcurrentUsage, DirtyDay
from cloudigrade.services import accounts
from tests import redis_server, running
from tests.management.running import await_that

pytestmark = [pytest.mark.enable_socket, pytest.mark.django_db(transaction=True)]

NUDGE = "api.tasks.answer_ended_days"
QUEUE = "compute"
DAYS = 3


class Place:
    """A broker, with the workers on it."""

    def __init__(self, url: str, data: Path, redis: Redis | None) -> None:
        self._url, self._data, self.redis = url, data, redis
        self._client = Celery("nudging", set_as_current=False)
        self._client.conf.update(celery.broker(url, data), task_ignore_result=True)
        self._started: list[subprocess.Popen[bytes]] = []

    def nudge(self) -> None:
        """As beat does."""
        self._client.send_task(NUDGE, queue=QUEUE)

    def worker(self, *, visibility: int = 3720) -> subprocess.Popen[bytes]:
        """One more, by the command of `cloudigrade up`."""
        variables = self._variables | {"CELERY_VISIBILITY_TIMEOUT": str(visibility)}
        with (self._data / "worker.log").open("ab") as log:
            started = subprocess.Popen(_program().command, env=os.environ | variables, stdout=log, stderr=log)
        self._started.append(started)
        return started

    @contextlib.contextmanager
    def supervised(self) -> Iterator[Processes]:
        """One that is started again if it ends."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self._variables.items():
                patch.setenv(name, value)
            with Processes([_program()], logs=self._data / "log", say=str) as processes:
                yield processes

    @property
    def _variables(self) -> dict[str, str]:
        return {
            "DATABASE_URL": running.database_url(),
            "CLOUDIGRADE_DATA": str(self._data),
            "CELERY_BROKER_URL": self._url,
        }

    def waiting(self) -> int:
        """Messages that nobody has taken."""
        if self.redis is not None:
            return sum(self.redis.llen(name) for name in celery.queues())
        return sum(1 for _ in (self._data / "queue" / "messages").glob("*.msg"))

    def taken(self) -> int:
        """Messages that a worker has and has not acknowledged, or had when it died."""
        assert self.redis is not None
        return int(self.redis.hlen("unacked"))

    def end(self) -> None:
        for process in self._started:
            process.kill()
            process.wait()


def _program() -> Program:
    (found,) = (each for each in service._programs(0, 0) if each.name == "worker")
    return found


@contextlib.contextmanager
def _place(url: str, data: Path, redis: Redis | None = None) -> Iterator[Place]:
    (data / "queue" / "messages").mkdir(parents=True)
    made = Place(url, data, redis)
    try:
        yield made
    finally:
        made.end()


@pytest.fixture
def on_redis(tmp_path) -> Iterator[Place]:
    port = redis_server.free_port()
    with redis_server.running(port, tmp_path) as redis, _place(f"redis://127.0.0.1:{port}/0", tmp_path, redis) as made:
        yield made


@pytest.fixture
def on_files(tmp_path) -> Iterator[Place]:
    with _place("", tmp_path) as made:
        yield made


@pytest.fixture(params=["on_redis", "on_files"])
def place(request) -> Any:
    return request.getfixturevalue(request.param)


@pytest.fixture
def unanswered() -> None:
    """A customer of whom some days have ended without an answer, as no worker was there."""
    now = timezone.now()  # noqa: TID251 - the workers' clock is the real one
    customer = accounts.ensure_customer(org_id="11", now=now)
    accounts.ensure_accounts(
        customer_id=customer,
        cloud="aws",
        native_ids=["000000000042"],
        metered_from=now - timedelta(DAYS),
        now=now,
    )


def is_answered() -> bool:
    return ConcurrentUsage.objects.count() == DAYS


@contextlib.contextmanager
def hindered() -> Iterator[Callable[[], None]]:
    """Work on the nudge waits for a lock until the block ends; what is called has seen one wait."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE cloudigrade_dirtyday IN ACCESS EXCLUSIVE MODE")
        yield lambda: await_that(_stuck)


def _stuck() -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_locks WHERE NOT granted AND relation = 'cloudigrade_dirtyday'::regclass ORDER BY pid"
        )
        return [pid for (pid,) in cursor.fetchall()]


def _die(worker: subprocess.Popen[bytes]) -> None:
    """It was killed, and the database has noticed: what it was at is undone."""
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    with connection.cursor() as cursor:
        for pid in _stuck():
            cursor.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])
    assert _stuck() == []


def test_a_nudge_is_followed_and_leads_to_the_next(place, unanswered):
    place.worker()

    place.nudge()

    await_that(is_answered)
    await_that(lambda: place.waiting() == 0)


def test_o2_a_worker_that_is_killed_at_work_leaves_its_message_to_another(on_redis, unanswered):
    """O2: a message was acknowledged before its work."""
    first = on_redis.worker()
    with hindered() as await_work:
        on_redis.nudge()
        await_work()
        _die(first)
        assert (on_redis.waiting(), on_redis.taken()) == (0, 1)
    assert not is_answered()

    on_redis.worker(visibility=1)

    await_that(is_answered)
    await_that(lambda: (on_redis.waiting(), on_redis.taken()) == (0, 0))


def test_a_worker_that_is_killed_on_the_broker_of_files_is_made_up_for_by_the_next_tick(on_files, unanswered):
    first = on_files.worker()
    with hindered() as await_work:
        on_files.nudge()
        await_work()
        _die(first)
    assert (on_files.waiting(), is_answered()) == (0, False)
    assert NUDGE in {tick["task"] for tick in celery.SCHEDULE.values()}

    on_files.worker()
    on_files.nudge()

    await_that(is_answered)


def test_a_worker_that_is_told_to_end_finishes_what_it_is_at(place, unanswered):
    worker = place.worker()
    with hindered() as await_work:
        place.nudge()
        await_work()
        worker.send_signal(signal.SIGTERM)

    assert worker.wait(60) == 0
    # its last step may have been to queue the nudge to answer these days, or to follow that one too
    assert (place.waiting(), _dirty(), is_answered()) in [(1, DAYS, False), (0, 0, True)]
    if place.redis is not None:
        assert place.taken() == 0


def _is_answered_by(workers: Processes) -> bool:
    workers.check()
    return is_answered()


def _dirty() -> int:
    return DirtyDay.objects.count()


def test_a_redis_that_comes_back_empty_is_used_again(tmp_path, unanswered):
    # The worker may end over it, as kombu cannot acknowledge what it took from the Redis before; then it is started
    # again, as all that `cloudigrade up` runs.
    port = redis_server.free_port()
    with _place(f"redis://127.0.0.1:{port}/0", tmp_path) as place, contextlib.ExitStack() as up:
        with redis_server.running(port, tmp_path):
            workers = up.enter_context(place.supervised())
            with hindered() as await_work:
                place.nudge()
                await_work()
        with redis_server.running(port, tmp_path):
            place.nudge()
            await_that(lambda: _is_answered_by(workers))
