"""What inspectors beside copies wrote, into the store: each result on its own, acknowledged after all of them."""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Final, NamedTuple

from django.db import DatabaseError

from cloudigrade.clouds.inspecting import MACHINE, InspectsImages, Reaped, Result, ResultDelivery
from cloudigrade.clouds.protocol import Rejected
from cloudigrade.domain import days
from cloudigrade.domain.inspection import TRANSITIONS, Path, State
from cloudigrade.models import CloudAccount, Inspection
from cloudigrade.services import activity, images, ingest, inspections, inspections_findings
from cloudigrade.services.inspections import Clock
from cloudigrade.services.opened import accounts_of

FEED: Final = "inspection"
"""Of what could not be read or stored, in quarantine."""
REMEMBERED: Final = timedelta(days=30)
"""For so long an account is searched for what an inspection may have left there."""

_log = logging.getLogger(__name__)


class Recorded(NamedTuple):
    """What became of the results of one delivery."""

    recorded: int = 0
    unknown: int = 0
    """Of images that nobody knows."""
    unawaited: int = 0
    """Of images that no inspector of ours looks at any more, or none ever did."""
    rejected: int = 0


def drained(*, cloud: str, source: InspectsImages, clock: Clock) -> Iterator[Recorded]:
    """Each delivery of results once it is recorded; its message is gone by the next. Raises Unavailable."""
    for waiting in source.results():
        with waiting as delivery:
            recorded = record(cloud=cloud, delivery=delivery, now=clock())
        yield recorded


def record(*, cloud: str, delivery: ResultDelivery, now: datetime) -> Recorded:
    """Every result that can be is stored, and each of the others is in quarantine: it costs itself only (C29)."""
    rejected = list(delivery.rejected)
    words = []
    for result in delivery.results:
        try:
            words.append(ingest.persistently(partial(_record, cloud, result, now)))
        except (DatabaseError, UnicodeEncodeError) as error:
            reason = ingest.refusal(error)
            if not reason:
                raise
            content = images.ascii_json(result.content).encode()
            rejected.append(Rejected(result.source, reason, content=content))
    if rejected:
        ingest.persistently(partial(activity.quarantine, customer_id=None, feed=FEED, rejected=rejected, as_of=now))
    return Recorded(words.count("recorded"), words.count("unknown"), words.count("unawaited"), len(rejected))


def _record(cloud: str, result: Result, now: datetime) -> str:
    """What becomes of one result: an inspector may tell of its own image only, and once."""
    rows = Inspection.objects.select_for_update(of=("self",)).select_related("image")
    row = rows.filter(image__cloud=cloud, image__native_id=result.image).order_by("pk").first()
    if row is None:
        _log.warning("a result of %.200r, which nobody asked for: %.500s", result.image, result.source)
        return "unknown"
    happening, reason, basis = inspections_findings.conclude(result.content)
    if row.path != Path.COPY or (State(row.state), happening) not in TRANSITIONS or not _is_its_own(row, result):
        return "unawaited"
    inspections_findings.record(image_id=row.image_id, content=result.content, now=now)
    row.claim += 1  # whoever is at it has nothing to say any more
    inspections.end(row, happening, now=now, reason=reason, basis=basis)
    return "recorded"


def _is_its_own(row: Inspection, result: Result) -> bool:
    """Whether the machine that wrote the result was to look at this image: another one may be a stranger's by now.

    A machine that no inspection knows was launched for this one by somebody who died at it.
    """
    known = row.progress.get(MACHINE)
    if not result.writer or known == result.writer:
        return True
    if known or Inspection.objects.filter(path=Path.COPY, **{f"progress__{MACHINE}": result.writer}).exists():
        _log.warning("%s, which was not to look at %s, tells of it: %.500s", result.writer, result.image, result.source)
        return False
    return True


def reap(*, cloud: str, source: InspectsImages, now: datetime) -> Iterator[Reaped]:
    """Whatever outlived its inspection is gone from our account and from those it was made through."""
    copied = Inspection.objects.filter(image__cloud=cloud, path=Path.COPY, updated_at__gte=now - REMEMBERED)
    accounts = CloudAccount.objects.filter(
        pk__in=copied.values("account_id"), is_verified=True, wanted="enabled", is_paused=False
    )
    alive = Inspection.objects.filter(image__cloud=cloud, has_leftovers=True).values_list("pk", flat=True)
    yield from source.reap(accounts_of(accounts.order_by("pk")), alive=frozenset(alive), now=days.second_of(now))
