"""An inode of ext: its fields, and what it holds itself."""

import struct
from typing import Final, NamedTuple

from cloudigrade.inspector.filesystem import Entry, EntryKind
from cloudigrade.inspector.filesystems import crc32c
from cloudigrade.inspector.filesystems.ext_superblock import Superblock
from cloudigrade.inspector.reading import Damaged, Unsupported

COMPRESSED: Final = 0x4
ENCRYPTED: Final = 0x800
TREE: Final = 0x80000
INLINE: Final = 0x10000000
CASE_FOLDED: Final = 0x40000000

_KINDS: Final = {0x4000: EntryKind.DIRECTORY, 0x8000: EntryKind.FILE, 0xA000: EntryKind.SYMLINK}
_FORMAT: Final = 0xF000
_OLD_SIZE: Final = 128
_HIGH_CHECKSUM: Final = 4
"""Extra bytes that an inode has at least if the upper half of its checksum is in there."""
_ATTRIBUTES: Final = 0xEA020000
_ATTRIBUTE: Final = struct.Struct("<BBHIII")
_SYSTEM: Final = 7
INLINE_SIZE: Final = 60


class Inode(NamedTuple):
    """What is needed of it."""

    entry: Entry
    flags: int
    generation: int
    links: int
    root: bytes
    """Sixty bytes: the root of a tree, a list of blocks, or content."""
    behind: bytes
    """What follows the fields: attributes."""


def parsed(number: int, content: bytes) -> Inode:
    """The inode."""
    mode, flags = _short(content, 0x00), _word(content, 0x20)
    kind = _KINDS.get(mode & _FORMAT, EntryKind.OTHER)
    extra = _short(content, 0x80) if len(content) > _OLD_SIZE else 0
    if extra % 4 or _OLD_SIZE + extra > len(content):
        raise Damaged(f"inode {number} of ext contradicts itself")
    return Inode(
        Entry(number, kind, _word(content, 0x04) | _word(content, 0x6C) << 32),
        flags,
        _word(content, 0x64),
        _short(content, 0x1A),
        content[0x28:0x64],
        content[_OLD_SIZE + extra :] if extra else b"",
    )


def check(number: int, content: bytes, superblock: Superblock) -> None:
    """The checksum is right; raises Damaged where it is not."""
    extra = _short(content, 0x80) if len(content) > _OLD_SIZE else 0
    covered = bytearray(content)
    covered[0x7C:0x7E] = bytes(2)
    expected = _short(content, 0x7C)
    mask = 0xFFFF
    if extra >= _HIGH_CHECKSUM:
        covered[0x82:0x84] = bytes(2)
        expected |= _short(content, 0x82) << 16
        mask = 0xFFFFFFFF
    if crc32c.register(bytes(covered), seed(number, _word(content, 0x64), superblock)) & mask != expected:
        raise Damaged(f"the checksum of inode {number} of ext is wrong")


def seed(number: int, generation: int, superblock: Superblock) -> int:
    """What the checksums of all that belongs to the inode start with."""
    return crc32c.register(struct.pack("<II", number, generation), superblock.seed)


def check_plain(inode: Inode) -> None:
    """The content can be read as it is; raises Unsupported where it cannot."""
    if inode.flags & ENCRYPTED:
        raise Unsupported(f"inode {inode.entry.number} of ext is encrypted")
    if inode.flags & COMPRESSED and not inode.flags & TREE:
        raise Unsupported(f"inode {inode.entry.number} of ext is compressed")


def inline_rest(inode: Inode) -> bytes:
    """What of inline data found no place in the sixty bytes: the value of the attribute `system.data`."""
    if len(inode.behind) < 4 or _word(inode.behind, 0) != _ATTRIBUTES:  # noqa: PLR2004 (the size of the mark)
        return b""
    attributes = inode.behind[4:]
    offset = 0
    while offset + _ATTRIBUTE.size <= len(attributes) and _word(attributes, offset):
        length, index, start, elsewhere, size, _ = _ATTRIBUTE.unpack_from(attributes, offset)
        name = attributes[offset + _ATTRIBUTE.size : offset + _ATTRIBUTE.size + length]
        if index == _SYSTEM and name == b"data":
            if elsewhere or start + size > len(attributes):
                raise Damaged(f"inline data of inode {inode.entry.number} of ext lie outside of it")
            return attributes[start : start + size]
        offset += (_ATTRIBUTE.size + length + 3) // 4 * 4
    return b""


def _word(content: bytes, offset: int) -> int:
    return int.from_bytes(content[offset : offset + 4], "little")


def _short(content: bytes, offset: int) -> int:
    return int.from_bytes(content[offset : offset + 2], "little")
