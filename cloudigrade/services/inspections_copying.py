"""The second path: an inspector of ours looks at copies of an image's disks, and nothing of it is left behind.

That something may be there is stored before it is made; so whoever dies at it leaves a row by which it is removed.
"""

import logging
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import transaction

from cloudigrade.clouds.cloud import Account
from cloudigrade.clouds.inspecting import MACHINE, Decided, ImageDisks, InspectsImages, Outcome, Snapshot, Step, Subject
from cloudigrade.clouds.protocol import CustomerProblem, Unavailable, Unreadable
from cloudigrade.domain import days
from cloudigrade.domain.inspection import Basis, Happening, Path
from cloudigrade.models import CloudAccount
from cloudigrade.services import inspections
from cloudigrade.services.inspections import Claimed, Clock
from cloudigrade.services.inspections_deciding import Candidate
from cloudigrade.services.opened import accounts_of
from cloudigrade.services.staging import fetch

LONGEST_CLEANING: Final = timedelta(days=30)
"""After which what an account no longer lets us remove is given up, loudly."""
SHORTEST_STEP: Final = 5
LONGEST_STEP: Final = 600
"""Seconds to the next step of a copy, whatever its cloud says."""
_AT_ONCE: Final = timedelta(0)
_TURNS: Final = 0x1A5B_EC70
"""Key of the lock under which copies are counted; it ends with the transaction."""

_log = logging.getLogger(__name__)


@transaction.atomic
def begin(claimed: Claimed, candidate: Candidate, disks: ImageDisks, *, now: datetime) -> None:
    """A copy is to be made, or waits because enough of them are made in its region already; raises Lost (P14)."""
    fetch("SELECT pg_advisory_xact_lock(%s)", [_TURNS])
    ((others,),) = fetch(
        "SELECT count(*) FROM cloudigrade_inspection AS n JOIN cloudigrade_image AS m ON m.id = n.image_id"
        " WHERE n.has_leftovers AND m.cloud = %s AND m.region = %s AND n.id <> %s",
        [claimed.cloud, claimed.region, claimed.id],
    )
    row = inspections.hold(claimed)
    if others >= settings.INSPECTIONS.copies:
        reason = f"waits until fewer than {settings.INSPECTIONS.copies} images of its region are copied"
        inspections.store(row, claimed, Happening.POSTPONED, now=now, reason=reason)
        return
    inspections.store(
        row,
        claimed,
        Happening.COPIED,
        now=now,
        path=Path.COPY.value,
        account_id=candidate.account_id,
        subject=_packed(candidate.account, disks, now),
        progress={},
        has_leftovers=True,
    )


def advance(claimed: Claimed, cloud: InspectsImages, *, clock: Clock) -> None:
    """One more step of the copy is done; raises Lost."""
    if _is_late(claimed, clock()):
        fail_late(claimed, now=clock())
        return
    try:
        step = cloud.copy(_subject(claimed), claimed.progress, now=days.second_of(clock()))
    except CustomerProblem as problem:
        tried = sorted({*claimed.tried, claimed.account_id or 0})
        inspections.move(claimed, Happening.DENIED, now=clock(), reason=str(problem), tried=tried)
    except Unavailable as problem:
        inspections.postpone(claimed, now=clock(), reason=str(problem))
    except Unreadable as problem:
        inspections.move(claimed, Happening.FAILED, now=clock(), reason=str(problem))
    else:
        _store_step(claimed, step, clock())


def fail_late(claimed: Claimed, *, now: datetime) -> None:
    """The attempt has failed, for nobody waits any longer; raises Lost."""
    limit = settings.INSPECTIONS.copy_seconds
    inspections.move(claimed, Happening.FAILED, now=now, reason=f"no result within {limit} seconds")


