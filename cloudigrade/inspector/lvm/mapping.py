"""The segments of a logical volume in, one reader of all of it out."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from cloudigrade.inspector.reading import Reader, checked


class Piece(NamedTuple):
    """A segment whose stripes lie on parts that can be read; in bytes."""

    start: int
    size: int
    stripe: int
    parts: tuple[Reader, ...]

    def read(self, offset: int, length: int) -> bytes:
        """As much from there on as lies in one stripe, and no more than asked for."""
        if len(self.parts) == 1:
            return self.parts[0].read(offset, length)
        row, within = divmod(offset, self.stripe)
        turn, part = divmod(row, len(self.parts))
        return self.parts[part].read(turn * self.stripe + within, min(length, self.stripe - within))


class Joined:
    """A logical volume."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self._pieces = tuple(pieces)
        self._starts = [piece.start for piece in self._pieces]
        self.size = sum(piece.size for piece in self._pieces)

    def read(self, offset: int, length: int, /) -> bytes:
        """Exactly so many bytes."""
        checked(self, offset, length)
        found: list[bytes] = []
        while length:
            piece = self._pieces[bisect_right(self._starts, offset) - 1]
            within = offset - piece.start
            part = piece.read(within, min(length, piece.size - within))
            found.append(part)
            offset += len(part)
            length -= len(part)
        return found[0] if len(found) == 1 else b"".join(found)
