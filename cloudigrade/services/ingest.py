"""What feeds deliver into the store: one transaction for all of it, tried again where others were in the way.

What cannot be stored costs the customer whose it is, and nobody else.
"""

import logging
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final, TypeVar

import msgspec
from django.db import DatabaseError, DataError, IntegrityError, OperationalError, transaction

from cloudigrade.clouds.cloud import Cloud, Delivery
from cloudigrade.clouds.protocol import Batch, FileRead, Rejected, Unavailable
from cloudigrade.domain import days
from cloudigrade.domain.events import Feed
from cloudigrade.services import activity, completeness, feeds
from cloudigrade.services.activity import Recorded
from cloudigrade.services.completeness import LOGS
from cloudigrade.services.staging import execute, fetch

NOTICES: Final = "eventbridge"
MESSAGES: Final = "message"
LOST: Final = "lost"
"""Feeds by what they bring beside log files: notices, messages that nobody can read, and what cannot be stored."""

TRIES: Final = 5
_IN_THE_WAY: Final = frozenset({"40001", "40P01", "23503"})
"""SQLSTATE of a failed serialization, of a deadlock, and of a row whose account was deleted meanwhile."""
_TOO_LARGE: Final = "54"
"""SQLSTATE class of what exceeds a limit of the database."""
_OF_ONE: Final = (DatabaseError, ArithmeticError, LookupError, TypeError, ValueError)
"""What may be wrong with one delivery; whatever else is raised ends the work."""
_NOTICE_FEEDS: Final = frozenset({Feed.TRANSITION_NOTICE, Feed.STATE_NOTICE})

_log = logging.getLogger(__name__)
T = TypeVar("T")


class LostPart(msgspec.Struct, frozen=True):
    """What the quarantine keeps of a customer's part of a delivery that could not be stored."""

    customer: int
    sources: list[str]
    """Log files that it was of; none where it was of notices alone."""


def drained(*, cloud: Cloud, clock: Callable[[], datetime], most: int | None = None) -> Iterator[Delivery]:
    """Each delivery of the cloud's queues once it is recorded, so many at most; its messages are gone by the next.

    Raises at the end what failed first, Unavailable where a queue cannot be read: the other queues have had their
    turn by then. Nothing is taken from any while the database does not answer.
    """
    fetch("SELECT 1")
    failed: Exception | None = None
    for waiting in cloud.deliveries(feeds.router(cloud), most=most):
        try:
            with waiting as delivery:
                record(cloud=cloud.name, delivery=delivery, now=clock())
            record_lag(delivery=delivery, now=clock())
        except _OF_ONE as error:
            _log.exception("a delivery cannot be recorded, and comes again")
            fetch("SELECT 1")
            failed = failed or error
            continue
        yield delivery
    if failed:
        raise failed


def record(*, cloud: str, delivery: Delivery, now: datetime) -> Recorded:
    """Everything delivered is stored, in one transaction; the number of each kind.

    If that is impossible for what is in it, then in one for each customer; what still cannot be stored is named in
    nobody's quarantine, and its log files are gaps of their accounts. What came from no queue is raised instead: it can
    be read again.
    """
    try:
        return persistently(lambda: _store(cloud, delivery, now))
    except (DatabaseError, UnicodeEncodeError) as error:
        reason = refusal(error)
        if not delivery.queue or not reason:
            raise
        _log.warning("messages of %s cannot be stored together: %s", delivery.queue, reason)
    return _apart(cloud, delivery, now)


def record_batch(
    *, customer_id: int, cloud: str, feed: str, batch: Batch, speaks_for: Collection[str] | None, now: datetime
) -> Recorded:
    """What was read of a customer's feed is stored, in one transaction, and gaps that it fills are healed."""
    return persistently(lambda: _record(customer_id, cloud, feed, batch, speaks_for, now))


def record_lag(*, delivery: Delivery, now: datetime) -> None:
    """It is known how old the oldest of the messages was that were read last."""
    execute(
        "INSERT INTO cloudigrade_queuestate AS q (name, waiting, dead, oldest_at, seen_at)"
        " VALUES (%s, %s, 0, to_timestamp(%s), %s) ON CONFLICT (name)"
        " DO UPDATE SET oldest_at = excluded.oldest_at, seen_at = greatest(q.seen_at, excluded.seen_at)",
        [delivery.queue, delivery.left, delivery.oldest_at, now],
    )


