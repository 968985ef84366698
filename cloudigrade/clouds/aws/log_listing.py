"""The bucket that an account logs to: which log files lie there by day and region, and what they hold."""

import re
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from botocore.exceptions import ClientError

from cloudigrade.clouds.aws import details, identifiers, keys, packing, reading, session
from cloudigrade.clouds.aws.details import Details
from cloudigrade.clouds.aws.times import parse_time
from cloudigrade.clouds.aws.trail import Content, Source
from cloudigrade.clouds.cloud import Account
from cloudigrade.clouds.protocol import Batch, CustomerProblem, Rejected, Unavailable, Unreadable
from cloudigrade.domain import days
from cloudigrade.domain.problems import Problem

if TYPE_CHECKING:  # type stubs, absent outside development
    from mypy_boto3_s3 import S3Client

THREADS: Final = 16
MOST_FILES: Final = 500
"""Of one batch."""
MOST_BYTES: Final = 64 << 20
"""Of one batch, as stored, unless a single file is larger."""
MOST_ACTIVITIES: Final = 20_000
"""Of one batch, unless a single file has more."""

NOT_THERE: Final = "is not there"

_DELIVERED: Final = re.compile(r"_([0-9]{4})([0-9]{2})([0-9]{2})T([0-9]{2})([0-9]{2})Z_")
_S3: Final = "s3://"


class Shelf(NamedTuple):
    """An account's files in their bucket, and the client of whoever may read them."""

    store: "S3Client"
    details: Details
    account: str

    def location(self, key: str) -> str:
        """The object, as people and logs name it."""
        return f"{_S3}{self.details.bucket}/{key}"

    def translated(self, key: str) -> AbstractContextManager[None]:
        """The SDK's errors leave as ours; what we are refused by our own right is no fault of the customer's."""
        if self.details.reader:
            return session.translated(self.location(key))
        return session.translated(self.location(key), denied=Unavailable)


class Object(NamedTuple):
    """An object as it was found."""

    key: str
    content: bytes
    metadata: Mapping[str, str]
    reason: str = ""
    """Why it could not be read; empty if it was."""


class Listed(NamedTuple):
    """A log file that lies there."""

    key: str
    source: str
    """Its name, from AWSLogs/ on."""
    region: str
    size: int


def opened(access: session.Access, account: Account) -> Shelf:
    """The account's files, as its details say where they lie; raises CustomerProblem for an account without."""
    found = details.parse(account.details)
    if not found.bucket:
        raise CustomerProblem(f"account {account.native_id} is not connected", Problem.NO_ACCESS)
    if not found.reader:
        partition = access.partition_of(account)
        return Shelf(access.own("s3", access.home_region(partition), partition), found, account.native_id)
    reader = next((each for each in (account, account.reader) if each and each.native_id == found.reader), None)
    if reader is None:
        reason = f"the log files of account {account.native_id} are read through account {found.reader}"
        raise CustomerProblem(f"{reason}, which is not connected", Problem.NO_ACCESS)
    region = found.home_region or access.home_region(access.partition_of(reader))
    return Shelf(access.client(reader, "s3", region), found, account.native_id)


def log_files(
    access: session.Access,
    account: Account,
    *,
    since: int,
    until: int,
    known: Callable[[Collection[str]], Collection[str]],
) -> Iterator[Batch]:
    """What the log files say that were delivered in [since, until), but for the known ones, oldest day first.

    A batch is of one day and region. `known` is given a mapping of names to sizes as stored.
    """
    if since >= until:
        return
    shelf = opened(access, account)
    folders = regions(shelf, shelf.details.logs(account.native_id))
    with ThreadPoolExecutor(THREADS) as pool:
        for day in days.between(days.day_of(since), days.day_of(until - 1) + timedelta(1)):
            listings = [pool.submit(_listed, shelf, region, f"{day:%Y/%m/%d}", (since, until)) for region in folders]
            for listing in listings:
                found = listing.result()
                passed_over = frozenset(known({file.source: file.size for file in found})) if found else ()
                yield from _read(shelf, [file for file in found if file.source not in passed_over])


def read_files(access: session.Access, account: Account, locations: Collection[str]) -> Batch:
    """What these log files say; raises Unavailable. What is not there, or not the account's, is rejected.

    A location is s3://bucket/key, or a file's name from AWSLogs/ on.
    """
    shelf = opened(access, account)
    batch = Batch()
    wanted = []
    for location in sorted(set(locations)):
        file = _located(shelf, location)
        if isinstance(file, Listed):
            wanted.append(file)
        else:
            batch.rejected.append(file)
    for found, file in zip(fetch(shelf, [file.key for file in wanted]), wanted, strict=True):
        _add(batch, shelf, file, found)
    return batch


