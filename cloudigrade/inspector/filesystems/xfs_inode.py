"""An inode of XFS, and the extents of its data."""

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from cloudigrade.inspector.filesystem import Entry, EntryKind
from cloudigrade.inspector.filesystems import crc32c
from cloudigrade.inspector.filesystems.blocks import Blocks
from cloudigrade.inspector.filesystems.extents import Extent, Extents
from cloudigrade.inspector.filesystems.xfs_superblock import Superblock
from cloudigrade.inspector.reading import Damaged, Unsupported

LOCAL: Final = 1
_EXTENTS: Final = 2
_TREE: Final = 3
_FORMATS: Final = {
    EntryKind.FILE: (_EXTENTS, _TREE),
    EntryKind.DIRECTORY: (LOCAL, _EXTENTS, _TREE),
    EntryKind.SYMLINK: (LOCAL, _EXTENTS),
}

_MAGIC: Final = b"IN"
_KINDS: Final = {0x4000: EntryKind.DIRECTORY, 0x8000: EntryKind.FILE, 0xA000: EntryKind.SYMLINK}
_MODE: Final = 0xF000
_LATEST: Final = 3
_FORK: Final = {1: 100, 2: 100, 3: 176}
"""By version of the inode, where its data begin."""
_CHECKSUM: Final = 100
_REALTIME: Final = 0x1
_LARGE_COUNTS: Final = 0x10

_RECORD: Final = 16
_ROOT: Final = struct.Struct(">HH")
_NODE: Final = struct.Struct(">4sHH")
_DEEPEST: Final = 9
_TREE_BLOCKS: Final = {4: (b"BMAP", 24), 5: (b"BMA3", 72)}
"""By version of the filesystem, the mark and the length of a header."""
_TREE_CHECKSUM: Final = 64


class Inode(NamedTuple):
    """What is needed of it."""

    entry: Entry
    format: int
    """Where its data are."""
    extents: int
    """How many it has."""
    fork: bytes
    """The part that says so, or holds them."""
    realtime: bool


def parsed(number: int, content: bytes, superblock: Superblock) -> Inode:
    """The inode; raises Damaged for one that contradicts itself."""
    version = content[4]
    newest = superblock.version > 4  # noqa: PLR2004 (the version of XFS that has checksums)
    if content[:2] != _MAGIC or version not in _FORK or newest != (version == _LATEST):
        raise Damaged(f"inode {number} of XFS contradicts itself")
    if newest:
        _check(number, content)
    if not _short(content, 2):
        raise Damaged(f"inode {number} of XFS is free")
    kind = _KINDS.get(_short(content, 2) & _MODE, EntryKind.OTHER)
    if kind in _FORMATS and content[5] not in _FORMATS[kind]:
        raise Damaged(f"inode {number} of XFS has its data in an impossible place")
    large = newest and _long(content, 120) & _LARGE_COUNTS
    return Inode(
        Entry(number, kind, _long(content, 56)),
        content[5],
        _long(content, 24) if large else int.from_bytes(content[76:80], "big"),
        _fork(number, content, _FORK[version]),
        bool(_short(content, 90) & _REALTIME),
    )


def _fork(number: int, content: bytes, start: int) -> bytes:
    """Up to where attributes begin."""
    end = start + content[82] * 8 if content[82] else len(content)
    if end > len(content):
        raise Damaged(f"inode {number} of XFS has its attributes outside of it")
    return content[start:end]


def _check(number: int, content: bytes) -> None:
    if _long(content, 152) != number:
        raise Damaged(f"inode {number} of XFS says that it is another")
    check("an inode", content, _CHECKSUM)


def check(what: str, content: bytes, at: int) -> None:
    """The checksum that stands there is right; raises Damaged where it is not."""
    covered = content[:at] + bytes(4) + content[at + 4 :]
    if crc32c.checksum(covered) != int.from_bytes(content[at : at + 4], "little"):
        raise Damaged(f"the checksum of {what} of XFS is wrong")


def extents(inode: Inode, superblock: Superblock, blocks: Blocks) -> Extents:
    """Where the data lie."""
    if inode.realtime:
        raise Unsupported(f"inode {inode.entry.number} of XFS has its data on a realtime volume")
    found = Extents(superblock.blocks)
    if inode.format == _EXTENTS:
        if inode.extents * _RECORD > len(inode.fork):
            raise Damaged(f"inode {inode.entry.number} of XFS has more extents than room")
        _add_records(inode.fork[: inode.extents * _RECORD], superblock, found)
    elif inode.format == _TREE:
        level, count = _ROOT.unpack_from(inode.fork)
        if not 0 < level <= _DEEPEST:
            raise Damaged(f"the extents of inode {inode.entry.number} of XFS have {level} levels")
        for pointer in _pointers(inode.fork, _ROOT.size, count):
            _node(pointer, level - 1, (superblock, blocks, found))
    return found


def _node(pointer: int, level: int, into: tuple[Superblock, Blocks, Extents]) -> None:
    superblock, blocks, found = into
    found.count_node()
    content = blocks.read(superblock.offset(pointer))
    mark, header = _TREE_BLOCKS[superblock.version]
    actual, actual_level, count = _NODE.unpack_from(content)
    if actual != mark or actual_level != level:
        raise Damaged(f"block {pointer} of XFS is no block of extents")
    if mark == b"BMA3":
        check("extents", content, _TREE_CHECKSUM)
    if level:
        for below in _pointers(content, header, count):
            _node(below, level - 1, into)
        return
    if header + count * _RECORD > len(content):
        raise Damaged(f"block {pointer} of XFS has more extents than room")
    _add_records(content[header : header + count * _RECORD], superblock, found)


def _pointers(content: bytes, header: int, count: int) -> Iterator[int]:
    """Keys for all that find room come first."""
    room = (len(content) - header) // _RECORD
    if not 0 < count <= room:
        raise Damaged("a tree of extents of XFS has an impossible number of branches")
    start = header + room * 8
    return (pointer for (pointer,) in struct.iter_unpack(">Q", content[start : start + count * 8]))


def _add_records(records: bytes, superblock: Superblock, found: Extents) -> None:
    for high, low in struct.iter_unpack(">QQ", records):
        first = high >> 9 & (1 << 54) - 1
        start = (high & (1 << 9) - 1) << 43 | low >> 21
        count = low & (1 << 21) - 1
        if count:
            offset = superblock.offset(start)
            superblock.offset(start + count - 1)
            found.add(Extent(first, offset, count), written=not high >> 63)


def _long(content: bytes, offset: int) -> int:
    return int.from_bytes(content[offset : offset + 8], "big")


def _short(content: bytes, offset: int) -> int:
    return int.from_bytes(content[offset : offset + 2], "big")
