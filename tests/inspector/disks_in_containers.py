"""Containers written byte by byte around a disk's bytes."""

import struct
import zlib
from collections.abc import Iterable
from functools import cache
from uuid import UUID

SECTOR = 512
KIB, MIB = 1 << 10, 1 << 20


def blocks(raw: bytes, size: int) -> list[bytes]:
    """Of one size; the last is filled with zeros."""
    return [raw[start : start + size].ljust(size, b"\0") for start in range(0, len(raw), size)]


def _filled(content: bytes, size: int) -> bytes:
    return content + bytes(-len(content) % size)


# qcow2


def qcow2(
    raw: bytes,
    *,
    version: int = 3,
    bits: int = 16,
    compressed: bool = False,
    features: int = 0,
    compression: int = 0,
    encryption: int = 0,
    backing: int = 0,
) -> bytes:
    """Zero blocks have no cluster: by turns no entry, the mark of a zero cluster (version 3), and that with a place."""
    cluster = 1 << bits
    rows = cluster // 8
    clusters = blocks(raw, cluster)
    tables = -(-len(clusters) // rows)
    l1_clusters = -(-tables * 8 // cluster)
    content = bytearray((1 + l1_clusters + tables) * cluster)
    entries = []
    for number, block in enumerate(clusters):
        entries.append(_qcow2_entry(content, number, block, version=version, bits=bits, compressed=compressed))
    first = (1 + l1_clusters) * cluster
    l1 = [first + table * cluster | 1 << 63 for table in range(tables)]
    head = struct.pack(">4sIQIIQIIQ", b"QFI\xfb", version, backing, 0, bits, len(raw), encryption, tables, cluster)
    head += bytes(24)  # reference counts and snapshots, which a reader does not need
    if version == 3:
        head += struct.pack(">QQQIIB7x", features, 0, 0, 4, 112, compression)
    content[: len(head)] = head
    content[cluster : cluster + 8 * tables] = struct.pack(f">{tables}Q", *l1)
    content[first : first + 8 * len(entries)] = struct.pack(f">{len(entries)}Q", *entries)
    return bytes(content)


def _qcow2_entry(content: bytearray, number: int, block: bytes, *, version: int, bits: int, compressed: bool) -> int:
    """The entry of a cluster that is added to the content, if it needs to be there."""
    if not any(block):
        return [0, 1, 1 | 1 << 63 | 1 << bits][number % 3] if version == 3 else 0
    packer = zlib.compressobj(9, zlib.DEFLATED, -12)
    packed = packer.compress(block) + packer.flush()
    if compressed and len(packed) < len(block):
        start = len(content)
        content += packed
        sectors = (start % SECTOR + len(packed) - 1) // SECTOR
        return 1 << 62 | sectors << (62 - (bits - 8)) | start
    content += bytes(-len(content) % (1 << bits))
    start = len(content)
    content += block
    return 1 << 63 | start


# VHD


def vhd_checksum(content: bytes) -> int:
    return ~sum(content) & 0xFFFF_FFFF


def vhd_footer(size: int, kind: int, data: int = 0xFFFF_FFFF_FFFF_FFFF) -> bytes:
    before = b"conectix" + struct.pack(
        ">IIQI4sI4sQQHBBI", 2, 0x10000, data, 0, b"test", 1, b"Wi2k", size, size, 1, 1, 1, kind
    )
    behind = bytes(range(16)) + bytes(428)
    return before + struct.pack(">I", vhd_checksum(before + behind)) + behind


def vhd_fixed(raw: bytes, *, kind: int = 2) -> bytes:
    return raw + vhd_footer(len(raw), kind)


def vhd_dynamic(raw: bytes, *, block: int = 2 * MIB, kind: int = 3) -> bytes:
    """Footer's copy, header, table, blocks behind the bitmaps of their sectors, footer."""
    footer = vhd_footer(len(raw), kind, SECTOR)
    parts = blocks(raw, block)
    table_at = SECTOR + 1024
    position = table_at + -(-len(parts) * 4 // SECTOR) * SECTOR
    bitmap = _filled(b"\xff" * (block // SECTOR // 8), SECTOR)
    table, content = b"", b""
    for part in parts:
        used = any(part)
        table += struct.pack(">I", (position + len(content)) // SECTOR if used else 0xFFFF_FFFF)
        content += bitmap + part if used else b""
    before = b"cxsparse" + struct.pack(">QQIII", 0xFFFF_FFFF_FFFF_FFFF, table_at, 0x10000, len(parts), block)
    header = before + struct.pack(">I", vhd_checksum(before)) + bytes(984)
    table += b"\xff" * (-len(table) % SECTOR)
    return footer + header + table + content + footer


# VHDX

BAT = UUID("2dc27766-f623-4200-9d64-115e9bfd4a08")
METADATA = UUID("8b7ca206-4790-4b9a-b8fe-575f050f886e")
FILE_PARAMETERS = UUID("caa16737-fa36-4d43-b3b6-33f0aa44e76b")
DISK_SIZE = UUID("2fa54224-cd1b-4876-b211-5dbed83bf4b8")
SECTOR_SIZE = UUID("8141bf1d-a96f-4709-ba47-f233a8faab5f")
PHYSICAL_SECTOR_SIZE = UUID("cda348c7-445d-4471-9cc9-e9885251c556")


@cache
def crc32c(content: bytes) -> int:
    """Bit by bit, therefore remembered."""
    crc = 0xFFFF_FFFF
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F6_3B78 if crc & 1 else 0)
    return crc ^ 0xFFFF_FFFF


def _sealed(content: bytes) -> bytes:
    return content[:4] + struct.pack("<I", crc32c(content[:4] + bytes(4) + content[8:])) + content[8:]


def vhdx_header(serial: int, *, log: bytes = bytes(16)) -> bytes:
    fields = struct.pack("<4sIQ16s16s16sHHIQ", b"head", 0, serial, bytes(16), bytes(16), log, 0, 1, MIB, MIB)
    return _sealed(fields.ljust(4096, b"\0"))


def vhdx_regions(rows: Iterable[tuple[UUID, int, int, int]]) -> bytes:
    listed = [struct.pack("<16sQII", name.bytes_le, *row) for name, *row in rows]
    return _sealed((struct.pack("<4sIII", b"regi", 0, len(listed), 0) + b"".join(listed)).ljust(64 * KIB, b"\0"))


def vhdx_metadata(items: Iterable[tuple[UUID, bytes]]) -> bytes:
    rows, values = b"", b""
    for name, value in items:
        rows += struct.pack("<16sIII4x", name.bytes_le, 64 * KIB + len(values), len(value), 4)
        values += value
    head = b"metadata" + struct.pack("<HH20x", 0, len(rows) // 32)
    return ((head + rows).ljust(64 * KIB, b"\0") + values).ljust(MIB, b"\0")


def vhdx(
    raw: bytes, *, block: int = MIB, sector: int = 512, flags: int = 0, state: int = 6, log: bytes = bytes(16)
) -> bytes:
    """Headers, log, metadata and table in one MiB each, then the blocks; zero blocks are absent in three ways."""
    chunk = (1 << 23) * sector // block
    first, content, table = 4 * MIB, b"", b""
    for number, part in enumerate(blocks(raw, block)):
        if number and number % chunk == 0:
            table += bytes(8)
        used = any(part)
        table += struct.pack("<Q", first + len(content) | state if used else [0, 2, 3][number % 3])
        content += part if used else b""
    items = [
        (FILE_PARAMETERS, struct.pack("<II", block, flags)),
        (DISK_SIZE, struct.pack("<Q", len(raw))),
        (SECTOR_SIZE, struct.pack("<I", sector)),
        (PHYSICAL_SECTOR_SIZE, struct.pack("<I", 4096)),
    ]
    regions = vhdx_regions([(BAT, 3 * MIB, MIB, 1), (METADATA, 2 * MIB, MIB, 1)])
    head = bytearray(MIB)
    for place, part in (
        (0, b"vhdxfile"),
        (64 * KIB, vhdx_header(1)),
        (128 * KIB, vhdx_header(2, log=log)),
        (192 * KIB, regions),
        (256 * KIB, regions),
    ):
        head[place : place + len(part)] = part
    return bytes(head) + bytes(MIB) + vhdx_metadata(items) + table.ljust(MIB, b"\0") + content


# VMDK

DESCRIPTOR = (
    '# Disk DescriptorFile\nversion=1\nCID=12345678\nparentCID={parent}\ncreateType="{kind}"\n\n'
    "# Extent description\n{extents}\n\n# The Disk Data Base\n#DDB\n"
)


def descriptor(sectors: int, *, parent: str = "ffffffff", kind: str = "monolithicSparse", extents: int = 1) -> bytes:
    listed = "\n".join(f'RW {sectors} SPARSE "disk-{number}.vmdk"' for number in range(extents))
    return DESCRIPTOR.format(parent=parent, kind=kind, extents=listed).encode()


def vmdk_header(raw: bytes, *, flags: int, grain: int, directory: int, compression: int = 0) -> bytes:
    fields = (b"KDMV", 1, flags, len(raw) // SECTOR, grain // SECTOR, 1, 20, 512, 0, directory, 64, 0)
    return struct.pack("<4sIIQQQQIQQQB4sH", *fields, b"\n \r\n", compression).ljust(SECTOR, b"\0")


def vmdk(raw: bytes, *, grain: int = 64 * KIB, text: bytes | None = None, zeros: bool = True) -> bytes:
    """Header, descriptor, directory, tables, grains; zero grains have, by turns, no entry or that of a zero grain."""
    grains = blocks(raw, grain)
    tables = -(-len(grains) // 512)
    content = bytearray(_filled(bytes((21 + 1 + tables * 4) * SECTOR), grain))
    entries = []
    for number, part in enumerate(grains):
        used = any(part)
        entries.append(len(content) // SECTOR if used else number % 2 * int(zeros))
        content += part if used else b""
    places = [22 + 4 * number for number in range(tables)]
    head = vmdk_header(raw, flags=1 | zeros << 2, grain=grain, directory=21)
    head += (descriptor(len(raw) // SECTOR) if text is None else text).ljust(20 * SECTOR, b"\0")
    head += struct.pack(f"<{tables}I", *places).ljust(SECTOR, b"\0") + struct.pack(f"<{len(entries)}I", *entries)
    content[: len(head)] = head
    return bytes(content)


def vmdk_stream(raw: bytes, *, grain: int = 64 * KIB) -> bytes:
    """Header, descriptor, compressed grains, each table and the directory behind markers, footer, end of stream."""
    flags = 1 | 1 << 16 | 1 << 17
    head = vmdk_header(raw, flags=flags, grain=grain, directory=0xFFFF_FFFF_FFFF_FFFF, compression=1)
    content = head + descriptor(len(raw) // SECTOR, kind="streamOptimized").ljust(20 * SECTOR, b"\0")
    entries = []
    for number, part in enumerate(blocks(raw, grain)):
        entries.append(len(content) // SECTOR if any(part) else 0)
        if any(part):
            packed = zlib.compress(part)
            content += _filled(struct.pack("<QI", number * grain // SECTOR, len(packed)) + packed, SECTOR)
    places = []
    for start in range(0, len(entries), 512):
        table = struct.pack("<512I", *(entries[start : start + 512] + [0] * 512)[:512])
        content += _marker(4, 1)
        places.append(len(content) // SECTOR)
        content += table
    content += _marker(1, 2)
    directory = len(content) // SECTOR
    content += _filled(struct.pack(f"<{len(places)}I", *places), SECTOR)
    footer = vmdk_header(raw, flags=flags, grain=grain, directory=directory, compression=1)
    return content + _marker(1, 3) + footer + bytes(SECTOR)


def _marker(sectors: int, kind: int) -> bytes:
    return struct.pack("<QII", sectors, 0, kind).ljust(SECTOR, b"\0")
