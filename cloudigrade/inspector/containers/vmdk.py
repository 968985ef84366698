"""A VMDK file in, its disk out: sparse in one file, also stream-optimised; not of several files."""

import re
import struct
import zlib
from typing import Final, NamedTuple

from cloudigrade.inspector.containers.blocks import Blocks, Disk, Pages, Recent, Table
from cloudigrade.inspector.reading import Damaged, Reader, Unsupported

MAGIC: Final = b"KDMV"
DESCRIPTOR_MAGIC: Final = b"# Disk DescriptorFile"
SECTOR: Final = 512
LARGEST_DESCRIPTOR: Final = 64 * 1024
SMALLEST_GRAIN, LARGEST_GRAIN = 4096, 2 * 1024 * 1024
LONGEST_TABLE: Final = 1 << 16
MOST_GRAINS_KEPT: Final = 8

GRAIN_HEADER: Final = struct.Struct("<QI")
DEFLATE: Final = 1
AT_END: Final = 0xFFFF_FFFF_FFFF_FFFF
FOOTER_FROM_END: Final = 1024
"""The footer is the last sector but one; the last marks the end of the stream."""
ABSENT: Final = 0
ZERO: Final = 1
ZERO_GRAINS, COMPRESSED_GRAINS, MARKERS = 1 << 2, 1 << 16, 1 << 17

PARENT: Final = re.compile(rb"^\s*parentCID\s*=\s*([0-9a-fA-F]+)", re.MULTILINE)
EXTENT: Final = re.compile(rb"^\s*(?:RW|RDONLY|NOACCESS)\s+\d+\s+([A-Z]+)", re.MULTILINE)
NO_PARENT: Final = 0xFFFF_FFFF


class Header(NamedTuple):
    """Of a sparse extent, and its footer; integers are little-endian, sizes are in sectors."""

    magic: bytes
    version: int
    flags: int
    capacity: int
    grain: int
    descriptor: int
    descriptor_length: int
    table_length: int
    redundant_directory: int
    directory: int
    overhead: int
    unclean: int
    newlines: bytes
    compression: int


HEADER: Final = struct.Struct("<4sIIQQQQIQQQB4sH")


def opened(file: Reader) -> Reader:
    """The disk within."""
    header = Header(*HEADER.unpack(file.read(0, HEADER.size)))
    if header.version not in {1, 2, 3}:
        raise Unsupported("VMDK of an unknown version")
    _check_descriptor(file, header)
    if header.directory == AT_END:
        directory = Header(*HEADER.unpack(file.read(file.size - FOOTER_FROM_END, HEADER.size)))
        if directory.magic != MAGIC or directory.directory == AT_END:
            raise Damaged("VMDK: without the footer that its header announces")
        header = header._replace(directory=directory.directory)
    return Disk(Grains(file, header))


def _check_descriptor(file: Reader, header: Header) -> None:
    """Only the one disk that this file holds: neither one upon another nor one of several files."""
    if not header.descriptor:
        raise Unsupported("VMDK of several files")
    length = min(header.descriptor_length * SECTOR, LARGEST_DESCRIPTOR)
    text = file.read(header.descriptor * SECTOR, length)
    parent = PARENT.search(text)
    if parent and int(parent[1], 16) != NO_PARENT:
        raise Unsupported("VMDK that builds upon another")
    if EXTENT.findall(text) != [b"SPARSE"]:
        raise Unsupported("VMDK of several files")


class Grains(Blocks):
    """A directory of tables says where each grain is."""

    def __init__(self, file: Reader, header: Header) -> None:
        self._file = file
        self._table = Table(Pages(file), width=4, byteorder="little")
        self._directory = header.directory * SECTOR
        self._length = header.table_length
        self._zero_grains = bool(header.flags & ZERO_GRAINS)
        self._compressed = bool(header.flags & COMPRESSED_GRAINS)
        self.block = header.grain * SECTOR
        self.size = header.capacity * SECTOR
        self._inflated = Recent(self._inflate, MOST_GRAINS_KEPT)
        self._check(header)

    def _check(self, header: Header) -> None:
        if not SMALLEST_GRAIN <= self.block <= LARGEST_GRAIN:
            raise Damaged("VMDK: impossible size of a grain")
        if not 0 < self._length <= LONGEST_TABLE:
            raise Damaged("VMDK: impossible length of a table")
        if self._compressed and header.compression != DEFLATE:
            raise Unsupported("VMDK with an unknown compression")

    def part(self, index: int, start: int, length: int, /) -> bytes:
        """Exactly so many bytes of a grain."""
        sector = self._sector(index)
        if sector == ABSENT or (sector == ZERO and self._zero_grains):
            return bytes(length)
        if not self._compressed:
            return self._file.read(sector * SECTOR + start, length)
        found = self._inflated[sector][start : start + length]
        if len(found) < length:
            raise Damaged("VMDK: a compressed grain is too short")
        return found

    def _sector(self, index: int) -> int:
        first, second = divmod(index, self._length)
        table = self._table.entry(self._directory, first)
        return self._table.entry(table * SECTOR, second) if table else ABSENT

    def _inflate(self, sector: int) -> bytes:
        _, length = GRAIN_HEADER.unpack(self._file.read(sector * SECTOR, GRAIN_HEADER.size))
        if length > 2 * self.block + SECTOR:
            raise Damaged("VMDK: a compressed grain is longer than it can be")
        packed = self._file.read(sector * SECTOR + GRAIN_HEADER.size, length)
        try:
            return zlib.decompressobj().decompress(packed, self.block)
        except zlib.error as error:
            raise Damaged("VMDK: a compressed grain does not unpack") from error
