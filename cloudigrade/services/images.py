"""What a batch says of images into the store: names, descriptions, tags and findings."""

import json
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from typing import NamedTuple

import msgspec
from django.db import IntegrityError, transaction

from cloudigrade.clouds.protocol import Batch, ImageDescription, InstanceActivity, InstanceDescription, TagChange
from cloudigrade.services import sights
from cloudigrade.services.staging import execute, fetch, stage, transposed

ANCESTORS = 8
"""Copies of copies that are followed back; longer chains end there."""


class Touched(NamedTuple):
    """What recording did to images."""

    ids: Mapping[tuple[str, str], int]
    """Image id by region and native id, for every pair that the batch names."""
    changed: frozenset[int]
    """Images whose evidence may say something else now."""
    told: frozenset[str]
    """source_id of each tag event that was news."""
    sighted: frozenset[int]
    """Images that the customer sees now, and did not before."""


def record(*, customer_id: int, cloud: str, batch: Batch) -> Touched:
    """Every image that the batch names exists; what it says of them is stored. It holds what is the customer's only."""
    linked: list[InstanceActivity | InstanceDescription] = [*batch.instances, *batch.described_instances]
    named = {(item.region, item.image) for item in (*linked, *batch.tags) if item.image}
    named |= {(item.region, item.image) for item in batch.described_images}
    named |= {("", findings.image) for findings in batch.findings}
    if not named:
        return Touched({}, frozenset(), frozenset(), frozenset())
    ids = _ensure(cloud, named)
    changed = _describe(cloud, batch.described_images) | _store_findings(cloud, batch)
    listed = [
        TagChange("", item.region, item.image, key, is_present=True, occurred_at=0, source_id=f"describe:{item.image}")
        for item in batch.described_images
        for key in item.tags
    ]
    told, tagged = _record_tags(customer_id, ids, [*batch.tags, *listed])
    sighted = _hold(
        {ids[item.region, item.image] for item in linked if item.image},
        customer_id=customer_id,
        sighted=sights.told(batch=batch, ids=ids),
    )
    return Touched(ids, frozenset(changed | tagged), told, sighted)


def _hold(image_ids: Collection[int], *, customer_id: int, sighted: Collection[int]) -> frozenset[int]:
    """What is stored of these images and of those they were copied from stays as it is until the transaction ends.

    An instance that is about to be linked to an image is not yet seen by another customer's batch that changes the
    image; so that batch waits, and then sees it. In the same statement, the customer sees the `sighted` ones; which of
    them it did not before.
    """
    if not image_ids and not sighted:
        return frozenset()
    rows = fetch(
        "WITH RECURSIVE family AS ("  # noqa: S608 - our own literals
        "  SELECT id, cloud, source_image, 0 AS depth FROM cloudigrade_image WHERE id = ANY(%(images)s::bigint[])"
        "  UNION SELECT i.id, i.cloud, i.source_image, f.depth + 1 FROM family AS f"
        "  JOIN cloudigrade_image AS i ON i.cloud = f.cloud AND i.native_id = f.source_image"
        "  WHERE f.depth < %(depth)s AND f.source_image <> ''),"
        " held AS (SELECT id FROM cloudigrade_image WHERE id IN (SELECT id FROM family) ORDER BY id FOR SHARE),"
        f" sighted AS ({sights.ADD})"
        # the other half is always empty, and yet makes it hold them
        " SELECT image_id FROM sighted UNION ALL SELECT id FROM held WHERE id < 0",
        {"images": list(image_ids), "depth": ANCESTORS, "customer": customer_id, "sighted": sighted},
    )
    return frozenset(image for (image,) in rows)


_Ids = dict[tuple[str, str], int]
"""Image id by region and native id."""


def _ensure(cloud: str, named: Collection[tuple[str, str]]) -> _Ids:
    """The id of each named image; an image first named without its region gets the region that is told later."""
    if all(region for region, _ in named):
        found = _ensure_with_regions(cloud, named)
        if len(found) == len(named):
            return found
    return _ensure_any(cloud, named)


