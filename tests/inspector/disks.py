"""Disks written byte by byte: partition tables, LVM physical volumes, marks of filesystems.

Everything is made of pieces, an offset and what stands there, which become bytes or a sparse disk of any size.
"""

import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple
from uuid import UUID

from cloudigrade.inspector.reading import Reader, checked

MIB = 1 << 20
GIB = 1 << 30

Piece = tuple[int, bytes]


def disk(size: int, *groups: Iterable[Piece]) -> bytes:
    """The pieces upon zeros; later ones win."""
    content = bytearray(size)
    for offset, piece in (piece for group in groups for piece in group):
        content[offset : offset + len(piece)] = piece
    assert len(content) == size, "a piece reaches beyond the end"
    return bytes(content)


def moved(offset: int, pieces: Iterable[Piece]) -> list[Piece]:
    """The same pieces elsewhere, such as those of a physical volume within a partition."""
    return [(offset + start, piece) for start, piece in pieces]


@dataclass
class Sparse:
    """A disk of any size that takes no more memory than its pieces, and that counts how it is read."""

    size: int
    pieces: Sequence[Piece]
    reads: int = 0
    bytes_read: int = 0

    def read(self, offset: int, length: int, /) -> bytes:
        checked(self, offset, length)
        self.reads += 1
        self.bytes_read += length
        found = bytearray(length)
        for start, piece in self.pieces:
            first, last = max(start, offset), min(start + len(piece), offset + length)
            if first < last:
                found[first - offset : last - offset] = piece[first - start : last - start]
        return bytes(found)


@dataclass
class Broken:
    """A disk of which a part cannot be read."""

    content: Reader
    bad: range
    error: Exception

    @property
    def size(self) -> int:
        return self.content.size

    def read(self, offset: int, length: int, /) -> bytes:
        if offset < self.bad.stop and offset + length > self.bad.start:
            raise self.error
        return self.content.read(offset, length)


# Partition tables.


class Part(NamedTuple):
    """A record of a master boot record, in sectors."""

    type: int
    start: int
    length: int


def mbr(*parts: Part | None, serial: int = 0x1234_5678) -> list[Piece]:
    """The first sector of a disk; None leaves a slot free."""
    return [(0, _boot_sector(parts, serial))]


def _boot_sector(parts: Sequence[Part | None], serial: int = 0) -> bytes:
    records = b"".join(struct.pack("<B3xB3xII", 0, *part) if part else bytes(16) for part in parts)
    return bytes(440) + struct.pack("<I2x", serial) + records.ljust(64, b"\0") + b"\x55\xaa"


class Link(NamedTuple):
    """A link of the chain of logical partitions, from the start of the extended one, and the partition from there."""

    place: int
    part: Part


def logical(extended: int, *links: Link, sector: int = 512) -> list[Piece]:
    """The chain within an extended partition that starts at a sector."""
    pieces = []
    for index, (place, part) in enumerate(links):
        following = links[index + 1] if index + 1 < len(links) else None
        onward = Part(0x05, following.place, following.part.start + following.part.length) if following else None
        pieces.append(((extended + place) * sector, _boot_sector([part, onward])))
    return pieces


LINUX = UUID("0fc63daf-8483-4772-8e79-3d69d8477de4")
BIOS_BOOT = UUID("21686148-6449-6e6f-744e-656564454649")
PREP = UUID("9e1a2d38-c612-4316-aa26-8b49521e5a8b")
ESP = UUID("c12a7328-f81f-11d2-ba4b-00a0c93ec93b")


class GptPart(NamedTuple):
    """An entry of a GUID partition table, in sectors, both ends included."""

    first: int
    last: int
    type: UUID = LINUX
    name: str = ""
    uuid: UUID = UUID("11111111-2222-3333-4444-555555555555")


def gpt(
    size: int, *parts: GptPart | None, sector: int = 512, entries: int = 128, hybrid: Part | None = None
) -> list[Piece]:
    """Protective boot record, header and table at the start, and their copies at the end."""
    rows = b"".join(_gpt_entry(part) if part else bytes(128) for part in parts)
    table = rows.ljust(entries * 128, b"\0")
    sectors, long = size // sector, -(-len(table) // sector)
    first = _gpt_header(1, sectors - 1, 2, table, sector=sector)
    last = _gpt_header(sectors - 1, 1, sectors - 1 - long, table, sector=sector)
    protective = mbr(Part(0xEE, 1, min(sectors - 1, 0xFFFF_FFFF)), hybrid)
    pieces = [(sector, first), (2 * sector, table), ((sectors - 1 - long) * sector, table), (size - sector, last)]
    return protective + pieces


def _gpt_entry(part: GptPart) -> bytes:
    name = part.name.encode("utf-16-le")
    return struct.pack("<16s16sQQQ72s", part.type.bytes_le, part.uuid.bytes_le, part.first, part.last, 0, name)


def _gpt_header(own: int, other: int, place: int, table: bytes, *, sector: int) -> bytes:
    long = -(-len(table) // sector)
    usable = 2 + long, max(own, other) - long - 1
    fixed = struct.pack(
        "<QQQQ16sQIII", own, other, *usable, bytes(range(16)), place, len(table) // 128, 128, zlib.crc32(table)
    )
    before = b"EFI PART" + struct.pack("<II", 0x0001_0000, 92)
    crc = zlib.crc32(before + bytes(8) + fixed)
    return before + struct.pack("<I4x", crc) + fixed


# LVM.


def lvm_checksum(content: bytes) -> int:
    """Bit by bit, as the reader under test has it by a shorter way."""
    crc = 0xF597_A6CF
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0xEDB8_8320 if crc & 1 else 0)
    return crc


