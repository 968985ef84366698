"""What sqlite has written beside its database: the newest committed content of pages, by their number."""

import struct
from typing import Final, NamedTuple

from cloudigrade.inspector.reading import Damaged, Exhausted, Reader, Unsupported
from cloudigrade.inspector.rpmdb.limits import LARGEST_LOG

_LOG_HEAD: Final = 32
_FRAME_HEAD: Final = 24
_MAGIC: Final = {0x377F0682: "<", 0x377F0683: ">"}  # which byte order the checksums have
_VERSION: Final = 3007000
_ALL_BITS: Final = 0xFFFFFFFF


class Log(NamedTuple):
    """Pages that are newer than the database's own."""

    reader: Reader
    offsets: dict[int, int]
    """Where in the log the newest content of a page is; the first page is 1."""
    page_count: int
    """Pages of the whole database after the last commit; 0 without a commit."""


def read(reader: Reader, page_size: int) -> Log:
    """The committed part of a log; what follows its first broken frame was never written to the end."""
    if reader.size < _LOG_HEAD:
        return Log(reader, {}, 0)
    if reader.size > LARGEST_LOG:
        raise Exhausted(f"a write-ahead log of {reader.size} bytes")
    head = reader.read(0, _LOG_HEAD)
    magic, version, log_page_size = struct.unpack_from(">III", head)
    if magic not in _MAGIC:
        return Log(reader, {}, 0)  # sqlite ignores it likewise
    order = _MAGIC[magic]
    sums = _checksum(order, head[:24], (0, 0))
    if sums != struct.unpack_from(">II", head, 24):
        return Log(reader, {}, 0)
    if version != _VERSION:
        raise Unsupported(f"write-ahead log of version {version}")
    if log_page_size != page_size:
        raise Damaged(f"write-ahead log with pages of {log_page_size} bytes")
    return _frames(reader, page_size, order, head, sums)


def _frames(reader: Reader, page_size: int, order: str, head: bytes, sums: tuple[int, int]) -> Log:
    salts = head[16:24]
    committed: dict[int, int] = {}
    pending: dict[int, int] = {}
    page_count = 0
    step = _FRAME_HEAD + page_size
    for offset in range(_LOG_HEAD, reader.size - step + 1, step):
        frame = reader.read(offset, step)
        number, pages_after = struct.unpack_from(">II", frame)
        sums = _checksum(order, frame[:8], sums)
        sums = _checksum(order, frame[_FRAME_HEAD:], sums)
        if frame[8:16] != salts or sums != struct.unpack_from(">II", frame, 16) or not number:
            break
        pending[number] = offset + _FRAME_HEAD
        if pages_after:
            committed.update(pending)
            pending.clear()
            page_count = pages_after
    return Log(reader, committed, page_count)


def _checksum(order: str, content: bytes, sums: tuple[int, int]) -> tuple[int, int]:
    """Sqlite's running checksum over pairs of words."""
    first, second = sums
    for one, other in struct.iter_unpack(f"{order}II", content):
        first = (first + one + second) & _ALL_BITS
        second = (second + other + first) & _ALL_BITS
    return first, second
