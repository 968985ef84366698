"""Whatever outlived its inspection: looked for by its tags, and by what is shared with us, and removed."""

import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from cloudigrade.clouds.aws import ec2, images, remains, shares
from cloudigrade.clouds.aws.policy import Purpose
from cloudigrade.clouds.aws.remains import Remain
from cloudigrade.clouds.aws.session import Access, translated
from cloudigrade.clouds.cloud import Account
from cloudigrade.clouds.inspecting import Reaped
from cloudigrade.clouds.protocol import CustomerProblem, Unavailable, Unreadable

if TYPE_CHECKING:  # type stubs, absent outside development
    from mypy_boto3_ec2 import EC2Client

_FAILURES: Final = (CustomerProblem, Unavailable, Unreadable)
_WORKERS: Final = 8
"""Regions looked at at a time."""
_SHARE: Final = "share"

_log = logging.getLogger(__name__)
_Look = Callable[[str], list[Reaped]]
_T = TypeVar("_T")


@dataclass(frozen=True)
class _Round:
    """One round, and who is still waited for."""

    access: Access
    alive: frozenset[int]
    now: int

    def is_wanted(self, remain: Remain) -> bool:
        """Whether somebody waits for it."""
        return remain.is_wanted(self.alive, self.now)


def reap(access: Access, accounts: Collection[Account], *, alive: Collection[int], now: int) -> Iterator[Reaped]:
    """Everything is gone that we made for inspections which nobody waits for; what cannot be reached is left.

    Nothing is asked where no copies are made. Only what carries our tags is removed, and of snapshots that are shared
    with us the share. Raises Unavailable after the rest, where our own account cannot be looked at.
    """
    if not access.section.inspector_digest:
        return
    turn = _Round(access, frozenset(alive), now)
    failed: Unavailable | None = None
    for partition in access.section.partitions:
        there = {each.native_id: each for each in accounts if access.partition_of(each) == partition}
        try:
            yield from _reaped_ours(turn, partition)
            yield from _reaped_shares(turn, partition, there)
        except Unavailable as problem:
            failed = failed or problem
        for account in there.values():
            yield from _reaped_theirs(turn, account)
    if failed:
        raise failed


def _reaped_ours(turn: _Round, partition: str) -> list[Reaped]:
    access = turn.access
    region = access.home_region(partition)
    with translated(f"our own account in {region}", denied=Unavailable):
        client = access.own("ec2", region, partition)
        left = [each for each in remains.ours(client, access.environment) if each.state != "shutting-down"]
        return _removed(turn, client, left, access.account_id(partition))


def _reaped_theirs(turn: _Round, account: Account) -> Iterator[Reaped]:
    """Copies of images in all regions of the account; one that does not let us look has none."""
    try:
        with translated(f"account {account.native_id}"):
            home = turn.access.home_region(turn.access.partition_of(account))
            regions = ec2.read_regions(turn.access.client(account, "ec2", home, Purpose.COPYING))
    except _FAILURES as problem:
        _log.info("nothing is looked for: %s", problem)
        return
    yield from _everywhere(regions, partial(_reaped_there, turn, account))


def _reaped_there(turn: _Round, account: Account, region: str) -> list[Reaped]:
    with translated(f"account {account.native_id} in {region}"):
        client = turn.access.client(account, "ec2", region, Purpose.COPYING)
        return _removed(turn, client, remains.theirs(client, turn.access.environment), account.native_id)


def _removed(turn: _Round, client: "EC2Client", left: list[Remain], account: str) -> list[Reaped]:
    unwanted = [each for each in left if not turn.is_wanted(each)]
    for each in unwanted:
        remains.remove(client, each)
    return [Reaped(each.kind, each.native_id, account, client.meta.region_name) for each in unwanted]


def _reaped_shares(turn: _Round, partition: str, accounts: Mapping[str, Account]) -> Iterator[Reaped]:
    """Snapshots of the accounts are not shared with us any more, but for those that are being copied.

    A copy that was to begin this very moment finds its share gone, and shares again.
    """
    access = turn.access
    home = access.home_region(partition)
    with translated(f"our own account in {partition}", denied=Unavailable):
        regions = ec2.read_regions(access.own("ec2", home, partition))
    shared = dict(zip(regions, _map(partial(_shared, access, partition), regions), strict=True))
    with translated(f"our own account in {home}", denied=Unavailable):
        copies = remains.ours(access.own("ec2", home, partition), access.environment)
    copying = {each.mark.source for each in copies if each.state == "pending" and turn.is_wanted(each)}
    for region, found in shared.items():
        for snapshot, owner in found.items():
            if owner in accounts and snapshot not in copying:
                yield from _withdrawn(access, accounts[owner], region, snapshot)


def _shared(access: Access, partition: str, region: str) -> dict[str, str]:
    """Owners of the snapshots that are shared with us, by their names."""
    with translated(f"our own account in {region}", denied=Unavailable):
        client = access.own("ec2", region, partition)
        found = images.describe_snapshots(client, RestorableByUserIds=["self"])
        own = access.account_id(partition)
        return {each["SnapshotId"]: each["OwnerId"] for each in found if each.get("OwnerId") != own}


def _withdrawn(access: Access, account: Account, region: str, snapshot: str) -> list[Reaped]:
    try:
        client = access.client(account, "ec2", region, Purpose.COPYING)
        is_gone = shares.withdraw(client, [snapshot], access.account_id(access.partition_of(account)))
    except _FAILURES as problem:
        _log.warning("snapshot %s stays shared with us: %s", snapshot, problem)
        return []
    return [Reaped(_SHARE, snapshot, account.native_id, region)] if is_gone else []


def _everywhere(regions: Collection[str], look: _Look) -> Iterator[Reaped]:
    """What is reaped in each region; one that cannot be looked at is left."""

    def tried(region: str) -> list[Reaped]:
        try:
            return look(region)
        except _FAILURES as problem:
            _log.info("nothing is looked for: %s", problem)
            return []

    for found in _map(tried, regions):
        yield from found


def _map(function: Callable[[str], _T], regions: Collection[str]) -> list[_T]:
    with ThreadPoolExecutor(_WORKERS, thread_name_prefix="reaper") as pool:
        return list(pool.map(function, regions))
