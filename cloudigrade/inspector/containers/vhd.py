"""A VHD file in, its disk out: fixed and dynamic, not differencing."""

import struct
from typing import Final, NamedTuple

from cloudigrade.inspector.containers.blocks import Blocks, Disk, Pages, Table
from cloudigrade.inspector.reading import Damaged, Reader, Unsupported, Window

COOKIE: Final = b"conectix"
DYNAMIC_COOKIE: Final = b"cxsparse"
FOOTER_LENGTH: Final = 512
DYNAMIC_LENGTH: Final = 1024
CHECKSUM_AT: Final = 64
DYNAMIC_CHECKSUM_AT: Final = 36
SECTOR: Final = 512
ABSENT: Final = 0xFFFF_FFFF
LARGEST_BLOCK: Final = 1 << 28
FIXED, DYNAMIC, DIFFERENCING = 2, 3, 4


class Footer(NamedTuple):
    """The last sector, of which dynamic disks have a copy in the first; integers are big-endian."""

    cookie: bytes
    data_offset: int
    size: int
    type: int


FOOTER: Final = struct.Struct(">8s8xQ24xQ4xI448x")


class Dynamic(NamedTuple):
    """The second header of a dynamic disk."""

    cookie: bytes
    table: int
    entries: int
    block: int


DYNAMIC_HEADER: Final = struct.Struct(">8s8xQ4xII988x")


def opened(file: Reader) -> Reader | None:
    """The disk within; None for a file that has neither the first sector nor the last of a VHD."""
    footer = _footer(file)
    if footer is None:
        return None
    if footer.type == DYNAMIC:
        return Disk(Allocated(file, footer))
    if footer.type == DIFFERENCING:
        raise Unsupported("differencing VHD")
    if footer.type != FIXED:
        raise Damaged("VHD: impossible type")
    if footer.size > file.size - FOOTER_LENGTH:
        raise Damaged("VHD: shorter than its disk")
    return Window(file, 0, footer.size)


def _footer(file: Reader) -> Footer | None:
    """The footer, or its copy where it is damaged."""
    if file.size < FOOTER_LENGTH:
        return None
    found = [
        sector
        for start in (file.size - FOOTER_LENGTH, 0)
        if (sector := file.read(start, FOOTER_LENGTH)).startswith(COOKIE)
    ]
    for sector in found:
        if checksum(sector, CHECKSUM_AT) == int.from_bytes(sector[CHECKSUM_AT : CHECKSUM_AT + 4], "big"):
            return Footer(*FOOTER.unpack(sector))
    if found:
        raise Damaged("VHD: wrong checksum")
    return None


def checksum(sector: bytes, position: int) -> int:
    """What its checksum, at the position, has to be."""
    return ~(sum(sector) - sum(sector[position : position + 4])) & 0xFFFF_FFFF


class Allocated(Blocks):
    """A table says where each block, behind the bitmap of its sectors, is."""

    def __init__(self, file: Reader, footer: Footer) -> None:
        content = file.read(footer.data_offset, DYNAMIC_LENGTH)
        header = Dynamic(*DYNAMIC_HEADER.unpack(content))
        if header.cookie != DYNAMIC_COOKIE:
            raise Damaged("VHD: without the header of a dynamic disk")
        if checksum(content, DYNAMIC_CHECKSUM_AT) != int.from_bytes(content[36:40], "big"):
            raise Damaged("VHD: wrong checksum of the header of a dynamic disk")
        if header.block < SECTOR or header.block > LARGEST_BLOCK or header.block % SECTOR:
            raise Damaged("VHD: impossible size of a block")
        if header.entries * header.block < footer.size:
            raise Damaged("VHD: the table is too short for the disk")
        self._file = file
        self._table = Table(Pages(file), width=4)
        self._start = header.table
        self._bitmap = -(-header.block // (SECTOR * 8 * SECTOR)) * SECTOR
        self.block = header.block
        self.size = footer.size

    def part(self, index: int, start: int, length: int, /) -> bytes:
        """Exactly so many bytes of a block."""
        sector = self._table.entry(self._start, index)
        if sector == ABSENT:
            return bytes(length)
        return self._file.read(sector * SECTOR + self._bitmap + start, length)
