"""Log files of one account, read where they lie, into the store: one that cannot be stored costs itself alone."""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final, NamedTuple

from django.db import DatabaseError

from cloudigrade.clouds.cloud import Account, Cloud
from cloudigrade.clouds.protocol import Batch, FileRead
from cloudigrade.models import CloudAccount
from cloudigrade.services import ingest
from cloudigrade.services.completeness import LOGS

FETCH: Final = 200
"""Files read and recorded at a time."""

Reread = Callable[[Collection[str]], Batch]
"""Reads the log files of these names once more."""

_log = logging.getLogger(__name__)


class Stored(NamedTuple):
    """What became of log files."""

    files: int
    """That were stored."""
    new: int
    """Records that told something new."""
    lost: Mapping[str, str]
    """Why the others could not be, by their names."""


def record(*, account: CloudAccount, batch: Batch, reread: Reread, now: datetime) -> Stored:
    """What was read of the account's log files is stored, and a file that cannot be is a gap of it.

    It says nothing of any other account. What the database refuses together is read again and stored by halves; raises
    what `reread` raises.
    """
    try:
        recorded = ingest.record_batch(
            customer_id=account.customer_id,
            cloud=account.cloud,
            feed=LOGS,
            batch=batch,
            speaks_for=[account.native_id],
            now=now,
        )
    except (DatabaseError, UnicodeEncodeError) as error:
        reason = ingest.refusal(error)
        if not (reason and batch.read_sources):
            raise
    else:
        return Stored(len(batch.read_sources), recorded.new, {})
    names = sorted(set(batch.read_sources))
    if len(names) == 1:
        return _lost(account, names[0], batch, reason, now)
    unread = Batch(rejected=[item for item in batch.rejected if item.is_file])
    middle = len(names) // 2
    parts = [unread, *(reread(half) for half in (names[:middle], names[middle:]))]
    return _added([record(account=account, batch=part, reread=reread, now=now) for part in parts])


def fetch(*, row: CloudAccount, opened: Account, cloud: Cloud, names: Sequence[str], now: datetime) -> Stored:
    """The log files of these names or locations are read and stored; one that is not is no news to the quarantine.

    For it is a gap. Raises Unavailable, CustomerProblem.
    """
    unread: dict[str, str] = {}

    def read(wanted: Collection[str]) -> Batch:
        batch = cloud.read_files(opened, wanted)
        unread.update({item.source: item.reason for item in batch.rejected if item.is_file})
        batch.rejected = [item for item in batch.rejected if not item.is_file]
        return batch

    parts = []
    for first in range(0, len(names), FETCH):
        batch = read(names[first : first + FETCH])
        if batch != Batch(accounts=batch.accounts):
            parts.append(record(account=row, batch=batch, reread=read, now=now))
    stored = _added(parts)
    return stored._replace(lost={**unread, **stored.lost})


def _lost(account: CloudAccount, name: str, batch: Batch, reason: str, now: datetime) -> Stored:
    """The one file of the batch is a gap of the account."""
    _log.error("log file %s of account %d %s", name, account.pk, reason)
    own = account.native_id
    files = [file for file in batch.files if file.account == own] or [FileRead(own, "", name, "")]
    part = replace(batch, files=files, rejected=[item for item in batch.rejected if item.account == own])
    ingest.record_lost(customer_id=account.customer_id, cloud=account.cloud, batch=part, reason=reason, now=now)
    return Stored(0, 0, {name: reason})


def _added(parts: Sequence[Stored]) -> Stored:
    lost = {name: reason for part in parts for name, reason in part.lost.items()}
    return Stored(sum(part.files for part in parts), sum(part.new for part in parts), lost)
