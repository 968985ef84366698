"""Nudges in, made-up customers as they are asked for: made, and removed when their time is over."""

from celery import shared_task
from django.utils import timezone

from cloudigrade.services import synthetic
from cloudigrade.tasks import base
from cloudigrade.tasks.metering import rebuild_runs

QUEUE = "upkeep"
"""Of all tasks here; Celery looks it up by their module."""
SHARE = 5
"""Requests for one message; then the next message goes on."""

_UPKEEP = base.options(seconds=1500)


@shared_task(name="api.tasks.synthesize_data", **_UPKEEP)
def make(**_: object) -> None:
    """Requests that wait are made, and what follows from them will be calculated."""
    made = 0
    while made < SHARE and synthetic.make_next(now=timezone.now()):  # noqa: TID251 - a task's time begins here
        made += 1
    if made:
        rebuild_runs.delay_on_commit()
    if made == SHARE:
        make.delay_on_commit()


@shared_task(name="api.tasks.delete_expired_synthetic_data", **_UPKEEP)
def remove_expired(**_: object) -> None:
    """Requests whose time is over are gone with all that was made for them."""
    synthetic.remove_expired(now=timezone.now())  # noqa: TID251 - likewise
