"""Where on a volume the content of a file lies, and a reader of it."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from cloudigrade.inspector.reading import Damaged, Exhausted, Reader, checked

MOST_EXTENTS: Final = 100_000
MOST_NODES: Final = 4096
"""Blocks that tell where one file lies."""


class Extent(NamedTuple):
    """Blocks that follow each other in the file and on the volume."""

    first: int
    """In the file."""
    start: int
    """On the volume."""
    length: int


class Extents:
    """The extents of a file as they are found: in order, within the volume, joined where they meet."""

    def __init__(self, volume_blocks: int) -> None:
        self._volume_blocks = volume_blocks
        self._found: list[Extent] = []
        self._next = 0
        self._nodes = 0

    def add(self, extent: Extent, *, written: bool = True) -> None:
        """The extent is one of the file's; one that was never written reads as zeros."""
        if extent.first < self._next:
            raise Damaged(f"an extent at block {extent.first} of a file is out of order")
        if extent.start < 0 or extent.start + extent.length > self._volume_blocks:
            raise Damaged(f"an extent lies beyond the end of the filesystem at block {extent.start}")
        self._next = extent.first + extent.length
        if written and extent.length:
            self._join(extent)

    def count_node(self) -> None:
        """One block more had to be read to find them; raises Exhausted for too many."""
        self._nodes += 1
        if self._nodes > MOST_NODES:
            raise Exhausted(f"a file is described by more than {MOST_NODES} blocks")

    def found(self) -> tuple[Extent, ...]:
        """All of them."""
        return tuple(self._found)

    def _join(self, extent: Extent) -> None:
        if self._found:
            last = self._found[-1]
            if last.first + last.length == extent.first and last.start + last.length == extent.start:
                self._found[-1] = last._replace(length=last.length + extent.length)
                return
        if len(self._found) >= MOST_EXTENTS:
            raise Exhausted(f"a file has more than {MOST_EXTENTS} extents")
        self._found.append(extent)


@dataclass(frozen=True, slots=True)
class Mapped:
    """The content of a file; what no extent holds reads as zeros."""

    volume: Reader
    block: int
    """Bytes of one."""
    extents: tuple[Extent, ...]
    size: int

    def read(self, offset: int, length: int, /) -> bytes:
        """Exactly so many bytes."""
        checked(self, offset, length)
        parts = list(self._parts(offset, offset + length))
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _parts(self, offset: int, end: int) -> Iterator[bytes]:
        following = bisect_right(self.extents, offset // self.block, key=_first)
        for index in range(max(0, following - 1), len(self.extents)):
            extent = self.extents[index]
            first = extent.first * self.block
            if first >= end:
                break
            if offset < first:
                yield bytes(first - offset)
                offset = first
            last = min(end, first + extent.length * self.block)
            if offset < last:
                yield self.volume.read(extent.start * self.block + offset - first, last - offset)
                offset = last
        if offset < end:
            yield bytes(end - offset)


def _first(extent: Extent) -> int:
    return extent.first
