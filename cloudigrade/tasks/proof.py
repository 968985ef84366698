"""Nudges in, proofs of completeness out: which account is due stands in rows of due work."""

import logging
from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from cloudigrade.clouds.protocol import CustomerProblem, Unavailable
from cloudigrade.services import accounts, completeness, schedules
from cloudigrade.services.proving import Prover
from cloudigrade.services.schedules import Work
from cloudigrade.tasks import base
from cloudigrade.tasks.apart import Apart
from cloudigrade.tasks.metering import rebuild_runs

QUEUE = "upkeep"
"""Of all tasks here; Celery looks it up by their module."""
SHARE = 20
"""Accounts for one message; then the next message goes on, so that no task runs for long."""
PAUSE = timedelta(minutes=5)
"""Before a proof is tried again that the cloud did not answer."""

_log = logging.getLogger(__name__)

_UPKEEP = base.options(seconds=1800)


@shared_task(name="api.tasks.prove_accounts", **_UPKEEP)
def prove_accounts(**_: object) -> None:
    """Accounts whose proof is due have been compared with their digests; files that are proven are forgotten."""
    for _number in range(SHARE):
        claimed = schedules.claim(work=Work.PROVE, now=timezone.now())  # noqa: TID251 - a task's time begins here
        if not claimed:
            break
        with Apart(Work.PROVE, claimed[0]):
            _prove(claimed[0])
    else:
        prove_accounts.delay_on_commit()
    completeness.prune(now=timezone.now())  # noqa: TID251 - likewise


def _prove(account_id: int) -> None:
    """The account's next proof is due, unless it was removed meanwhile."""
    try:
        pause = _proven(account_id)
    except accounts.Gone as gone:
        _log.info("nothing is left to prove: %s", gone)
        return
    schedules.done(account_id=account_id, work=Work.PROVE, next_at=timezone.now() + pause)  # noqa: TID251 - likewise


def _proven(account_id: int) -> timedelta:
    """How long the next proof has time, less if the cloud did not answer; raises accounts.Gone."""
    pause = timedelta(seconds=settings.PROOF_INTERVAL)
    try:
        for step in Prover(account_id).steps(now=timezone.now()):  # noqa: TID251 - likewise
            _extend(account_id)
            if step.repaired:
                rebuild_runs.delay_on_commit()
    except Unavailable as problem:
        _log.warning("account %s is not proven now: %s", account_id, problem)
        return min(pause, PAUSE)
    except CustomerProblem as problem:
        with transaction.atomic():
            accounts.hold(account_id=account_id)  # what is gone no longer lets us in, and needs no check
            schedules.plan(account_ids=[account_id], work=[Work.CHECK], at=timezone.now())  # noqa: TID251 - likewise
        _log.warning("account %s cannot be proven: %s", account_id, problem)
    return pause


def _extend(account_id: int) -> None:
    """Nobody else takes the account while its proof goes on, however long that is."""
    until = timezone.now() + schedules.LEASE  # noqa: TID251 - likewise
    schedules.done(account_id=account_id, work=Work.PROVE, next_at=until)
