"""Stored bytes in, plain bytes out: gunzips what is gzip, whatever its name, and refuses what grows too large."""

from io import BytesIO
from typing import Final

from isal import igzip, isal_zlib

from cloudigrade.clouds.protocol import Unreadable

MAX_BYTES: Final = 256 << 20
"""Of one file, stored or plain: it is held as a whole, and CloudTrail ends a file at 50 MB."""

_MAGIC: Final = b"\x1f\x8b"
_MAX_RATIO: Final = 1032  # deflate cannot do better


def unpacked(content: bytes, *, limit: int = MAX_BYTES) -> bytes | bytearray:
    """The content, gunzipped if it is gzip of one or more members; raises Unreadable."""
    if not content.startswith(_MAGIC):
        return content
    try:
        return _gunzipped(content, limit)
    except EOFError as error:
        raise Unreadable("is a truncated gzip file") from error
    except (OSError, isal_zlib.error) as error:  # type: ignore[misc]  # its stub calls the class a value
        raise Unreadable("is a damaged gzip file") from error


def _gunzipped(content: bytes, limit: int) -> bytearray:
    # One buffer of the right size from the start: copying and growing cost as much as the decoding.
    buffer = bytearray(_expected_size(content, limit))
    filled = 0
    with igzip.IGzipFile(fileobj=BytesIO(content)) as stream:  # type: ignore[no-untyped-call]  # it has no types
        while count := _filled(stream, buffer, filled):
            filled += count
            if filled > limit:
                raise Unreadable(f"grows beyond {limit >> 20} MiB")
            if filled == len(buffer):
                buffer.extend(bytes(min(filled, limit + 1 - filled)))
    del buffer[filled:]
    return buffer


def _expected_size(content: bytes, limit: int) -> int:
    # The last four bytes are the size of the last member; one byte more lets the end be noticed without growing.
    return min(int.from_bytes(content[-4:], "little"), len(content) * _MAX_RATIO, limit) + 1


def _filled(stream: igzip.IGzipFile, buffer: bytearray, start: int) -> int:
    with memoryview(buffer) as view:
        return int(stream.readinto(view[start:]))
