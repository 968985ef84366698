"""Words for the platform, out of the store: claimed by lane, told in order, gone when they have been acknowledged.

A lane is claimed by the due time of its oldest row, which only moves on when words of the lane are gone; so one worker
at a time has a lane, and one that dies leaves it to be told again, from its first word on, after the lease.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby

from django.db import transaction

from cloudigrade.redhat.status import Word
from cloudigrade.services.staging import execute, fetch

LEASE = timedelta(minutes=2)
"""After which a lane that was claimed and not finished is due again; longer than a producer tries to tell it."""
LANES, WORDS = 200, 200
"""Claimed at once, and words of each lane told in one go."""
SHORTEST_PAUSE, LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=10)
"""Before a lane is tried again; each pause is twice as long as the one before."""

Lanes = Mapping[str, Sequence[Word]]


def is_due(*, now: datetime) -> bool:
    """Whether any lane is to be told."""
    return bool(fetch(f"SELECT 1 FROM ({_HEADS} LIMIT 1) AS h", [now]))  # noqa: S608 - a text of ours


# a later row says nothing about the lane: only its oldest one is claimed, or waits
_HEADS = (
    "SELECT o.id, o.lane FROM cloudigrade_outbox AS o WHERE o.due_at <= %s AND NOT EXISTS"
    " (SELECT 1 FROM cloudigrade_outbox AS p WHERE p.lane = o.lane AND p.id < o.id) ORDER BY o.id"
)


@transaction.atomic
def claim(*, now: datetime, lease: timedelta = LEASE, lanes: int = LANES, words: int = WORDS) -> Lanes:
    """The first words of lanes that were due, in order; nobody else tells these lanes until the lease ends."""
    rows = fetch(
        # materialized: a plan that runs the inner select again for each row would take more than the limit
        f"WITH heads AS MATERIALIZED ({_HEADS} LIMIT %s FOR UPDATE OF o SKIP LOCKED),"  # noqa: S608 - a text of ours
        " c AS (UPDATE cloudigrade_outbox AS o SET due_at = %s FROM heads AS h WHERE o.id = h.id RETURNING o.lane)"
        " SELECT w.lane, w.id, w.org_id, w.account_number, w.application_id, w.status, w.error FROM c CROSS JOIN"
        " LATERAL (SELECT * FROM cloudigrade_outbox AS o WHERE o.lane = c.lane ORDER BY o.id LIMIT %s) AS w"
        " ORDER BY w.lane, w.id",
        [now, lanes, now + lease, words],
    )
    return {lane: [Word(*row[1:]) for row in of_lane] for lane, of_lane in groupby(rows, key=lambda row: row[0])}


@transaction.atomic
def finish(*, claimed: Lanes, told: Collection[int], now: datetime, until: datetime) -> int:
    """What was told is gone, and the rest is due again after a pause; the number of words that wait.

    `until` is the end of the lease: a lane whose lease has gone to another worker is left to that one.
    """
    execute(
        "DELETE FROM cloudigrade_outbox WHERE id IN"
        " (SELECT id FROM cloudigrade_outbox WHERE id = ANY(%s) ORDER BY id FOR UPDATE)",
        [sorted(told)],
    )
    left = [word for words in claimed.values() for word in words if word.id not in told]
    # a lane that came some way is tried again at once, as its next word is due already
    stuck = [words[0].id for words in claimed.values() if words and words[0].id not in told]
    execute(
        "UPDATE cloudigrade_outbox SET attempts = attempts + 1,"
        " due_at = %s + least(%s * power(2, least(attempts, 20)), %s)"
        " WHERE id IN (SELECT id FROM cloudigrade_outbox WHERE id = ANY(%s) AND due_at = %s ORDER BY id FOR UPDATE)",
        [now, SHORTEST_PAUSE, LONGEST_PAUSE, stuck, until],
    )
    return len(left)
