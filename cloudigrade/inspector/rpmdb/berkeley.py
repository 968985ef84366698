"""The rpm database in its oldest form: a hash of Berkeley DB, with headers on chains of overflow pages."""

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from cloudigrade.inspector.reading import Damaged, Exhausted, Reader, Unsupported
from cloudigrade.inspector.rpmdb.limits import LONGEST_HEADER
from cloudigrade.inspector.rpmdb.pages import Pages

_HASH_MAGIC: Final = 0x061561
_BTREE_MAGIC: Final = 0x053162
_META_LENGTH: Final = 72
_PAGE_HEADER: Final = 26
_HASH_PAGES: Final = (2, 13)  # unsorted, as before Berkeley DB 4.6, and sorted
_OVERFLOW_PAGE: Final = 7
_KNOWN_PAGES: Final = frozenset(range(14))
_ITEM_HERE, _ITEM_ELSEWHERE = 1, 3
_SMALLEST_PAGE, _LARGEST_PAGE = 512, 65536
_MOST_WAITING: Final = 4096
"""More packages than nearly every system has."""


class _Database(NamedTuple):
    """An open database."""

    pages: Pages
    order: str
    """`<` or `>`, as struct has it."""
    page_size: int


class _Page(NamedTuple):
    """The header that every page begins with."""

    number: int
    following: int
    entries: int
    free: int
    """On an overflow page: how many bytes it holds."""
    kind: int


class _Chain(NamedTuple):
    """A value on overflow pages."""

    first: int
    length: int


def is_berkeley(head: bytes) -> bool:
    """Whether a file of this beginning is a database of Berkeley DB."""
    return len(head) >= _META_LENGTH and any(
        struct.unpack_from(f"{order}I", head, 12)[0] in (_HASH_MAGIC, _BTREE_MAGIC) for order in "<>"
    )


def headers(reader: Reader) -> Iterator[bytes]:
    """Every package's header; raises Damaged, Unsupported or Exhausted, also midway."""
    database = _open(reader)
    budget = reader.size  # no page belongs to two headers, so there is never more to read than that
    for header in _values(database):
        budget -= len(header)
        if budget < 0:
            raise Damaged("overflow pages are used more than once")
        if len(header) > 4:  # noqa: PLR2004  # the record that counts packages is four bytes long
            yield header


def _values(database: _Database) -> Iterator[bytes]:
    """Every value, those on overflow pages in the order of the pages: in that of the hash, each would be read often."""
    waiting: list[_Chain] = []
    try:
        for item in _all_items(database):
            if item[0] == _ITEM_HERE:
                yield bytes(item[1:])
            else:
                waiting.append(_chain(database, item))
            if len(waiting) == _MOST_WAITING:
                chains, waiting = waiting, []
                yield from _overflows(database, chains)
    except (Damaged, Unsupported):
        yield from _overflows(database, waiting)  # what was found before the damage counts
        raise
    yield from _overflows(database, waiting)


def _all_items(database: _Database) -> Iterator[memoryview]:
    for number in range(1, database.pages.count):
        content = database.pages.page(number)
        page = _header(database, content)
        if page.kind not in _KNOWN_PAGES or (page.kind and page.number != number):
            raise Damaged(f"page {number} is none")
        if page.kind in _HASH_PAGES:
            yield from _items(database, content, page)


def _open(reader: Reader) -> _Database:
    if reader.size < _META_LENGTH:
        raise Damaged("too short for a database")
    meta = reader.read(0, _META_LENGTH)
    order = "<" if struct.unpack_from("<I", meta, 12)[0] in (_HASH_MAGIC, _BTREE_MAGIC) else ">"
    magic, _version, page_size, encryption = struct.unpack_from(f"{order}IIIB", meta, 12)
    if magic == _BTREE_MAGIC:
        raise Unsupported("Berkeley DB tree")
    if magic != _HASH_MAGIC:
        raise Damaged("no Berkeley DB hash")
    if encryption or meta[26] & 1:
        raise Unsupported("Berkeley DB with encryption or checksums")
    if not _SMALLEST_PAGE <= page_size <= _LARGEST_PAGE or page_size & (page_size - 1):
        raise Damaged(f"pages of {page_size} bytes")
    (last,) = struct.unpack_from(f"{order}I", meta, 32)
    if reader.size % page_size or not last < reader.size // page_size:
        raise Damaged("the database ends before its last page")
    return _Database(Pages(reader, page_size), order, page_size)


def _header(database: _Database, content: memoryview) -> _Page:
    number, _before, following, entries, free, _level, kind = struct.unpack_from(f"{database.order}IIIHHBB", content, 8)
    return _Page(number, following, entries, free, kind)


def _items(database: _Database, content: memoryview, page: _Page) -> Iterator[memoryview]:
    """The values of a hash page; keys stand before them and do not matter."""
    if _PAGE_HEADER + 2 * page.entries > database.page_size:
        raise Damaged("more items than a page can hold")
    starts = struct.unpack_from(f"{database.order}{page.entries}H", content, _PAGE_HEADER)
    for index in range(1, page.entries, 2):
        start, end = starts[index], starts[index - 1]
        if not _PAGE_HEADER <= start < end <= database.page_size:
            raise Damaged("an item lies outside of its page")
        yield content[start:end]


def _chain(database: _Database, item: memoryview) -> _Chain:
    if item[0] != _ITEM_ELSEWHERE:
        raise Unsupported(f"Berkeley DB item of type {item[0]}")
    if len(item) < 12:  # noqa: PLR2004  # type, three unused bytes, page, length
        raise Damaged("a reference to an overflow page is cut off")
    return _Chain(*struct.unpack_from(f"{database.order}II", item, 4))


def _overflows(database: _Database, chains: list[_Chain]) -> Iterator[bytes]:
    for number, length in sorted(chains):
        yield _overflow(database, number, length)


def _overflow(database: _Database, number: int, length: int) -> bytes:
    """A value on its chain of pages."""
    if length > LONGEST_HEADER:
        raise Exhausted(f"a header of {length} bytes")
    parts: list[memoryview] = []
    missing = length
    while missing > 0:
        content = database.pages.page(number)
        page = _header(database, content)
        if page.kind != _OVERFLOW_PAGE or not 0 < page.free <= min(missing, database.page_size - _PAGE_HEADER):
            raise Damaged("a chain of overflow pages is broken")
        parts.append(content[_PAGE_HEADER : _PAGE_HEADER + page.free])
        missing -= page.free
        number = page.following
    return b"".join(parts)