def regions(shelf: Shelf, folder: str) -> list[str]:
    """The regions that have files in the folder."""
    with shelf.translated(folder):
        pages = shelf.store.get_paginator("list_objects_v2").paginate(
            Bucket=shelf.details.bucket, Prefix=folder, Delimiter="/"
        )
        names = [entry["Prefix"] for page in pages for entry in page.get("CommonPrefixes", ())]
    found = (identifiers.checked(name.removeprefix(folder).rstrip("/"), identifiers.REGION) for name in names)
    return sorted(filter(None, found))


def listing(shelf: Shelf, prefix: str, *, after: str = "") -> Iterator[tuple[str, int]]:
    """Key and size of every object with the prefix, in order of their keys."""
    with shelf.translated(prefix):
        pages = iter(
            shelf.store.get_paginator("list_objects_v2").paginate(
                Bucket=shelf.details.bucket, Prefix=prefix, StartAfter=after
            )
        )
    while True:
        with shelf.translated(prefix):
            page = next(pages, None)
        if page is None:
            return
        yield from ((entry["Key"], entry["Size"]) for entry in page.get("Contents", ()))


def fetch(shelf: Shelf, wanted: Iterable[str]) -> Iterator[Object]:
    """The objects in their order, fetched ahead in parallel; raises Unavailable, CustomerProblem."""
    pool = ThreadPoolExecutor(THREADS)
    waiting: deque[Future[Object]] = deque()
    try:
        for key in wanted:
            waiting.append(pool.submit(_fetched, shelf, key))
            if len(waiting) > THREADS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _fetched(shelf: Shelf, key: str) -> Object:
    try:
        with shelf.translated(key):
            answer = shelf.store.get_object(Bucket=shelf.details.bucket, Key=key)
            if answer["ContentLength"] > packing.MAX_BYTES:
                return Object(key, b"", {}, f"is larger than {packing.MAX_BYTES >> 20} MiB")
            return Object(key, answer["Body"].read(), answer["Metadata"])
    except Unreadable as problem:
        return Object(key, b"", {}, NOT_THERE if _is_missing(problem) else str(problem))
    except ClientError as error:
        # Of this one object, such as that it was encrypted with a key of the customer's own, which we do not have.
        if error.operation_name != "GetObject":
            raise
        return Object(key, b"", {}, f"{shelf.location(key)}: {' '.join(str(error).split())}")


def _is_missing(problem: Unreadable) -> bool:
    return isinstance(problem.__cause__, ClientError) and session.code(problem.__cause__) == "NoSuchKey"


def _listed(shelf: Shelf, region: str, day: str, period: tuple[int, int]) -> list[Listed]:
    """The log files of a day's folder that were delivered in the period."""
    found = []
    for key, size in listing(shelf, f"{shelf.details.logs(shelf.account)}{region}/{day}/"):
        file = _placed(shelf, key, size)
        delivered = _delivered_at(key)
        if file and delivered is not None and period[0] <= delivered < period[1]:
            found.append(file)
    return found


def _placed(shelf: Shelf, key: str, size: int) -> Listed | None:
    """The log file of the account; None for anything else."""
    place = keys.place_of(key)
    if place.skipped or not place.region or not key.startswith(shelf.details.logs(shelf.account)):
        return None
    return Listed(key, keys.printable(place.name), place.region, size)


def _located(shelf: Shelf, location: str) -> Listed | Rejected:
    start = f"{_S3}{shelf.details.bucket}/"
    prefix = f"{shelf.details.prefix}/" if shelf.details.prefix else ""
    key = location.removeprefix(start) if location.startswith(_S3) else f"{prefix}{location}"
    file = None if key.startswith(_S3) else _placed(shelf, key, 0)
    return file or Rejected(keys.printable(location), "is no log file of the account", shelf.account)


def _delivered_at(key: str) -> int | None:
    """The minute in which the file was delivered, as its name has it."""
    found = _DELIVERED.search(key.rpartition("/")[2])
    if found is None:
        return None
    year, month, day, hour, minute = found.groups()
    return parse_time(f"{year}-{month}-{day}T{hour}:{minute}:00Z")


def _read(shelf: Shelf, files: Sequence[Listed]) -> Iterator[Batch]:
    batch, stored = Batch(), 0
    for found, file in zip(fetch(shelf, [file.key for file in files]), files, strict=True):
        _add(batch, shelf, file, found)
        stored += len(found.content)
        if _is_full(batch) or stored >= MOST_BYTES:
            yield batch
            batch, stored = Batch(), 0
    if batch != Batch():
        yield batch


def _add(batch: Batch, shelf: Shelf, file: Listed, found: Object) -> None:
    """What the file says is in the batch, or why it says nothing."""
    location = shelf.location(file.key)
    if found.reason:
        batch.rejected.append(Rejected(file.source, found.reason, shelf.account, location=location))
        return
    source = Source(
        file.source, shelf.account, file.region, len(found.content), file.key, shelf.details.bucket, shelf.store
    )
    reading.add_log(batch, Content(source, found.content))


def _is_full(batch: Batch) -> bool:
    activities = len(batch.instances) + len(batch.tags) + len(batch.rejected)
    return len(batch.read_sources) >= MOST_FILES or activities >= MOST_ACTIVITIES
