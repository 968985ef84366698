"""What the superblock of XFS says: version 4 (Red Hat Enterprise Linux 6 and 7) or 5."""

import struct
from dataclasses import dataclass
from typing import Final

from cloudigrade.inspector.filesystems import crc32c
from cloudigrade.inspector.reading import Damaged, Reader, Unsupported

SIZE: Final = 512
_MAGIC: Final = b"XFSB"
_FIELDS: Final = struct.Struct(">4sIQ32xQQ16x4xII4xI")
_CHECKSUM: Final = 224
_FIRST: Final = 4
_LATEST: Final = 5
_VERSION: Final = 0xF

_SECOND_DIRECTORIES: Final = 0x2000
_MORE: Final = 0x8000
_CASE_FOLDED: Final = 0x4000
_TYPED_BEFORE: Final = 0x200
_TYPED: Final = 0x1
_NEEDS_REPAIR: Final = 0x10
_READ: Final = {
    _TYPED,
    0x2,  # sparse inodes
    0x4,  # another identifier for metadata
    0x8,  # times after 2038
    0x20,  # large counts of extents
    0x40,  # exchanged ranges
    0x80,  # parent pointers
    0x100,  # a directory of metadata
}
_LARGEST_BLOCK: Final = 65536
_SMALLEST_BLOCK: Final = 512
_SMALLEST_INODE: Final = 256
_LARGEST_INODE: Final = 2048
_LARGEST_GROUP: Final = 31
"""Binary logarithm of its blocks."""


@dataclass(frozen=True, slots=True)
class Superblock:
    """The numbers that all the rest is found by."""

    version: int
    block: int
    """Bytes of one."""
    blocks: int
    root: int
    """Inode of the root directory."""
    group_blocks: int
    groups: int
    group_bits: int
    """Of a number of a block, those that tell it within its group."""
    inode_size: int
    inode_bits: int
    """Of a number of an inode, those that tell it within its block."""
    directory_block: int
    """Bytes of a block of a directory."""
    typed: bool
    """Whether directories tell what an inode is."""
    log_start: int
    log_blocks: int

    def offset(self, number: int) -> int:
        """Where the block of this number lies on the volume, in blocks; numbers have gaps between groups."""
        group, block = number >> self.group_bits, number & ((1 << self.group_bits) - 1)
        if group >= self.groups or block >= self.group_blocks:
            raise Damaged(f"block {number} of XFS does not exist")
        return group * self.group_blocks + block

    def inode_offset(self, number: int) -> int:
        """Where the inode lies on the volume, in bytes."""
        block = self.offset(number >> self.inode_bits)
        return block * self.block + (number & ((1 << self.inode_bits) - 1)) * self.inode_size


def read(volume: Reader) -> Superblock:
    """The superblock; raises Damaged for one that contradicts itself, Unsupported for features that are not read."""
    if volume.size < SIZE:
        raise Damaged("too small for a superblock of XFS")
    content = volume.read(0, SIZE)
    if content[:4] != _MAGIC:
        raise Damaged("no superblock of XFS")
    version = _short(content, 100) & _VERSION
    if version not in (_FIRST, _LATEST):
        raise Unsupported(f"version {version} of XFS")
    if version == _LATEST:
        _check_checksum(volume, content)
    _check_features(content, version)
    superblock = _parsed(content, version)
    _check_numbers(superblock, content)
    return superblock


def _parsed(content: bytes, version: int) -> Superblock:
    _, block, blocks, log_start, root, group_blocks, groups, log_blocks = _FIELDS.unpack_from(content)
    more = _word(content, 200) if _short(content, 100) & _MORE else 0
    return Superblock(
        version=version,
        block=block,
        blocks=blocks,
        root=root,
        group_blocks=group_blocks,
        groups=groups,
        group_bits=content[124],
        inode_size=_short(content, 104),
        inode_bits=content[123],
        directory_block=block << min(content[192], 16),
        typed=bool(_word(content, 216) & _TYPED) if version == _LATEST else bool(more & _TYPED_BEFORE),
        log_start=log_start,
        log_blocks=log_blocks,
    )


def _check_checksum(volume: Reader, content: bytes) -> None:
    """It covers the first sector, which may be as large as a block."""
    sector = _short(content, 102)
    if not SIZE <= sector <= min(volume.size, _LARGEST_BLOCK):
        raise Damaged(f"sectors of XFS have {sector} bytes")
    covered = volume.read(0, sector)
    covered = covered[:_CHECKSUM] + bytes(4) + covered[_CHECKSUM + 4 :]
    if crc32c.checksum(covered) != int.from_bytes(content[_CHECKSUM : _CHECKSUM + 4], "little"):
        raise Damaged("the checksum of the superblock of XFS is wrong")


def _check_features(content: bytes, version: int) -> None:
    features = _short(content, 100)
    if features & _CASE_FOLDED:
        raise Unsupported("XFS that ignores the case of names")
    if version == _FIRST:
        if not features & _SECOND_DIRECTORIES:
            raise Unsupported("directories of the first version of XFS")
        return
    incompatible = _word(content, 216)
    if incompatible & _NEEDS_REPAIR:
        raise Unsupported("XFS that is marked as in need of repair")
    unknown = [1 << bit for bit in range(32) if incompatible >> bit & 1 and 1 << bit not in _READ]
    if unknown:
        raise Unsupported("features of XFS: " + ", ".join(f"{flag:#x}" for flag in unknown))


def _check_numbers(superblock: Superblock, content: bytes) -> None:
    block, inode = superblock.block, superblock.inode_size
    if not _power_within(block, _SMALLEST_BLOCK, _LARGEST_BLOCK):
        raise Damaged(f"blocks of XFS have {block} bytes")
    if not _power_within(inode, _SMALLEST_INODE, min(block, _LARGEST_INODE)) or inode << superblock.inode_bits != block:
        raise Damaged(f"inodes of XFS have {inode} bytes")
    if superblock.directory_block > _LARGEST_BLOCK:
        raise Damaged("blocks of directories of XFS are larger than 64 KiB")
    if superblock.group_bits > _LARGEST_GROUP or not 0 < superblock.group_blocks <= 1 << superblock.group_bits:
        raise Damaged("groups of XFS are empty or too large")
    if content[126]:
        raise Damaged("XFS was not made to its end")


def _power_within(number: int, smallest: int, largest: int) -> bool:
    return smallest <= number <= largest and number & (number - 1) == 0


def _word(content: bytes, offset: int) -> int:
    return int.from_bytes(content[offset : offset + 4], "big")


def _short(content: bytes, offset: int) -> int:
    return int.from_bytes(content[offset : offset + 2], "big")
