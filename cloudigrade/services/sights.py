"""Whose own accounts have been able to see an image: only they and nobody else know what was found on it.

Whoever writes a log file can claim an instance of any image, and would else learn what is on a stranger's disk.
"""

from collections.abc import Collection, Mapping
from typing import Final

from cloudigrade.clouds.protocol import Batch
from cloudigrade.services.staging import fetch

ASKED: Final = "sweep"
"""The feed of what a customer's own account was told by its cloud; files can be written by anybody."""


ADD: Final = (
    "INSERT INTO cloudigrade_sight (customer_id, image_id)"
    " SELECT %(customer)s, image_id FROM unnest(%(sighted)s::bigint[]) AS n(image_id) WHERE NOT EXISTS"
    "  (SELECT FROM cloudigrade_sight AS s WHERE s.customer_id = %(customer)s AND s.image_id = n.image_id)"
    " ORDER BY image_id ON CONFLICT DO NOTHING RETURNING image_id"
)
"""The customer sees these images; those that it did not before."""


def told(*, feed: str, batch: Batch, ids: Mapping[tuple[str, str], int]) -> list[int]:
    """The images that the customer sees by this batch: what its account described, or whose findings it brought."""
    described = {ids[item.region, item.image] for item in batch.described_images} if feed == ASKED else set()
    return sorted(described | {ids["", found.image] for found in batch.findings})


def add(*, customer_id: int, image_ids: Collection[int]) -> frozenset[int]:
    """The customer sees the images; those that it did not before."""
    if not image_ids:
        return frozenset()
    return frozenset(image for (image,) in fetch(ADD, {"customer": customer_id, "sighted": sorted(image_ids)}))
