"""ext2, ext3 and ext4, read without the kernel: every layout that their tools make, nothing ever written."""

import struct
from collections.abc import Iterator
from typing import Final

from cloudigrade.inspector.files import LONGEST_PATH, MOST_NAMES
from cloudigrade.inspector.filesystem import Entry, EntryKind
from cloudigrade.inspector.filesystems import crc32c, ext_directory, ext_inode, ext_mapping, ext_superblock
from cloudigrade.inspector.filesystems.blocks import Blocks, Kept, Metered
from cloudigrade.inspector.filesystems.ext_inode import Inode
from cloudigrade.inspector.filesystems.extents import Extents, Mapped
from cloudigrade.inspector.reading import Content, Damaged, Exhausted, Reader, Unsupported

_ROOT: Final = 2
_KEPT_INODES: Final = 4096
_KEPT_DIRECTORIES: Final = 64
_MOST_DIRECTORY_BYTES: Final = 4 << 20
_TAIL: Final = struct.Struct("<IHBBI")
_TAIL_KIND: Final = 0xDE
_INDEXED: Final = 0x1000


class Ext:
    """A filesystem of this family; implements Filesystem."""

    def __init__(self, volume: Reader) -> None:
        metered = Metered(volume)
        self._superblock = ext_superblock.read(metered)
        self._blocks = Blocks(metered, self._superblock.block)
        self._groups = ext_superblock.Groups(self._superblock, self._blocks)
        self._inodes: Kept[int, Inode] = Kept(_KEPT_INODES)
        self._directories: Kept[int, dict[bytes, int]] = Kept(_KEPT_DIRECTORIES)
        self.notes = self._superblock.notes()

    def root(self) -> Entry:
        """The root directory."""
        entry = self._inode(_ROOT).entry
        if entry.kind is not EntryKind.DIRECTORY:
            raise Damaged("the root of ext is no directory")
        return entry

    def child(self, directory: Entry, name: bytes) -> Entry | None:
        """What the directory has under the name."""
        number = self._entries(directory).get(name)
        return None if number is None else self._used(number).entry

    def names(self, directory: Entry) -> list[bytes]:
        """What the directory holds, in the order of the disk."""
        found = list(self._entries(directory))
        if len(found) > MOST_NAMES:
            raise Exhausted(f"a directory holds more than {MOST_NAMES} names")
        return found

    def target(self, link: Entry) -> bytes:
        """Where the link points to."""
        inode = self._inode(link.number)
        ext_inode.check_plain(inode)
        if not 0 < link.size <= LONGEST_PATH:
            raise Damaged(f"a link of ext is {link.size} bytes long")
        if link.size < ext_inode.INLINE_SIZE and not inode.flags & (ext_inode.INLINE | ext_inode.TREE):
            return inode.root[: link.size]
        return self._content(inode).read(0, link.size)

    def reader(self, file: Entry) -> Reader:
        """The content of a file."""
        inode = self._inode(file.number)
        ext_inode.check_plain(inode)
        return self._content(inode)

    def _used(self, number: int) -> Inode:
        inode = self._inode(number)
        if not inode.links:
            raise Damaged(f"a directory of ext names inode {number}, which is free")
        return inode

    def _inode(self, number: int) -> Inode:
        kept = self._inodes.get(number)
        if kept is not None:
            return kept
        block, start = divmod(self._groups.inode_offset(number), self._superblock.block)
        content = self._blocks.read(block)[start : start + self._superblock.inode_size]
        if self._superblock.checksums:
            ext_inode.check(number, content, self._superblock)
        return self._inodes.keep(number, ext_inode.parsed(number, content))

    def _content(self, inode: Inode) -> Reader:
        if inode.flags & ext_inode.INLINE:
            content = inode.root + ext_inode.inline_rest(inode)
            if inode.entry.size > len(content):
                raise Damaged(f"inline data of inode {inode.entry.number} of ext end early")
            return Content(content[: inode.entry.size])
        return self._mapped(inode)

    def _mapped(self, inode: Inode) -> Mapped:
        found = Extents(self._superblock.blocks)
        if inode.flags & ext_inode.TREE:
            ext_mapping.tree(inode.root, self._blocks, found, lambda block: self._check_node(inode, block))
        else:
            needed = -(-inode.entry.size // self._superblock.block)
            ext_mapping.lists(inode.root, self._blocks, found, needed)
        return Mapped(self._blocks.volume, self._superblock.block, found.found(), inode.entry.size)

    def _check_node(self, inode: Inode, block: bytes) -> None:
        if not self._superblock.checksums:
            return
        ext_mapping.node_header(block)
        end = ext_mapping.checked_length(block)
        if self._checksum(inode, block[:end]) != int.from_bytes(block[end : end + 4], "little"):
            raise Damaged(f"the checksum of the extents of inode {inode.entry.number} of ext is wrong")

    def _entries(self, directory: Entry) -> dict[bytes, int]:
        kept = self._directories.get(directory.number)
        if kept is not None:
            return kept
        inode = self._inode(directory.number)
        ext_inode.check_plain(inode)
        if inode.flags & ext_inode.CASE_FOLDED:
            raise Unsupported(f"directory {directory.number} of ext ignores the case of names")
        typed = bool(self._superblock.incompatible & ext_superblock.FILE_TYPE)
        found: dict[bytes, int] = {}
        for block in self._directory_blocks(inode):
            for name, number in ext_directory.entries(block, typed=typed):
                found.setdefault(name, number)
        if len(found) <= MOST_NAMES:
            self._directories.keep(directory.number, found)
        return found

    def _directory_blocks(self, inode: Inode) -> Iterator[bytes]:
        size = inode.entry.size
        if inode.flags & ext_inode.INLINE:
            yield inode.root[4:]  # the first word is the parent
            yield ext_inode.inline_rest(inode)
            return
        if not size or size % self._superblock.block:
            raise Damaged(f"directory {inode.entry.number} of ext ends within a block")
        if size > _MOST_DIRECTORY_BYTES:
            raise Exhausted(f"directory {inode.entry.number} of ext is larger than {_MOST_DIRECTORY_BYTES} bytes")
        content = self._mapped(inode)
        for offset in range(0, size, self._superblock.block):
            block = content.read(offset, self._superblock.block)
            self._check_directory_block(inode, block)
            yield block

    def _check_directory_block(self, inode: Inode, block: bytes) -> None:
        """Blocks of an index carry their checksum elsewhere, and no names."""
        if not self._superblock.checksums or (inode.flags & _INDEXED and ext_directory.is_index(block)):
            return
        *tail, expected = _TAIL.unpack_from(block, len(block) - _TAIL.size)
        if tail != [0, _TAIL.size, 0, _TAIL_KIND]:
            raise Damaged(f"a block of directory {inode.entry.number} of ext has no checksum")
        if self._checksum(inode, block[: -_TAIL.size]) != expected:
            raise Damaged(f"the checksum of directory {inode.entry.number} of ext is wrong")

    def _checksum(self, inode: Inode, content: bytes) -> int:
        seed = ext_inode.seed(inode.entry.number, inode.generation, self._superblock)
        return crc32c.register(content, seed)
