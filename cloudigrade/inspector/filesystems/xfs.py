"""XFS of versions 4 and 5, read without the kernel: every layout that its tools make, nothing ever written."""

import struct
from collections.abc import Iterator
from typing import Final

from cloudigrade.inspector.files import LONGEST_PATH, MOST_NAMES
from cloudigrade.inspector.filesystem import Entry, EntryKind
from cloudigrade.inspector.filesystems import xfs_directory, xfs_inode, xfs_log, xfs_superblock
from cloudigrade.inspector.filesystems.blocks import Blocks, Kept, Metered
from cloudigrade.inspector.filesystems.extents import Extent, Mapped
from cloudigrade.inspector.filesystems.xfs_inode import Inode
from cloudigrade.inspector.reading import Damaged, Exhausted, Reader

_KEPT_INODES: Final = 4096
_KEPT_DIRECTORIES: Final = 64
_MOST_DIRECTORY_BYTES: Final = 4 << 20
_LATEST: Final = 5
_MOST_LINK_BYTES: Final = 65536
_LINK_HEADER: Final = struct.Struct(">4sII")
_LINK_MARK: Final = b"XSLM"
_LINK_HEADER_SIZE: Final = 56
_LINK_CHECKSUM: Final = 12


class Xfs:
    """A filesystem of this kind; implements Filesystem."""

    def __init__(self, volume: Reader) -> None:
        metered = Metered(volume)
        self._superblock = xfs_superblock.read(metered)
        self._blocks = Blocks(metered, self._superblock.block)
        self._inodes: Kept[int, Inode] = Kept(_KEPT_INODES)
        self._directories: Kept[int, dict[bytes, int]] = Kept(_KEPT_DIRECTORIES)
        self.notes = xfs_log.notes(metered, self._superblock)

    def root(self) -> Entry:
        """The root directory."""
        entry = self._inode(self._superblock.root).entry
        if entry.kind is not EntryKind.DIRECTORY:
            raise Damaged("the root of XFS is no directory")
        return entry

    def child(self, directory: Entry, name: bytes) -> Entry | None:
        """What the directory has under the name."""
        number = self._entries(directory).get(name)
        return None if number is None else self._inode(number).entry

    def names(self, directory: Entry) -> list[bytes]:
        """What the directory holds, in the order of the disk."""
        found = list(self._entries(directory))
        if len(found) > MOST_NAMES:
            raise Exhausted(f"a directory holds more than {MOST_NAMES} names")
        return found

    def target(self, link: Entry) -> bytes:
        """Where the link points to."""
        inode = self._inode(link.number)
        if not 0 < link.size <= LONGEST_PATH:
            raise Damaged(f"a link of XFS is {link.size} bytes long")
        if inode.format == xfs_inode.LOCAL:
            target = inode.fork[: link.size]
        else:
            target = b"".join(self._link_parts(inode))[: link.size]
        if len(target) < link.size:
            raise Damaged("a link of XFS ends early")
        return target

    def reader(self, file: Entry) -> Reader:
        """The content of a file."""
        return self._mapped(self._inode(file.number), file.size)

    def _inode(self, number: int) -> Inode:
        kept = self._inodes.get(number)
        if kept is not None:
            return kept
        block, start = divmod(self._superblock.inode_offset(number), self._superblock.block)
        content = self._blocks.read(block)[start : start + self._superblock.inode_size]
        return self._inodes.keep(number, xfs_inode.parsed(number, content, self._superblock))

    def _mapped(self, inode: Inode, size: int) -> Mapped:
        found = xfs_inode.extents(inode, self._superblock, self._blocks).found()
        return Mapped(self._blocks.volume, self._superblock.block, found, size)

    def _link_parts(self, inode: Inode) -> Iterator[bytes]:
        """In the latest version each extent begins with a header."""
        block = self._superblock.block
        for extent in xfs_inode.extents(inode, self._superblock, self._blocks).found():
            if extent.length * block > _MOST_LINK_BYTES:
                raise Damaged("a link of XFS is larger than any path")
            content = self._blocks.volume.read(extent.start * block, extent.length * block)
            yield _without_header(content) if self._superblock.version == _LATEST else content

    def _entries(self, directory: Entry) -> dict[bytes, int]:
        kept = self._directories.get(directory.number)
        if kept is not None:
            return kept
        inode = self._inode(directory.number)
        if inode.format == xfs_inode.LOCAL:
            found = dict(xfs_directory.inline(inode.fork, typed=self._superblock.typed))
        else:
            found = {}
            for content in self._directory_blocks(inode):
                found.update(xfs_directory.block(content, typed=self._superblock.typed))
        if len(found) <= MOST_NAMES:
            self._directories.keep(directory.number, found)
        return found

    def _directory_blocks(self, inode: Inode) -> Iterator[bytes]:
        """Those with names; a block of which all names were removed may be missing."""
        size = self._superblock.directory_block
        content = self._mapped(inode, xfs_directory.INDEX_START)
        left = _MOST_DIRECTORY_BYTES
        behind = 0
        for extent in content.extents:
            first, last = self._directory_range(extent)
            for offset in range(max(first, behind), last, size):
                left -= size
                if left < 0:
                    raise Exhausted(f"a directory is larger than {_MOST_DIRECTORY_BYTES} bytes")
                yield content.read(offset, size)
                behind = offset + size
        if not behind:
            raise Damaged(f"directory {inode.entry.number} of XFS is empty")

    def _directory_range(self, extent: Extent) -> tuple[int, int]:
        block, size = self._superblock.block, self._superblock.directory_block
        first = extent.first * block // size * size
        return first, min((extent.first + extent.length) * block, xfs_directory.INDEX_START)


def _without_header(content: bytes) -> bytes:
    mark, _, length = _LINK_HEADER.unpack_from(content)
    if mark != _LINK_MARK or length > len(content) - _LINK_HEADER_SIZE:
        raise Damaged("a link of XFS contradicts itself")
    xfs_inode.check("a link", content, _LINK_CHECKSUM)
    return content[_LINK_HEADER_SIZE : _LINK_HEADER_SIZE + length]
