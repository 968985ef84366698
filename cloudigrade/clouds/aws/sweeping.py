"""What runs in an account, looked up region by region, all at once; a region that cannot be looked at costs itself."""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from cloudigrade.clouds.aws import ec2
from cloudigrade.clouds.aws.session import Access, translated
from cloudigrade.clouds.cloud import Account, RegionSweep, Unknown
from cloudigrade.clouds.protocol import (
    Batch,
    CustomerProblem,
    ImageDescription,
    InstanceDescription,
    Rejected,
    TypeDefinition,
    Unavailable,
    Unreadable,
)

if TYPE_CHECKING:  # type stubs, absent outside development
    from mypy_boto3_ec2 import EC2Client

WORKERS: Final = 8
"""Regions looked at at a time."""

T = TypeVar("T")
R = TypeVar("R")
P = TypeVar("P", InstanceDescription, ImageDescription)

_LOG = logging.getLogger(__name__)
FAILURES: Final = (CustomerProblem, Unavailable, Unreadable)


def sweep(access: Access, account: Account) -> Iterator[RegionSweep]:
    """What runs in each enabled region of the account, in the order of their names.

    Raises what keeps us out of the account as a whole; what keeps us out of a region is that region's problem (C21).
    """
    regions = _enabled_regions(access, account)
    yield from _in_parallel(partial(_swept, access, account), regions)


def describe(access: Access, account: Account, unknown: Mapping[str, Unknown]) -> Batch:
    """What EC2 still knows of these, and of the images that these instances boot from; the rest is left out (C7)."""
    batch = Batch(accounts={account.native_id})
    for part in _in_parallel(partial(_described, access, account), sorted(unknown.items())):
        batch.described_instances += part.described_instances
        batch.described_images += part.described_images
        batch.rejected += part.rejected
    return batch


def definitions(access: Access) -> Iterable[TypeDefinition]:
    """The size of every instance type of every region that our own account is enabled for.

    A region or partition that does not answer is left out this time; raises Unavailable where none answers.
    """
    found: dict[str, TypeDefinition] = {}
    for partition in access.section.partitions:
        regions = _own_regions(access, partition)
        for sizes in _in_parallel(partial(_own_definitions, access, partition), regions):
            found |= {size.instance_type: size for size in sizes}
    if not found:
        raise Unavailable("no region tells the sizes of instance types")
    return found.values()


def _enabled_regions(access: Access, account: Account) -> list[str]:
    with translated(f"account {account.native_id}"):
        home = access.home_region(access.partition_of(account))
        return ec2.read_regions(access.client(account, "ec2", home))


def _own_regions(access: Access, partition: str) -> list[str]:
    try:
        with translated(f"our own account in {partition}", denied=Unavailable):
            return ec2.read_regions(access.own("ec2", access.home_region(partition), partition))
    except Unavailable as failure:
        _LOG.warning("sizes of instance types are not read: %s", failure)
        return []


def _own_definitions(access: Access, partition: str, region: str) -> list[TypeDefinition]:
    try:
        with translated(f"our own account in {region}", denied=Unavailable):
            return list(ec2.read_definitions(access.own("ec2", region, partition)))
    except Unavailable as failure:
        _LOG.warning("sizes of instance types are not read: %s", failure)
        return []


def _swept(access: Access, account: Account, region: str) -> RegionSweep:
    looked_at = int(time.time())  # noqa: TID251 - when a region was looked at is known nowhere else
    found = RegionSweep(region, looked_at, [], Batch(accounts={account.native_id}))
    try:
        with _asking(account, region):
            client = access.client(account, "ec2", region)
            _keep(ec2.read_instances(client), found.instances, found.images.rejected)
    except FAILURES as failure:
        return RegionSweep(region, looked_at, [], Batch(), problem=str(failure))
    try:
        _add_images(client, account, {instance.image for instance in found.instances}, found.images)
    except FAILURES as failure:  # what runs counts all the same, and undescribed images are asked for again elsewhere
        _LOG.warning("images are not described: %s", failure)
    return found


def _described(access: Access, account: Account, item: tuple[str, Unknown]) -> Batch:
    region, unknown = item
    batch = Batch(accounts={account.native_id})
    with _asking(account, region):
        client = access.client(account, "ec2", region)
        _keep(ec2.read_instances(client, unknown.instances), batch.described_instances, batch.rejected)
    _add_images(client, account, {*unknown.images, *(each.image for each in batch.described_instances)}, batch)
    return batch


def _add_images(client: "EC2Client", account: Account, names: Iterable[str], batch: Batch) -> None:
    """Each image is described once, however many instances boot from it."""
    with _asking(account, client.meta.region_name):
        _keep(ec2.read_images(client, filter(None, names)), batch.described_images, batch.rejected)


def _keep(parts: Iterable[P | Rejected], readable: list[P], rejected: list[Rejected]) -> None:
    for part in parts:
        if isinstance(part, Rejected):
            rejected.append(part)
        else:
            readable.append(part)


def _asking(account: Account, region: str) -> AbstractContextManager[None]:
    return translated(f"account {account.native_id} in {region}")


def _in_parallel(work: Callable[[T], R], items: Collection[T]) -> Iterator[R]:
    """What the work gives for each item, in their order."""
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="ec2") as pool:
        yield from pool.map(work, items)
