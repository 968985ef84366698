"""Disks put together from pieces, without writing any of them out."""

from collections.abc import Iterable
from dataclasses import dataclass

from cloudigrade.inspector.reading import Content, Reader, checked


@dataclass(frozen=True)
class Patchwork:
    """Zeros, and pieces laid on them in order: a later one covers an earlier one."""

    size: int
    pieces: tuple[tuple[int, Reader], ...]

    def read(self, offset: int, length: int, /) -> bytes:
        """Exactly so many bytes."""
        checked(self, offset, length)
        content = bytearray(length)
        for start, piece in self.pieces:
            low, high = max(offset, start), min(offset + length, start + piece.size)
            if low < high:
                content[low - offset : high - offset] = piece.read(low - start, high - low)
        return bytes(content)


def laid(size: int, pieces: Iterable[tuple[int, Reader | bytes]]) -> Patchwork:
    """A disk of that size with these pieces."""
    return Patchwork(
        size, tuple((start, Content(piece) if isinstance(piece, bytes) else piece) for start, piece in pieces)
    )


def damaged(whole: Reader, *pieces: tuple[int, bytes]) -> Patchwork:
    """The same with some bytes overwritten."""
    return laid(whole.size, [(0, whole), *pieces])


def whole(reader: Reader) -> bytes:
    """All of it; only for what is small."""
    return reader.read(0, reader.size)
