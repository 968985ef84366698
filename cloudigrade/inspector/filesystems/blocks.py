"""The blocks of a volume, read a bounded number of times, and what was found last, kept within bounds."""

from collections import OrderedDict
from typing import Final, Generic, TypeVar

from cloudigrade.inspector.reading import Exhausted, Reader

MOST_READS: Final = 100_000
"""Of one filesystem; what looks for evidence needs some hundreds."""
MOST_KEPT_BYTES: Final = 8 << 20

K = TypeVar("K")
V = TypeVar("V")


class Kept(Generic[K, V]):
    """The latest values, at most so many."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        """The value, if it is still there."""
        if key not in self._values:
            return None
        self._values.move_to_end(key)
        return self._values[key]

    def keep(self, key: K, value: V) -> V:
        """The value is there, and the one that was not asked for the longest may be gone."""
        self._values[key] = value
        if len(self._values) > self._most:
            self._values.popitem(last=False)
        return value


class Metered:
    """A volume that can be read only so often, so that no circle in it keeps a reader busy for ever."""

    def __init__(self, volume: Reader, most: int = MOST_READS) -> None:
        self._volume = volume
        self._left = most
        self.size = volume.size

    def read(self, offset: int, length: int, /) -> bytes:
        """Exactly so many bytes."""
        self._left -= 1
        if self._left < 0:
            raise Exhausted("the filesystem needs too many reads")
        return self._volume.read(offset, length)


class Blocks:
    """The blocks of a volume by number; the latest ones are read once."""

    def __init__(self, volume: Reader, size: int) -> None:
        self.size = size
        self.volume = volume
        self._kept: Kept[int, bytes] = Kept(max(1, MOST_KEPT_BYTES // size))

    def read(self, number: int) -> bytes:
        """The block."""
        kept = self._kept.get(number)
        if kept is not None:
            return kept
        return self._kept.keep(number, self.volume.read(number * self.size, self.size))
