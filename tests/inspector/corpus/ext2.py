"""The plainest filesystem, written byte by byte, for cases that no program may be needed for."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from uuid import UUID

from tests.inspector.corpus.systems import Link, Tree

BLOCK = 4096
_INODES = 512
_INODE = 128
_FIRST_FREE_INODE = 11
_TABLE = 4
_DIRECT = 12
_SHORT_LINK = 60
_FILE, _DIRECTORY, _LINK = 0x8000, 0x4000, 0xA000
_TYPES = {_FILE: 1, _DIRECTORY: 2, _LINK: 7}


@dataclass
class _Writer:
    blocks: dict[int, bytes] = field(default_factory=dict)
    inodes: dict[int, bytes] = field(default_factory=dict)
    next_block: int = _TABLE + _INODES * _INODE // BLOCK
    next_inode: int = _FIRST_FREE_INODE
    folders: int = 0

    def stored(self, content: bytes) -> list[int]:
        """The blocks that the content lies in."""
        numbers = []
        for start in range(0, len(content), BLOCK):
            numbers.append(self.next_block)
            self.blocks[self.next_block] = content[start : start + BLOCK].ljust(BLOCK, b"\0")
            self.next_block += 1
        return numbers

    def inode(self, number: int, mode: int, content: bytes, links: int = 1) -> None:
        """The inode and its content."""
        if mode & 0xF000 == _LINK and len(content) < _SHORT_LINK:
            pointers, used = content.ljust(60, b"\0"), 0
        else:
            data = self.stored(content)
            direct, others = data[:_DIRECT], data[_DIRECT:]
            used = len(data)
            indirect = self.stored(struct.pack(f"<{len(others)}I", *others)) if others else [0]
            used += bool(others)
            pointers = struct.pack("<15I", *direct, *([0] * (_DIRECT - len(direct))), *indirect, 0, 0)
        top = struct.pack("<HHIIIIIHHIII", mode, 0, len(content), 0, 0, 0, 0, 0, links, used * BLOCK // 512, 0, 0)
        self.inodes[number] = (top + pointers).ljust(_INODE, b"\0")

    def new(self) -> int:
        """The number of another inode."""
        self.next_inode += 1
        return self.next_inode - 1


def written(tree: Tree, *, uuid: str, label: str = "root") -> bytes:
    """A filesystem that holds the tree."""
    writer = _Writer()
    _directory(writer, 2, 2, _nested(tree))
    table = b"".join(writer.inodes.get(number, bytes(_INODE)) for number in range(1, _INODES + 1))
    total = writer.next_block + 4
    content = bytearray(total * BLOCK)
    content[1024:2048] = _superblock(total, writer, uuid, label)
    free_blocks, free_inodes = total - writer.next_block, _INODES - writer.next_inode + 1
    content[BLOCK : BLOCK + 18] = struct.pack("<IIIHHH", 2, 3, _TABLE, free_blocks, free_inodes, writer.folders)
    content[2 * BLOCK : 3 * BLOCK] = _bitmap(writer.next_block, total)
    content[3 * BLOCK : 4 * BLOCK] = _bitmap(writer.next_inode - 1, _INODES)
    content[_TABLE * BLOCK : _TABLE * BLOCK + len(table)] = table
    for number, block in writer.blocks.items():
        content[number * BLOCK : (number + 1) * BLOCK] = block
    return bytes(content)


_Folder = dict[str, object]


def _nested(tree: Tree) -> _Folder:
    root: _Folder = {}
    for path, content in tree.items():
        folder = root
        *parents, name = PurePosixPath(path).parts
        for parent in parents:
            inner = folder.setdefault(parent, {})
            assert isinstance(inner, dict), f"{path}: {parent} is no directory"
            folder = inner
        folder[name] = content
    return root


def _directory(writer: _Writer, number: int, parent: int, folder: _Folder) -> None:
    entries = [(number, _DIRECTORY, b"."), (parent, _DIRECTORY, b"..")]
    for name, content in folder.items():
        inode = writer.new()
        if isinstance(content, dict):
            _directory(writer, inode, number, content)
            kind = _DIRECTORY
        elif isinstance(content, Link):
            writer.inode(inode, _LINK | 0o777, content.target.encode())
            kind = _LINK
        else:
            assert isinstance(content, bytes)
            writer.inode(inode, _FILE | 0o644, content)
            kind = _FILE
        entries.append((inode, kind, name.encode(errors="surrogateescape")))
    writer.folders += 1
    subfolders = sum(kind == _DIRECTORY for _, kind, _ in entries[2:])
    writer.inode(number, _DIRECTORY | 0o755, b"".join(_entries(entries)), links=2 + subfolders)


def _entries(entries: list[tuple[int, int, bytes]]) -> Iterator[bytes]:
    """Entries in whole blocks; the last of each takes what is left."""
    block: list[tuple[int, int, bytes]] = []
    used = 0
    for entry in entries:
        length = -(-(8 + len(entry[2])) // 4) * 4
        if used + length > BLOCK:
            yield _block(block)
            block, used = [], 0
        block.append(entry)
        used += length
    yield _block(block)


def _block(entries: list[tuple[int, int, bytes]]) -> bytes:
    content = b""
    for position, (inode, kind, name) in enumerate(entries):
        is_last = position == len(entries) - 1
        length = BLOCK - len(content) if is_last else -(-(8 + len(name)) // 4) * 4
        content += (struct.pack("<IHBB", inode, length, len(name), _TYPES[kind]) + name).ljust(length, b"\0")
    return content


def _superblock(total: int, writer: _Writer, uuid: str, label: str) -> bytes:
    free_inodes = _INODES - writer.next_inode + 1
    counts = struct.pack("<IIIIIII", _INODES, total, 0, total - writer.next_block, free_inodes, 0, 2)
    groups = struct.pack("<IIII", 2, BLOCK * 8, BLOCK * 8, _INODES)
    times = struct.pack("<IIHHHHHHIIIIHH", 0, 0, 0, 0xFFFF, 0xEF53, 1, 1, 0, 0, 0, 0, 1, 0, 0)
    features = struct.pack("<IHHIII", _FIRST_FREE_INODE, _INODE, 0, 0, 2, 0)
    names = UUID(uuid).bytes + label.encode().ljust(16, b"\0")
    return (counts + groups + times + features + names).ljust(1024, b"\0")


def _bitmap(used: int, total: int) -> bytes:
    bits = (1 << used) - 1 | ((1 << (BLOCK * 8)) - 1) ^ ((1 << total) - 1)
    return bits.to_bytes(BLOCK, "little")
