"""The one small interface that everything reads through, and how reading may fail."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class Damaged(Exception):
    """The content contradicts its own format, or ends early; the message says where, in one line."""


class Unsupported(Exception):
    """A format or a feature that is known and not read here; the message names it, in one line."""


class Exhausted(Exception):
    """A bound on size, depth, count or time was reached; the message names it, in one line."""


class Reader(Protocol):
    """Bytes by offset: a disk, a part of one, a volume or a file."""

    @property
    def size(self) -> int:
        """Bytes."""

    def read(self, offset: int, length: int, /) -> bytes:
        """Exactly so many bytes; raises Damaged for what reaches beyond the end or is not there."""


class File:
    """A file or block device of this machine; nothing of it is ever written."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        self.size = os.lseek(self._descriptor, 0, os.SEEK_END)  # also right for a block device, unlike its stat

    def read(self, offset: int, length: int, /) -> bytes:
        """Exactly so many bytes."""
        checked(self, offset, length)
        parts: list[bytes] = []
        while length:
            try:
                part = os.pread(self._descriptor, length, offset)
            except OSError as error:
                raise Damaged(f"cannot read at byte {offset}: {error.strerror}") from error
            if not part:
                raise Damaged(f"ends at byte {offset}")
            parts.append(part)
            offset += len(part)
            length -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def close(self) -> None:
        """It cannot be read any more."""
        os.close(self._descriptor)


@dataclass(frozen=True, slots=True)
class Window:
    """A part of something that can be read."""

    whole: Reader
    start: int
    size: int

    def read(self, offset: int, length: int, /) -> bytes:
        """Exactly so many bytes."""
        checked(self, offset, length)
        return self.whole.read(self.start + offset, length)


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes that are there already."""

    content: bytes

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.content)

    def read(self, offset: int, length: int, /) -> bytes:
        """Exactly so many bytes."""
        checked(self, offset, length)
        return self.content[offset : offset + length]


def checked(reader: Reader, offset: int, length: int) -> None:
    """The range lies within; raises Damaged where it does not."""
    if offset < 0 or length < 0 or offset + length > reader.size:
        raise Damaged(f"bytes {offset} to {offset + length} are beyond the end at {reader.size}")