@dataclass(frozen=True)
class Segment:
    """Of a logical volume; stripes are a physical volume's name and an extent of it."""

    length: int
    stripes: Sequence[tuple[str, int]] = ()
    type: str = "striped"
    stripe_sectors: int = 0
    more: str = ""

    def text(self, number: int, start: int) -> str:
        lines = [f"start_extent = {start}", f"extent_count = {self.length}", f'type = "{self.type}"', self.more]
        if self.stripes:
            listed = ", ".join(f'"{name}", {extent}' for name, extent in self.stripes)
            lines += [f"stripe_count = {len(self.stripes)}", f"stripes = [ {listed} ]"]
        if self.stripe_sectors:
            lines.append(f"stripe_size = {self.stripe_sectors}")
        return f"segment{number} {{\n" + "\n".join(lines) + "\n}\n"


@dataclass(frozen=True)
class Physical:
    """A physical volume as its group describes it."""

    id: str
    extents: int
    start: int = MIB
    status: str = '"ALLOCATABLE"'

    @property
    def size(self) -> int:
        return self.start + self.extents * 4 * MIB


@dataclass(frozen=True)
class Group:
    """A volume group with extents of 4 MiB."""

    physical: Mapping[str, Physical]
    logical: Mapping[str, Sequence[Segment]]
    name: str = "rhel"
    id: str = "G" * 32
    serial: int = 7
    hidden: frozenset[str] = frozenset()
    extra: str = field(default="", kw_only=True)

    def text(self) -> str:
        physical = "".join(
            f'{name} {{\nid = "{dashed(volume.id)}"\ndevice = "/dev/sda2" # a hint\nstatus = [{volume.status}]\n'
            f"dev_size = {volume.size // 512}\npe_start = {volume.start // 512}\npe_count = {volume.extents}\n}}\n"
            for name, volume in self.physical.items()
        )
        logical = "".join(self._logical(name, segments) for name, segments in self.logical.items())
        return (
            f'{self.name} {{\nid = "{dashed(self.id)}"\nseqno = {self.serial}\nformat = "lvm2"\n'
            f'status = ["RESIZEABLE", "READ", "WRITE"]\nflags = []\nextent_size = 8192\n{self.extra}'
            f"physical_volumes {{\n{physical}}}\nlogical_volumes {{\n{logical}}}\n}}\n"
            '# Generated\ncontents = "Text Format Volume Group"\nversion = 1\ndescription = "a \\"quoted\\" word"\n'
        )

    def _logical(self, name: str, segments: Sequence[Segment]) -> str:
        visible = "" if name in self.hidden else ', "VISIBLE"'
        starts = [sum(segment.length for segment in segments[:index]) for index in range(len(segments))]
        parts = "".join(
            segment.text(number, start) for number, (segment, start) in enumerate(zip(segments, starts, strict=True), 1)
        )
        return (
            f'{name} {{\nid = "{dashed("L" * 32)}"\nstatus = ["READ", "WRITE"{visible}]\n'
            f"segment_count = {len(segments)}\n{parts}}}\n"
        )


def dashed(identifier: str) -> str:
    """As LVM shows its identifiers."""
    ends = [0, 6, 10, 14, 18, 22, 26, 32]
    return "-".join(identifier[first:last] for first, last in pairwise(ends))


AREA = 4096


def physical(
    volume: Physical,
    text: str | None,
    *,
    sector: int = 1,
    area: int = MIB - AREA,
    place: int = 512,
    flags: int = 0,
) -> list[Piece]:
    """Label, and one area with the text at its place; from the end of the area it goes on behind the header."""
    data = struct.pack("<QQQQ", volume.start, 0, 0, 0)
    areas = struct.pack("<QQQQ", AREA, area, 0, 0)
    header = volume.id.encode() + struct.pack("<Q", volume.size) + data + areas
    behind = struct.pack("<I", 32) + b"LVM2 001" + header
    behind = behind.ljust(512 - 20, b"\0")
    label = b"LABELONE" + struct.pack("<QI", sector, lvm_checksum(behind)) + behind
    return [(sector * 512, label), *_area(text, area, place, flags)]


def _area(text: str | None, area: int, place: int, flags: int) -> list[Piece]:
    content = b"" if text is None else text.encode() + b"\0"
    row = struct.pack("<QQII", place, len(content), lvm_checksum(content), flags) if content else bytes(24)
    behind = b" LVM2 x[5A%r0N*>" + struct.pack("<IQQ", 1, AREA, area) + row
    behind = behind.ljust(512 - 4, b"\0")
    first = content[: area - place]
    pieces = [(AREA, struct.pack("<I", lvm_checksum(behind)) + behind), (AREA + place, first)]
    return [*pieces, (AREA + 512, content[len(first) :])]


# Marks of filesystems.

EXT, XFS, SWAP = UUID(int=1), UUID(int=2), UUID(int=3)


def ext(*, uuid: UUID = EXT, label: str = "") -> list[Piece]:
    return [(1080, b"\x53\xef"), (1128, uuid.bytes), (1144, label.encode().ljust(16, b"\0"))]


def xfs(*, uuid: UUID = XFS, label: str = "") -> list[Piece]:
    return [(0, b"XFSB"), (32, uuid.bytes), (108, label.encode().ljust(12, b"\0"))]


def swap(*, uuid: UUID = SWAP, label: str = "", page: int = 4096) -> list[Piece]:
    return [(page - 10, b"SWAPSPACE2"), (1036, uuid.bytes), (1052, label.encode().ljust(16, b"\0"))]


def fat32(*, label: bytes = b"EFI        ") -> list[Piece]:
    return [(0, b"\xeb\x58\x90mkfs.fat"), (67, b"\x78\x56\x34\x12"), (71, label + b"FAT32   "), (510, b"\x55\xaa")]
