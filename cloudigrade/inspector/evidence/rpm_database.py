"""The packages that a system has installed, wherever and however its rpm keeps them."""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from cloudigrade.inspector.evidence.sources import FAILURES, Sources
from cloudigrade.inspector.reading import Damaged, Exhausted, Reader
from cloudigrade.inspector.rpmdb import berkeley, ndb, sqlite
from cloudigrade.inspector.rpmdb.header import Package, parse
from cloudigrade.inspector.rpmdb.limits import LARGEST_DATABASE, MOST_PACKAGES

DIRECTORIES: Final = ("/var/lib/rpm", "/usr/lib/sysimage/rpm", "/usr/share/rpm")
"""The last one is that of ostree."""
NAMES: Final = ("rpmdb.sqlite", "Packages.db", "Packages")
_HEAD_LENGTH: Final = 128
_JOURNAL_MAGIC: Final = bytes.fromhex("d9d505f920a163d7")


class Database(NamedTuple):
    """What one database holds."""

    path: str
    packages: tuple[Package, ...]
    damaged: int = 0
    """Headers that are none."""


def read(sources: Sources) -> Database | None:
    """The first database that has packages, else the first that could be read; None without any.

    What cannot be read is noted in the sources; what could be read of it counts nevertheless.
    """
    best: Database | None = None
    for directory in DIRECTORIES:
        present = sources.names(directory)
        for name in NAMES:
            if name not in present:
                continue
            database = _read(sources, f"{directory}/{name}")
            if database is not None and database.packages:
                return database
            best = best or database
    return best


def _read(sources: Sources, path: str) -> Database | None:
    reader = sources.open(path)
    if reader is None or not reader.size:
        return None
    packages: list[Package] = []
    damaged = 0
    try:
        for header in _headers(sources, path, reader):
            if len(packages) + damaged >= MOST_PACKAGES:
                raise Exhausted(f"more than {MOST_PACKAGES} packages")
            try:
                packages.append(parse(header))
            except Damaged:
                damaged += 1
        if damaged:
            sources.note(path, Damaged(f"{damaged} packages are damaged"))
    except FAILURES as failure:
        sources.note(path, failure)
    return Database(path, tuple(packages), damaged)


def _headers(sources: Sources, path: str, reader: Reader) -> Iterator[bytes]:
    if reader.size > LARGEST_DATABASE:
        raise Exhausted(f"a database of {reader.size} bytes")
    head = reader.read(0, min(_HEAD_LENGTH, reader.size))
    if sqlite.is_sqlite(head):
        _demand_finished(sources.open(f"{path}-journal"))
        return sqlite.headers(reader, sources.open(f"{path}-wal"))
    readers: list[tuple[Callable[[bytes], bool], Callable[[Reader], Iterator[bytes]]]] = [
        (berkeley.is_berkeley, berkeley.headers),
        (ndb.is_ndb, ndb.headers),
    ]
    for is_it, headers in readers:
        if is_it(head):
            return headers(reader)
    raise Damaged("no known form of database")


def _demand_finished(journal: Reader | None) -> None:
    """Nothing is left of an interrupted transaction, which would have to be taken back before reading."""
    length = len(_JOURNAL_MAGIC)
    if journal is not None and journal.size >= length and journal.read(0, length) == _JOURNAL_MAGIC:
        raise Damaged("a transaction was not finished")
