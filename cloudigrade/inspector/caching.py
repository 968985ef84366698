"""A disk of which what was read lately is kept, so that a thousand small reads do not ask a thousand times."""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from cloudigrade.inspector.reading import Reader, checked

PAGE: Final = 16 * 1024
MOST_PAGES: Final = 1024
"""16 MiB for each disk."""
LONGEST_KEPT: Final = 16 * PAGE
"""Longer reads are the content of files, which nobody reads twice."""


@dataclass(slots=True)
class Counted:
    """What is read from a disk, counted."""

    disk: Reader
    reads: int = 0
    bytes_read: int = 0

    @property
    def size(self) -> int:
        """Bytes."""
        return self.disk.size

    def read(self, offset: int, length: int, /) -> bytes:
        """Exactly so many bytes."""
        content = self.disk.read(offset, length)
        self.reads += 1
        self.bytes_read += length
        return content


@dataclass(slots=True)
class Cached:
    """A disk behind pages."""

    disk: Reader
    _pages: OrderedDict[int, bytes] = field(default_factory=OrderedDict, repr=False)

    @property
    def size(self) -> int:
        """Bytes."""
        return self.disk.size

    def read(self, offset: int, length: int, /) -> bytes:
        """Exactly so many bytes."""
        checked(self, offset, length)
        if length > LONGEST_KEPT:
            return self.disk.read(offset, length)
        first, last = offset // PAGE, (offset + max(length, 1) - 1) // PAGE
        start = offset - first * PAGE
        pages = [self._page(number, last) for number in range(first, last + 1)]
        whole = pages[0] if len(pages) == 1 else b"".join(pages)
        return whole[start : start + length]

    def _page(self, number: int, last: int) -> bytes:
        """The page, read together with those up to the last that are missing too."""
        if number in self._pages:
            self._pages.move_to_end(number)
            return self._pages[number]
        end = number + 1
        while end <= last and end not in self._pages:
            end += 1
        content = self.disk.read(number * PAGE, min(end * PAGE, self.size) - number * PAGE)
        for kept in range(number, end):
            self._pages[kept] = content[(kept - number) * PAGE : (kept - number + 1) * PAGE]
        page = self._pages[number]
        while len(self._pages) > MOST_PAGES:
            self._pages.popitem(last=False)
        return page
