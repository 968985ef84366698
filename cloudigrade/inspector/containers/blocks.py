"""What the containers share: a disk that is made of blocks of one size, and tables that are read in cached pages."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Protocol

from cloudigrade.inspector.reading import Damaged, Reader, checked

PAGE: Final = 4096
MOST_PAGES: Final = 512
"""Of tables that are kept: 2 MiB for each disk."""
LARGEST_DISK: Final = 1 << 50
"""1 PiB: more than any cloud offers; what claims more is damaged."""


class Blocks(Protocol):
    """How one format finds its blocks."""

    size: int
    """Of the disk, in bytes."""
    block: int
    """Bytes of a block."""

    def part(self, index: int, start: int, length: int, /) -> bytes:
        """Exactly so many bytes of a block."""


class Disk:
    """The disk within a container."""

    def __init__(self, blocks: Blocks) -> None:
        if not 0 <= blocks.size <= LARGEST_DISK:
            raise Damaged("the container claims an impossible size of its disk")
        self._blocks = blocks
        self.size = blocks.size

    def read(self, offset: int, length: int, /) -> bytes:
        """Exactly so many bytes."""
        checked(self, offset, length)
        parts: list[bytes] = []
        while length:
            index, start = divmod(offset, self._blocks.block)
            count = min(length, self._blocks.block - start)
            parts.append(self._blocks.part(index, start, count))
            offset += count
            length -= count
        return parts[0] if len(parts) == 1 else b"".join(parts)


class Recent:
    """Byte strings by number, of which those that were wanted last are kept."""

    def __init__(self, find: Callable[[int], bytes], most: int) -> None:
        self._find = find
        self._most = most
        self._kept: OrderedDict[int, bytes] = OrderedDict()

    def __getitem__(self, number: int) -> bytes:
        if number in self._kept:
            self._kept.move_to_end(number)
            return self._kept[number]
        self._kept[number] = found = self._find(number)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return found


class Table:
    """Numbers of one width that lie one behind the other."""

    def __init__(self, file: "Pages", *, width: int, byteorder: str = "big") -> None:
        self._file = file
        self._width = width
        self._big = byteorder == "big"

    def entry(self, start: int, index: int) -> int:
        """One number of the table that starts there."""
        found = self._file.read(start + index * self._width, self._width)
        return int.from_bytes(found, "big" if self._big else "little")


class Pages:
    """A file of which the pages that were read last are kept; for tables, not for content."""

    def __init__(self, file: Reader) -> None:
        self._file = file
        self.size = file.size
        self._pages = Recent(self._page, MOST_PAGES)

    def read(self, offset: int, length: int, /) -> bytes:
        """Exactly so many bytes."""
        checked(self, offset, length)
        page, start = divmod(offset, PAGE)
        found = self._pages[page][start : start + length]
        while len(found) < length:
            page += 1
            found += self._pages[page][: length - len(found)]
        return found

    def _page(self, number: int) -> bytes:
        start = number * PAGE
        return self._file.read(start, min(PAGE, self.size - start))
