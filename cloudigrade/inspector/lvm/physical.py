"""A disk or partition in, its label as a physical volume and the descriptions of its volume group out."""

import zlib
from collections.abc import Iterator
from typing import Final, NamedTuple

from cloudigrade.inspector.reading import Damaged, Exhausted, Reader, Unsupported

SECTOR: Final = 512
LABEL_SECTORS: Final = 4
LABEL: Final = b"LABELONE"
LABEL_TYPE: Final = b"LVM2 001"
SEED: Final = 0xF597_A6CF
"""What the checksums of LVM begin with."""
AREA_MAGIC: Final = b" LVM2 x[5A%r0N*>"
AREA_VERSION: Final = 1
IGNORED: Final = 1
LONGEST_TEXT: Final = 4 << 20
MOST_AREAS: Final = 8


class Label(NamedTuple):
    """What a physical volume says of itself."""

    id: str
    texts: tuple[str, ...]
    """Descriptions of the volume group, of every area that has one."""
    free: bool
    """Of no volume group: it has areas for descriptions, and all are empty."""
    problem: str = ""
    """Why one of its areas could not be read."""


class Extent(NamedTuple):
    """A part of the physical volume; in bytes."""

    start: int
    length: int


class Text(NamedTuple):
    """Where in its area a description is."""

    start: int
    length: int
    checksum: int
    flags: int


def read(reader: Reader) -> Label:
    """The physical volume's label; raises Damaged without one that is whole."""
    header = _header(reader)
    areas = _areas(header)
    texts: list[str] = []
    problem = ""
    unused = 0
    for area in areas:
        try:
            found = _description(reader, area)
        except (Damaged, Exhausted, Unsupported) as error:
            problem = problem or str(error)
            continue
        unused += found == ""
        texts += [found] if found else []
    free = bool(areas) and unused == len(areas)
    return Label(header[:32].decode("ascii", "replace"), tuple(texts), free, problem)


def checksum(content: bytes) -> int:
    """As LVM counts: CRC-32 with another beginning, and not inverted."""
    return zlib.crc32(content, SEED ^ 0xFFFF_FFFF) ^ 0xFFFF_FFFF


def _header(reader: Reader) -> bytes:
    """What the first whole label of the first sectors announces."""
    start = reader.read(0, min(LABEL_SECTORS * SECTOR, reader.size))
    for number in range(len(start) // SECTOR):
        sector = start[number * SECTOR : (number + 1) * SECTOR]
        if sector.startswith(LABEL) and sector[24:32] == LABEL_TYPE and _is_whole(sector, number):
            offset = int.from_bytes(sector[20:24], "little")
            if 32 <= offset <= SECTOR - 40:  # noqa: PLR2004 - behind the label, with room for a header
                return sector[offset:]
    raise Damaged("LVM: the label of the physical volume is damaged")


def _is_whole(sector: bytes, number: int) -> bool:
    own, right = int.from_bytes(sector[8:16], "little"), int.from_bytes(sector[16:20], "little")
    return own == number and checksum(sector[20:]) == right


def _areas(header: bytes) -> list[Extent]:
    """The areas for descriptions: the second of two lists, each with zeros at its end."""
    rows = (_pair(header, start) for start in range(40, len(header) - 15, 16))
    data = list(_until_zeros(rows))
    areas = list(_until_zeros(rows))
    if not data or len(areas) > MOST_AREAS:
        raise Damaged("LVM: the header of the physical volume contradicts itself")
    return areas


def _until_zeros(rows: Iterator[Extent]) -> Iterator[Extent]:
    for row in rows:
        if row == (0, 0):
            return
        yield row


def _pair(content: bytes, start: int) -> Extent:
    first, second = (int.from_bytes(content[at : at + 8], "little") for at in (start, start + 8))
    return Extent(first, second)


def _description(reader: Reader, area: Extent) -> str | None:
    """The text of one area; empty for an area that has none; None for one that is to be ignored."""
    header = reader.read(area.start, SECTOR)
    if header[4:20] != AREA_MAGIC or checksum(header[4:]) != int.from_bytes(header[:4], "little"):
        raise Damaged("LVM: the header of a metadata area is damaged")
    if int.from_bytes(header[20:24], "little") != AREA_VERSION:
        raise Unsupported("LVM: metadata of an unknown version")
    if _pair(header, 24).start != area.start:
        raise Damaged("LVM: a metadata area is not where it should be")
    length = _pair(header, 24).length
    start, size = _pair(header, 40)
    text = Text(start, size, int.from_bytes(header[56:60], "little"), int.from_bytes(header[60:64], "little"))
    if text.flags & IGNORED:
        return None
    return _text(reader, area._replace(length=length), text) if text.start and text.length else ""


def _text(reader: Reader, area: Extent, text: Text) -> str:
    """A text that reaches the end of its area goes on behind the area's header."""
    if text.length > LONGEST_TEXT:
        raise Exhausted("LVM: metadata are too long")
    if not SECTOR <= text.start < area.length or text.length > area.length - SECTOR:
        raise Damaged("LVM: metadata are outside of their area")
    first = min(text.length, area.length - text.start)
    content = reader.read(area.start + text.start, first)
    if first < text.length:
        content += reader.read(area.start + SECTOR, text.length - first)
    if checksum(content) != text.checksum:
        raise Damaged("LVM: wrong checksum of metadata")
    return content.rstrip(b"\0").decode("utf-8", "replace")
