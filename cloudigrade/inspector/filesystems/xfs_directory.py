"""The entries of a directory of XFS: within its inode, or in blocks of names; what indexes them is not needed."""

import struct
from collections.abc import Iterator
from typing import Final

from cloudigrade.inspector.filesystems.xfs_inode import check
from cloudigrade.inspector.reading import Damaged

INDEX_START: Final = 32 << 30
"""Byte of a directory from which on it holds no names."""
_UNUSED: Final = 0xFFFF
_SHORT: Final = 3
_THIS_AND_PARENT: Final = (b".", b"..")
_BLOCKS: Final = {b"XD2B": (16, False), b"XD2D": (16, False), b"XDB3": (64, True), b"XDD3": (64, True)}
"""By mark, where entries begin, and whether there is a checksum."""
_WITH_INDEX: Final = (b"XD2B", b"XDB3")
_CHECKSUM: Final = 4
_TAIL: Final = 8
_SMALLEST: Final = 8

Named = tuple[bytes, int]


def inline(fork: bytes, *, typed: bool) -> Iterator[Named]:
    """Names and inodes of a directory that its inode holds."""
    if len(fork) < 2:  # noqa: PLR2004 (two counts)
        raise Damaged("a directory of XFS is cut off")
    count, wide = fork[0], 8 if fork[1] else 4
    offset = 2 + wide
    for _ in range(count):
        length = fork[offset] if offset < len(fork) else 0
        start = offset + _SHORT
        offset = start + length + int(typed) + wide
        if not length or offset > len(fork):
            raise Damaged("an entry of a directory of XFS is cut off")
        yield _named(fork[start : start + length], int.from_bytes(fork[offset - wide : offset], "big"))


def block(content: bytes, *, typed: bool) -> Iterator[Named]:
    """Names and inodes of one block, without `.` and `..`."""
    mark = content[:4]
    if mark not in _BLOCKS:
        raise Damaged("a block of a directory of XFS has another mark")
    offset, has_checksum = _BLOCKS[mark]
    if has_checksum:
        check("a directory", content, _CHECKSUM)
    end = _end(content) if mark in _WITH_INDEX else len(content)
    while offset < end:
        length, entry = _entry(content[:end], offset, typed=typed)
        if entry and entry[0] not in _THIS_AND_PARENT:
            yield entry
        offset += length


def _end(content: bytes) -> int:
    """Where the index within the only block of a directory begins."""
    count = int.from_bytes(content[-_TAIL : -_TAIL + 4], "big")
    end = len(content) - _TAIL - count * 8
    if end < 0:
        raise Damaged("the index of a directory of XFS is larger than its block")
    return end


def _entry(content: bytes, offset: int, *, typed: bool) -> tuple[int, Named | None]:
    if offset + _SMALLEST > len(content):
        raise Damaged("an entry of a directory of XFS is cut off")
    tag, unused = struct.unpack_from(">HH", content, offset)
    if tag == _UNUSED:
        if not unused or unused % 8 or offset + unused > len(content):
            raise Damaged("unused room in a directory of XFS contradicts itself")
        return unused, None
    name_length = content[offset + 8] if offset + 8 < len(content) else 0
    length = (8 + 1 + name_length + int(typed) + 2 + 7) // 8 * 8
    if not name_length or offset + length > len(content):
        raise Damaged("an entry of a directory of XFS is cut off")
    name = content[offset + 9 : offset + 9 + name_length]
    return length, _named(name, int.from_bytes(content[offset : offset + 8], "big"))


def _named(name: bytes, number: int) -> Named:
    if b"/" in name or b"\0" in name:
        raise Damaged("a directory of XFS holds an impossible name")
    return name, number
