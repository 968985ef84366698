"""What a cloud reported into the store: one transaction a batch, repeatable, as many queries for any number of rows."""

import hashlib
from collections.abc import Collection, Container, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final, NamedTuple

from django.db import transaction

from cloudigrade.clouds.protocol import Batch, Rejected
from cloudigrade.services import definitions, images, instances, usage, verdicts
from cloudigrade.services.staging import execute, fetch

_MAX_SOURCE: Final = 2_000  # bytes, for the unique index holds no more than 2,704 of a row
_MAX_REASON: Final = 2_000
_MAX_LOCATION: Final = 5_000  # letters; longer than any path or object key


class Recorded(NamedTuple):
    """What became of the relevant records of a batch."""

    new: int
    """Told something new."""
    duplicate: int
    """Told nothing new."""
    foreign: int
    """Of accounts that are not the customer's: counted, never stored."""


@transaction.atomic
def record(
    *,
    customer_id: int,
    cloud: str,
    feed: str,
    batch: Batch,
    as_of: datetime,
    speaks_for: Collection[str] | None = None,
) -> Recorded:
    """Everything in the batch that is of the customer's accounts is stored once; what it changes is marked dirty.

    Recording the same batch again, or an overlapping one, in any order, leaves the same store. A feed that
    `speaks_for` some accounts only has no say on the customer's others.
    """
    accounts = _accounts(customer_id, cloud)
    if speaks_for is not None:
        accounts = {native_id: account for native_id, account in accounts.items() if native_id in speaks_for}
    return store(customer_id=customer_id, cloud=cloud, feed=feed, batch=batch, as_of=as_of, accounts=accounts)


def store(
    *, customer_id: int, cloud: str, feed: str, batch: Batch, as_of: datetime, accounts: Mapping[str, int]
) -> Recorded:
    """The same inside of a transaction, for those accounts of the customer's: their ids by native id."""
    own = [activity for activity in batch.instances if activity.account in accounts]
    described = [description for description in batch.described_instances if description.account in accounts]
    tags = [tag for tag in batch.tags if tag.account in accounts]
    definitions.record(cloud=cloud, definitions=batch.definitions, as_of=as_of)
    mine = replace(batch, instances=own, described_instances=described, tags=tags)
    touched = images.record(customer_id=customer_id, cloud=cloud, batch=mine)
    changed = instances.record(accounts=accounts, images=touched.ids, activities=own, descriptions=described)
    linked = changed.images | touched.sighted
    verdicts.recalculate(
        image_ids=touched.changed, customer_id=customer_id, linked=linked - touched.changed, as_of=as_of
    )
    if changed.spans:
        usage.mark(customer_id=customer_id, spans=changed.spans, as_of=as_of)
    _record_positions(accounts, feed, batch)
    _record_quarantine(customer_id, feed, batch, accounts, as_of)
    return _tally(batch, accounts, len({source for _, source in changed.told} | touched.told))


def _accounts(customer_id: int, cloud: str) -> dict[str, int]:
    rows = fetch(
        "SELECT native_id, id FROM cloudigrade_cloudaccount WHERE customer_id = %s AND cloud = %s AND is_verified",
        [customer_id, cloud],
    )
    return dict(rows)


def _tally(batch: Batch, accounts: Container[str], new: int) -> Recorded:
    foreign = {
        source
        for account, source in (
            *((activity.account, activity.event.source_id) for activity in batch.instances),
            *((tag.account, tag.source_id) for tag in batch.tags),
        )
        if account not in accounts
    }
    rejected = sum(not item.is_file for item in batch.rejected)
    known = batch.records_relevant - rejected - len(foreign)
    return Recorded(new, max(known - new, 0), len(foreign))


def _record_positions(accounts: Mapping[str, int], feed: str, batch: Batch) -> None:
    """The newest record ever read of each account and region, of whatever kind."""
    newest = {
        (accounts[account], region): second
        for (account, region), second in sorted(batch.newest.items())
        if account in accounts
    }
    if newest:
        execute(
            "INSERT INTO cloudigrade_feedposition AS p (account_id, region, feed, newest_at, problem, details)"
            " SELECT account, region, %s, to_timestamp(newest), '', '{}'"
            " FROM unnest(%s::bigint[], %s::text[], %s::bigint[]) AS n(account, region, newest) ORDER BY 1, 2"
            " ON CONFLICT (account_id, region, feed)"
            " DO UPDATE SET newest_at = greatest(p.newest_at, excluded.newest_at)",
            [feed, [key[0] for key in newest], [key[1] for key in newest], list(newest.values())],
        )


def _record_quarantine(customer_id: int, feed: str, batch: Batch, accounts: Container[str], as_of: datetime) -> None:
    """What could not be read is kept once, with the reason; a file that could be read after all is taken out."""
    if batch.read_sources:
        execute(
            "DELETE FROM cloudigrade_quarantine WHERE customer_id = %s AND feed = %s AND content = ''::bytea"
            " AND source = ANY(%s)",
            [customer_id, feed, [storable_source(name) for name in batch.read_sources]],
        )
    kept = [item for item in batch.rejected if not item.account or item.account in accounts]
    quarantine(customer_id=customer_id, feed=feed, rejected=kept, as_of=as_of)


def quarantine(*, customer_id: int | None, feed: str, rejected: Iterable[Rejected], as_of: datetime) -> None:
    """What could not be read is kept once, with the reason; without a customer where nobody can tell whose it is.

    Whatever its texts hold, it can be kept: they are what strangers chose.
    """
    storable = [
        item._replace(
            source=storable_source(item.source),
            reason=_clean(item.reason)[:_MAX_REASON],
            account=_clean(item.account),
            location=_location(item.location),
        )
        for item in rejected
    ]
    kept = {(item.source, hashlib.sha256(item.content or item.reason.encode()).hexdigest()): item for item in storable}
    if kept:
        execute(
            "INSERT INTO cloudigrade_quarantine"
            " (customer_id, feed, kept_at, source, hash, account, reason, content, location)"
            " SELECT %s, %s, %s, * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::bytea[], %s::text[])"
            " AS r(source, hash, account, reason, content, location) ORDER BY source, hash ON CONFLICT DO NOTHING",
            [
                *(customer_id, feed, as_of),
                [source for source, _ in kept],
                [digest for _, digest in kept],
                [item.account for item in kept.values()],
                [item.reason for item in kept.values()],
                [item.content for item in kept.values()],
                [item.location for item in kept.values()],
            ],
        )


def _clean(text: str) -> str:
    """The text as PostgreSQL stores it: without NUL and halves of surrogate pairs."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


def storable_source(name: str) -> str:
    """The name, cut if it is too long for the index; its hash keeps it apart from others with the same beginning."""
    clean = _clean(name)
    stored = clean.encode()
    if len(stored) <= _MAX_SOURCE:
        return clean
    digest = hashlib.sha256(stored).hexdigest()
    return f"{stored[: _MAX_SOURCE - len(digest) - 3].decode(errors='ignore')}...{digest}"


def _location(location: str) -> str:
    """The location if it can be kept as it is: a part of it leads nowhere."""
    return location if len(location) <= _MAX_LOCATION and _clean(location) == location else ""
