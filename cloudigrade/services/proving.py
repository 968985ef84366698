"""Digests against what was read: files that went unread are read, and what then is still missing is a gap."""

import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from cloudigrade.clouds.cloud import Account, Cloud, Proof
from cloudigrade.domain import days
from cloudigrade.services import accounts, clouds, completeness, log_files
from cloudigrade.services.log_files import Stored
from cloudigrade.services.opened import account_of

RETRIED = 500
"""Files that gaps are open for, and that one proof looks for again."""

_log = logging.getLogger(__name__)


class Proven(NamedTuple):
    """What came of one step of a proof."""

    region: str
    named: int
    """Files that its digests name."""
    repaired: int
    """Of these, files that nobody had told us of."""
    gaps: int
    """Of these, files that are missing or altered."""


class Prover:
    """Everything that the digests of one account can say; nothing is asked of the cloud inside a transaction.

    Whatever it does raises accounts.Gone once the account is removed.
    """

    def __init__(self, account_id: int) -> None:
        """Raises LookupError for a cloud that is not there."""
        self._row = accounts.get(account_id=account_id)
        self._cloud: Cloud = clouds.get(self._row.cloud)
        self._account: Account = account_of(self._row)

    def steps(self, *, now: datetime) -> Iterator[Proven]:
        """Each step is stored when it is given; raises Unavailable, CustomerProblem. Going on later is safe."""
        if not self._is_read():
            return
        self._read(completeness.unread(account_id=self._row.pk, limit=RETRIED), now)
        since = days.second_of(self._row.metered_from)
        positions = completeness.positions(account_id=self._row.pk)
        for proof in self._cloud.prove(self._account, positions, since=since, now=days.second_of(now)):
            yield self._step(proof, completeness.record, now)

    def past(self, *, since: int, now: datetime) -> Iterator[Proven]:
        """The same for the time from `since` to where the proof of each region began."""
        begun = completeness.trusted_from(account_id=self._row.pk)
        if not self._is_read() or since >= max(begun.values(), default=0):
            return
        last: dict[str, Proof] = {}
        for proof in self._cloud.prove(self._account, {}, since=since, now=max(begun.values())):
            if proof.begins_at < begun.get(proof.region, 0):
                last[proof.region] = proof
                yield self._step(proof, completeness.record_past, now)
        for region, proof in sorted(last.items()):
            if proof.proven_until < begun[region]:
                reason = proof.reason or "the digests before the first one that was trusted are missing"
                break_at = (proof.proven_until, begun[region])
                rest = Proof(region, proof.proven_until, (), {}, break_at, reason, proof.proven_until)
                yield self._step(rest, completeness.record_past, now)

    def _is_read(self) -> bool:
        row = self._row
        return row.is_verified and row.is_enabled and row.wanted == "enabled" and not row.is_paused

    def _step(self, proof: Proof, record: Callable[..., int], now: datetime) -> Proven:
        unread = completeness.missing(account_id=self._row.pk, files=proof.files)
        read = self._read([file.location for file in unread], now)
        gaps = record(account_id=self._row.pk, proof=proof, reasons=read.lost, now=now)
        if gaps or proof.break_at:
            reason = proof.reason if proof.break_at else ""
            _log.warning("account %s, %s: %s files missing. %s", self._row, proof.region, gaps, reason)
        return Proven(proof.region, len(proof.files), read.files, gaps)

    def _read(self, locations: Sequence[str], now: datetime) -> Stored:
        return log_files.fetch(row=self._row, opened=self._account, cloud=self._cloud, names=locations, now=now)
