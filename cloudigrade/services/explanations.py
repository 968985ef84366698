"""Why an image or an instance is counted as it is: what is stored of it, as far as its customer may know it."""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec
from django.conf import settings

from cloudigrade.domain import days
from cloudigrade.domain.rhel import Evidence, ImageFacts, Payer, Rhel, Verdict, judge
from cloudigrade.domain.rhel_codes import RED_HAT_OWNERS, RHEL_TAG
from cloudigrade.services.staging import fetch
from cloudigrade.services.usage import verdicts_of


class Judged(NamedTuple):
    """An image, and what its evidence adds up to."""

    id: int
    cloud: str
    region: str
    native_id: str
    evidence: Evidence
    verdict: Verdict


class Inspected(NamedTuple):
    """How far looking into an image is, and what it took."""

    status: str
    path: str
    basis: str
    reason: str
    attempts: int
    requests: int
    bytes_read: int
    cost: int
    """In millionths of a dollar."""
    started_at: datetime | None
    finished_at: datetime | None
    next_at: datetime | None
    coverage: Mapping[str, Any] | None
    """What of the disks was seen, in the inspector's words."""


class RunOf(NamedTuple):
    """A run, and what it counts as."""

    start: datetime
    end: datetime | None
    instance_type: str
    vcpu: int | None
    memory_mib: int | None
    billing_code: str
    rhel: Rhel
    payer: Payer


_SEEN: Final = (
    "(m.is_public OR EXISTS (SELECT FROM cloudigrade_sight AS s"
    " WHERE s.image_id = m.id AND s.customer_id = %(customer)s))"
)
"""What the image is, and what was found on it, is the customer's to know."""

_UNTOLD: Final = "facts of the image that your accounts have not been told of"


def image(*, customer_id: int, image_id: int) -> Judged | None:
    """The verdict on an image that the customer has or had instances of; None for any other."""
    rows = fetch(
        f"SELECT m.id, m.cloud, m.region, m.native_id, {_SEEN}, v.evidence::text"  # noqa: S608 - our own literal
        " FROM cloudigrade_image AS m"
        " LEFT JOIN cloudigrade_imageverdict AS v ON v.image_id = m.id AND v.customer_id = %(customer)s"
        " WHERE m.id = %(image)s AND EXISTS (SELECT FROM cloudigrade_instance AS i JOIN cloudigrade_cloudaccount AS a"
        "  ON a.id = i.account_id WHERE i.image_id = m.id AND a.customer_id = %(customer)s)",
        {"customer": customer_id, "image": image_id},
    )
    if not rows:
        return None
    [(pk, cloud, region, native_id, is_seen, text)] = rows
    evidence = msgspec.json.decode(text, type=Evidence) if text else Evidence(ImageFacts(native_id))
    if not is_seen:
        return Judged(pk, cloud, region, native_id, *_untold(evidence, judge(evidence)))
    seen = _seen(customer_id, cloud, [source.native_id for source in evidence.lineage])
    return Judged(pk, cloud, region, native_id, *_shown(evidence, judge(evidence), seen))


def inspection(*, customer_id: int, image_id: int) -> Inspected | None:
    """Looking into an image that the customer's own accounts see; None for any other, and where nobody does.

    Of an image that others boot from too, what one of their accounts was told is left out.
    """
    rows = fetch(
        "SELECT n.state, n.path, n.basis, CASE WHEN n.basis <> ''"  # noqa: S608 - our own literal
        "  OR NOT EXISTS (SELECT FROM cloudigrade_instance AS i JOIN cloudigrade_cloudaccount AS a"
        "   ON a.id = i.account_id WHERE i.image_id = m.id AND a.customer_id <> %(customer)s)"
        "  THEN n.reason ELSE '' END, n.attempts, n.requests, n.bytes_read, n.started_at, n.finished_at,"
        " coalesce(n.resume_at, CASE WHEN NOT n.has_leftovers THEN n.due_at END), m.findings"
        " FROM cloudigrade_inspection AS n JOIN cloudigrade_image AS m ON m.id = n.image_id"
        f" WHERE m.id = %(image)s AND {_SEEN}",
        {"customer": customer_id, "image": image_id},
    )
    if not rows:
        return None
    [(status, path, basis, reason, attempts, requests, bytes_read, started, finished, following, findings)] = rows
    return Inspected(
        status=status,
        path=path,
        basis=basis,
        reason=reason,
        attempts=attempts,
        requests=requests,
        bytes_read=bytes_read,
        cost=requests * settings.INSPECTIONS.price,
        started_at=started,
        finished_at=finished,
        next_at=following,
        coverage=coverage_of(findings),
    )


