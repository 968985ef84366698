"""How far each feed of an account was read, and what is missing of it, as its customer is told."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from cloudigrade.services import completeness
from cloudigrade.services.completeness import KnownGap
from cloudigrade.services.staging import fetch


class Feed(NamedTuple):
    """One feed of an account and region."""

    feed: str
    region: str
    read_until: datetime | None
    """Time of the newest record read; of a sweep: when it looked."""
    complete_until: datetime | None
    """Until when nothing of it is missing, as signed digests prove; null for feeds that nothing proves."""
    problem: str


class Coverage(NamedTuple):
    """How complete an account is."""

    id: int
    cloud: str
    native_id: str
    complete_until: datetime | None
    feeds: Sequence[Feed]
    gaps: Sequence[KnownGap]
    """The first of them."""
    gap_count: int


def account_ids(*, customer_id: int, after: int | None, limit: int, only: Sequence[str] = ()) -> list[int]:
    """Ids of the customer's accounts, ascending, from the one after `after` on; of these native ids, or of all."""
    rows = fetch(
        "SELECT id FROM cloudigrade_cloudaccount WHERE customer_id = %s AND id > %s"
        " AND (%s = '{}'::text[] OR native_id = ANY(%s)) ORDER BY id LIMIT %s",
        [customer_id, after or 0, list(only), list(only), limit],
    )
    return [pk for (pk,) in rows]


def of_accounts(ids: Sequence[int], *, most_gaps: int) -> list[Coverage]:
    """How complete these accounts are, by id, with so many gaps of each at most; as many queries for any number."""
    names = fetch("SELECT id, cloud, native_id FROM cloudigrade_cloudaccount WHERE id = ANY(%s) ORDER BY id", [ids])
    complete = completeness.complete_until(ids)
    gaps, feeds = completeness.gaps(ids), _feeds(ids)
    return [
        Coverage(
            pk,
            cloud,
            native_id,
            complete.get(pk),
            [_bounded(feed, gaps[pk]) for feed in feeds.get(pk, ())],
            gaps[pk][:most_gaps],
            len(gaps[pk]),
        )
        for pk, cloud, native_id in names
    ]


def _feeds(ids: Sequence[int]) -> dict[int, list[Feed]]:
    found: dict[int, list[Feed]] = {}
    rows = fetch(
        "SELECT account_id, feed, region, newest_at, proven_until, problem FROM cloudigrade_feedposition"
        " WHERE account_id = ANY(%s) ORDER BY account_id, feed, region",
        [list(ids)],
    )
    for account, *fields in rows:
        found.setdefault(account, []).append(Feed(*fields))
    return found


def _bounded(feed: Feed, gaps: Sequence[KnownGap]) -> Feed:
    """The feed as complete until its first gap, and not until records that may still be on their way."""
    if feed.complete_until is None or feed.feed != completeness.LOGS:
        return feed._replace(complete_until=None)
    missing = [gap.starts_at for gap in gaps if gap.region == feed.region]
    proven = feed.complete_until - timedelta(seconds=completeness.GRACE)
    return feed._replace(complete_until=min([proven, *missing]))
