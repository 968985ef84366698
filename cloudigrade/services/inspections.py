"""Looking into images, step by step: a row says what is due, whoever claims it does one step and stores what it led to.

No transaction is open while a cloud or a disk is asked. Each step may be repeated, and may die between any two
statements: the row is due again after the lease, and whoever lost its claim meanwhile stores nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any, Final, NamedTuple

from django.conf import settings
from django.db import transaction

from cloudigrade.domain import days, inspection
from cloudigrade.domain.inspection import Basis, Happening, Path, Standing, State
from cloudigrade.models import Inspection
from cloudigrade.services.staging import execute, fetch

Clock = Callable[[], datetime]


class Task(Enum):
    """What is to be done for a claimed inspection."""

    ATTEMPT = auto()
    COPY = auto()
    WAIT_IS_OVER = auto()
    """For the result of an inspector beside a copy."""
    CLEAN = auto()
    """What a copy left behind."""
    NOTHING = auto()
    """All is stored: no attempt was left."""


class Claimed(NamedTuple):
    """An inspection whose next step nobody else takes for a while."""

    id: int
    claim: int
    image_id: int
    cloud: str
    region: str
    native_id: str
    standing: Standing
    path: Path
    task: Task
    number: int
    """Of the attempt, of all ever begun."""
    account_id: int | None
    subject: Mapping[str, Any]
    progress: Mapping[str, Any]
    tried: Sequence[int]
    resume_at: datetime | None


class Lost(Exception):
    """Somebody else has claimed the inspection since, and what was found out is theirs to find out."""


@transaction.atomic
def claim(*, now: datetime, inspection_id: int | None = None) -> Claimed | None:
    """The inspection that is due next, or that one if it is due; None for none.

    Customers take turns, so that the many images of one keep nobody else's waiting.
    """
    rows = fetch(_DUE, {"now": now, "id": inspection_id})
    if not rows:
        return None
    row = Inspection.objects.select_related("image").get(pk=rows[0][0])
    task, standing = _next(row, days.second_of(now))
    row.claim += 1
    row.claimed_at = row.updated_at = now
    row.due_at = now + timedelta(seconds=settings.INSPECTIONS.patience)
    if task is Task.ATTEMPT:
        row.number += 1
        row.path, row.started_at, row.finished_at = Path.NONE.value, now, None
        row.subject, row.progress, row.resume_at = {}, {}, None
    if task is Task.NOTHING:
        row.due_at, row.finished_at = None, now
    _put(row, standing)
    row.save()
    return _claimed(row, task, standing)


_DUE: Final = """
    WITH served AS (
        SELECT coalesce(customer_id, 0) AS customer, max(claimed_at) AS at FROM cloudigrade_inspection
        WHERE claimed_at IS NOT NULL GROUP BY 1
    ), ranked AS (
        SELECT i.id, s.at, row_number() OVER (PARTITION BY i.customer_id ORDER BY i.due_at, i.id) AS turn
        FROM cloudigrade_inspection AS i LEFT JOIN served AS s ON s.customer = coalesce(i.customer_id, 0)
        WHERE i.due_at <= %(now)s AND (%(id)s::bigint IS NULL OR i.id = %(id)s)
    )
    SELECT i.id FROM cloudigrade_inspection AS i JOIN ranked AS r ON r.id = i.id WHERE i.due_at <= %(now)s
    ORDER BY r.turn, r.at NULLS FIRST, i.due_at, i.id LIMIT 1 FOR UPDATE OF i SKIP LOCKED