def record_queues(*, cloud: Cloud, now: datetime) -> None:
    """It is known how much waits in the cloud's queues; those that cannot be asked keep what was known."""
    try:
        for length in cloud.queues():
            execute(
                "INSERT INTO cloudigrade_queuestate AS q (name, waiting, dead, oldest_at, seen_at)"
                " VALUES (%s, %s, %s, NULL, %s) ON CONFLICT (name) DO UPDATE SET waiting = excluded.waiting,"
                "  dead = excluded.dead, seen_at = greatest(q.seen_at, excluded.seen_at),"
                "  oldest_at = CASE WHEN excluded.waiting > 0 THEN q.oldest_at END",
                [length.name, length.waiting, length.dead, now],
            )
    except Unavailable as problem:
        _log.warning("a queue cannot be asked how much waits in it: %s", problem)


def _record(
    customer_id: int, cloud: str, feed: str, batch: Batch, speaks_for: Collection[str] | None, now: datetime
) -> Recorded:
    recorded = activity.record(
        customer_id=customer_id, cloud=cloud, feed=feed, batch=batch, as_of=now, speaks_for=speaks_for
    )
    files = [file for file in batch.files if speaks_for is None or file.account in speaks_for]
    if files:
        _record_files(customer_id, cloud, files, now)
    return recorded


_FILES: Final = (
    "WITH read AS (SELECT a.id, f.region, f.source, f.sha256"
    " FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[]) AS f(account, region, source, sha256)"
    " JOIN cloudigrade_cloudaccount AS a ON a.native_id = f.account"
    "  AND a.customer_id = %s AND a.cloud = %s AND a.is_verified)"
)


def _record_files(customer_id: int, cloud: str, files: Collection[FileRead], now: datetime) -> None:
    """It is known that the files were read, and what digests said to be missing is not if it is among them."""
    last = {(file.account, file.source): file for file in files}
    rows = [last[key] for key in sorted(last)]
    given = [*(list(column) for column in zip(*((f.account, f.region, f.source, f.sha256) for f in rows), strict=True))]
    execute(
        f"{_FILES} INSERT INTO cloudigrade_logfile AS l (account_id, region, source, sha256, read_at)"  # noqa: S608 - our own literal
        " SELECT id, region, source, sha256, %s FROM read ORDER BY id, source ON CONFLICT (account_id, source)"
        " DO UPDATE SET sha256 = excluded.sha256, read_at = excluded.read_at WHERE l.sha256 <> excluded.sha256",
        [*given, customer_id, cloud, now],
    )
    execute(
        f"{_FILES} DELETE FROM cloudigrade_gap AS g USING read AS r WHERE g.account_id = r.id AND g.feed = %s"  # noqa: S608 - our own literal
        " AND g.source = r.source AND g.sha256 IN ('', r.sha256)",
        [*given, customer_id, cloud, LOGS],
    )


def _store(cloud: str, delivery: Delivery, now: datetime) -> Recorded:
    recorded = [
        _record(customer_id, cloud, feed, batch, None, now)
        for customer_id, whole in sorted(delivery.batches.items())
        for feed, batch in _by_feed(whole)
    ]
    activity.quarantine(customer_id=None, feed=MESSAGES, rejected=delivery.rejected, as_of=now)
    return _added(recorded)


def _apart(cloud: str, delivery: Delivery, now: datetime) -> Recorded:
    """Everything delivered is stored that can be, each customer's part in a transaction of its own."""
    recorded = []
    for customer_id, batch in sorted(delivery.batches.items()):
        part = replace(delivery, batches={customer_id: batch}, rejected=[])
        try:
            recorded.append(persistently(partial(_store, cloud, part, now)))
        except (DatabaseError, UnicodeEncodeError) as error:
            reason = refusal(error)
            if not reason:
                raise
            _log.exception("what %s delivered of customer %d is lost", delivery.queue, customer_id)
            record_lost(customer_id=customer_id, cloud=cloud, batch=batch, reason=reason, now=now)
            _name_lost(f"{delivery.queue}/customer {customer_id}", customer_id, batch, reason, now)
    persistently(partial(_store, cloud, replace(delivery, batches={}), now))
    return _added(recorded)


