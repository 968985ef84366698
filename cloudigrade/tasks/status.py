"""Nudges in, words for the platform out: what there is to tell stands in the outbox."""

import logging
import os
from datetime import datetime
from time import monotonic

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from cloudigrade.redhat.status import KafkaUnavailable, Status
from cloudigrade.services import outbox
from cloudigrade.tasks import base

QUEUE = "platform"
"""Of all tasks here; Celery looks it up by their module."""
SHARE = 60.0
"""Seconds in which one message goes on; then the next message does, so that no task runs for long."""

_log = logging.getLogger(__name__)
_status: tuple[int, object, Status] | None = None


@shared_task(name="api.tasks.notify_application_availability_task", **base.options(seconds=300))
def deliver(**_: object) -> None:
    """The platform has heard what there is to tell, or the rest is told later; without Kafka it waits."""
    until = monotonic() + SHARE
    while settings.PLATFORM.bootstrap_servers and outbox.is_due(now=_now()):
        if monotonic() >= until:
            deliver.delay_on_commit()
            return
        if not _tell_some():
            return


def _tell_some() -> bool:
    """Words of some lanes have been told, or wait longer; false while the brokers cannot be reached."""
    status = _teller()
    try:
        status.greet()
    except KafkaUnavailable as problem:  # nothing is claimed, so all of it is due when they are back
        _log.warning("Sources is not told anything for now: %s", problem)
        return False
    now = _now()
    claimed = outbox.claim(now=now, lanes=outbox.LANES)
    told = status.tell(claimed)
    left = outbox.finish(claimed=claimed, told=told, now=_now(), until=now + outbox.LEASE)
    _log.info("Sources was told %d words of %d customers; %d have to wait", len(told), len(claimed), left)
    return True


def _teller() -> Status:
    """The one of this process, for as long as it serves: a worker's child must not use its parent's."""
    global _status  # noqa: PLW0603 - there is one for each process
    mine = (os.getpid(), settings.PLATFORM)
    if _status is None or _status[:2] != mine or _status[2].is_broken:
        _status = (*mine, Status(settings.PLATFORM))
    return _status[2]


def _now() -> datetime:
    return timezone.now()  # noqa: TID251 - a task's time begins here
