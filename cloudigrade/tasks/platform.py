"""Nudges in, messages of Sources acted on: what waits, and in which order, stands in the inbox."""

import logging
from datetime import datetime

from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from cloudigrade.clouds.protocol import Unavailable
from cloudigrade.redhat.calls import Unanswered
from cloudigrade.services import inbox, sources
from cloudigrade.services.inbox import Claimed
from cloudigrade.tasks import base
from cloudigrade.tasks.accounts import connect_accounts
from cloudigrade.tasks.status import deliver

QUEUE = "platform"
"""Of all tasks here; Celery looks it up by their module."""
SHARE = 50
"""Messages of the inbox for one nudge; then the next goes on, so that no task runs for long."""

_PLATFORM = base.options(seconds=600)
_OF_THE_TASK = (InterfaceError, OperationalError, SoftTimeLimitExceeded)
"""Faults of no message: the task is tried again, or has to end, and the message is due after its lease."""
_log = logging.getLogger(__name__)


@shared_task(name="api.tasks.act_on_sources_messages", **_PLATFORM)
def act(**_: object) -> None:
    """What waits in the inbox has been acted on, in order in each lane, or a message is queued for the rest."""
    platform = settings.PLATFORM
    if not (platform.is_managed and platform.is_managed_from_kafka):
        return  # they are kept
    number = 0
    while number < SHARE and (claimed := inbox.claim(now=_now())):
        _act_apart(claimed)
        number += 1
    if number:
        # what is wanted of accounts may have changed, and there may be something to tell
        connect_accounts.delay_on_commit()
        deliver.delay_on_commit()
    if number == SHARE:
        act.delay_on_commit()


@shared_task(name="api.tasks.forget_sources_messages", **_PLATFORM)
def forget(**_: object) -> None:
    """Messages that were done long ago are forgotten."""
    _log.info("%d messages of Sources forgotten", inbox.purge(now=_now()))


def _act_apart(claimed: Claimed) -> None:
    """One message's trouble costs no other lane anything."""
    event_type, number = claimed.event.event_type, claimed.id
    try:
        sources.act(claimed=claimed, now=_now())
        _log.info("message %d of Sources (%s) has taken effect", number, event_type)
    except inbox.Lost:
        _log.warning("message %d of Sources (%s) took too long and was left to another worker", number, event_type)
    except (Unanswered, Unavailable) as problem:
        _log.warning("message %d of Sources (%s) is tried again: %s", number, event_type, problem)
        inbox.later(claimed=claimed, reason=str(problem), now=_now())
    except _OF_THE_TASK:
        raise
    except Exception as error:  # noqa: BLE001 - a fault of ours must not stop what others wait for
        _log.exception("message %d of Sources (%s) failed", number, event_type)
        if inbox.fault(claimed=claimed, reason=f"fault of ours: {type(error).__name__}", now=_now()):
            _log.error("message %d of Sources (%s) is in quarantine, and its lane goes on", number, event_type)


def _now() -> datetime:
    return timezone.now()  # noqa: TID251 - a task's time begins here
