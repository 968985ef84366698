"""Filesystems written byte by byte from a mapping of paths to content, so that no test needs their tools.

`ext_image` makes a clean ext2 (e2fsck agrees), `xfs_image` what a reader needs of an XFS of version 4 or 5.
"""

import lzma
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final
from uuid import UUID

from cloudigrade.inspector.filesystems import crc32c
from cloudigrade.inspector.reading import checked

DATA: Final = Path(__file__).parent.parent / "data" / "inspector"
BLOCK: Final = 4096
SOME_UUID: Final = "6b1f3c5e-8a54-4d1c-9d5f-0a1b2c3d4e5f"


class Link(str):
    """Where a symbolic link points to."""

    __slots__ = ()


Files = Mapping[str, bytes | Link]
"""Content by path; directories come by themselves, an empty one ends in a slash."""


def nested(files: Files) -> dict[bytes, object]:
    """The same as directories within directories."""
    top: dict[bytes, object] = {}
    for path, content in files.items():
        names = [name.encode("utf-8", "surrogateescape") for name in path.split("/") if name]
        parent = top
        for name in names if path.endswith("/") else names[:-1]:
            parent = parent.setdefault(name, {})  # type: ignore[assignment]  # a path goes through directories only
        if not path.endswith("/"):
            parent[names[-1]] = content
    return top


def ext_image(files: Files, *, label: str = "", uuid: str = SOME_UUID, spare: int = 16) -> bytes:
    """An ext2 of one group with blocks of 4 KiB, at most 128 MiB."""
    return _Ext(nested({"/lost+found/": b"", **files}), spare).image(label, uuid)


