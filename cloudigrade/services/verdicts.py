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


@transaction.atomic
def recalculate(*, image_ids: Collection[int], as_of: datetime, customer_id: int | None = None) -> int:
    """The verdicts on these images and their copies are those of today's evidence; the number that changed.

    Every customer's verdicts, unless one is given: an image that only gains an instance concerns nobody else.
    """
    if not image_ids:
        return 0
    images = _with_relatives(image_ids)
    by_name = {(row.cloud, row.native_id): row for row in images.values()}
    pairs = fetch(
        "SELECT DISTINCT a.customer_id, i.image_id FROM cloudigrade_instance AS i"
        " JOIN cloudigrade_cloudaccount AS a ON a.id = i.account_id"
        " WHERE i.image_id = ANY(%s) AND (%s::bigint IS NULL OR a.customer_id = %s) ORDER BY 1, 2",
        [list(images), customer_id, customer_id],
    )
    stored = _stored(images, customer_id)
    tags = _tags(images)
    changed: list[tuple[int, int, Evidence]] = []
    for customer, image in pairs:
        evidence = _evidence(images[image], by_name, tags.get((customer, image), frozenset()))
        known = stored.get((customer, image))
        if known is None or msgspec.json.decode(known, type=Evidence) != evidence:
            changed.append((customer, image, evidence))
    _await_counts({customer for customer, _, _ in changed})
    _store(changed)
    _mark(changed, as_of)
    return len(changed)


def _await_counts(customers: Collection[int]) -> None:
    """No usage of these customers is being counted with the old verdicts, nor will be until the transaction ends.

    Otherwise runs made meanwhile could be counted with the old verdict, after their days were looked up here.
    """
    if customers:
        fetch("SELECT id FROM cloudigrade_customer WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE", [list(customers)])


def _stored(image_ids: Iterable[int], customer_id: int | None) -> dict[tuple[int, int], str]:
    """The evidence of the stored verdicts, by customer and image; locked, so that two recalculations take turns."""
    rows = fetch(
        "SELECT customer_id, image_id, evidence::text FROM cloudigrade_imageverdict"
        " WHERE image_id = ANY(%s) AND (%s::bigint IS NULL OR customer_id = %s)"
        " ORDER BY customer_id, image_id FOR UPDATE",
        [list(image_ids), customer_id, customer_id],
    )
    return {(customer, image): evidence for customer, image, evidence in rows}


def _with_relatives(image_ids: Collection[int]) -> dict[int, _Row]:
    """The images, all copies of them, and the ancestors of both."""
    rows = fetch(
        """
        WITH RECURSIVE copies AS (
            SELECT id, cloud, native_id, source_image, 0 AS depth FROM cloudigrade_image WHERE id = ANY(%(ids)s)
            UNION
            SELECT i.id, i.cloud, i.native_id, i.source_image, c.depth + 1 FROM copies AS c
            JOIN cloudigrade_image AS i ON i.cloud = c.cloud AND i.source_image = c.native_id
            WHERE c.depth < %(depth)s AND c.native_id <> ''
        ), family AS (
            SELECT id, cloud, source_image, 0 AS depth FROM copies
            UNION
            SELECT i.id, i.cloud, i.source_image, f.depth + 1 FROM family AS f
            JOIN cloudigrade_image AS i ON i.cloud = f.cloud AND i.native_id = f.source_image
            WHERE f.depth < %(depth)s AND f.source_image <> ''
        )
        SELECT id, cloud, native_id, owner, name, architecture, platform, billing_code, platform_details,
               product_codes::text, source_image, findings
        FROM cloudigrade_image WHERE id IN (SELECT id FROM family)
        """,
        {"ids": list(image_ids), "depth": ANCESTORS},
    )
    return {row[0]: _Row(*row) for row in rows}


def _tags(image_ids: Iterable[int]) -> dict[tuple[int, int], frozenset[str]]:
    """The tags that each customer's newest word says are present, by customer and image."""
    found: dict[tuple[int, int], set[str]] = {}
    newest = fetch(
        "SELECT DISTINCT ON (customer_id, image_id, key) customer_id, image_id, key, is_present"
        " FROM cloudigrade_tagevent WHERE image_id = ANY(%s)"
        ' ORDER BY customer_id, image_id, key, occurred_at DESC, source_id COLLATE "C" DESC',
        [list(image_ids)],
    )
    for customer, image, key, is_present in newest:
        if is_present:
            found.setdefault((customer, image), set()).add(key)
    return {pair: frozenset(keys) for pair, keys in found.items()}


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


def _mark(changed: Iterable[tuple[int, int, Evidence]], as_of: datetime) -> None:
    """The days of every run that booted from one of these images may have another answer."""
    images: dict[int, list[int]] = {}
    for customer, image, _ in changed:
        images.setdefault(customer, []).append(image)
    for customer in sorted(images):
        spans = fetch(
            "SELECT date_part('epoch', lower(r.period))::bigint, date_part('epoch', upper(r.period))::bigint"
            " FROM cloudigrade_cloudaccount AS a JOIN cloudigrade_instance AS i ON i.account_id = a.id"
            " JOIN cloudigrade_run AS r ON r.instance_id = i.id WHERE a.customer_id = %s AND i.image_id = ANY(%s)",
            [customer, images[customer]],
        )
        if spans:
            usage.mark(customer_id=customer, spans=spans, as_of=as_of)