def coverage_of(findings: str) -> Mapping[str, Any] | None:
    """What an inspector of ours says that it has seen and has not; None for others' results."""
    content = json.loads(findings) if findings else None
    verdict = content.get("verdict") if isinstance(content, dict) else None
    coverage = verdict.get("coverage") if isinstance(verdict, dict) else None
    return coverage if isinstance(coverage, dict) else None


def _untold(evidence: Evidence, verdict: Verdict) -> tuple[Evidence, Verdict]:
    """Both as if nobody had described the image, but for what the customer's usage is counted by.

    Whoever can write a log file can claim an instance of anybody's image.
    """
    told = Evidence(
        ImageFacts(evidence.image.native_id),
        is_tagged_rhel=evidence.is_tagged_rhel,
        is_tagged_openshift=evidence.is_tagged_openshift,
    )
    alone = judge(told)
    counted = replace(alone, rhel=verdict.rhel, version=verdict.version, product=verdict.product, payer=verdict.payer)
    if counted == alone:
        return told, alone
    tag = f"tag {RHEL_TAG} says RHEL"
    agreeing = [f"declared: {tag}"] if told.is_tagged_rhel and verdict.rhel is Rhel.RHEL else []
    losing = [f"{tag}; but {_UNTOLD} say otherwise"] if told.is_tagged_rhel and not agreeing else []
    return told, replace(counted, reasons=(f"untold: {_UNTOLD} decide", *agreeing), conflicts=tuple(losing))


def _seen(customer_id: int, cloud: str, native_ids: Sequence[str]) -> set[str]:
    """Those of the images that are the customer's to know; to claim an instance of one is not enough."""
    rows = fetch(
        "SELECT DISTINCT m.native_id FROM cloudigrade_image AS m"  # noqa: S608 - our own literal
        f" WHERE m.cloud = %(cloud)s AND m.native_id = ANY(%(names)s) AND {_SEEN}",
        {"customer": customer_id, "cloud": cloud, "names": list(native_ids)},
    )
    return {native_id for (native_id,) in rows}


def _shown(evidence: Evidence, verdict: Verdict, seen: Collection[str]) -> tuple[Evidence, Verdict]:
    """Both without what only others were told of the images that this one was copied from."""
    hidden = [
        source.native_id
        for source in evidence.lineage
        if source.native_id not in seen and source.owner not in RED_HAT_OWNERS
    ]
    lineage = tuple(source for source in evidence.lineage if source.native_id not in hidden)

    def told(sentences: Sequence[str]) -> tuple[str, ...]:
        return tuple(_covered(sentence, hidden) for sentence in sentences)

    codes = judge(replace(evidence, lineage=lineage)).unknown_codes if hidden else verdict.unknown_codes
    shown = replace(verdict, reasons=told(verdict.reasons), conflicts=told(verdict.conflicts), unknown_codes=codes)
    return replace(evidence, lineage=lineage), shown


def _covered(sentence: str, hidden: Sequence[str]) -> str:
    """The sentence, which where it quotes a hidden image only says that there is such a one."""
    for native_id in hidden:
        quoted = rf"source image {re.escape(native_id)}: .*?(?=; but |$)"
        sentence = re.sub(quoted, "an image that it was copied from, which is not yours, is RHEL", sentence)
    return sentence


def runs(*, customer_id: int, instance_id: int, after: int | None, limit: int) -> list[RunOf] | None:
    """The instance's runs that begin after that second, in order; None where the customer has no such instance."""
    found = fetch(
        "SELECT i.image_id FROM cloudigrade_instance AS i JOIN cloudigrade_cloudaccount AS a ON a.id = i.account_id"
        " WHERE i.id = %s AND a.customer_id = %s",
        [instance_id, customer_id],
    )
    if not found:
        return None
    ((image_id,),) = found
    rows = fetch(
        "SELECT lower(period), upper(period), instance_type, vcpu, memory_mib, billing_code FROM cloudigrade_run"
        " WHERE instance_id = %s AND lower(period) > %s ORDER BY lower(period) LIMIT %s",
        [instance_id, days.instant(-(2**31) if after is None else after), limit],
    )
    codes = sorted({row[-1] for row in rows})
    judged = verdicts_of(customer_id=customer_id, pairs=[(image_id, code) for code in codes])
    by_code = {code: verdict for code, (verdict, _) in zip(codes, judged, strict=True)}
    return [
        RunOf(start, end, instance_type, vcpu, memory, code, by_code[code].rhel, by_code[code].payer)
        for start, end, instance_type, vcpu, memory, code in rows
    ]
