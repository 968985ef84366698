"""Nudges in, feeds read: queues are drained, and files that no queue hears of are looked for."""

import logging
from datetime import datetime, timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from cloudigrade.clouds import registry
from cloudigrade.clouds.protocol import CustomerProblem, Unavailable, Unreadable
from cloudigrade.services import clouds, feeds, ingest, polling, schedules
from cloudigrade.services.schedules import Work
from cloudigrade.tasks import base
from cloudigrade.tasks.apart import Apart
from cloudigrade.tasks.metering import rebuild_runs
from cloudigrade.tasks.sweeps import describe_unknown

QUEUE = "ingest"
"""Of all tasks here; Celery looks it up by their module."""
SHARE = 20
"""Deliveries or accounts for one message; then the next message goes on, so that no task runs for long."""

RETRY = 60
"""Seconds until files are looked for again that could not be read just now."""

_INGEST = base.options(seconds=1500)
_log = logging.getLogger(__name__)


@shared_task(name="api.clouds.aws.tasks.analyze_log", **_INGEST)
def analyze_log(**_: object) -> None:
    """What waits in the queues of every cloud is recorded, or a message is queued for the rest."""
    counts = [_drain(name) for name in registry.names() if feeds.is_expected(cloud=name)]
    if any(counts):
        rebuild_runs.delay_on_commit()
        describe_unknown.delay_on_commit()
    if SHARE in counts:
        analyze_log.delay_on_commit()


@shared_task(name="api.tasks.poll_trails", **_INGEST)
def poll_trails(**_: object) -> None:
    """Accounts whose files no queue hears of, and whose time has come, have been looked at."""
    counts = [_poll_apart(account) for _ in range(SHARE) for account in schedules.claim(work=Work.POLL, now=_now())]
    if any(counts):
        rebuild_runs.delay_on_commit()
        describe_unknown.delay_on_commit()
    if len(counts) == SHARE:
        poll_trails.delay_on_commit()


def _drain(name: str) -> int:
    """The number of deliveries recorded; one tick later a queue that does not answer is asked again."""
    cloud = clouds.get(name)
    count = 0
    try:
        for delivery in ingest.drained(cloud=cloud, clock=_now, most=SHARE):
            count += 1
            _log.info(
                "%d messages of %s: %d left, %d rejected, %d foreign, %d passed over",
                *(delivery.messages, delivery.queue, delivery.left),
                *(len(delivery.rejected), delivery.foreign, delivery.passed_over),
            )
    except Unavailable as problem:
        _log.warning("the queues of %s cannot be drained just now: %s", name, problem)
    ingest.record_queues(cloud=cloud, now=_now())
    return count


def _poll_apart(account_id: int) -> int:
    with Apart(Work.POLL, account_id):
        return _poll(account_id)
    return 0


def _poll(account_id: int) -> int:
    """The number of files read; what failed is tried again soon, and what the customer must solve is looked into."""
    pause, read = settings.POLL_INTERVAL, 0
    try:
        read = polling.poll(account_id=account_id, clock=_now)
    except Unavailable as problem:
        pause = min(pause, RETRY)
        _log.warning("log files cannot be read just now: %s", problem)
    except (CustomerProblem, Unreadable) as problem:
        _log.warning("log files cannot be read: %s", problem)
        schedules.plan(account_ids=[account_id], work=[Work.CHECK], at=_now())
    schedules.done(account_id=account_id, work=Work.POLL, next_at=_now() + timedelta(seconds=pause))
    return read


def _now() -> datetime:
    return timezone.now()  # noqa: TID251 - a task's time begins here
