"""A qcow2 file in, its disk out: versions 2 and 3, without backing files, encryption and sub-clusters."""

import struct
import zlib
from typing import Final, NamedTuple

from cloudigrade.inspector.containers.blocks import Blocks, Disk, Pages, Recent, Table
from cloudigrade.inspector.reading import Damaged, Reader, Unsupported

MAGIC: Final = b"QFI\xfb"
OFFSET: Final = 0x00FF_FFFF_FFFF_FE00
"""The bits of an entry that say where a cluster or table is."""
COMPRESSED: Final = 1 << 62
ZERO: Final = 1
SMALLEST_CLUSTER_BITS, LARGEST_CLUSTER_BITS = 9, 21
MOST_CLUSTERS_KEPT: Final = 8
SECTOR: Final = 512

DIRTY, CORRUPT, EXTERNAL_DATA, COMPRESSION_TYPE, EXTENDED_L2 = (1 << bit for bit in range(5))
KNOWN: Final = DIRTY | CORRUPT | EXTERNAL_DATA | COMPRESSION_TYPE | EXTENDED_L2


class Header(NamedTuple):
    """What every version begins with; integers are big-endian."""

    magic: bytes
    version: int
    backing_offset: int
    backing_length: int
    cluster_bits: int
    size: int
    encryption: int
    l1_length: int
    l1_start: int


HEADER: Final = struct.Struct(">4sIQIIQIIQ")
FEATURES_AT, LENGTH_AT, COMPRESSION_AT = 72, 100, 104


def opened(file: Reader) -> Reader:
    """The disk within."""
    header = Header(*HEADER.unpack(file.read(0, HEADER.size)))
    _check_version(header)
    features = 0 if header.version == 2 else int.from_bytes(file.read(FEATURES_AT, 8), "big")  # noqa: PLR2004 - the version
    _check_features(features)
    if features & COMPRESSION_TYPE:
        _check_compression(file)
    return Disk(Clusters(file, header))


def _check_version(header: Header) -> None:
    if header.version not in {2, 3}:
        raise Unsupported("qcow of a version other than 2 and 3")
    if header.backing_offset:
        raise Unsupported("qcow2 with a backing file")
    if header.encryption:
        raise Unsupported("encrypted qcow2")
    if not SMALLEST_CLUSTER_BITS <= header.cluster_bits <= LARGEST_CLUSTER_BITS:
        raise Damaged("qcow2: impossible size of a cluster")


def _check_features(features: int) -> None:
    if features & CORRUPT:
        raise Damaged("qcow2: marked as corrupt")
    if features & EXTERNAL_DATA:
        raise Unsupported("qcow2 with an external data file")
    if features & EXTENDED_L2:
        raise Unsupported("qcow2 with sub-clusters")
    if features & ~KNOWN:
        raise Unsupported("qcow2 with an unknown feature")


def _check_compression(file: Reader) -> None:
    length = int.from_bytes(file.read(LENGTH_AT, 4), "big")
    if length > COMPRESSION_AT and file.read(COMPRESSION_AT, 1) != b"\0":
        raise Unsupported("qcow2 compressed with zstd")


class Clusters(Blocks):
    """A table of tables says where each cluster is."""

    def __init__(self, file: Reader, header: Header) -> None:
        self._file = file
        self._table = Table(Pages(file), width=8)
        self._bits = header.cluster_bits
        self._l1_start = header.l1_start
        self.block = 1 << header.cluster_bits
        self.size = header.size
        self._inflated = Recent(self._inflate, MOST_CLUSTERS_KEPT)
        if header.l1_length << (2 * self._bits - 3) < self.size:
            raise Damaged("qcow2: the table is too short for the disk")

    def part(self, index: int, start: int, length: int, /) -> bytes:
        """Exactly so many bytes of a cluster."""
        entry = self._entry(index)
        if entry & COMPRESSED:
            return self._inflated[entry & (COMPRESSED - 1)][start : start + length]
        if entry & ZERO or not entry & OFFSET:
            return bytes(length)
        return self._content(entry & OFFSET, start, length)

    def _content(self, cluster: int, start: int, length: int) -> bytes:
        """The last cluster of a file may lack the zeros at its end."""
        if cluster < self._file.size < cluster + self.block:
            there = self._file.read(cluster, self._file.size - cluster)
            return there[start : start + length].ljust(length, b"\0")
        return self._file.read(cluster + start, length)

    def _entry(self, index: int) -> int:
        first, second = divmod(index, self.block // 8)
        table = self._table.entry(self._l1_start, first) & OFFSET
        return self._table.entry(table, second) if table else 0

    def _inflate(self, descriptor: int) -> bytes:
        bits = 62 - (self._bits - 8)
        start = descriptor & ((1 << bits) - 1)
        length = ((descriptor >> bits) + 1) * SECTOR - start % SECTOR
        packed = self._file.read(start, min(length, max(self._file.size - start, 0)))
        try:
            found = zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, self.block)
        except zlib.error as error:
            raise Damaged("qcow2: a compressed cluster does not unpack") from error
        if len(found) != self.block:
            raise Damaged("qcow2: a compressed cluster is too short")
        return found
