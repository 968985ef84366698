"""Nudges in, accounts as they are wanted: what there is to do, and when, stands in rows of due work."""

import logging
from collections.abc import Callable, Iterator

from celery import shared_task
from django.core.exceptions import ObjectDoesNotExist
from django.utils import timezone

from cloudigrade.services import definitions, onboarding, schedules
from cloudigrade.services.connecting import Outcome
from cloudigrade.services.schedules import Work
from cloudigrade.tasks import base
from cloudigrade.tasks.apart import Apart
from cloudigrade.tasks.metering import rebuild_runs
from cloudigrade.tasks.status import deliver
from cloudigrade.tasks.sweeps import refresh_definitions

QUEUE = "platform"
"""Of all tasks here; Celery looks it up by their module."""
SHARE = 20
"""Accounts for one message; then the next message goes on, so that no task runs for long."""

_log = logging.getLogger(__name__)

_PLATFORM = base.options(seconds=600)


@shared_task(name="api.tasks.enable_account", **_PLATFORM)
def connect_accounts(cloud_account_id: int | None = None, **_: object) -> None:
    """Accounts that differ from what is wanted of them are connected, disconnected or removed; the one named first."""
    if cloud_account_id is not None:
        _wish(onboarding.enable, cloud_account_id)
    done = _each(Work.CONNECT, onboarding.connect)
    if done:
        rebuild_runs.delay_on_commit()
        deliver.delay_on_commit()
    if done == SHARE:
        connect_accounts.delay_on_commit()
    # the first account need not wait for the next regular reading, which may be a day away
    if definitions.are_missing():
        refresh_definitions.delay_on_commit()


@shared_task(name="api.tasks.delete_cloud_account", **_PLATFORM)
def delete_account(cloud_account_id: int, **_: object) -> None:
    """The account is on its way out."""
    _wish(onboarding.delete, cloud_account_id)
    connect_accounts.delay_on_commit()


@shared_task(name="api.tasks.check_accounts", **_PLATFORM)
def check_accounts(**_: object) -> None:
    """Accounts whose check is due have been asked whether they still let us in."""
    done = _each(Work.CHECK, onboarding.check)
    if done:
        deliver.delay_on_commit()
    if done == SHARE:
        check_accounts.delay_on_commit()


def _wish(service: Callable[..., None], account_id: int) -> None:
    try:
        service(account_id=account_id, now=timezone.now())  # noqa: TID251 - a task's time begins here
    except ObjectDoesNotExist:
        return  # deleted meanwhile: nothing is wanted of it any more


def _each(work: Work, service: Callable[..., Outcome]) -> int:
    """The service has been called for as many accounts as are due, or for the message's share; their number."""
    done = 0
    for account_id in _claimed(work):
        with Apart(work, account_id):
            outcome = service(account_id=account_id, now=timezone.now())  # noqa: TID251 - likewise
            _log.info("%s of account %d: %s %s", work, account_id, outcome.result, outcome.code or outcome.reason)
        done += 1
    return done


def _claimed(work: Work) -> Iterator[int]:
    """The accounts for which it is due, each claimed when its turn comes, so that other workers may take the next."""
    for _ in range(SHARE):
        claimed = schedules.claim(work=work, now=timezone.now())  # noqa: TID251 - likewise
        if not claimed:
            return
        yield claimed[0]