def _ensure_with_regions(cloud: str, named: Iterable[tuple[str, str]]) -> _Ids:
    """The same in one statement, but for images that are known without a region or that another batch just makes."""
    rows = fetch(
        "WITH named AS (SELECT * FROM unnest(%s::text[], %s::text[]) AS n(region, native_id)), made AS ("
        "  INSERT INTO cloudigrade_image (cloud, region, native_id, owner, name, architecture, platform, billing_code,"
        "   platform_details, product_codes, source_image, is_described, findings)"
        "  SELECT %s, n.region, n.native_id, '', '', '', '', '', '', '[]', '', false, '' FROM named AS n"
        "  WHERE NOT EXISTS (SELECT FROM cloudigrade_image AS i"
        "   WHERE i.cloud = %s AND i.native_id = n.native_id AND i.region IN (n.region, ''))"
        "  ORDER BY n.native_id, n.region ON CONFLICT DO NOTHING RETURNING region, native_id, id)"
        " SELECT region, native_id, id FROM made UNION ALL SELECT n.region, n.native_id, i.id FROM named AS n"
        " JOIN cloudigrade_image AS i ON i.cloud = %s AND i.native_id = n.native_id AND i.region = n.region",
        [*transposed(named, 2), cloud, cloud, cloud],
    )
    return {(region, native_id): image for region, native_id, image in rows}


def _ensure_any(cloud: str, named: Iterable[tuple[str, str]]) -> _Ids:
    stage("named_image", "region text, native_id text", sorted(named))
    _tell_regions(cloud)
    execute(
        "INSERT INTO cloudigrade_image (cloud, region, native_id, owner, name, architecture, platform, billing_code,"
        "  platform_details, product_codes, source_image, is_described, findings)"
        " SELECT %s, n.region, n.native_id, '', '', '', '', '', '', '[]', '', false, '' FROM named_image AS n"
        " WHERE n.region <> '' OR NOT EXISTS (SELECT FROM named_image AS o"
        "   WHERE o.native_id = n.native_id AND o.region <> '') AND NOT EXISTS (SELECT FROM cloudigrade_image AS i"
        "   WHERE i.cloud = %s AND i.native_id = n.native_id)"
        " ORDER BY n.native_id, n.region ON CONFLICT DO NOTHING",
        [cloud, cloud],
    )
    rows = fetch(
        "SELECT DISTINCT ON (n.region, n.native_id) n.region, n.native_id, i.id FROM named_image AS n"
        " JOIN cloudigrade_image AS i ON i.cloud = %s AND i.native_id = n.native_id"
        " ORDER BY n.region, n.native_id, i.region = n.region DESC, i.region",
        [cloud],
    )
    return {(region, native_id): image for region, native_id, image in rows}


def _tell_regions(cloud: str) -> None:
    """An image known without its region has the one that it is named with, unless there is such an image already."""
    while True:
        # another batch may be making that image just now; then this one fails once that is there, and sees it next time
        with suppress(IntegrityError), transaction.atomic():
            execute(
                "UPDATE cloudigrade_image AS i SET region = n.region, updated_at = statement_timestamp()"
                " FROM (SELECT native_id, min(region) AS region FROM named_image"
                "  WHERE region <> '' GROUP BY native_id) AS n"
                " WHERE i.cloud = %s AND i.native_id = n.native_id AND i.region = '' AND NOT EXISTS"
                "  (SELECT FROM cloudigrade_image AS o"
                "   WHERE o.cloud = i.cloud AND o.native_id = i.native_id AND o.region = n.region)",
                [cloud],
            )
            return


_FACTS = "owner, name, architecture, platform, billing_code, platform_details, product_codes, source_image"
_DESCRIBED = "%s::text[], " * 7 + "%s::jsonb[], %s::text[]"
"""The columns of a description: its native id, and the facts in their order."""


