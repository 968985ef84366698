"""How far looking into images is, for operators."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final, NamedTuple

from cloudigrade.services import reinspection
from cloudigrade.services.staging import fetch

MOST: Final = 10_000
"""Inspections that are listed or tried again at a time."""


class Filter(NamedTuple):
    """Which inspections are meant; empty: whichever."""

    images: Collection[str] = ()
    """Native ids."""
    states: Collection[str] = ()
    customer: str = ""
    """Organisation id of somebody who boots from the image."""


class Entry(NamedTuple):
    """Looking into one image."""

    image: str
    region: str
    cloud: str
    state: str
    path: str
    basis: str
    reason: str
    attempts: int
    due_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    requests: int
    bytes_read: int
    has_leftovers: bool
    image_id: int


_ENTRIES: Final = """
    SELECT m.native_id, m.region, m.cloud, n.state, n.path, n.basis, n.reason, n.attempts, n.due_at, n.started_at,
           n.finished_at, n.requests, n.bytes_read, n.has_leftovers, m.id
    FROM cloudigrade_inspection AS n JOIN cloudigrade_image AS m ON m.id = n.image_id
    WHERE (cardinality(%(images)s::text[]) = 0 OR m.native_id = ANY(%(images)s))
     AND (cardinality(%(states)s::text[]) = 0 OR n.state = ANY(%(states)s))
     AND (%(customer)s = '' OR EXISTS (SELECT FROM cloudigrade_instance AS i
          JOIN cloudigrade_cloudaccount AS a ON a.id = i.account_id
          JOIN cloudigrade_customer AS c ON c.id = a.customer_id
          WHERE i.image_id = m.id AND c.org_id = %(customer)s))
    ORDER BY n.updated_at DESC, m.id LIMIT %(limit)s
"""


def entries(wanted: Filter, *, limit: int = MOST) -> list[Entry]:
    """Those that are meant, the one that changed last first."""
    given: dict[str, Any] = {
        "images": list(wanted.images),
        "states": list(wanted.states),
        "customer": wanted.customer,
        "limit": min(limit, MOST),
    }
    return [Entry(*row) for row in fetch(_ENTRIES, given)]


def findings(*, image_id: int) -> str:
    """What was found on the image, as JSON; empty where nothing was."""
    rows = fetch("SELECT findings FROM cloudigrade_image WHERE id = %s", [image_id])
    return str(rows[0][0]) if rows else ""


def retry(*, image_ids: Collection[int], now: datetime) -> int:
    """The images are looked into once more, with all attempts before them; the number of those that are there."""
    return sum(reinspection.ask_again(image_id=image_id, now=now) for image_id in sorted(image_ids))
