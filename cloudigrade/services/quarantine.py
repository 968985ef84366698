"""What could not be read: listed, looked at, read again once it can be, or given up."""

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec
from django.db.models import QuerySet
from django.db.models.functions import Length

from cloudigrade.clouds import registry
from cloudigrade.clouds.cloud import Route
from cloudigrade.clouds.protocol import CustomerProblem, Rejected, Unavailable, Unreadable
from cloudigrade.models import CloudAccount, Gap, Quarantine
from cloudigrade.redhat.messages import MalformedMessage
from cloudigrade.services import clouds, completeness, feeds, inbox, ingest, log_files
from cloudigrade.services.ingest import LostPart
from cloudigrade.services.opened import READER, account_of, lacks_reader

_AGAIN: Final = frozenset({completeness.LOGS, ingest.MESSAGES, ingest.LOST})
"""Feeds whose parts can be read again; a description is out of date by then."""

_MESSAGES: Final = frozenset({ingest.MESSAGES, ingest.LOST, inbox.FEED})
"""Feeds whose parts are messages."""


class Kind(StrEnum):
    """What an entry is."""

    FILE = "file"
    RECORD = "record"
    MESSAGE = "message"


class Filter(NamedTuple):
    """Which entries are meant: all that fit everything given."""

    ids: Collection[int] | None = None
    customer: str = ""
    """Its org id."""
    account: str = ""
    feed: str = ""


class Entry(NamedTuple):
    """Something that could not be read."""

    id: int
    kind: Kind
    feed: str
    customer: str
    """Its org id or account number; empty where nobody can tell whose it is."""
    account: str
    source: str
    location: str
    """Of a whole file: where it lies."""
    reason: str
    kept_at: datetime | None
    size: int
    """Of what is kept of it, in bytes."""


class Replayed(NamedTuple):
    """What became of an entry that was read again."""

    id: int
    reason: str
    """Why it still cannot be read; empty if it was recorded and has left the quarantine."""


def entries(wanted: Filter, *, limit: int | None = None) -> list[Entry]:
    """The entries, oldest first; their content stays where it is."""
    rows = _rows(wanted).select_related("customer").defer("content").annotate(size=Length("content"))
    return [_entry(row, row.size) for row in rows[:limit]]


def content(entry_id: int) -> bytes:
    """What is kept of the entry; nothing of a whole file. Raises LookupError for no entry."""
    found = Quarantine.objects.filter(pk=entry_id).values_list("content", flat=True).first()
    if found is None:
        raise LookupError(f"no entry {entry_id}")
    return bytes(found)


def replay(*, entry_id: int, now: datetime) -> Replayed:
    """The entry is read again: recorded and gone from the quarantine if it can be, and kept as it was if not."""
    row = Quarantine.objects.filter(pk=entry_id).first()
    if row is None:
        return Replayed(entry_id, "is not in quarantine any more")
    try:
        _read_again(row, now)
    except (Unreadable, Unavailable, CustomerProblem, MalformedMessage) as problem:
        return Replayed(entry_id, str(problem))
    Quarantine.objects.filter(pk=entry_id).delete()
    return Replayed(entry_id, "")


def drop(*, ids: Collection[int]) -> int:
    """The entries are given up, and keep no day from being complete any more; how many there were."""
    return Quarantine.objects.filter(pk__in=list(ids)).delete()[0]


def _rows(wanted: Filter) -> QuerySet[Quarantine]:
    given = {
        "customer__org_id": wanted.customer,
        "account": wanted.account,
        "feed": wanted.feed,
    }
    found = Quarantine.objects.filter(**{name: value for name, value in given.items() if value}).order_by("pk")
    return found if wanted.ids is None else found.filter(pk__in=list(wanted.ids))


def _entry(row: Quarantine, size: int) -> Entry:
    customer = row.customer
    return Entry(
        id=row.pk,
        kind=Kind.MESSAGE if row.feed in _MESSAGES else Kind.RECORD if size else Kind.FILE,
        feed=row.feed,
        customer=(customer.org_id or customer.account_number or "") if customer else "",
        account=row.account,
        source=row.source,
        location=row.location,
        reason=row.reason,
        kept_at=row.kept_at,
        size=size,
    )


def _read_again(row: Quarantine, now: datetime) -> None:
    if row.feed == inbox.FEED:
        inbox.replay(content=bytes(row.content), now=now)
        return
    if row.feed not in _AGAIN:
        raise Unreadable("is a description, and the next one says it anew; drop it")
    if row.feed == ingest.LOST:
        _read_lost(msgspec.json.decode(bytes(row.content), type=LostPart), now)
        return
    item = Rejected(row.source, row.reason, row.account, bytes(row.content), row.location)
    owner = None if row.customer_id is None else _owner(row.customer_id, row.account)
    problem = Unreadable("belongs to no cloud")
    for name in [owner.cloud] if owner and owner.cloud else registry.names():
        cloud = clouds.get(name)
        try:
            delivery = cloud.reread(item, feeds.router(cloud), owner.route if owner else None)
        except Unreadable as error:
            problem = error
            continue
        ingest.record(cloud=name, delivery=delivery, now=now)
        return
    raise problem


def _read_lost(part: LostPart, now: datetime) -> None:
    """The log files that were lost with a part of a delivery are stored; raises Unreadable if one still is a gap."""
    if not part.sources:
        raise Unreadable("was of notices alone, which come but once; sweeps find what they told of, so drop it")
    gaps = Gap.objects.filter(account__customer_id=part.customer, feed=completeness.LOGS, source__in=part.sources)
    named = gaps.order_by("source")
    for row in CloudAccount.objects.filter(pk__in=gaps.values("account_id"), is_verified=True).order_by("pk"):
        names = list(named.filter(account=row).values_list("source", flat=True))
        opened = account_of(row, as_left=True)
        log_files.fetch(row=row, opened=opened, cloud=clouds.get(row.cloud), names=names, now=now)
    left = list(named.values_list("source", "reason"))
    if left:
        source, reason = left[0]
        raise Unreadable(f"{len(left)} of its log files cannot be read and stored, the first is {source}: {reason}")


class _Owner(NamedTuple):
    cloud: str
    """Empty where the account does not tell."""
    route: Route


def _owner(customer_id: int, native_id: str) -> _Owner:
    row = CloudAccount.objects.filter(customer_id=customer_id, native_id=native_id, is_verified=True).first()
    if row is None:
        return _Owner("", Route(customer_id))
    account = account_of(row, as_left=True)
    if lacks_reader(account):
        raise Unreadable(f"is read through account {account.details[READER]}, which is not connected")
    return _Owner(row.cloud, Route(customer_id, account.reader))
