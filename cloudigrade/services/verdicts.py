"""Evidence of images into verdicts: gathered when any of it changes, so that the days it touches are answered anew."""

import dataclasses
import json
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from django.db import transaction

from cloudigrade.domain.rhel import Evidence, ImageFacts, Verdict, judge, parse_findings
from cloudigrade.domain.rhel_codes import OPENSHIFT_TAG, RHEL_TAG
from cloudigrade.models import ImageVerdict
from cloudigrade.services import usage
from cloudigrade.services.images import ANCESTORS
from cloudigrade.services.staging import fetch


class _Row(NamedTuple):
    """An image as stored."""

    id: int
    cloud: str
    native_id: str
    owner: str
    name: str
    architecture: str
    platform: str
    billing_code: str
    platform_details: str
    product_codes: str
    source_image: str
    findings: str

    def facts(self) -> ImageFacts:
        """What is true of it for everyone."""
        codes = tuple((str(code), str(kind)) for code, kind in msgspec.json.decode(self.product_codes))
        return ImageFacts(self.native_id, *self[3:9], product_codes=codes)


@transaction.atomic(savepoint=False)
def recalculate(
    *, image_ids: Collection[int], as_of: datetime, customer_id: int | None = None, linked: Collection[int] = ()
) -> int:
    """The verdicts on these images and their copies are those of today's evidence; the number that changed.

    Every customer's verdicts; and those of the one customer on images that some of its instances are `linked` to now,
    which concerns nobody else.
    """
    if not image_ids and not linked:
        return 0
    images, shared = _with_relatives(image_ids, linked)
    by_name = {(row.cloud, row.native_id): row for row in images.values()}
    whose = {"images": list(images), "shared": list(shared), "customer": customer_id}
    stored = _stored(whose)
    changed: list[tuple[int, int, Evidence]] = []
    for customer, image, is_seen, tags in _pairs(whose):
        row = images[image] if is_seen else images[image]._replace(findings="")
        evidence = _evidence(row, by_name, frozenset(tags))
        known = stored.get((customer, image))
        if known is None or msgspec.json.decode(known, type=Evidence) != evidence:
            changed.append((customer, image, evidence))
    if changed:
        _await_counts({customer for customer, _, _ in changed})
        _store(changed)
        usage.mark_images(pairs=[(customer, image) for customer, image, _ in changed], as_of=as_of)
    return len(changed)


def _await_counts(customers: Collection[int]) -> None:
    """No usage of these customers is being counted with the old verdicts, nor will be until the transaction ends.

    Otherwise runs made meanwhile could be counted with the old verdict, after their days were looked up here.
    """
    fetch("SELECT id FROM cloudigrade_customer WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE", [list(customers)])


def _stored(whose: Mapping[str, Any]) -> dict[tuple[int, int], str]:
    """The evidence of the stored verdicts, by customer and image; locked, so that two recalculations take turns."""
    rows = fetch(
        "SELECT customer_id, image_id, evidence::text FROM cloudigrade_imageverdict WHERE image_id = ANY(%(images)s)"
        " AND (image_id = ANY(%(shared)s) OR customer_id = %(customer)s) ORDER BY customer_id, image_id FOR UPDATE",
        whose,
    )
    return {(customer, image): evidence for customer, image, evidence in rows}


