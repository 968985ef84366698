"""A VHDX file in, its disk out: fixed and dynamic, not differencing; a log that waits to be replayed is refused."""

import struct
from typing import Final, NamedTuple
from uuid import UUID

from cloudigrade.inspector.containers.blocks import Blocks, Disk, Pages, Table
from cloudigrade.inspector.containers.checksums import crc32c
from cloudigrade.inspector.reading import Damaged, Reader, Unsupported, checked

MAGIC: Final = b"vhdxfile"
KIB, MIB = 1 << 10, 1 << 20
HEADERS: Final = (64 * KIB, 128 * KIB)
HEADER_LENGTH: Final = 4 * KIB
REGION_TABLES: Final = (192 * KIB, 256 * KIB)
REGION_TABLE_LENGTH: Final = 64 * KIB
METADATA_TABLE_LENGTH: Final = 64 * KIB
MOST_ENTRIES: Final = 2047
ENTRY_LENGTH: Final = 32
CHUNK_SECTORS: Final = 1 << 23
"""A chunk of blocks, behind which an entry for their bitmap stands, has so many sectors."""
NO_LOG: Final = bytes(16)

BAT: Final = UUID("2dc27766-f623-4200-9d64-115e9bfd4a08")
METADATA: Final = UUID("8b7ca206-4790-4b9a-b8fe-575f050f886e")
FILE_PARAMETERS: Final = UUID("caa16737-fa36-4d43-b3b6-33f0aa44e76b")
DISK_SIZE: Final = UUID("2fa54224-cd1b-4876-b211-5dbed83bf4b8")
SECTOR_SIZE: Final = UUID("8141bf1d-a96f-4709-ba47-f233a8faab5f")
KNOWN_ITEMS: Final = {
    FILE_PARAMETERS,
    DISK_SIZE,
    SECTOR_SIZE,
    UUID("cda348c7-445d-4471-9cc9-e9885251c556"),  # physical sector size
    UUID("beca12ab-b2e6-4523-93ef-c309e000c746"),  # identifier
    UUID("a8d35f2d-b30b-454d-abf7-d3d84834ab0c"),  # parent locator
}
REQUIRED_REGION, HAS_PARENT, REQUIRED_ITEM = 1, 2, 4
STATE, ABSENT_STATES, PRESENT, PARTIAL = 7, {0, 1, 2, 3}, 6, 7

LOG_AT, LOG_VERSION_AT = 48, 64
REGION: Final = struct.Struct("<16sQII")
ITEM: Final = struct.Struct("<16sIIII")


class Place(NamedTuple):
    """Where something lies in the file, and whether it must be understood."""

    start: int
    length: int
    flags: int


def opened(file: Reader) -> Reader:
    """The disk within."""
    header = _header(file)
    if header[LOG_AT : LOG_AT + 16] != NO_LOG:
        raise Unsupported("VHDX with a log that was not replayed")
    regions = _regions(file)
    if BAT not in regions or METADATA not in regions:
        raise Damaged("VHDX: without its table of blocks or metadata")
    return Disk(Payload(file, regions[BAT], _metadata(file, regions[METADATA])))


def _header(file: Reader) -> bytes:
    """The newer of the two headers, of those that are whole."""
    found = [header for start in HEADERS if (header := _sealed(file, start, HEADER_LENGTH, b"head"))]
    if not found:
        raise Damaged("VHDX: both headers are damaged")
    header = max(found, key=lambda header: int.from_bytes(header[8:16], "little"))
    if header[LOG_VERSION_AT : LOG_VERSION_AT + 4] != b"\0\0\1\0":
        raise Unsupported("VHDX of an unknown version")
    return header


def _sealed(file: Reader, start: int, length: int, magic: bytes) -> bytes:
    """A structure whose checksum is right; nothing otherwise."""
    content = file.read(start, length)
    if not content.startswith(magic):
        return b""
    right = crc32c(content[:4] + bytes(4) + content[8:])
    return content if int.from_bytes(content[4:8], "little") == right else b""


def _regions(file: Reader) -> dict[UUID, Place]:
    for start in REGION_TABLES:
        if content := _sealed(file, start, REGION_TABLE_LENGTH, b"regi"):
            break
    else:
        raise Damaged("VHDX: both tables of regions are damaged")
    count = int.from_bytes(content[8:12], "little")
    found = _entries(content[16:], count, REGION)
    if any(place.flags & REQUIRED_REGION and name not in {BAT, METADATA} for name, place in found.items()):
        raise Unsupported("VHDX with an unknown region")
    return found


def _entries(content: bytes, count: int, layout: struct.Struct) -> dict[UUID, Place]:
    """By their identifiers; regions and items of metadata have the same order of fields."""
    if not 0 <= count <= min(MOST_ENTRIES, len(content) // ENTRY_LENGTH):
        raise Damaged("VHDX: impossible number of entries")
    rows = (layout.unpack_from(content, index * ENTRY_LENGTH) for index in range(count))
    return {UUID(bytes_le=row[0]): Place(*row[1:4]) for row in rows}


class Parameters(NamedTuple):
    """What the metadata say of the disk."""

    block: int
    size: int
    sector: int


def _metadata(file: Reader, region: Place) -> Parameters:
    table = file.read(region.start, METADATA_TABLE_LENGTH)
    if not table.startswith(b"metadata"):
        raise Damaged("VHDX: without metadata")
    items = _entries(table[32:], int.from_bytes(table[10:12], "little"), ITEM)
    if any(place.flags & REQUIRED_ITEM and name not in KNOWN_ITEMS for name, place in items.items()):
        raise Unsupported("VHDX with unknown metadata")
    block, flags = struct.unpack("<II", _item(file, region, items.get(FILE_PARAMETERS), 8))
    if flags & HAS_PARENT:
        raise Unsupported("differencing VHDX")
    size = int.from_bytes(_item(file, region, items.get(DISK_SIZE), 8), "little")
    sector = int.from_bytes(_item(file, region, items.get(SECTOR_SIZE), 4), "little")
    return _plausible(Parameters(block, size, sector))


def _item(file: Reader, region: Place, item: Place | None, length: int) -> bytes:
    if item is None or item.length != length:
        raise Damaged("VHDX: metadata are incomplete")
    return file.read(region.start + item.start, length)


def _plausible(parameters: Parameters) -> Parameters:
    block = parameters.block
    if not MIB <= block <= 256 * MIB or block & (block - 1) or parameters.sector not in {512, 4096}:
        raise Damaged("VHDX: impossible size of a block or sector")
    return parameters


class Payload(Blocks):
    """A table says where each block is; behind every chunk of blocks it has one entry that is of no use here."""

    def __init__(self, file: Reader, table: Place, parameters: Parameters) -> None:
        checked(file, table.start, table.length)
        self._file = file
        self._place = table
        self._table = Table(Pages(file), width=8, byteorder="little")
        self._chunk = CHUNK_SECTORS * parameters.sector // parameters.block
        self.block = parameters.block
        self.size = parameters.size

    def part(self, index: int, start: int, length: int, /) -> bytes:
        """Exactly so many bytes of a block."""
        row = index + index // self._chunk
        if row >= self._place.length // 8:
            raise Damaged("VHDX: the table is too short for the disk")
        entry = self._table.entry(self._place.start, row)
        if entry & STATE in ABSENT_STATES:
            return bytes(length)
        if entry & STATE != PRESENT:
            raise Damaged("VHDX: impossible state of a block")
        return self._file.read((entry >> 20) * MIB + start, length)
