"""The two ways in which ext says where a file lies: trees of extents, and lists of blocks."""

import struct
from collections.abc import Callable, Iterator
from typing import Final

from cloudigrade.inspector.filesystems.blocks import Blocks
from cloudigrade.inspector.filesystems.extents import Extent, Extents
from cloudigrade.inspector.reading import Damaged

_HEADER: Final = struct.Struct("<HHHH4x")
_LEAF: Final = struct.Struct("<IHHI")
_INDEX: Final = struct.Struct("<IIHxx")
_MAGIC: Final = 0xF30A
_DEEPEST: Final = 5
_MOST_WRITTEN: Final = 32768
"""Longer extents are so much shorter, and not written yet."""
_DIRECT: Final = 12

Check = Callable[[bytes], None]
"""Raises Damaged for a block of a tree whose checksum is wrong."""


def tree(root: bytes, blocks: Blocks, found: Extents, check: Check) -> None:
    """All extents of the tree are found."""
    _node(root, _DEEPEST + 1, blocks, found, check)


def _node(content: bytes, above: int, blocks: Blocks, found: Extents, check: Check) -> None:
    entries, depth = node_header(content)
    if depth >= above:
        raise Damaged("a tree of extents of ext goes deeper than it says")
    for offset in range(_HEADER.size, _HEADER.size * (entries + 1), _HEADER.size):
        if not depth:
            _add_leaf(content, offset, found)
            continue
        _, low, high = _INDEX.unpack_from(content, offset)
        found.count_node()
        below = blocks.read(low | high << 32)
        check(below)
        _node(below, depth, blocks, found, check)


def node_header(content: bytes) -> tuple[int, int]:
    """How many entries follow, and how many levels are below."""
    magic, entries, most, depth = _HEADER.unpack_from(content)
    if magic != _MAGIC or entries > most or _HEADER.size * (most + 1) > len(content):
        raise Damaged("a block of extents of ext contradicts itself")
    return entries, depth


def checked_length(content: bytes) -> int:
    """Up to where a checksum covers a block of a tree, and where it stands."""
    most: int = _HEADER.unpack_from(content)[2]
    return _HEADER.size * (1 + most)


def _add_leaf(content: bytes, offset: int, found: Extents) -> None:
    first, count, high, low = _LEAF.unpack_from(content, offset)
    written = count <= _MOST_WRITTEN
    found.add(Extent(first, low | high << 32, count if written else count - _MOST_WRITTEN), written=written)


def lists(root: bytes, blocks: Blocks, found: Extents, needed: int) -> None:
    """All blocks that the inode lists are found: twelve, then through one, two and three levels of lists."""
    numbers = struct.unpack_from("<15I", root)
    first = 0
    for level, number in [(0, number) for number in numbers[:_DIRECT]] + list(enumerate(numbers[_DIRECT:], 1)):
        if first >= needed:
            return
        first = _listed(number, level, first, (blocks, found, needed))


def _listed(number: int, level: int, first: int, into: tuple[Blocks, Extents, int]) -> int:
    """The number of the block in the file that follows what the number stands for."""
    blocks, found, needed = into
    behind = first + _covered(blocks.size, level)
    if not number:
        return behind
    if not level:
        found.add(Extent(first, number, 1))
        return behind
    found.count_node()
    content = blocks.read(number)
    if not content.strip(b"\0"):
        return behind
    for below in _numbers(content):
        if first >= needed:
            break
        first = _listed(below, level - 1, first, into)
    return behind


def _covered(block: int, level: int) -> int:
    """How many blocks of a file a number stands for, at so many levels of lists."""
    covered = 1
    for _ in range(level):
        covered *= block // 4
    return covered


def _numbers(content: bytes) -> Iterator[int]:
    return (number for (number,) in struct.iter_unpack("<I", content))