def _pairs(whose: Mapping[str, Any]) -> list[tuple[int, int, bool, list[str]]]:
    """Who has instances of which image, whether what was found on it is theirs to know, and its tags.

    Whoever says to boot from an image may not see it: only a public one's findings are everybody's. Of the tags those
    count that this customer's newest word says are present.

    Read when the stored verdicts are locked, so that the tags that another recalculation has just seen are not missed.
    """
    rows = fetch(
        """
        WITH p AS (
            SELECT DISTINCT a.customer_id, i.image_id FROM cloudigrade_instance AS i
            JOIN cloudigrade_cloudaccount AS a ON a.id = i.account_id WHERE i.image_id = ANY(%(images)s)
             AND (i.image_id = ANY(%(shared)s) OR a.customer_id = %(customer)s)
        ), t AS (
            SELECT DISTINCT ON (customer_id, image_id, key) customer_id, image_id, key, is_present
            FROM cloudigrade_tagevent WHERE image_id = ANY(%(images)s)
            ORDER BY customer_id, image_id, key, occurred_at DESC, source_id COLLATE "C" DESC
        )
        SELECT p.customer_id, p.image_id, bool_or(m.is_public OR s.id IS NOT NULL),
               array_remove(array_agg(t.key), NULL)
        FROM p JOIN cloudigrade_image AS m ON m.id = p.image_id
        LEFT JOIN cloudigrade_sight AS s ON s.customer_id = p.customer_id AND s.image_id = p.image_id
        LEFT JOIN t ON t.customer_id = p.customer_id AND t.image_id = p.image_id AND t.is_present
        GROUP BY 1, 2 ORDER BY 1, 2
        """,
        whose,
    )
    return [(customer, image, is_seen, tags) for customer, image, is_seen, tags in rows]


def _with_relatives(image_ids: Collection[int], linked: Collection[int]) -> tuple[dict[int, _Row], set[int]]:
    """The images, all copies of them, and the ancestors of both; and which of them are of the first ones' copies."""
    rows = fetch(
        """
        WITH RECURSIVE copies AS (
            SELECT id, cloud, native_id, source_image, 0 AS depth, id = ANY(%(ids)s) AS is_shared
            FROM cloudigrade_image WHERE id = ANY(%(ids)s) OR id = ANY(%(linked)s)
            UNION
            SELECT i.id, i.cloud, i.native_id, i.source_image, c.depth + 1, c.is_shared FROM copies AS c
            JOIN cloudigrade_image AS i ON i.cloud = c.cloud AND i.source_image = c.native_id
            WHERE c.depth < %(depth)s AND c.native_id <> ''
        ), family AS (
            SELECT id, cloud, source_image, 0 AS depth FROM copies
            UNION
            SELECT i.id, i.cloud, i.source_image, f.depth + 1 FROM family AS f
            JOIN cloudigrade_image AS i ON i.cloud = f.cloud AND i.native_id = f.source_image
            WHERE f.depth < %(depth)s AND f.source_image <> ''
        )
        SELECT id IN (SELECT id FROM copies WHERE is_shared), id, cloud, native_id, owner, name, architecture, platform,
               billing_code, platform_details, product_codes::text, source_image, findings
        FROM cloudigrade_image WHERE id IN (SELECT id FROM family)
        """,
        {"ids": list(image_ids), "linked": list(linked), "depth": ANCESTORS},
    )
    return {row[1]: _Row(*row[1:]) for row in rows}, {row[1] for row in rows if row[0]}


def _evidence(row: _Row, by_name: Mapping[tuple[str, str], _Row], tags: frozenset[str]) -> Evidence:
    lineage: list[ImageFacts] = []
    seen, ancestor = {row.native_id}, by_name.get((row.cloud, row.source_image))
    while ancestor is not None and ancestor.native_id not in seen and len(lineage) < ANCESTORS:
        lineage.append(ancestor.facts())
        seen.add(ancestor.native_id)
        ancestor = by_name.get((ancestor.cloud, ancestor.source_image))
    # not by msgspec, which refuses lone surrogates
    findings = parse_findings(json.loads(row.findings)) if row.findings else None
    return Evidence(row.facts(), tuple(lineage), RHEL_TAG in tags, OPENSHIFT_TAG in tags, findings)


def _store(changed: Iterable[tuple[int, int, Evidence]]) -> None:
    rows = [_verdict_row(customer, image, evidence, judge(evidence)) for customer, image, evidence in changed]
    ImageVerdict.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["customer", "image"],
        update_fields=["evidence", *(field.name for field in dataclasses.fields(Verdict))],
    )


def _verdict_row(customer: int, image: int, evidence: Evidence, verdict: Verdict) -> ImageVerdict:
    plain: dict[str, Any] = msgspec.to_builtins(verdict)
    return ImageVerdict(customer_id=customer, image_id=image, evidence=msgspec.to_builtins(evidence), **plain)