class _Ext:
    def __init__(self, top: dict[bytes, object], spare: int) -> None:
        self.inodes: dict[int, bytes] = {}
        self.spare = spare
        self.directories = 0
        self.next_inode = 11
        self.table_blocks = (_count(top) + 16 + 31) // 32
        self.blocks: list[bytes] = []
        self.add_directory(top, 2, 2)

    @property
    def first(self) -> int:
        return 4 + self.table_blocks

    def add(self, content: object, parent: int) -> tuple[int, int]:
        number, self.next_inode = self.next_inode, self.next_inode + 1
        if isinstance(content, dict):
            self.add_directory(content, number, parent)
            return number, 2
        if isinstance(content, Link):
            target = content.encode("utf-8", "surrogateescape")
            if len(target) < 60:
                self.inodes[number] = _ext_inode(0o120777, len(target), 1, 0, target.ljust(60, b"\0"))
            else:
                self.add_content(number, 0o120777, target, 1)
            return number, 7
        assert isinstance(content, bytes)
        self.add_content(number, 0o100644, content, 1)
        return number, 1

    def add_directory(self, content: dict[bytes, object], number: int, parent: int) -> None:
        self.directories += 1
        entries = [(b".", number, 2), (b"..", parent, 2)]
        entries += [(name, *self.add(below, number)) for name, below in content.items()]
        links = 2 + sum(isinstance(below, dict) for below in content.values())
        self.add_content(number, 0o40755, b"".join(_ext_directory(entries)), links)

    def add_content(self, number: int, mode: int, content: bytes, links: int) -> None:
        before = len(self.blocks)
        numbers = [self.add_block(content[at : at + BLOCK]) for at in range(0, len(content), BLOCK)]
        root = [*numbers[:12], *[0] * (12 - len(numbers[:12])), *self.add_lists(numbers[12:]), 0]
        used = len(self.blocks) - before
        self.inodes[number] = _ext_inode(mode, len(content), links, used * BLOCK // 512, struct.pack("<15I", *root))

    def add_lists(self, numbers: list[int]) -> tuple[int, int]:
        if not numbers:
            return 0, 0
        single = self.add_block(struct.pack(f"<{len(numbers[:1024])}I", *numbers[:1024]))
        lists = [numbers[at : at + 1024] for at in range(1024, len(numbers), 1024)]
        singles = [self.add_block(struct.pack(f"<{len(part)}I", *part)) for part in lists]
        return single, self.add_block(struct.pack(f"<{len(singles)}I", *singles)) if singles else 0

    def add_block(self, content: bytes) -> int:
        self.blocks.append(content.ljust(BLOCK, b"\0"))
        return self.first + len(self.blocks) - 1

    def image(self, label: str, uuid: str) -> bytes:
        total = self.first + len(self.blocks) + self.spare
        inodes = self.table_blocks * 32
        counts = (inodes, total, self.spare, inodes - self.next_inode + 1)
        table = b"".join(self.inodes.get(number, b"").ljust(128, b"\0") for number in range(1, inodes + 1))
        group = struct.pack("<IIIHHH", 2, 3, 4, counts[2], counts[3], self.directories)
        parts = [
            bytes(1024) + _ext_superblock(counts, label, uuid),
            group,
            _bitmap(total - self.spare, total),
            _bitmap(self.next_inode - 1, inodes),
        ]
        head = b"".join(part.ljust(BLOCK, b"\0") for part in parts)
        return head + table + b"".join(self.blocks) + bytes(self.spare * BLOCK)


def _count(node: object) -> int:
    return 1 + (sum(_count(below) for below in node.values()) if isinstance(node, dict) else 0)


def _bitmap(used: int, total: int) -> bytes:
    """What does not exist counts as used."""
    bits = (1 << used) - 1 | ((1 << BLOCK * 8) - 1) ^ ((1 << total) - 1)
    return bits.to_bytes(BLOCK, "little")


def _ext_superblock(counts: tuple[int, int, int, int], label: str, uuid: str) -> bytes:
    inodes, blocks, free_blocks, free_inodes = counts
    content = bytearray(1024)
    struct.pack_into("<7I", content, 0, inodes, blocks, 0, free_blocks, free_inodes, 0, 2)
    struct.pack_into("<4I", content, 28, 2, 32768, 32768, inodes)
    struct.pack_into("<HHHHH", content, 52, 0, 0xFFFF, 0xEF53, 1, 1)
    struct.pack_into("<IIHHIII", content, 76, 1, 0, 0, 0, 11, 128, 0)
    struct.pack_into("<IHHIII", content, 84, 11, 128, 0, 0, 2, 1)
    content[104:120] = UUID(uuid).bytes
    content[120:136] = label.encode().ljust(16, b"\0")
    return bytes(content)


def _ext_inode(mode: int, size: int, links: int, sectors: int, root: bytes) -> bytes:
    return struct.pack("<HHI16xHHI8x", mode, 0, size, 0, links, sectors) + root + bytes(28)


def _ext_directory(entries: list[tuple[bytes, int, int]]) -> Iterator[bytes]:
    block = b""
    last = 0
    for name, number, kind in entries:
        entry = struct.pack("<IHBB", number, (8 + len(name) + 3) // 4 * 4, len(name), kind) + name
        entry = entry.ljust((8 + len(name) + 3) // 4 * 4, b"\0")
        if len(block) + len(entry) > BLOCK:
            yield _stretched(block, last)
            block = b""
        last = len(block)
        block += entry
    yield _stretched(block, last)


def _stretched(block: bytes, last: int) -> bytes:
    """The last entry reaches to the end."""
    return (block[: last + 4] + struct.pack("<H", BLOCK - last) + block[last + 6 :]).ljust(BLOCK, b"\0")


def xfs_image(files: Files, *, label: str = "", uuid: str = SOME_UUID, version: int = 5) -> bytes:
    """An XFS of one group with blocks of 4 KiB and inodes of 512 bytes, cleanly unmounted."""
    return _Xfs(nested(files), version).image(label, uuid)


INODE: Final = 512
_LOG: Final = 4
"""First block of the log, of four."""
_TABLE: Final = 8
_PER_BLOCK: Final = BLOCK // INODE


class _Xfs:
    def __init__(self, top: dict[bytes, object], version: int) -> None:
        self.version = version
        self.typed = version == 5
        self.table_blocks = (_count(top) + _PER_BLOCK - 1) // _PER_BLOCK
        self.inodes: list[bytes] = []
        self.blocks: list[bytes] = []
        self.add(top, _TABLE * _PER_BLOCK)

    def add(self, content: object, parent: int) -> tuple[int, int]:
        number = _TABLE * _PER_BLOCK + len(self.inodes)
        place = len(self.inodes)
        self.inodes.append(b"")
        if isinstance(content, dict):
            below = [(name, *self.add(node, number)) for name, node in content.items()]
            self.inodes[place] = self.directory(number, parent, below)
            return number, 2
        if isinstance(content, Link):
            target = content.encode("utf-8", "surrogateescape")
            self.inodes[place] = self.inode(number, 0o120777, 1, len(target), target)
            return number, 7
        assert isinstance(content, bytes)
        self.inodes[place] = self.inode(number, 0o100644, 2, len(content), self.extent(0, content))
        return number, 1

    def directory(self, number: int, parent: int, entries: list[tuple[bytes, int, int]]) -> bytes:
        short = b"".join(
            struct.pack(">BH", len(name), 0) + name + (bytes([kind]) if self.typed else b"") + struct.pack(">I", below)
            for name, below, kind in entries
        )
        if len(entries) < 200 and len(short) + 6 <= INODE - self.fork:
            content = struct.pack(">BBI", len(entries), 0, parent) + short
            return self.inode(number, 0o40755, 1, len(content), content)
        blocks = list(self.data_blocks([(b".", number, 2), (b"..", parent, 2), *entries]))
        return self.inode(number, 0o40755, 2, len(blocks) * BLOCK, self.extent(0, b"".join(blocks)))

    def data_blocks(self, entries: list[tuple[bytes, int, int]]) -> Iterator[bytes]:
        header = 64 if self.version == 5 else 16
        content = b""
        for name, number, kind in entries:
            entry = struct.pack(">QB", number, len(name)) + name + (bytes([kind]) if self.typed else b"")
            size = (len(entry) + 2 + 7) // 8 * 8
            if header + len(content) + size > BLOCK:
                yield self.data_block(header, content)
                content = b""
            content += entry.ljust(size - 2, b"\0") + struct.pack(">H", header + len(content))
        yield self.data_block(header, content)

    def data_block(self, header: int, content: bytes) -> bytes:
        free = BLOCK - header - len(content)
        if free:
            content += struct.pack(">HH", 0xFFFF, free).ljust(free - 2, b"\0") + struct.pack(">H", BLOCK - free)
        block = (b"XDD3" if self.version == 5 else b"XD2D").ljust(header, b"\0") + content
        return summed(block, 4) if self.version == 5 else block

    def extent(self, first: int, content: bytes) -> bytes:
        count = -(-len(content) // BLOCK)
        if not count:
            return b""
        start = _TABLE + self.table_blocks + len(self.blocks)
        self.blocks += [content[at : at + BLOCK].ljust(BLOCK, b"\0") for at in range(0, len(content), BLOCK)]
        return struct.pack(">QQ", first << 9 | start >> 43, (start & (1 << 43) - 1) << 21 | count)

    @property
    def fork(self) -> int:
        return 176 if self.version == 5 else 100

    def inode(self, number: int, mode: int, form: int, size: int, fork: bytes) -> bytes:
        content = bytearray(self.fork) + fork.ljust(INODE - self.fork, b"\0")
        struct.pack_into(">2sHBB", content, 0, b"IN", mode, 3 if self.version == 5 else 2, form)
        struct.pack_into(">I", content, 16, 1)
        struct.pack_into(">QQII", content, 56, size, 0, 0, len(fork) // 16 if form == 2 else 0)
        if self.version == 5:
            struct.pack_into(">Q", content, 152, number)
            return summed(bytes(content), 100)
        return bytes(content)

    def image(self, label: str, uuid: str) -> bytes:
        table = b"".join(self.inodes).ljust(self.table_blocks * BLOCK, b"\0")
        total = _TABLE + self.table_blocks + len(self.blocks)
        head = self.superblock(total, label, uuid).ljust(_LOG * BLOCK, b"\0") + unmounted_log(4 * BLOCK)
        return head + table + b"".join(self.blocks)

    def superblock(self, total: int, label: str, uuid: str) -> bytes:
        content = bytearray(512)
        struct.pack_into(">4sIQ", content, 0, b"XFSB", BLOCK, total)
        content[32:48] = UUID(uuid).bytes
        struct.pack_into(">QQ", content, 48, _LOG, _TABLE * _PER_BLOCK)
        struct.pack_into(">IIIIIHHHH", content, 80, 1, total, 1, 0, 4, 0xB4A0 | self.version, 512, INODE, _PER_BLOCK)
        content[108:120] = label.encode().ljust(12, b"\0")
        content[120:125] = bytes([12, 9, 9, 3, total.bit_length()])
        if self.version == 5:
            struct.pack_into(">I", content, 216, 1)
            return summed(bytes(content), 224)
        return bytes(content)


def unmounted_log(size: int) -> bytes:
    """A log that holds one record, as unmounting writes it."""
    header = bytearray(512)
    struct.pack_into(">4sIII", header, 0, b"\xfe\xed\xba\xbe", 1, 2, 512)
    struct.pack_into(">I", header, 40, 1)
    struct.pack_into(">I", header, 320, 32768)
    record = struct.pack(">IIBB", 1, 8, 0xAA, 0x20)
    return (bytes(header) + record.ljust(512, b"\0")).ljust(size, b"\0")


def summed(content: bytes, at: int) -> bytes:
    """With the checksum of XFS at the place."""
    value = crc32c.checksum(content[:at] + bytes(4) + content[at + 4 :])
    return content[:at] + value.to_bytes(4, "little") + content[at + 4 :]


def pack(image: Path, packed: Path) -> None:
    """The parts of an image that are no zeros are kept: offset, length, content; then compressed."""
    parts = [struct.pack("<Q", image.stat().st_size)]
    with image.open("rb") as file:
        offset = 0
        while content := file.read(BLOCK):
            if content.strip(b"\0"):
                parts.append(struct.pack("<QI", offset, len(content)) + content)
            offset += len(content)
    packed.write_bytes(lzma.compress(b"".join(parts), preset=9 | lzma.PRESET_EXTREME))


class Sparse:
    """A packed image; implements Reader."""

    def __init__(self, name: str) -> None:
        content = lzma.decompress((DATA / name).read_bytes())
        (self.size,) = struct.unpack_from("<Q", content)
        self.blocks: dict[int, bytes] = {}
        at = 8
        while at < len(content):
            offset, length = struct.unpack_from("<QI", content, at)
            self.blocks[offset // BLOCK] = content[at + 12 : at + 12 + length].ljust(BLOCK, b"\0")
            at += 12 + length

    def read(self, offset: int, length: int, /) -> bytes:
        first, last = offset // BLOCK, -(-(offset + length) // BLOCK)
        checked(self, offset, length)
        content = b"".join(self.blocks.get(number, bytes(BLOCK)) for number in range(first, last))
        return content[offset - first * BLOCK :][:length]


def without_log(image: Path) -> None:
    """The log of an XFS that was cleanly unmounted holds nothing else any more, so that it packs well."""
    with image.open("r+b") as file:
        head = file.read(512)
        block, group_blocks = struct.unpack_from(">I", head, 4)[0], struct.unpack_from(">I", head, 84)[0]
        start, length = struct.unpack_from(">Q", head, 48)[0], struct.unpack_from(">I", head, 96)[0]
        group, within = start >> head[124], start & (1 << head[124]) - 1
        file.seek((group * group_blocks + within) * block)
        file.write(unmounted_log(length * block))
