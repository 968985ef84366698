"""Nudges in, images looked into: where disks matter, what inspectors beside copies wrote, and what they left behind."""

import logging
from datetime import datetime, timedelta
from types import TracebackType
from typing import Final

from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from cloudigrade.clouds import registry
from cloudigrade.clouds.inspecting import InspectsImages
from cloudigrade.clouds.protocol import Unavailable
from cloudigrade.services import inspections, inspections_advancing, inspections_deciding, inspections_results
from cloudigrade.services.inspections import Claimed
from cloudigrade.tasks import base
from cloudigrade.tasks.metering import recalculate_usage

QUEUE = "inspect"
"""Of all tasks here; Celery looks it up by their module."""
TIME: Final = timedelta(minutes=15)
"""After which a message begins no further step, and the next message goes on."""
STEPS: Final = 200
"""Of one message."""
_OF_THE_TASK = (InterfaceError, OperationalError, SoftTimeLimitExceeded)
"""Of no image: the task is tried again, or has to end."""
_INSPECT = base.options(seconds=3000)
_log = logging.getLogger(__name__)


@shared_task(name="api.tasks.inspect_pending_images", **_INSPECT)
def inspect_pending_images(**_: object) -> None:
    """Images whose disks matter wait to be looked into, and those that were due have been, or a message is queued."""
    found = _clouds()
    began = _now()
    inspections_deciding.plan(clouds=found, now=began)
    done = 0
    while done < STEPS and _now() < began + TIME:
        claimed = inspections.claim(now=_now())
        if claimed is None:
            break
        _advance(claimed)
        done += 1
    else:
        inspect_pending_images.delay_on_commit()
    if done:
        recalculate_usage.delay_on_commit()


@shared_task(name="api.tasks.persist_inspection_cluster_results_task", **_INSPECT)
def persist_results(**_: object) -> None:
    """What inspectors beside copies wrote has been recorded, and the verdicts are those that follow."""
    recorded = 0
    for name, cloud in _clouds().items():
        if "copy" in settings.INSPECTIONS.paths:
            recorded += _drain(name, cloud)
    if recorded:
        inspect_pending_images.delay_on_commit()  # for what has to go now
        recalculate_usage.delay_on_commit()


@shared_task(name="api.tasks.reap_inspections", **_INSPECT)
def reap_inspections(**_: object) -> None:
    """Whatever inspections left behind is gone."""
    for name, cloud in _clouds().items():
        if "copy" in settings.INSPECTIONS.paths:
            _reap(name, cloud)


def _advance(claimed: Claimed) -> None:
    with _Apart(claimed):
        inspections_advancing.act(claimed, clock=_now)


class _Apart:
    """One image's trouble costs no other image: what nobody expected is logged, and ends the attempt."""

    def __init__(self, claimed: Claimed) -> None:
        self._claimed = claimed

    def __enter__(self) -> None:
        """Nothing has gone wrong so far."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        """Whether the error, if there is one, ends here."""
        if not isinstance(error, Exception) or isinstance(error, _OF_THE_TASK):
            return False
        _log.error("inspection %d of %s failed", self._claimed.id, self._claimed.native_id, exc_info=error)
        reason = f"{type(error).__name__}: {error}"
        inspections.record_failure(claimed=self._claimed, reason=reason, now=_now())
        return True


def _drain(name: str, cloud: InspectsImages) -> int:
    recorded = 0
    try:
        for result in inspections_results.drained(cloud=name, source=cloud, clock=_now):
            recorded += result.recorded
            if result.rejected or result.unknown:
                _log.warning("results of %s: %d rejected, %d of unknown images", name, result.rejected, result.unknown)
    except Unavailable as problem:
        _log.warning("results of inspections in %s are not read just now: %s", name, problem)
    return recorded


def _reap(name: str, cloud: InspectsImages) -> None:
    try:
        for item in inspections_results.reap(cloud=name, source=cloud, now=_now()):
            _log.warning("reaped %s %s of account %s in %s", *item)
    except Unavailable as problem:
        _log.warning("what inspections left in %s is not searched just now: %s", name, problem)


def _clouds() -> dict[str, InspectsImages]:
    return inspections_advancing.inspecting_clouds(registry.names())


def _now() -> datetime:
    return timezone.now()  # noqa: TID251 - a task's time begins here
