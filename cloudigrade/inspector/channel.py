"""What a child that parses and its parent say to each other: frames of a kind, a length and a payload, nothing else."""

import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from cloudigrade.inspector.reading import Damaged, Exhausted, Unsupported, checked

LONGEST_READ: Final = 4 * 1024 * 1024
"""Bytes that one request may ask for."""
RANGE: Final = struct.Struct("<HQI")
"""Number of the disk, offset, length."""
_HEADER: Final = struct.Struct("<BI")
_MOST_RECEIVED: Final = 1024 * 1024


class Kind(IntEnum):
    """What a frame is."""

    JOB = 1
    """To the child, the first: names and sizes of the disks, and the limits, as JSON."""
    READ = 2
    """To the parent: a range of a disk."""
    BYTES = 3
    """To the child: the range."""
    DAMAGED = 4
    """To the child: the range cannot be had, and why."""
    EXHAUSTED = 5
    UNSUPPORTED = 6
    ANSWER = 7
    """To the parent, the last: the answer as JSON."""
    BROKEN = 8
    """To the parent, the last: why there is no answer, in one line."""


FAILURES: Final = {Kind.DAMAGED: Damaged, Kind.EXHAUSTED: Exhausted, Kind.UNSUPPORTED: Unsupported}


class Closed(Exception):
    """The other side has gone."""


class Garbled(Exception):
    """The other side says what it must not say."""


def send(connection: socket.socket, kind: Kind, payload: bytes) -> None:
    """The other side has the frame; raises Closed where there is none."""
    try:
        connection.sendall(_HEADER.pack(kind, len(payload)) + payload)
    except (BrokenPipeError, ConnectionResetError) as error:
        raise Closed from error


def receive(
    connection: socket.socket, *, longest: int, remaining: Callable[[], float] | None = None
) -> tuple[Kind, bytes]:
    """The next frame; raises Closed, Garbled, or TimeoutError once no seconds remain."""
    kind, length = _HEADER.unpack(_exactly(connection, _HEADER.size, remaining))
    if length > longest:
        raise Garbled(f"a frame of {length} bytes")
    try:
        known = Kind(kind)
    except ValueError as error:
        raise Garbled(f"a frame of kind {kind}") from error
    return known, _exactly(connection, length, remaining)


def _exactly(connection: socket.socket, length: int, remaining: Callable[[], float] | None) -> bytes:
    parts = bytearray()
    while len(parts) < length:
        if remaining is not None:
            connection.settimeout(_positive(remaining()))
        try:
            part = connection.recv(min(length - len(parts), _MOST_RECEIVED))
        except ConnectionResetError as error:
            raise Closed from error
        if not part:
            raise Closed
        parts += part
    return bytes(parts)


def _positive(seconds: float) -> float:
    if seconds <= 0:
        raise TimeoutError
    return seconds


@dataclass(slots=True)
class Remote:
    """A disk that the parent reads for us."""

    connection: socket.socket = field(repr=False)
    number: int
    size: int

    def read(self, offset: int, length: int, /) -> bytes:
        """Exactly so many bytes."""
        checked(self, offset, length)
        parts = [
            self._asked(start, min(LONGEST_READ, offset + length - start))
            for start in range(offset, offset + length, LONGEST_READ)
        ]
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _asked(self, offset: int, length: int) -> bytes:
        send(self.connection, Kind.READ, RANGE.pack(self.number, offset, length))
        kind, payload = receive(self.connection, longest=LONGEST_READ)
        if kind in FAILURES:
            raise FAILURES[kind](payload.decode(errors="replace"))
        if kind != Kind.BYTES or len(payload) != length:
            raise Garbled(f"{len(payload)} bytes of kind {kind}")
        return payload