"""


def _next(row: Inspection, now: int) -> tuple[Task, Standing]:
    """What is due, and the standing with which it begins."""
    standing = standing_of(row)
    is_copying = row.path == Path.COPY and standing.state.is_at_work
    if row.has_leftovers and not is_copying:
        return Task.CLEAN, standing
    if is_copying:
        return (Task.COPY if standing.state is State.PREPARING else Task.WAIT_IS_OVER), standing
    most = settings.INSPECTIONS.attempts
    if inspection.is_beyond(standing, most=most):
        if standing.state.is_over:
            return Task.NOTHING, replace(standing, due_at=None)
        reason = standing.reason if standing.state is State.PENDING else "whoever looked into it died"
        return Task.NOTHING, inspection.after(standing, Happening.FAILED, now=now, reason=reason, most=most)
    return Task.ATTEMPT, inspection.after(standing, Happening.BEGUN, now=now, reason=standing.reason, most=most)


def standing_of(row: Inspection) -> Standing:
    """What the state machine knows of it."""
    due_at = None if row.due_at is None else days.second_of(row.due_at)
    return Standing(State(row.state), row.attempts, row.waits, due_at, row.reason, Basis(row.basis))


def _put(row: Inspection, standing: Standing) -> None:
    row.state, row.attempts, row.waits = standing.state.value, standing.attempts, standing.waits
    row.reason, row.basis = standing.reason, standing.basis.value


def _claimed(row: Inspection, task: Task, standing: Standing) -> Claimed:
    return Claimed(
        id=row.pk,
        claim=row.claim,
        image_id=row.image_id,
        cloud=row.image.cloud,
        region=row.image.region,
        native_id=row.image.native_id,
        standing=standing,
        path=Path(row.path),
        task=task,
        number=row.number,
        account_id=row.account_id,
        subject=row.subject,
        progress=row.progress,
        tried=row.tried,
        resume_at=row.resume_at,
    )


def hold(claimed: Claimed) -> Inspection:
    """The row, locked until the transaction ends; raises Lost where the claim is another's by now."""
    found = Inspection.objects.select_for_update().filter(pk=claimed.id, claim=claimed.claim).first()
    if found is None:
        raise Lost(f"inspection {claimed.id}")
    return found


@transaction.atomic
def move(claimed: Claimed, happening: Happening, *, now: datetime, reason: str = "", **facts: Any) -> Claimed:
    """It has happened, and is stored with these columns; raises Lost."""
    return store(hold(claimed), claimed, happening, now=now, reason=reason, **facts)


def store(
    row: Inspection, claimed: Claimed, happening: Happening, *, now: datetime, reason: str = "", **facts: Any
) -> Claimed:
    """The same for a row that is held already."""
    end(row, happening, now=now, reason=reason, **facts)
    return claimed._replace(standing=standing_of(row))


def end(row: Inspection, happening: Happening, *, now: datetime, reason: str = "", **facts: Any) -> None:
    """The same whoever has claimed it; the row is locked."""
    standing = inspection.after(
        standing_of(row), happening, now=days.second_of(now), reason=reason, most=settings.INSPECTIONS.attempts
    )
    if "basis" in facts:
        standing = replace(standing, basis=facts.pop("basis"))
    _put(row, standing)
    due_at = None if standing.due_at is None else days.instant(standing.due_at)
    if happening is Happening.READ:
        due_at = row.due_at
    elif not standing.state.is_at_work:
        row.finished_at = now
        if row.has_leftovers:  # what is there goes first, and at once
            row.resume_at, due_at = due_at, now
    row.due_at, row.updated_at = due_at, now
    for name, value in facts.items():
        setattr(row, name, value)
    row.save()


def record_failure(*, claimed: Claimed, reason: str, now: datetime) -> None:
    """What nobody expected has ended the step: it counts as a failure of the attempt, or is tried again."""
    try:
        if claimed.task is Task.CLEAN:
            postpone(claimed, now=now, reason=reason)
        else:
            move(claimed, Happening.FAILED, now=now, reason=reason)
    except Lost:
        return


@transaction.atomic
def postpone(claimed: Claimed, *, now: datetime, reason: str = "", **facts: Any) -> None:
    """The same step is due again after a pause that grows; raises Lost."""
    row = hold(claimed)
    row.waits += 1
    row.due_at = now + timedelta(seconds=min(30 * 2 ** min(row.waits - 1, 20), inspection.LONGEST_PAUSE))
    row.updated_at = now
    if reason:
        row.reason = inspection.in_one_line(reason)
    for name, value in facts.items():
        setattr(row, name, value)
    row.save()


def count_cost(*, claimed: Claimed, requests: int, bytes_read: int) -> None:
    """What was fetched is on the image's account, whatever came of it."""
    if requests or bytes_read:
        execute(
            "UPDATE cloudigrade_inspection SET requests = requests + %s, bytes_read = bytes_read + %s WHERE id = %s",
            [requests, bytes_read, claimed.id],
        )
