"""Pages of a database by number, of which only a few are in memory at a time."""

from collections import OrderedDict
from typing import Final

from cloudigrade.inspector.reading import Damaged, Reader

_CHUNK: Final = 512 * 1024
_MOST_CHUNKS: Final = 16


class Pages:
    """A reader divided into pages of one size, read in larger chunks; what is beyond the end is damage."""

    def __init__(self, reader: Reader, page_size: int) -> None:
        self._reader = reader
        self._size = page_size
        self._pages_per_chunk = max(1, _CHUNK // page_size)
        self._chunks: OrderedDict[int, memoryview] = OrderedDict()
        self.count = reader.size // page_size

    def page(self, number: int) -> memoryview:
        """The content of the page; the first is 0."""
        if not 0 <= number < self.count:
            raise Damaged(f"page {number} is beyond the last of {self.count}")
        which, place = divmod(number, self._pages_per_chunk)
        chunk = self._chunks.get(which) or self._fetch(which)
        return chunk[place * self._size : (place + 1) * self._size]

    def _fetch(self, which: int) -> memoryview:
        first = which * self._pages_per_chunk
        pages = min(self._pages_per_chunk, self.count - first)
        chunk = memoryview(self._reader.read(first * self._size, pages * self._size))
        self._chunks[which] = chunk
        if len(self._chunks) > _MOST_CHUNKS:
            self._chunks.popitem(last=False)
        return chunk
