"""The rpm database as RHEL 9 and later have it: a table of sqlite, walked page by page, its write-ahead log included.

Nothing of it is given to the sqlite library: a database of any size is read without being in memory, and no C code
sees hostile pages.
"""

import struct
from collections.abc import Iterator
from typing import Final

from cloudigrade.inspector.reading import Damaged, Exhausted, Reader, Unsupported
from cloudigrade.inspector.rpmdb import write_ahead
from cloudigrade.inspector.rpmdb.limits import LONGEST_HEADER, MOST_PACKAGES
from cloudigrade.inspector.rpmdb.pages import Pages

_MAGIC: Final = b"SQLite format 3\0"
_HEAD: Final = 100
_INNER, _LEAF = 5, 13
_DEEPEST: Final = 20
_MOST_TABLES: Final = 1000
_LONGEST_STATEMENT: Final = 64 * 1024
_UTF8: Final = 1
_BLOB_TYPE: Final = 12  # and every even number above it
_SMALLEST_PAGE: Final = 512
_LONGEST_NUMBER: Final = 9
_INTEGER_LENGTHS: Final = (0, 1, 2, 3, 4, 6, 8, 8, 0, 0)
"""Bytes that a value of type 0 to 9 takes."""


def is_sqlite(head: bytes) -> bool:
    """Whether a file of this beginning is such a database."""
    return head.startswith(_MAGIC)


def headers(reader: Reader, log: Reader | None = None) -> Iterator[bytes]:
    """Every package's header; raises Damaged, Unsupported or Exhausted, also midway."""
    database = _Database(reader, log)
    root = _root_of_packages(database)
    for count, row in enumerate(database.rows(root, longest=LONGEST_HEADER)):
        if count >= MOST_PACKAGES:
            raise Exhausted(f"more than {MOST_PACKAGES} packages")
        values = _values(row)
        if len(values) < 2:  # noqa: PLR2004  # number and header
            raise Damaged("a package has no header")
        yield values[1]


class _Database:
    """Pages of a database as of its last commit."""

    def __init__(self, reader: Reader, log: Reader | None) -> None:
        if reader.size < _HEAD:
            raise Damaged("too short for a database")
        head = reader.read(0, _HEAD)
        if not is_sqlite(head):
            raise Damaged("no sqlite database")
        page_size = int.from_bytes(head[16:18], "big")
        self.page_size = 65536 if page_size == 1 else page_size
        if self.page_size < _SMALLEST_PAGE or self.page_size & (self.page_size - 1):
            raise Damaged(f"pages of {self.page_size} bytes")
        self.usable = self.page_size - head[20]
        if self.usable < 480:  # noqa: PLR2004  # sqlite's own bound
            raise Damaged(f"{head[20]} bytes of each page are reserved")
        if int.from_bytes(head[56:60], "big") not in (0, _UTF8):
            raise Unsupported("sqlite with texts in UTF-16")
        self._pages = Pages(reader, self.page_size)
        self._log = write_ahead.read(log, self.page_size) if log is not None else None
        self.count = max(self._pages.count, self._log.page_count if self._log else 0)
        self._budget = 2 * self.count + 16  # each page belongs to one place, so more are a loop

    def page(self, number: int) -> memoryview:
        """The page, the newest content of it; the first is 1."""
        self._budget -= 1
        if self._budget < 0:
            raise Damaged("pages are used more than once")
        if self._log is not None and number in self._log.offsets:
            return memoryview(self._log.reader.read(self._log.offsets[number], self.page_size))
        return self._pages.page(number - 1)

    def rows(self, root: int, *, longest: int) -> Iterator[bytes]:
        """Every row of a table, as it is stored."""
        waiting = [(root, 0)]
        while waiting:
            number, depth = waiting.pop()
            if depth > _DEEPEST:
                raise Damaged("a tree is too deep")
            page = self.page(number)
            start = _HEAD if number == 1 else 0
            kind, _free, cells, _content, _fragments = struct.unpack_from(">BHHHB", page, start)
            if kind == _LEAF:
                for place in self._cells(page, start + 8, cells):
                    yield self._row(page, place, longest)
            elif kind == _INNER:
                children = [self._child(page, place) for place in self._cells(page, start + 12, cells)]
                children.append(int.from_bytes(page[start + 8 : start + 12], "big"))
                waiting += [(child, depth + 1) for child in reversed(children)]
            else:
                raise Damaged(f"page {number} is none of a table")

    def _cells(self, page: memoryview, start: int, count: int) -> tuple[int, ...]:
        if start + 2 * count > self.usable:
            raise Damaged("more cells than a page can hold")
        places = struct.unpack_from(f">{count}H", page, start)
        if any(not start <= place <= self.usable - 4 for place in places):
            raise Damaged("a cell lies outside of its page")
        return places

    def _child(self, page: memoryview, place: int) -> int:
        return int.from_bytes(page[place : place + 4], "big")

    def _row(self, page: memoryview, place: int, longest: int) -> bytes:
        length, place = _number(page, place)
        _row_id, place = _number(page, place)
        if length > longest:
            raise Exhausted(f"a row of {length} bytes")
        here = self._local(length)
        if place + here + (4 if here < length else 0) > self.usable:
            raise Damaged("a row lies outside of its page")
        parts = [page[place : place + here]]
        if here < length:
            parts += self._overflow(int.from_bytes(page[place + here : place + here + 4], "big"), length - here)
        return b"".join(parts)

    def _local(self, length: int) -> int:
        """How much of a row of this length is on the page itself."""
        if length <= self.usable - 35:
            return length
        least = (self.usable - 12) * 32 // 255 - 23
        part = least + (length - least) % (self.usable - 4)
        return part if part <= self.usable - 35 else least

    def _overflow(self, number: int, missing: int) -> Iterator[memoryview]:
        while missing > 0:
            page = self.page(number)
            part = min(missing, self.usable - 4)
            yield page[4 : 4 + part]
            missing -= part
            number = int.from_bytes(page[:4], "big")


def _root_of_packages(database: _Database) -> int:
    """The first page of the table with the packages, by the schema."""
    for count, row in enumerate(database.rows(1, longest=_LONGEST_STATEMENT)):
        if count >= _MOST_TABLES:
            raise Exhausted(f"more than {_MOST_TABLES} tables")
        values = _values(row)
        if len(values) >= 4 and values[0] == b"table" and values[1] == b"Packages":  # noqa: PLR2004  # type to root page
            return int.from_bytes(values[3], "big")
    raise Damaged("no table of packages")


def _number(content: memoryview | bytes, place: int) -> tuple[int, int]:
    """A number of variable length, and where it ends."""
    value = 0
    for count, byte in enumerate(content[place : place + _LONGEST_NUMBER], start=1):
        if count == _LONGEST_NUMBER:
            return value << 8 | byte, place + count
        value = value << 7 | byte & 0x7F
        if byte < 0x80:  # noqa: PLR2004  # the top bit tells that more follows
            return value, place + count
    raise Damaged("a number is cut off")


def _values(row: bytes) -> list[bytes]:
    """The values of a row as bytes; numbers big-endian."""
    end, place = _number(row, 0)
    if end > len(row):
        raise Damaged("a row is cut off")
    lengths: list[int] = []
    while place < end:
        kind, place = _number(row, place)
        lengths.append(_INTEGER_LENGTHS[kind] if kind < len(_INTEGER_LENGTHS) else max(0, (kind - _BLOB_TYPE) // 2))
    values: list[bytes] = []
    place = end
    for length in lengths:
        if place + length > len(row):
            raise Damaged("a value is cut off")
        values.append(row[place : place + length])
        place += length
    return values
