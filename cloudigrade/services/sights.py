"""Whose own accounts have been able to see an image: only they and nobody else know what was found on it.

Whoever writes a log file can claim an instance of any image, and would else learn what is on a stranger's disk.
"""

from collections.abc import Collection, Mapping
from typing import Final

from cloudigrade.clouds.protocol import Batch
from cloudigrade.services.staging import fetch

ASKED: Final = "sweep"
"""The feed of what a customer's own account was told by its cloud; files can be written by anybody."""


def record(*, customer_id: int, feed: str, batch: Batch, ids: Mapping[tuple[str, str], int]) -> frozenset[int]:
    """The customer sees the images that its account described, or whose findings it brought; those that are news."""
    described = {ids[item.region, item.image] for item in batch.described_images} if feed == ASKED else set()
    return add(customer_id=customer_id, image_ids=described | {ids["", found.image] for found in batch.findings})


def add(*, customer_id: int, image_ids: Collection[int]) -> frozenset[int]:
    """The customer sees the images; those that it did not before."""
    if not image_ids:
        return frozenset()
    rows = fetch(
        "INSERT INTO cloudigrade_sight (customer_id, image_id)"
        " SELECT %s, image_id FROM unnest(%s::bigint[]) AS n(image_id)"
        " WHERE NOT EXISTS (SELECT FROM cloudigrade_sight AS s WHERE s.customer_id = %s AND s.image_id = n.image_id)"
        " ORDER BY image_id ON CONFLICT DO NOTHING RETURNING image_id",
        [customer_id, sorted(image_ids), customer_id],
    )
    return frozenset(image for (image,) in rows)
