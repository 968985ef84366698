"""Trails: a folder, a file or s3://bucket/prefix in, its log files out, in a fixed order."""

import os
import stat
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from cloudigrade.clouds.aws import keys, packing, session
from cloudigrade.clouds.protocol import Rejected, Unreadable

if TYPE_CHECKING:  # type stubs, absent outside development
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ListObjectsV2OutputTypeDef

_S3: Final = "s3://"
_AHEAD: Final = 64 << 20  # bytes fetched before they are asked for


class Source(NamedTuple):
    """A log file, and how to get at it."""

    name: str
    """Stable: from AWSLogs/ on where it lies in CloudTrail's layout, so that a copy elsewhere has the same."""
    account: str
    """Empty where the path does not say."""
    region: str
    size: int
    """As stored, in bytes."""
    path: str
    """Path of the file, or key of the object."""
    bucket: str = ""
    store: "S3Client | None" = None
    """None for a file."""

    @property
    def location(self) -> str:
        """Where it can be read again; empty where text cannot say it."""
        location = f"{_S3}{self.bucket}/{self.path}" if self.bucket else str(Path(self.path).absolute())
        return location if location.isprintable() else ""


class Skipped(NamedTuple):
    """A file that is no log file and need not be read."""

    name: str
    reason: str


class Content(NamedTuple):
    """A log file's bytes as stored."""

    source: Source
    stored: bytes


Found = Source | Skipped | Rejected
"""What a location holds; rejected: folders and files that cannot even be looked at."""


def sources(location: str) -> Iterator[Found]:
    """Everything at the location, in a fixed order; raises Unreadable, CustomerProblem or Unavailable at once."""
    if location.startswith(_S3):
        return _objects(location)
    path = Path(location)
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            next(path.iterdir(), None)  # an unreadable start is an error, an unreadable folder below costs that folder
            return _files(path)
    except (OSError, ValueError) as error:
        raise Unreadable(f"{keys.printable(location)}: {_explained(error)}") from error
    reason = _place(path).skipped
    if reason and reason != keys.OTHER_ENDING:  # as a shell's pattern names them
        return iter((Skipped(_name(path), reason),))
    return iter((_named(path, found.st_size),))


def read(source: Source, *, denied: type[Exception] = Unreadable) -> bytes:
    """The file's bytes as stored; raises Unreadable, CustomerProblem, Unavailable, or `denied` for a refused object."""
    content = b"" if source.size > packing.MAX_BYTES else _object(source, denied) if source.store else _file(source)
    if max(source.size, len(content)) > packing.MAX_BYTES:
        raise _too_large()
    return content


def _too_large() -> Unreadable:
    return Unreadable(f"is larger than {packing.MAX_BYTES >> 20} MiB")


def contents(found: Iterable[Found]) -> Generator[Content | Skipped | Rejected, None, None]:
    """Each in its turn with its bytes; objects are fetched ahead in parallel, and what cannot be read is rejected."""
    pool = ThreadPoolExecutor(session.CONNECTIONS)
    waiting: deque[tuple[int, Callable[[], Content | Skipped | Rejected]]] = deque()
    try:
        for one in found:
            waiting.append(_promised(one, pool))
            while len(waiting) > session.CONNECTIONS or sum(size for size, _ in waiting) > _AHEAD:
                yield waiting.popleft()[1]()
        while waiting:
            yield waiting.popleft()[1]()
    finally:
        pool.shutdown(cancel_futures=True)


def _promised(one: Found, pool: ThreadPoolExecutor) -> tuple[int, Callable[[], Content | Skipped | Rejected]]:
    if not isinstance(one, Source):
        return 0, lambda: one
    fetch = partial(_content, one)
    return (one.size, pool.submit(fetch).result) if one.store else (0, fetch)


def _content(source: Source) -> Content | Rejected:
    try:
        return Content(source, read(source))
    except Unreadable as problem:
        return Rejected(source.name, str(problem), source.account, location=source.location)


def _files(folder: Path) -> Iterator[Found]:
    """What lies in and below the folder; each folder once, however many links lead to it."""
    seen: set[tuple[int, int]] = set()
    paths = [folder]
    while paths:
        path = paths.pop()
        try:
            found = path.stat()
            if not stat.S_ISDIR(found.st_mode):
                yield _file_found(path, found)
            elif (found.st_dev, found.st_ino) not in seen:
                seen.add((found.st_dev, found.st_ino))
                paths += sorted(path.iterdir(), reverse=True)
        except OSError as error:
            yield Rejected(_name(path), _explained(error), _place(path).account)


def _file_found(path: Path, found: os.stat_result) -> Found:
    if not stat.S_ISREG(found.st_mode):
        return Skipped(_name(path), "is no ordinary file")
    reason = _place(path).skipped
    return Skipped(_name(path), reason) if reason else _named(path, found.st_size)


def _named(path: Path, size: int) -> Source:
    place = _place(path)
    return Source(_name(path), place.account, place.region, size, str(path))


def _name(path: Path) -> str:
    return keys.printable(_place(path).name or str(path))


def _place(path: Path) -> keys.Place:
    # The layout may begin above the folder that was named, for example where the command runs inside it.
    return keys.place_of(path.absolute().as_posix())


def _file(source: Source) -> bytes:
    try:
        with Path(source.path).open("rb") as file:
            # devices and pipes tell no size, and some never end
            return file.read() if source.size else file.read(packing.MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise Unreadable(_explained(error)) from error


def _explained(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[0].lower() + error.strerror[1:]
    return str(error)


def _objects(location: str) -> Iterator[Found]:
    bucket, _, prefix = location.removeprefix(_S3).partition("/")
    if not bucket:
        raise Unreadable(f"{location}: is not of the form s3://bucket/prefix")
    store = session.s3()
    with session.translated(location):
        pages = iter(store.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix))
        first = next(pages)  # at once, so that a wrong name or missing access shows before anything else is begun
    return _listed_objects(chain((first,), pages), location, store)


def _listed_objects(pages: Iterator["ListObjectsV2OutputTypeDef"], location: str, store: "S3Client") -> Iterator[Found]:
    bucket, _, prefix = location.removeprefix(_S3).partition("/")
    while True:
        with session.translated(location):
            page = next(pages, None)
        if page is None:
            return
        for entry in page.get("Contents", ()):
            key = entry["Key"]
            if key.endswith("/") and not entry["Size"]:  # a folder, as the console makes them
                continue
            place = keys.place_of(key)
            name = keys.printable(place.name or f"{_S3}{bucket}/{key}")
            if place.skipped and key != prefix:
                yield Skipped(name, place.skipped)
            else:
                yield Source(name, place.account, place.region, entry["Size"], key, bucket, store)


def _object(source: Source, denied: type[Exception]) -> bytes:
    if source.store is None:
        raise Unreadable("is no object")
    with session.translated(f"{_S3}{source.bucket}/{source.path}", denied=denied):
        answer = source.store.get_object(Bucket=source.bucket, Key=source.path)
        with closing(answer["Body"]) as body:
            if answer["ContentLength"] > packing.MAX_BYTES:
                raise _too_large()
            return body.read()
