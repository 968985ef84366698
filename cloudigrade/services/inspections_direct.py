"""The first path: an image's disks are read where they are, through an account of a customer who boots from it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from django.conf import settings

from cloudigrade.clouds.inspecting import Decided, ImageDisks, InspectsImages, Outcome
from cloudigrade.clouds.protocol import CustomerProblem, Unavailable, Unreadable
from cloudigrade.domain.inspection import Basis, Happening, Path, State
from cloudigrade.inspector.blocks import Cost
from cloudigrade.models import Image
from cloudigrade.services import (
    ingest,
    inspections,
    inspections_copying,
    inspections_findings,
    inspections_looking,
    sights,
    verdicts,
)
from cloudigrade.services.inspections import Claimed, Clock
from cloudigrade.services.inspections_deciding import Candidate, candidates, decide
from cloudigrade.services.staging import fetch


class _Outcome(NamedTuple):
    """How an attempt through one account ends, where it comes to nothing."""

    happening: Happening
    reason: str
    basis: Basis = Basis.NONE


class _Copyable(NamedTuple):
    """What may be looked into by way of a copy."""

    candidate: Candidate
    disks: ImageDisks


_WEIGHT = {
    outcome: weight
    for weight, outcome in enumerate(
        (Happening.GONE, Happening.IMPOSSIBLE, Happening.DENIED, Happening.FAILED, Happening.POSTPONED)
    )
}
"""Of several accounts, that one's word counts which leaves most open."""


def attempt(claimed: Claimed, cloud: InspectsImages, *, clock: Clock) -> None:
    """The image is decided, or the attempt ends otherwise, or a copy of its disks is begun; raises Lost."""
    decision = decide(image_id=claimed.image_id)
    if decision.reason:
        facts = {"basis": Basis.FACTS}
        inspections.move(claimed, Happening.DECIDED, now=clock(), reason=decision.reason, **facts)
        return
    asked = candidates(claimed=claimed, customers=decision.customers)
    if not asked:
        reason = "no account that may be read boots from it"
        inspections.move(claimed, Happening.UNUSED, now=clock(), reason=reason)
        return
    _ask(claimed, cloud, asked, clock)


def _ask(claimed: Claimed, cloud: InspectsImages, asked: list[Candidate], clock: Clock) -> None:
    """One account after the other, until one leads to an end."""
    outcomes: list[_Outcome] = []
    copyable: _Copyable | None = None
    tried = set(claimed.tried)
    for candidate in asked:
        found = _look(claimed, cloud, candidate)
        if isinstance(found, ImageDisks):
            copyable = copyable or _Copyable(candidate, found)
            claimed, is_decided = _record_disks(claimed, candidate, found, clock())
            if is_decided:
                return
            if Path.DIRECT not in settings.INSPECTIONS.paths:
                break
            ended = _read(claimed, cloud, candidate, found, clock)
            if ended is None:
                return
            found = ended
        if found.happening is Happening.DECIDED:
            inspections.move(claimed, found.happening, now=clock(), reason=found.reason, basis=found.basis)
            return
        if found.happening not in (Happening.POSTPONED, Happening.FAILED):
            tried.add(candidate.account_id)
        outcomes.append(found)
    _conclude(claimed, outcomes, copyable, sorted(tried), clock())


def _conclude(
    claimed: Claimed, outcomes: list[_Outcome], copyable: _Copyable | None, tried: list[int], now: datetime
) -> None:
    """No account led to a look: the disks are copied where that is allowed, or the attempt has ended."""
    last = max(outcomes, key=lambda outcome: _WEIGHT[outcome.happening], default=None)
    is_allowed = Path.COPY in settings.INSPECTIONS.paths and (last is None or last.happening is Happening.DENIED)
    if copyable and is_allowed:
        inspections_copying.begin(claimed, copyable.candidate, copyable.disks, now=now)
    elif last:
        inspections.move(claimed, last.happening, now=now, reason=last.reason, tried=tried)
    else:
        inspections.move(claimed, Happening.POSTPONED, now=now, reason="no way of looking into images is switched on")


def _look(claimed: Claimed, cloud: InspectsImages, candidate: Candidate) -> ImageDisks | _Outcome:
    try:
        found = cloud.look(candidate.account, claimed.region, claimed.native_id)
    except CustomerProblem as problem:
        return _Outcome(Happening.DENIED, str(problem))
    except Unavailable as problem:
        return _Outcome(Happening.POSTPONED, str(problem))
    except Unreadable as problem:
        return _Outcome(Happening.FAILED, str(problem))
    if isinstance(found, Decided):
        return _decided(found)
    return found if found.snapshots else _Outcome(Happening.IMPOSSIBLE, "it has no disk that could be read")


