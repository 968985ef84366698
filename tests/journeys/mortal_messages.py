"""Listeners and workers that die at a step that they are told: `python -m tests.journeys.mortal_messages`.

It loads everything once and forks for each life. Lines of its input: `listen STEPS LATER GROUP` and `work STEPS LATER`
begin a life that long after now, in seconds, and are answered with its process; 0 steps are as many as it takes.
`await ID` is answered with how the life ended: `died`, `drained`, or otherwise. A step is the beginning or the end of
an SQL statement, a commit, or a call that gives to or takes from Kafka.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import confluent_kafka
import django
from celery import Task
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from tests.fake_cloud import FakeCloud
from tests.journeys.mortal import Fate

ACCOUNTS = 8
"""Of each customer."""
WORD = "the-customers-own-word-{}"
SESSION = 6000
"""Milliseconds after which a dead listener's partitions are another's: the least that a broker allows by default."""


def arn(native_id: str, *, is_good: bool = True) -> str:
    """Of the role that opens the account, or of one that does not exist."""
    return f"arn:aws:iam::{native_id}:role/{'metering' if is_good else 'gone'}"


def native_id(customer: int, number: int) -> str:
    return f"{customer:06}{number:06}"


def cloud(customers: int) -> FakeCloud:
    """Where every account of every customer has its role."""
    made = FakeCloud()
    for customer in range(customers):
        for number in range(ACCOUNTS):
            made.add(native_id(customer, number), WORD.format(customer))
    return made


class _Consumer(confluent_kafka.Consumer):
    """Dies before or after it has told or heard something."""

    fate: Fate

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__({**options, "session.timeout.ms": SESSION, "heartbeat.interval.ms": SESSION // 5})

    def consume(self, *arguments: Any) -> list[confluent_kafka.Message]:
        found = super().consume(*arguments)
        if found:
            self.fate.step()
        return found

    def commit(self, **more: Any) -> Any:
        self.fate.step()
        answer = super().commit(**more)
        self.fate.step()
        return answer


class _Producer(confluent_kafka.Producer):
    """Likewise."""

    fate: Fate

    def produce(self, *arguments: Any, **more: Any) -> None:
        self.fate.step()
        super().produce(*arguments, **more)
        self.fate.step()

    def poll(self, *arguments: Any) -> int:
        answer = super().poll(*arguments)
        if answer:
            self.fate.step()  # something was acknowledged, and nothing of ours knows it yet
        return answer


@contextmanager
def _fated(steps: int, later: float) -> Iterator[None]:
    """The end comes after so many steps, in a process whose clock is ahead."""
    fate = Fate(steps)
    setattr(BaseDatabaseWrapper, "commit", fate.around(BaseDatabaseWrapper.commit))  # noqa: B010 - mypy forbids the plain way
    _Consumer.fate = _Producer.fate = fate
    true, ahead = timezone.now, timedelta(seconds=later)  # noqa: TID251 - a life's time begins here
    setattr(timezone, "now", lambda: true() + ahead)  # noqa: B010 - likewise
    with connection.execute_wrapper(fate.statement):
        yield


def _listen(group: str) -> None:
    """Until it is told to stop."""
    from django.conf import settings  # noqa: PLC0415 - wants Django to be set up

    from cloudigrade import listener  # noqa: PLC0415 - likewise

    section = settings.PLATFORM.model_copy(update={"listener_group": group})

    def now() -> datetime:
        return timezone.now()  # noqa: TID251 - likewise

    one = listener.Listener(section, clock=now, poll=0.05)
    signal.signal(signal.SIGTERM, lambda *_: one.stop())
    one.run()


def _work() -> None:
    """Everything that is due has been done, as tasks do it that call each other."""
    from cloudigrade.models import Inbox  # noqa: PLC0415 - wants Django to be set up
    from cloudigrade.services import outbox  # noqa: PLC0415 - likewise
    from cloudigrade.tasks import accounts, platform, status  # noqa: PLC0415 - likewise

    left = -1
    while left != (left := Inbox.objects.filter(done_at=None).count()):
        platform.act()
        accounts.connect_accounts()
        accounts.check_accounts()
        while outbox.is_due(now=timezone.now()):  # noqa: TID251 - likewise
            status.deliver()


def _prepare() -> None:
    from cloudigrade import listener  # noqa: PLC0415 - wants Django to be set up
    from cloudigrade.redhat import status  # noqa: PLC0415 - likewise
    from cloudigrade.services import clouds  # noqa: PLC0415 - likewise

    ours = cloud(int(os.environ["MORTAL_CUSTOMERS"]))
    setattr(clouds, "get", lambda _: ours)  # noqa: B010 - likewise
    setattr(listener, "Consumer", _Consumer)  # noqa: B010 - likewise
    setattr(status, "Producer", _Producer)  # noqa: B010 - likewise
    # lives follow each other by what stands in rows alone
    setattr(Task, "apply_async", lambda *_, **__: None)  # noqa: B010 - likewise


def _live(what: str, steps: str, later: str, *group: str) -> int:
    """The process of a new life."""
    child = os.fork()
    if child == 0:
        with _fated(int(steps), float(later)):
            _listen(*group) if what == "listen" else _work()
        os._exit(0)
    return child


def _end(child: str) -> str:
    _, status = os.waitpid(int(child), 0)
    is_killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    return "died" if is_killed else "drained" if status == 0 else f"failed with {status}"


def main() -> None:
    """One life after the other, until the input ends."""
    django.setup()
    _prepare()
    for line in sys.stdin:
        what, *given = line.split()
        answer = _end(*given) if what == "await" else _live(what, *given)
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