def clean(claimed: Claimed, cloud: InspectsImages, *, clock: Clock) -> None:
    """One more step towards nothing being left (C31, C32); raises Lost."""
    try:
        step = cloud.abandon(_subject(claimed), claimed.progress, now=days.second_of(clock()))
    except CustomerProblem as problem:
        _keep_at_it(claimed, str(problem), clock())
    except (Unavailable, Unreadable) as problem:
        inspections.postpone(claimed, now=clock())
        _log.warning("what inspection %d left is not removed just now: %s", claimed.id, problem)
    else:
        _store_cleaning(claimed, step, clock(), _pause((step and step.again_in) or SHORTEST_STEP))


@transaction.atomic
def _store_step(claimed: Claimed, step: Step | Decided, now: datetime) -> None:
    row = inspections.hold(claimed)
    if isinstance(step, Decided):
        happening, basis = _ENDS[step.outcome]
        tried = sorted({*claimed.tried, claimed.account_id or 0})
        inspections.store(row, claimed, happening, now=now, reason=step.reason, basis=basis, tried=tried)
        return
    row.progress, row.waits = dict(step.progress), 0
    if step.again_in is None:
        # looked at again when nobody needs to wait any longer
        row.due_at = days.instant(max(int(claimed.subject["deadline"]), days.second_of(now)))
        inspections.store(row, claimed, Happening.READ, now=now)
        return
    row.due_at, row.updated_at = now + _pause(step.again_in), now
    row.save()


_ENDS: Final = {
    Outcome.SETTLED: (Happening.DECIDED, Basis.CLOUD),
    Outcome.IMPOSSIBLE: (Happening.IMPOSSIBLE, Basis.NONE),
    Outcome.GONE: (Happening.GONE, Basis.NONE),
}


@transaction.atomic
def _store_cleaning(claimed: Claimed, step: Step | None, now: datetime, pause: timedelta = _AT_ONCE) -> None:
    row = inspections.hold(claimed)
    row.updated_at, row.waits = now, 0
    if step is None:
        row.has_leftovers, row.due_at, row.resume_at = False, row.resume_at, None
        row.progress = {name: value for name, value in row.progress.items() if name == MACHINE}  # may be late
    else:
        row.progress, row.due_at = dict(step.progress), now + pause
    row.save()


def _keep_at_it(claimed: Claimed, reason: str, now: datetime) -> None:
    """The account does not let us in: it may again, so that the rest is removed, but nobody waits for that for ever."""
    since = days.instant(int(claimed.subject["deadline"]))
    if now < since + LONGEST_CLEANING:
        _log.warning("what inspection %d left cannot be removed: %s", claimed.id, reason)
        _store_cleaning(claimed, Step(claimed.progress, None), now, timedelta(days=1))
        return
    _log.error("what inspection %d left in account %s stays there: %s", claimed.id, claimed.account_id, reason)
    _store_cleaning(claimed, None, now)


def _is_late(claimed: Claimed, now: datetime) -> bool:
    return days.second_of(now) >= int(claimed.subject["deadline"])


def _pause(seconds: int) -> timedelta:
    return timedelta(seconds=min(max(seconds, SHORTEST_STEP), LONGEST_STEP))


def _packed(account: Account, disks: ImageDisks, now: datetime) -> dict[str, Any]:
    """What every later step needs, also when the account is not stored any more; nothing in it is secret."""
    return {
        "deadline": days.second_of(now) + settings.INSPECTIONS.copy_seconds,
        "account": [account.native_id, account.credentials, account.external_id, dict(account.details)],
        "snapshots": [list(snapshot) for snapshot in disks.snapshots],
    }


def _subject(claimed: Claimed) -> Subject:
    """The account as it is opened today, if it is there, else as it was."""
    row = CloudAccount.objects.filter(pk=claimed.account_id or 0).first()
    known = claimed.subject["account"]
    is_same = row is not None and row.native_id == known[0] and row.credentials
    return Subject(
        inspection=claimed.id,
        attempt=claimed.number,
        deadline=int(claimed.subject["deadline"]),
        account=accounts_of([row])[0] if row is not None and is_same else Account(*known),
        region=claimed.region,
        image=claimed.native_id,
        snapshots=tuple(Snapshot(*snapshot) for snapshot in claimed.subject["snapshots"]),
    )
