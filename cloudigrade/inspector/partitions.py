"""A disk in, its partitions out: MBR with logical partitions, and GPT with sectors of 512 and 4096 bytes."""

import codecs
import struct
import zlib
from collections.abc import Iterator
from typing import Final, NamedTuple
from uuid import UUID

from cloudigrade.inspector import signatures
from cloudigrade.inspector.reading import Damaged, Exhausted, Reader, Unsupported, Window
from cloudigrade.inspector.volume import Kind

SECTOR_SIZES: Final = (512, 4096)
MOST_LOGICAL: Final = 128
MOST_ENTRIES: Final = 1024
LARGEST_ENTRY: Final = 4096
LARGEST_TABLE: Final = 1 << 20

BOOT_SECTOR: Final = b"\x55\xaa"
ENTRIES_AT, SERIAL_AT = 446, 440
ACTIVE: Final = {0x00, 0x80}
EXTENDED: Final = {0x05, 0x0F, 0x85}
PROTECTIVE: Final = 0xEE
FIRST_LOGICAL: Final = 5

GPT: Final = b"EFI PART"
SHORTEST_HEADER: Final = 92
UNUSED: Final = UUID(int=0)


class Partition(NamedTuple):
    """A part of a disk, as its table tells it; in bytes."""

    number: int
    start: int
    size: int
    type: str
    """Two hexadecimal digits (MBR), or an identifier in lower case (GPT)."""
    uuid: str
    label: str = ""


class Table(NamedTuple):
    """What a disk's table says."""

    partitions: tuple[Partition, ...]
    """By number; they lie within the disk and do not overlap."""
    refused: tuple[tuple[int, str], ...] = ()
    """Number and reason of each partition that cannot be right; zero stands for the table itself."""


class Record(NamedTuple):
    """One of the four of a boot sector, in sectors."""

    status: int
    type: int
    start: int
    length: int


RECORD: Final = struct.Struct("<B3xB3xII")


class Header(NamedTuple):
    """Of a GPT; in sectors."""

    magic: bytes
    length: int
    checksum: int
    own: int
    other: int
    table: int
    entries: int
    entry_length: int
    table_checksum: int


HEADER: Final = struct.Struct("<8s4xIIxxxxQQ16x16xQIII")
ENTRY: Final = struct.Struct("<16s16sQQ8x72s")


def read(disk: Reader) -> Table | None:
    """The partitions; None for a disk without a table; raises Damaged where there must be one that cannot be read."""
    records = _boot_records(disk)
    if records is None or any(record.type == PROTECTIVE for record in records):
        found = _gpt(disk, backup=records is not None)
        if found is not None:
            return _checked(disk, found)
        if records is not None:
            raise Damaged("both partition tables (GPT) are damaged")
        return None
    return _checked(disk, _mbr(disk, records))


def _checked(disk: Reader, table: Table) -> Table:
    """Without partitions that are empty, reach beyond the disk, or overlap one that begins before them."""
    refused = {part.number: reason for part in table.partitions if (reason := _contradiction(disk, part))}
    ordered = sorted(part for part in table.partitions if part.number not in refused)
    end = 0
    for part in sorted(ordered, key=lambda part: part.start):
        if part.start < end:
            refused[part.number] = "the partition overlaps another"
        end = max(end, part.start + part.size)
    good = tuple(part for part in ordered if part.number not in refused)
    return Table(good, (*table.refused, *sorted(refused.items())))


def _contradiction(disk: Reader, part: Partition) -> str:
    if part.size <= 0:
        return "the partition ends before it begins"
    return "the partition reaches beyond the end of the disk" if part.start + part.size > disk.size else ""


# The master boot record.


def _boot_records(disk: Reader) -> tuple[Record, ...] | None:
    """The four records of the first sector; None where it holds no table."""
    if disk.size < SECTOR_SIZES[0]:
        return None
    records = _records(disk.read(0, 512))
    if not any(record.type and record.length for record in records):
        return None
    return records if all(record.status in ACTIVE for record in records) else None


def _records(sector: bytes) -> tuple[Record, ...]:
    if sector[510:] != BOOT_SECTOR:
        return ()
    return tuple(Record(*RECORD.unpack_from(sector, ENTRIES_AT + 16 * index)) for index in range(4))


def _mbr(disk: Reader, records: tuple[Record, ...]) -> Table:
    sector = _sector_size(disk, records)
    serial = int.from_bytes(disk.read(SERIAL_AT, 4), "little")
    used = [(index, record) for index, record in enumerate(records, start=1) if record.type and record.length]
    found = [_partition(index, record, 0, sector) for index, record in used if record.type not in EXTENDED]
    refused: list[tuple[int, str]] = []
    for _, record in used:
        if record.type in EXTENDED:
            _follow(disk, record, sector, found, refused)
    return Table(tuple(part._replace(uuid=f"{serial:08x}-{part.number:02x}") for part in found), tuple(refused))


