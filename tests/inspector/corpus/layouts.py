"""Volumes on disks: partition tables, logical volumes and containers around them."""

import struct
import subprocess
import tempfile
import uuid
import zlib
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from cloudigrade.inspector.reading import File, Reader
from tests.inspector.corpus.filesystems import find
from tests.inspector.corpus.patchwork import laid

MIB = 1 << 20
EXTENT = 4 * MIB
LINUX = "0fc63daf-8483-4772-8e79-3d69d8477de4"
BIOS_BOOT = "21686148-6449-6e6f-744e-656564454649"
EFI = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"

Disks = dict[str, Reader]


def mbr(*volumes: Reader, sector: int = 512, kind: int = 0x83) -> Reader:
    """Up to four primary partitions, from the first mebibyte on."""
    table, pieces, start = b"", [], MIB
    for volume in volumes:
        table += _mbr_entry(kind, start // sector, volume.size // sector)
        pieces.append((start, volume))
        start += volume.size
    return laid(start + MIB, [(446, table.ljust(64, b"\0") + b"\x55\xaa"), *pieces])


def mbr_logical(*volumes: Reader) -> Reader:
    """Logical partitions in an extended one, chained as fdisk does it."""
    first, place = MIB // 512, MIB // 512
    pieces: list[tuple[int, Reader | bytes]] = []
    for number, volume in enumerate(volumes):
        sectors = volume.size // 512
        table = _mbr_entry(0x83, 2048, sectors)
        if number + 1 < len(volumes):
            table += _mbr_entry(0x05, place + 2048 + sectors - first, 2048 + volumes[number + 1].size // 512)
        pieces += [(place * 512 + 446, table.ljust(64, b"\0") + b"\x55\xaa"), ((place + 2048) * 512, volume)]
        place += 2048 + sectors
    outer = _mbr_entry(0x05, first, place - first).ljust(64, b"\0") + b"\x55\xaa"
    return laid(place * 512 + MIB, [(446, outer), *pieces])


def _mbr_entry(kind: int, start: int, sectors: int) -> bytes:
    return struct.pack("<B3sB3sII", 0, b"\xfe\xff\xff", kind, b"\xfe\xff\xff", start, sectors)


def gpt(*volumes: Reader, sector: int = 512, types: Sequence[str] = ()) -> Reader:
    """Partitions from the first mebibyte on, with the copy of the table at the end."""
    entries, pieces, start = b"", [], MIB
    for number, volume in enumerate(volumes):
        kind = types[number] if number < len(types) else LINUX
        ends = (start // sector, (start + volume.size) // sector - 1)
        entries += uuid.UUID(kind).bytes_le + uuid.UUID(int=0xFACE0000 + number).bytes_le
        entries += struct.pack("<QQQ", *ends, 0) + f"part{number}".encode("utf-16-le").ljust(72, b"\0")
        pieces.append((start, volume))
        start += -(-volume.size // MIB) * MIB
    size = start + MIB
    entries = entries.ljust(128 * 128, b"\0")
    last = size // sector - 1
    length = len(entries) // sector
    main = _gpt_header(1, last, 2, last, length, zlib.crc32(entries))
    copy = _gpt_header(last, 1, last - length, last, length, zlib.crc32(entries))
    protective = _mbr_entry(0xEE, 1, min(last, 0xFFFFFFFF)).ljust(64, b"\0") + b"\x55\xaa"
    tables = [(446, protective), (sector, main), (2 * sector, entries)]
    return laid(size, [*tables, *pieces, ((last - length) * sector, entries), (last * sector, copy)])


def _gpt_header(own: int, other: int, table: int, last: int, length: int, checksum: int) -> bytes:
    identity = uuid.UUID(int=0xD15C).bytes_le

    def packed(own_checksum: int) -> bytes:
        head = struct.pack("<8sIIIIQQQQ", b"EFI PART", 0x10000, 92, own_checksum, 0, own, other, 34, last - length - 1)
        return head + identity + struct.pack("<QIII", table, 128, 128, checksum)

    return packed(zlib.crc32(packed(0)))


class Segment(NamedTuple):
    """A run of a logical volume's extents on one physical volume, or in stripes over several."""

    extents: int
    places: tuple[tuple[int, int], ...]
    """Physical volume by number, and the first extent there; more than one: stripes."""


class Logical(NamedTuple):
    """A logical volume: its content, and where that lies."""

    name: str
    content: Reader
    segments: tuple[Segment, ...]
    kind: str = "striped"
    """The type of its segments; thin-pool, thin, raid1 and the like are only named."""


STRIPE = 64 * 1024
_DATA = MIB
"""Where the first extent lies on a physical volume."""


def group(name: str, extents: Sequence[int], logicals: Sequence[Logical]) -> list[Reader]:
    """The physical volumes, with so many extents each, of a volume group."""
    identities = [_identity(name, number) for number in range(len(extents))]
    text = _description(name, identities, extents, logicals)
    pieces: list[list[tuple[int, Reader | bytes]]] = [[] for _ in extents]
    for logical in logicals:
        for number, start, source, offset, length in _places(logical):
            pieces[number].append((start, _Part(source, offset, length)))
    return [
        laid(_DATA + count * EXTENT, [*_physical(identity, _DATA + count * EXTENT, text), *pieces[number]])
        for number, (identity, count) in enumerate(zip(identities, extents, strict=True))
    ]


def linear(name: str, content: Reader, *places: tuple[int, int, int]) -> Logical:
    """A logical volume of segments on one physical volume each: number, first extent, extents."""
    where = places or ((0, 0, -(-content.size // EXTENT)),)
    return Logical(name, content, tuple(Segment(count, ((number, first),)) for number, first, count in where))


def striped(name: str, content: Reader, over: int) -> Logical:
    """A logical volume in stripes over the first physical volumes."""
    extents = -(-content.size // (EXTENT * over)) * over
    return Logical(name, content, (Segment(extents, tuple((number, 0) for number in range(over))),))


class _Part(NamedTuple):
    """A piece of a logical volume; what is beyond its content is zeros."""

    source: Reader
    start: int
    size: int

    def read(self, offset: int, length: int, /) -> bytes:
        """Exactly so many bytes."""
        begin = self.start + offset
        present = max(0, min(length, self.source.size - begin))
        return (self.source.read(begin, present) if present else b"").ljust(length, b"\0")


def _places(logical: Logical) -> list[tuple[int, int, Reader, int, int]]:
    """Every contiguous piece: physical volume, byte there, content, byte of the content, bytes."""
    found, start = [], 0
    for segment in logical.segments:
        length = segment.extents * EXTENT
        over = len(segment.places)
        step = length if over == 1 else STRIPE
        for position in range(0, length, step):
            stripe, turn = position // step, 0
            number, first = segment.places[stripe % over]
            turn = stripe // over * step
            found.append((number, _DATA + first * EXTENT + turn, logical.content, start + position, step))
        start += length
    return found


def _identity(name: str, number: int) -> str:
    return f"{name[:6]:x<6}{number:0>26}"


def _dashed(identity: str) -> str:
    cuts = (0, 6, 10, 14, 18, 22, 26, 32)
    return "-".join(identity[start:end] for start, end in pairwise(cuts))


def _description(name: str, identities: Sequence[str], extents: Sequence[int], logicals: Sequence[Logical]) -> bytes:
    physical = "".join(
        f'pv{number} {{\nid = "{_dashed(identity)}"\ndevice = "/dev/sd{number}"\nstatus = ["ALLOCATABLE"]\nflags = []\n'
        f"dev_size = {(_DATA + count * EXTENT) // 512}\npe_start = {_DATA // 512}\npe_count = {count}\n}}\n"
        for number, (identity, count) in enumerate(zip(identities, extents, strict=True))
    )
    volumes = "".join(_volume(logical, number) for number, logical in enumerate(logicals))
    return (
        f'{name} {{\nid = "{_dashed(_identity(name, 99))}"\nseqno = 3\nformat = "lvm2"\n'
        f'status = ["RESIZEABLE", "READ", "WRITE"]\nflags = []\nextent_size = {EXTENT // 512}\nmax_lv = 0\nmax_pv = 0\n'
        f"metadata_copies = 0\nphysical_volumes {{\n{physical}}}\nlogical_volumes {{\n{volumes}}}\n}}\n"
        '# Generated by LVM2\ncontents = "Text Format Volume Group"\nversion = 1\ndescription = ""\n'
        'creation_host = "builder"\ncreation_time = 1700000000\n'
    ).encode() + b"\0"


def _volume(logical: Logical, number: int) -> str:
    segments, start = "", 0
    for position, segment in enumerate(logical.segments, 1):
        over = len(segment.places)
        size = f"stripe_size = {STRIPE // 512}\n" if over > 1 else ""
        places = ", ".join(f'"pv{where}", {first}' for where, first in segment.places)
        segments += (
            f"segment{position} {{\nstart_extent = {start}\nextent_count = {segment.extents}\n"
            f'type = "{logical.kind}"\nstripe_count = {over}\n{size}stripes = [{places}]\n}}\n'
        )
        start += segment.extents
    return (
        f'{logical.name} {{\nid = "{_dashed(_identity("lv", number))}"\nstatus = ["READ", "WRITE", "VISIBLE"]\n'
        f'flags = []\ncreation_time = 1700000000\ncreation_host = "builder"\n'
        f"segment_count = {len(logical.segments)}\n{segments}}}\n"
    )


def _physical(identity: str, size: int, text: bytes) -> list[tuple[int, bytes]]:
    """Label, area header and description, where pvcreate puts them."""
    areas = struct.pack("<QQQQ", _DATA, 0, 0, 0) + struct.pack("<QQQQ", 4096, _DATA - 4096, 0, 0)
    header = identity.encode() + struct.pack("<Q", size) + areas
    body = struct.pack("<I8s", 32, b"LVM2 001") + header
    body = body.ljust(512 - 20, b"\0")
    label = struct.pack("<8sQI", b"LABELONE", 1, _checksum(body)) + body
    place = struct.pack("<QQII", 512, len(text), _checksum(text), 0) + bytes(24)
    area = b" LVM2 x[5A%r0N*>" + struct.pack("<IQQ", 1, 4096, _DATA - 4096) + place
    area = area.ljust(512 - 4, b"\0")
    return [(512, label), (4096, struct.pack("<I", _checksum(area)) + area), (4096 + 512, text)]


def _checksum(content: bytes) -> int:
    """CRC-32 begun with LVM's own value and not inverted at the end."""
    return zlib.crc32(content, 0xF597A6CF ^ 0xFFFFFFFF) ^ 0xFFFFFFFF


def in_container(disk: Reader, kind: str, folder: Path) -> File:
    """The disk in a container of that kind, made by qemu-img."""
    raw = Path(tempfile.mkstemp(dir=folder, suffix=".raw")[1])
    write(disk, raw)
    form, _, options = kind.partition(":")
    container = raw.with_suffix(f".{form}")
    command = [find("qemu-img") or "qemu-img", "convert", "-f", "raw", "-O", form]
    command += [part for option in options.split("+") if option for part in _options(option)]
    done = subprocess.run([*command, str(raw), str(container)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    raw.unlink()
    return File(container)


def _options(option: str) -> list[str]:
    return ["-c"] if option == "compressed" else ["-o", option]


CONTAINERS = (
    "qcow2",
    "qcow2:compat=0.10",
    "qcow2:compressed",
    "qcow2:cluster_size=4096",
    "vpc",
    "vpc:subformat=fixed",
    "vhdx",
    "vmdk",
    "vmdk:subformat=streamOptimized",
)


def write(disk: Reader, path: Path, *, step: int = MIB) -> None:
    """The disk as a sparse file."""
    with path.open("wb") as file:
        file.truncate(disk.size)
        for offset in range(0, disk.size, step):
            content = disk.read(offset, min(step, disk.size - offset))
            if content.count(0) != len(content):
                file.seek(offset)
                file.write(content)


LAYOUTS: Mapping[str, Callable[[Reader], Disks]] = {
    "MBR": lambda root: {"/dev/sdf": mbr(root)},
    "MBR, second partition": lambda root: {"/dev/sdf": mbr(laid(MIB, []), root)},
    "MBR, logical partition": lambda root: {"/dev/sdf": mbr_logical(laid(MIB, []), root)},
    "GPT": lambda root: {"/dev/nvme1n1": gpt(laid(MIB, []), root, types=[BIOS_BOOT])},
    "GPT of 4 KiB sectors": lambda root: {"/dev/sdf": gpt(root, sector=4096)},
    "whole disk": lambda root: {"disk.img": root},
    "LVM": lambda root: {"/dev/sdf": gpt(group("rhel", [80], [linear("root", root)])[0])},
    "LVM on a whole disk": lambda root: {"/dev/sdf": group("rhel", [80], [linear("root", root)])[0]},
    "LVM in pieces": lambda root: {
        "/dev/sdf": mbr(group("rhel", [90], [linear("root", root, (0, 9, 3), (0, 2, 5), (0, 12, 70))])[0], kind=0x8E)
    },
    "LVM over two disks": lambda root: _named(group("rhel", [40, 40], [linear("root", root, (1, 3, 7), (0, 1, 35))])),
    "LVM in stripes over two disks": lambda root: _named(group("rhel", [40, 40], [striped("root", root, 2)])),
    "LVM in stripes over three disks": lambda root: _named(group("rhel", [30, 30, 30], [striped("root", root, 3)])),
    "LVM over two partitions": lambda root: {
        "/dev/sdf": gpt(*group("rhel", [40, 40], [linear("root", root, (0, 0, 4), (1, 0, 36))]))
    },
}


def _named(physicals: Sequence[Reader]) -> Disks:
    return {f"/dev/sd{chr(ord('f') + number)}": gpt(physical) for number, physical in enumerate(physicals)}
