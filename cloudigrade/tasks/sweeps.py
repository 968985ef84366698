"""Nudges in, accounts swept: what runs in them, what is known by name only, and the sizes of instance types."""

import logging
from datetime import datetime, timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from cloudigrade.clouds import registry
from cloudigrade.clouds.protocol import CustomerProblem, Unavailable
from cloudigrade.services import clouds, definitions, schedules, sweeps, unknown
from cloudigrade.services.schedules import Work
from cloudigrade.tasks import base
from cloudigrade.tasks.apart import Apart
from cloudigrade.tasks.metering import rebuild_runs

QUEUE = "ingest"
"""Of all tasks here; Celery looks it up by their module."""
SHARE = 20
"""Accounts for one message; then the next message goes on, so that no task runs for long."""

_INGEST = base.options(seconds=1500)
_log = logging.getLogger(__name__)


@shared_task(name="api.tasks.sweep_accounts", **_INGEST)
def sweep_accounts(**_: object) -> None:
    """Accounts whose sweep is due have been looked at, or a message is queued for the rest."""
    swept = 0
    while swept < SHARE and (claimed := schedules.claim(work=Work.SWEEP, now=_now())):
        with Apart(Work.SWEEP, claimed[0]):
            _sweep(claimed[0])
        swept += 1
    if swept:
        rebuild_runs.delay_on_commit()
    if swept == SHARE:
        sweep_accounts.delay_on_commit()


@shared_task(name="api.tasks.describe_unknown", **_INGEST)
def describe_unknown(**_: object) -> None:
    """Images and instances that are known by name only have been asked for."""
    questions = unknown.claim(now=_now())
    for question in questions:
        with Apart("description", question.account_id):
            _describe(question)
    if questions:
        rebuild_runs.delay_on_commit()


@shared_task(name="api.clouds.aws.tasks.repopulate_ec2_instance_mapping", **_INGEST)
def refresh_definitions(**_: object) -> None:
    """The sizes of instance types are those that the clouds give today, also for what ran before."""
    changed = sum(_refresh(name) for name in registry.names())
    if changed:
        rebuild_runs.delay_on_commit()


def _sweep(account_id: int) -> None:
    interval = timedelta(seconds=settings.SWEEP_INTERVAL)
    next_at = _now() + interval
    try:
        found = sweeps.sweep(account_id=account_id, now=_now())
    except Unavailable as problem:
        next_at = sweeps.retry_at(account_id=account_id, now=_now(), interval=interval)
        _log.warning("account %d cannot be swept just now: %s", account_id, problem)
    except CustomerProblem as problem:
        schedules.plan(account_ids=[account_id], work=[Work.CHECK], at=_now())
        _log.warning("account %d cannot be swept, and is checked: %s", account_id, problem)
    else:
        _report(account_id, found)
    schedules.done(account_id=account_id, work=Work.SWEEP, next_at=next_at)


def _report(account_id: int, found: sweeps.Swept | None) -> None:
    if found is None:
        return
    _log.info(
        "account %d: %d instances in %d regions, %d news, %d estimates",
        account_id,
        found.instances,
        *found[:1],
        *found[2:4],
    )
    for region, problem in found.problems.items():
        _log.warning("account %d, %s was not looked at: %s", account_id, region, problem)


def _describe(question: unknown.Question) -> None:
    try:
        answer = unknown.ask(question=question)
    except Unavailable as problem:
        unknown.release(question=question)
        _log.warning("account %d in %s is not described just now: %s", question.account_id, question.region, problem)
    except CustomerProblem as problem:
        schedules.plan(account_ids=[question.account_id], work=[Work.CHECK], at=_now())
        _log.warning("account %d in %s is not described: %s", question.account_id, question.region, problem)
    else:
        unknown.record(question=question, answer=answer, now=_now())


def _refresh(name: str) -> int:
    """The number of types whose size is news."""
    try:
        sizes = clouds.get(name).definitions()
    except Unavailable as problem:
        _log.warning("the sizes of %s are not read just now: %s", name, problem)
        return 0
    return definitions.record(cloud=name, definitions=sizes, as_of=_now())


def _now() -> datetime:
    return timezone.now()  # noqa: TID251 - a task's time begins here
