"""What the superblock of ext2, ext3 or ext4 says, and where its groups keep their inodes."""

import struct
from dataclasses import dataclass
from typing import Final

from cloudigrade.inspector.filesystems import crc32c
from cloudigrade.inspector.filesystems.blocks import Blocks
from cloudigrade.inspector.reading import Damaged, Reader, Unsupported

OFFSET: Final = 1024
SIZE: Final = 1024
MAGIC: Final = 0xEF53

FILE_TYPE: Final = 0x2
RECOVER: Final = 0x4
META_GROUPS: Final = 0x10
WIDE: Final = 0x80
SEED: Final = 0x2000
_READ: Final = {
    FILE_TYPE, RECOVER, META_GROUPS, WIDE, SEED,
    0x40,     # extents
    0x100,    # multiple mount protection
    0x200,    # flexible groups
    0x400,    # extended attributes in inodes
    0x4000,   # large directories
    0x8000,   # inline data
    0x10000,  # encryption: refused for each encrypted inode
    0x20000,  # case folding: refused for each such directory
}  # fmt: skip
_NAMED: Final = {0x1: "compression", 0x8: "a journal without files", 0x1000: "data in directories"}
_SPARSE_SUPERBLOCKS: Final = 0x1
_TWO_BACKUPS: Final = 0x200
CHECKSUMS: Final = 0x400

_LARGEST_BLOCK: Final = 6  # 64 KiB
_ERRORS: Final = 2
_OLD_INODE: Final = 128
_SMALL_DESCRIPTOR: Final = 32
_WIDE_DESCRIPTOR: Final = 64
_SMALL_BLOCK: Final = 1024
_CRC32C: Final = 1


@dataclass(frozen=True, slots=True)
class Superblock:
    """The numbers that all the rest is found by."""

    block: int
    """Bytes of one."""
    blocks: int
    inodes: int
    first_block: int
    blocks_per_group: int
    inodes_per_group: int
    inode_size: int
    descriptor_size: int
    incompatible: int
    read_only: int
    compatible: int
    first_meta_group: int
    backups: tuple[int, int]
    seed: int
    """Of checksums."""
    state: int

    @property
    def checksums(self) -> bool:
        """Whether metadata carry them."""
        return bool(self.read_only & CHECKSUMS)

    def notes(self) -> tuple[str, ...]:
        """Why the files may be older than what the system last wrote."""
        found = []
        if self.incompatible & RECOVER:
            found.append("its journal was not replayed: the latest changes may be missing")
        if self.state & _ERRORS:
            found.append("it is marked as having errors")
        return tuple(found)


def read(volume: Reader) -> Superblock:
    """The superblock; raises Damaged for one that contradicts itself, Unsupported for features that are not read."""
    if volume.size < OFFSET + SIZE:
        raise Damaged("too small for a superblock of ext")
    content = volume.read(OFFSET, SIZE)
    if _short(content, 0x38) != MAGIC:
        raise Damaged("no superblock of ext")
    _check_features(_word(content, 0x60) if _word(content, 0x4C) else 0)
    superblock = _parsed(content)
    _check_checksum(superblock, content)
    _check_numbers(superblock)
    return superblock


def _parsed(content: bytes) -> Superblock:
    dynamic = _word(content, 0x4C) > 0
    exponent = _word(content, 0x18)
    if exponent > _LARGEST_BLOCK:
        raise Damaged("blocks of ext are larger than 64 KiB")
    incompatible = _word(content, 0x60) if dynamic else 0
    wide = bool(incompatible & WIDE)
    return Superblock(
        block=_SMALL_BLOCK << exponent,
        blocks=_word(content, 0x04) | (_word(content, 0x150) << 32 if wide else 0),
        inodes=_word(content, 0x00),
        first_block=_word(content, 0x14),
        blocks_per_group=_word(content, 0x20),
        inodes_per_group=_word(content, 0x28),
        inode_size=_short(content, 0x58) if dynamic else _OLD_INODE,
        descriptor_size=_short(content, 0xFE) if wide else _SMALL_DESCRIPTOR,
        incompatible=incompatible,
        read_only=_word(content, 0x64) if dynamic else 0,
        compatible=_word(content, 0x5C) if dynamic else 0,
        first_meta_group=_word(content, 0x104),
        backups=(_word(content, 0x24C), _word(content, 0x250)),
        seed=_word(content, 0x270) if incompatible & SEED else crc32c.register(content[0x68:0x78]),
        state=_short(content, 0x3A),
    )


