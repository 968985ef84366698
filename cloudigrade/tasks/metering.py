"""Nudges in, runs and usage recalculated: what there is to do stands in the database, never in a message."""

from collections.abc import Callable
from itertools import takewhile

from celery import shared_task
from django.utils import timezone

from cloudigrade.services import runs, usage
from cloudigrade.tasks import base

QUEUE = "compute"
"""Of all tasks here; Celery looks it up by their module."""
SHARE = 25
"""Claims for one message; then the next message goes on, so that no task runs for long and others get their turn."""

_COMPUTE = base.options()


@shared_task(name="api.tasks.recalculate_runs_for_all_cloud_accounts", **_COMPUTE)
def rebuild_runs(**_: object) -> None:
    """Dirty instances have the runs of their events, or a message is queued for the rest; their days are nudged on."""
    claims = _claims(runs.recalculate_claimed)
    if claims:
        recalculate_usage.delay_on_commit()
    if len(claims) == SHARE:
        rebuild_runs.delay_on_commit()


@shared_task(name="api.tasks.recalculate_concurrent_usage_for_all_users", **_COMPUTE)
def recalculate_usage(**_: object) -> None:
    """Dirty days that have ended are answered anew, or a message is queued for the rest."""
    if len(_claims(usage.recalculate_claimed)) == SHARE:
        recalculate_usage.delay_on_commit()


@shared_task(name="api.tasks.answer_ended_days", **_COMPUTE)
def answer_ended_days(**_: object) -> None:
    """Every customer's days that have ended get an answer, idle days too."""
    if usage.mark_unanswered(as_of=timezone.now()):  # noqa: TID251 - a task's time begins here
        recalculate_usage.delay_on_commit()


def _claims(recalculate: Callable[..., int]) -> list[int]:
    """What each claim came to, until nothing is left or the message has done its share."""
    found = (recalculate(as_of=timezone.now()) for _ in range(SHARE))  # noqa: TID251 - likewise
    return list(takewhile(bool, found))
