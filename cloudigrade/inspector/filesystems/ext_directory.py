"""The entries of a directory of ext: linear blocks (those of an index hide theirs in empty entries), or inline."""

import struct
from collections.abc import Iterator
from typing import Final

from cloudigrade.inspector.reading import Damaged

_ENTRY: Final = struct.Struct("<IHBB")
_LARGEST_BLOCK: Final = 65536
_WHOLE: Final = (0, 65535)
"""Lengths that stand for 64 KiB."""
_THIS_LENGTH: Final = 12
_THIS_AND_PARENT: Final = (b".", b"..")


def entries(block: bytes, *, typed: bool) -> Iterator[tuple[bytes, int]]:
    """Names and inodes, without `.` and `..`; raises Damaged for entries that contradict themselves."""
    offset = 0
    while offset < len(block):
        if offset + _ENTRY.size > len(block):
            raise Damaged("an entry of a directory of ext is cut off")
        number, length, name_length, kind = _ENTRY.unpack_from(block, offset)
        if length in _WHOLE and len(block) == _LARGEST_BLOCK:
            length = _LARGEST_BLOCK
        if not typed:
            name_length |= kind << 8
        _check(length, name_length, len(block) - offset)
        if number:
            name = block[offset + _ENTRY.size : offset + _ENTRY.size + name_length]
            yield from _named(name, number)
        offset += length


def is_index(block: bytes) -> bool:
    """Whether one entry without a name covers the block, or `..` covers all but `.` of it."""
    first, length = _ENTRY.unpack_from(block)[:2]
    if not first:
        return length == len(block) or (length in _WHOLE and len(block) == _LARGEST_BLOCK)
    parent: int = _ENTRY.unpack_from(block, _THIS_LENGTH)[1]
    return bool(length == _THIS_LENGTH and parent == len(block) - length)


def _check(length: int, name_length: int, left: int) -> None:
    if length % 4 or length < _ENTRY.size + name_length or length < _ENTRY.size or length > left:
        raise Damaged("an entry of a directory of ext contradicts itself")


def _named(name: bytes, number: int) -> Iterator[tuple[bytes, int]]:
    if not name or b"/" in name or b"\0" in name:
        raise Damaged("a directory of ext holds an impossible name")
    if name not in _THIS_AND_PARENT:
        yield name, number