def _decided(found: Decided) -> _Outcome:
    match found.outcome:
        case Outcome.SETTLED:
            return _Outcome(Happening.DECIDED, found.reason, Basis.CLOUD)
        case Outcome.IMPOSSIBLE:
            return _Outcome(Happening.IMPOSSIBLE, found.reason)
        case Outcome.GONE:
            return _Outcome(Happening.GONE, found.reason)


def _record_disks(claimed: Claimed, candidate: Candidate, disks: ImageDisks, now: datetime) -> tuple[Claimed, bool]:
    """It is known what the disks are, and that the customer sees them; true where that is all that was to be known."""
    return ingest.persistently(lambda: _store_disks(claimed, candidate, disks, now))


def _store_disks(claimed: Claimed, candidate: Candidate, disks: ImageDisks, now: datetime) -> tuple[Claimed, bool]:
    row = inspections.hold(claimed)
    sights.add(customer_id=candidate.customer_id, image_ids=[claimed.image_id])
    Image.objects.filter(pk=claimed.image_id).exclude(is_public=disks.is_public).update(is_public=disks.is_public)
    facts: dict[str, Any] = {"content": disks.content, "account_id": candidate.account_id}
    same = _same_content(claimed, candidate, disks)
    if same is not None:
        inspections_findings.record(image_id=claimed.image_id, content=same, now=now)
        reason = "another image with the same disks was looked into"
        facts |= {"basis": Basis.CONTENT}
        return inspections.store(row, claimed, Happening.FOUND, now=now, reason=reason, **facts), True
    verdicts.recalculate(image_ids=[claimed.image_id], as_of=now)
    is_direct = Path.DIRECT in settings.INSPECTIONS.paths
    if is_direct and claimed.standing.state is State.PREPARING:
        facts |= {"path": Path.DIRECT.value}
        return inspections.store(row, claimed, Happening.READ, now=now, **facts), False
    row.content, row.account_id = disks.content, candidate.account_id
    row.save()
    return claimed, False


def _same_content(claimed: Claimed, candidate: Candidate, disks: ImageDisks) -> Mapping[str, Any] | None:
    """What was found on the same disks, where that is public or the customer's to know."""
    rows = fetch(
        "SELECT m.findings FROM cloudigrade_inspection AS n JOIN cloudigrade_image AS m ON m.id = n.image_id"
        " WHERE n.content = %s AND n.basis = 'disk' AND n.state = 'inspected' AND m.findings <> '' AND m.cloud = %s"
        "  AND m.id <> %s AND (m.is_public OR EXISTS (SELECT FROM cloudigrade_sight AS s"
        "   WHERE s.image_id = m.id AND s.customer_id = %s)) ORDER BY n.finished_at DESC, m.id LIMIT 1",
        [disks.content, claimed.cloud, claimed.image_id, candidate.customer_id],
    )
    return inspections_findings.definite(rows[0][0]) if rows and disks.content else None


def _read(
    claimed: Claimed, cloud: InspectsImages, candidate: Candidate, disks: ImageDisks, clock: Clock
) -> _Outcome | None:
    """The disks have been looked into, and what was found is stored; or why that did not come to it."""
    cost = Cost(most_blocks=settings.INSPECTIONS.most_blocks)
    try:
        opened = [(each, cloud.blocks(candidate.account, claimed.region, each)) for each in disks.snapshots]
        content = inspections_looking.look_into(
            opened,
            image=claimed.native_id,
            cloud=claimed.cloud,
            cost=cost,
            seconds=settings.INSPECTIONS.seconds,
        )
    except CustomerProblem as problem:
        return _Outcome(Happening.DENIED, str(problem))
    except Unavailable as problem:
        return _Outcome(Happening.POSTPONED, str(problem))
    except Unreadable as problem:
        return _Outcome(Happening.FAILED, str(problem))
    finally:
        inspections.count_cost(claimed=claimed, requests=cost.requests, bytes_read=cost.bytes)
    record_result(claimed, content, now=clock())
    return None


def record_result(claimed: Claimed, content: Mapping[str, Any], *, now: datetime) -> None:
    """What was found is stored, and the inspection has ended, or failed; both or neither. Raises Lost."""
    ingest.persistently(lambda: _store_result(claimed, content, now))


def _store_result(claimed: Claimed, content: Mapping[str, Any], now: datetime) -> None:
    row = inspections.hold(claimed)
    inspections_findings.record(image_id=claimed.image_id, content=content, now=now)
    happening, reason, basis = inspections_findings.conclude(content)
    inspections.store(row, claimed, happening, now=now, reason=reason, basis=basis, tried=[])