def _name_lost(source: str, customer_id: int, batch: Batch, reason: str, now: datetime) -> None:
    """What is lost stands in nobody's quarantine, for it is in gaps already; a replay reads its log files."""
    sources = [*batch.read_sources, *(item.source for item in batch.rejected)]
    named = LostPart(customer_id, [activity.storable_source(each) for each in sources])
    item = Rejected(source, reason, content=msgspec.json.encode(named))
    persistently(partial(activity.quarantine, customer_id=None, feed=LOST, rejected=[item], as_of=now))


def record_lost(*, customer_id: int, cloud: str, batch: Batch, reason: str, now: datetime) -> None:
    """No account is complete past a log file that could not be stored, nor with one that could not be read."""
    persistently(partial(_record_lost, customer_id, cloud, batch, reason, now))


def _record_lost(customer_id: int, cloud: str, batch: Batch, reason: str, now: datetime) -> None:
    lost = {}
    for account in {file.account for file in batch.files} | {item.account for item in batch.rejected}:
        times = [min(max(at, 0), days.second_of(now)) for at in _times(batch, account)] or [days.second_of(now)]
        files = [file for file in batch.files if file.account == account]
        lost[account] = completeness.Lost(files, min(times), max(times))
    owned = completeness.record_lost(customer_id=customer_id, cloud=cloud, lost=lost, reason=reason, now=now)
    # records that could not be read are in files that can be read again, as these cannot
    unread = [item for item in batch.rejected if item.is_file and item.account in owned]
    activity.quarantine(customer_id=customer_id, feed=LOGS, rejected=unread, as_of=now)


def _times(batch: Batch, account: str) -> Iterator[int]:
    """When what the batch tells of the account happened: nothing that matters was earlier than the first of them."""
    yield from (item.event.occurred_at for item in batch.instances if item.account == account)
    yield from (tag.occurred_at for tag in batch.tags if tag.account == account)
    yield from (at for (native_id, _), at in batch.newest.items() if native_id == account)


def _added(recorded: Collection[Recorded]) -> Recorded:
    return Recorded(*(sum(each[place] for each in recorded) for place in range(len(Recorded._fields))))


def refusal(error: Exception) -> str:
    """Why the database refuses what was to be stored, and always will; empty where the fault is not in that."""
    is_of_data = isinstance(error, DataError | IntegrityError | UnicodeEncodeError)
    if not (is_of_data or _state(error).startswith(_TOO_LARGE)):
        return ""
    return f"cannot be stored: {' '.join(str(error).split())}"


def _state(error: Exception) -> str:
    return getattr(error.__cause__, "sqlstate", None) or ""


def _by_feed(batch: Batch) -> Iterator[tuple[str, Batch]]:
    """The batch by the feeds that its parts are of."""
    notices = [item for item in batch.instances if item.event.feed in _NOTICE_FEEDS]
    if not notices:
        yield LOGS, batch
        return
    newest: dict[tuple[str, str], int] = {}
    for item in notices:
        place = (item.account, item.region)
        newest[place] = max(item.event.occurred_at, newest.get(place, 0))
    yield NOTICES, Batch(instances=notices, newest=newest, records_relevant=len(notices))
    logs = [item for item in batch.instances if item.event.feed not in _NOTICE_FEEDS]
    rest = replace(batch, instances=logs, records_relevant=max(batch.records_relevant - len(notices), 0))
    if rest != Batch(accounts=batch.accounts):
        yield LOGS, rest


def persistently(store: Callable[[], T]) -> T:
    """What it returns once it is committed; undone by what others did at the same time, it is tried again."""
    for left in reversed(range(TRIES)):
        try:
            with transaction.atomic():
                return store()
        except (OperationalError, IntegrityError) as error:
            if not left or _state(error) not in _IN_THE_WAY:
                raise
            _log.info("recording is tried again: %s", _state(error))
    raise AssertionError("unreachable")