def _partition(number: int, record: Record, base: int, sector: int) -> Partition:
    return Partition(number, (base + record.start) * sector, record.length * sector, f"{record.type:02x}", "")


def _follow(
    disk: Reader, extended: Record, sector: int, found: list[Partition], refused: list[tuple[int, str]]
) -> None:
    """The logical partitions are there; a broken chain costs what lies behind the break, and it is said."""
    last = max((part.number for part in found), default=0)
    first = max(last + 1, FIRST_LOGICAL)
    try:
        for number, part in enumerate(_logical(disk, extended, sector), start=first):
            found.append(part._replace(number=number))
    except (Damaged, Exhausted) as error:
        refused.append((0, f"the chain of logical partitions is broken: {error}"))


def _logical(disk: Reader, extended: Record, sector: int) -> Iterator[Partition]:
    """Each link has one partition, told from the link, and the next link, told from the first."""
    link, seen = extended.start, set[int]()
    while link not in seen:
        seen.add(link)
        if len(seen) > MOST_LOGICAL:
            raise Exhausted(f"more than {MOST_LOGICAL} links")
        records = _records(disk.read(link * sector, 512))
        if not records:
            raise Damaged("a link is without its mark")
        used = [record for record in records[:2] if record.type and record.length]
        yield from (_partition(0, record, link, sector) for record in used if record.type not in EXTENDED)
        following = [record.start for record in used if record.type in EXTENDED]
        if not following:
            return
        link = extended.start + following[0]
    raise Damaged("it leads back into itself")


def _sector_size(disk: Reader, records: tuple[Record, ...]) -> int:
    """That with which more of the partitions begin with something known; 512 when in doubt."""
    return max(SECTOR_SIZES, key=lambda size: sum(_begins(disk, record, size) for record in records))


def _begins(disk: Reader, record: Record, sector: int) -> bool:
    start, size = record.start * sector, record.length * sector
    if not size or not start or start + size > disk.size:
        return False
    try:
        if record.type in EXTENDED:
            return bool(_records(disk.read(start, 512)))
        return signatures.identify(Window(disk, start, size)).kind not in {Kind.EMPTY, Kind.UNKNOWN}
    except (Damaged, Unsupported, Exhausted):
        return False


# The GUID partition table.


def _gpt(disk: Reader, *, backup: bool) -> Table | None:
    """From the header that is whole: the first, or, where a GPT must be, the one at the end."""
    for sector in SECTOR_SIZES:
        if (found := _gpt_at(disk, 1, sector)) is not None:
            return found
    if backup:
        for sector in SECTOR_SIZES:
            if (found := _gpt_at(disk, disk.size // sector - 1, sector)) is not None:
                return found
    return None


def _gpt_at(disk: Reader, place: int, sector: int) -> Table | None:
    """None unless both checksums are right."""
    if place < 1 or (place + 1) * sector > disk.size:
        return None
    content = disk.read(place * sector, sector)
    header = Header(*HEADER.unpack_from(content))
    if header.magic != GPT or header.own != place or not SHORTEST_HEADER <= header.length <= sector:
        return None
    if zlib.crc32(content[:16] + bytes(4) + content[20 : header.length]) != header.checksum:
        return None
    entries = _entries(disk, header, sector)
    return None if entries is None else Table(tuple(_gpt_partitions(entries, header, sector)))


def _entries(disk: Reader, header: Header, sector: int) -> bytes | None:
    length = header.entries * header.entry_length
    if not ENTRY.size <= header.entry_length <= LARGEST_ENTRY or header.entries > MOST_ENTRIES:
        return None
    if length > LARGEST_TABLE or header.table * sector + length > disk.size:
        return None
    entries = disk.read(header.table * sector, length)
    return entries if zlib.crc32(entries) == header.table_checksum else None


def _gpt_partitions(entries: bytes, header: Header, sector: int) -> Iterator[Partition]:
    for index in range(header.entries):
        kind, own, first, last, name = ENTRY.unpack_from(entries, index * header.entry_length)
        if (guid := UUID(bytes_le=kind)) != UNUSED:
            # bytes.decode would import this codec at its first use, and in the sandbox no file can be opened
            label = codecs.utf_16_le_decode(name, "replace")[0].split("\0", 1)[0]
            start, size = first * sector, (last - first + 1) * sector
            yield Partition(index + 1, start, size, str(guid), str(UUID(bytes_le=own)), _shown(label))


def _shown(label: str) -> str:
    return signatures.PRINTABLE.sub("", label)