def _describe(cloud: str, described: Iterable[ImageDescription]) -> set[int]:
    """The newest description of each image is what is stored; the ids of those that it changed."""
    rows = {
        item.image: (
            item.image,
            *(_clean(text) for text in item[2:8]),
            msgspec.json.encode([[_clean(text) for text in pair] for pair in item.product_codes]).decode(),
            item.source_image,
        )
        for item in described
    }
    if not rows:
        return set()
    given = ", ".join(f"d.{column.strip()}" for column in _FACTS.split(","))
    stored = ", ".join(f"i.{column.strip()}" for column in _FACTS.split(","))
    differing = f"i.native_id = d.native_id AND (({stored}) IS DISTINCT FROM ({given}) OR NOT i.is_described)"
    # locked in one order, and only what changes: a popular image must not make customers wait for each other (P7)
    changed = fetch(
        f"WITH d AS (SELECT * FROM unnest({_DESCRIBED}) AS d(native_id, {_FACTS})),"  # noqa: S608 - our own literals
        f" held AS (SELECT i.id FROM cloudigrade_image AS i JOIN d ON {differing} WHERE i.cloud = %s"
        "  ORDER BY i.id FOR NO KEY UPDATE OF i)"
        f" UPDATE cloudigrade_image AS i SET ({_FACTS}, is_described, updated_at) ="
        f" ({given}, true, statement_timestamp()) FROM d, held"
        f" WHERE i.id = held.id AND {differing} RETURNING i.id",
        [*transposed(rows.values(), 9), cloud],
    )
    return {image for (image,) in changed}


def _lock(of_images: str, cloud: str) -> None:
    fetch(f"SELECT i.id {of_images} ORDER BY i.id FOR NO KEY UPDATE OF i", [cloud])


def _store_findings(cloud: str, batch: Batch) -> set[int]:
    """The newest findings on each image are what is stored; the ids of those that they changed."""
    if not batch.findings:
        return set()
    rows = {found.image: (found.image, ascii_json(found.content)) for found in batch.findings}
    stage("found", "native_id text, findings text", rows.values())
    _lock(
        "FROM cloudigrade_image AS i, found AS f"
        " WHERE i.cloud = %s AND i.native_id = f.native_id AND i.findings <> f.findings",
        cloud,
    )
    changed = fetch(
        "UPDATE cloudigrade_image AS i SET findings = f.findings, updated_at = statement_timestamp() FROM found AS f"
        " WHERE i.cloud = %s AND i.native_id = f.native_id AND i.findings <> f.findings RETURNING i.id",
        [cloud],
    )
    return {image for (image,) in changed}


def _record_tags(
    customer_id: int, ids: Mapping[tuple[str, str], int], tags: Iterable[TagChange]
) -> tuple[frozenset[str], set[int]]:
    """Each tag event is stored once, in its highest revision; which were news, and of which images."""
    newest: dict[tuple[int, str, str], TagChange] = {}
    for tag in tags:
        identity = (ids[tag.region, tag.image], tag.key, tag.source_id)
        if identity not in newest or _version(tag) > _version(newest[identity]):
            newest[identity] = tag
    if not newest:
        return frozenset(), set()
    rows = ((*identity, tag.is_present, tag.occurred_at, tag.revision) for identity, tag in newest.items())
    told = fetch(
        "INSERT INTO cloudigrade_tagevent AS t"
        " (customer_id, image_id, key, source_id, is_present, occurred_at, revision)"
        " SELECT %s, image_id, key, source_id, is_present, to_timestamp(occurred_at), revision"
        " FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::boolean[], %s::bigint[], %s::text[])"
        "  AS t(image_id, key, source_id, is_present, occurred_at, revision)"
        " ORDER BY image_id, key, source_id"
        " ON CONFLICT (image_id, customer_id, key, source_id) DO UPDATE SET is_present = excluded.is_present,"
        "  occurred_at = excluded.occurred_at, revision = excluded.revision"
        "  WHERE (excluded.revision, excluded.occurred_at, excluded.is_present)"
        "   > (t.revision, t.occurred_at, t.is_present)"
        " RETURNING source_id, image_id",
        [customer_id, *transposed(rows, 6)],
    )
    return frozenset(source for source, _ in told), {image for _, image in told}


def _version(tag: TagChange) -> tuple[str, int, bool]:
    """What orders the tellings of one tag event."""
    return tag.revision, tag.occurred_at, tag.is_present


def _clean(text: str) -> str:
    """The text without what PostgreSQL's text and jsonb refuse."""
    return text.replace("\x00", "").encode("utf-8", "ignore").decode()


def ascii_json(content: Mapping[str, object]) -> str:
    """The findings as they were written, every character outside ASCII escaped."""
    return json.dumps(content, separators=(",", ":"), default=str)