def _check_features(incompatible: int) -> None:
    unknown = [1 << bit for bit in range(32) if incompatible >> bit & 1 and 1 << bit not in _READ]
    if unknown:
        raise Unsupported("features of ext: " + ", ".join(_NAMED.get(flag, f"{flag:#x}") for flag in unknown))


def _check_checksum(superblock: Superblock, content: bytes) -> None:
    if not superblock.checksums:
        return
    if content[0x175] != _CRC32C:
        raise Unsupported("checksums of ext that are no CRC-32C")
    if crc32c.register(content[:-4]) != _word(content, SIZE - 4):
        raise Damaged("the checksum of the superblock of ext is wrong")


def _check_numbers(superblock: Superblock) -> None:
    block = superblock.block
    if not 0 < superblock.blocks_per_group <= 8 * block * 64 or not 0 < superblock.inodes_per_group <= 8 * block:
        raise Damaged("groups of ext are empty or too large")
    if not _power_within(superblock.inode_size, _OLD_INODE, block):
        raise Damaged(f"inodes of ext have {superblock.inode_size} bytes")
    smallest = _WIDE_DESCRIPTOR if superblock.incompatible & WIDE else _SMALL_DESCRIPTOR
    if not _power_within(superblock.descriptor_size, smallest, block):
        raise Damaged(f"group descriptors of ext have {superblock.descriptor_size} bytes")
    if superblock.first_block > 1 or superblock.blocks <= superblock.first_block:
        raise Damaged("ext has no blocks")


def _power_within(number: int, smallest: int, largest: int) -> bool:
    return smallest <= number <= largest and number & (number - 1) == 0


class Groups:
    """The groups of blocks, by number."""

    def __init__(self, superblock: Superblock, blocks: Blocks) -> None:
        self._superblock = superblock
        self._blocks = blocks
        self._descriptors_per_block = superblock.block // superblock.descriptor_size

    def inode_offset(self, number: int) -> int:
        """Where on the volume the inode lies, in bytes."""
        superblock = self._superblock
        if not 1 <= number <= superblock.inodes:
            raise Damaged(f"inode {number} of ext does not exist")
        group, index = divmod(number - 1, superblock.inodes_per_group)
        offset = self._inode_table(group) * superblock.block + index * superblock.inode_size
        if offset + superblock.inode_size > superblock.blocks * superblock.block:
            raise Damaged(f"inode {number} lies beyond the end of ext")
        return offset

    def _inode_table(self, group: int) -> int:
        superblock = self._superblock
        block, index = divmod(group, self._descriptors_per_block)
        start = index * superblock.descriptor_size
        content = self._blocks.read(self._descriptor_block(block))[start : start + superblock.descriptor_size]
        if superblock.checksums:
            self._check(group, content)
        table = _word(content, 0x08)
        return table | (_word(content, 0x28) << 32 if superblock.incompatible & WIDE else 0)

    def _check(self, group: int, content: bytes) -> None:
        covered = struct.pack("<I", group) + content[:0x1E] + bytes(2) + content[0x20:]
        if crc32c.register(covered, self._superblock.seed) & 0xFFFF != _short(content, 0x1E):
            raise Damaged(f"the checksum of group {group} of ext is wrong")

    def _descriptor_block(self, number: int) -> int:
        """Descriptors follow the superblock; with meta groups, each block of them lies in the group it begins with."""
        superblock = self._superblock
        if not superblock.incompatible & META_GROUPS or number < superblock.first_meta_group:
            return OFFSET // superblock.block + 1 + number
        group = number * self._descriptors_per_block
        behind = int(self._has_superblock(group))
        if superblock.block == _SMALL_BLOCK and not number and not superblock.first_block:
            behind += 1  # the boot block comes first
        return superblock.first_block + group * superblock.blocks_per_group + behind

    def _has_superblock(self, group: int) -> bool:
        superblock = self._superblock
        if not group:
            return True
        if superblock.compatible & _TWO_BACKUPS:
            return group in superblock.backups
        if group == 1 or not superblock.read_only & _SPARSE_SUPERBLOCKS:
            return True
        return any(_is_power(group, base) for base in (3, 5, 7))


def _is_power(number: int, base: int) -> bool:
    power = base
    while power < number:
        power *= base
    return power == number


def _word(content: bytes, offset: int) -> int:
    return int.from_bytes(content[offset : offset + 4], "little")


def _short(content: bytes, offset: int) -> int:
    return int.from_bytes(content[offset : offset + 2], "little")
