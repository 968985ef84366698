"""Who has been told of an image: only they and nobody else know what it is and what was found on it.

Whoever writes a log file can claim an instance of any image, and would else learn what a stranger calls it, whose it
is, and what is on its disk.
"""

from collections.abc import Collection, Mapping
from typing import Final

from cloudigrade.clouds.protocol import Batch
from cloudigrade.services.staging import fetch

ADD: Final = (
    "INSERT INTO cloudigrade_sight (customer_id, image_id)"
    " SELECT %(customer)s, image_id FROM unnest(%(sighted)s::bigint[]) AS n(image_id) WHERE NOT EXISTS"
    "  (SELECT FROM cloudigrade_sight AS s WHERE s.customer_id = %(customer)s AND s.image_id = n.image_id)"
    " ORDER BY image_id ON CONFLICT DO NOTHING RETURNING image_id"
)
"""The customer sees these images; those that it did not before."""


def told(*, batch: Batch, ids: Mapping[tuple[str, str], int]) -> list[int]:
    """The images that the customer sees by this batch: those that it describes, or brings findings of.

    A description was told to the customer's account by its cloud, or an operator brought it in a file: what lies in
    customers' buckets is read as log files, and those never describe anything.
    """
    described = {ids[item.region, item.image] for item in batch.described_images}
    return sorted(described | {ids["", found.image] for found in batch.findings})


def add(*, customer_id: int, image_ids: Collection[int]) -> frozenset[int]:
    """The customer sees the images; those that it did not before."""
    if not image_ids:
        return frozenset()
    return frozenset(image for (image,) in fetch(ADD, {"customer": customer_id, "sighted": sorted(image_ids)}))
