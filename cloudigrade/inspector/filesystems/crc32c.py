"""The checksum of metadata in ext4 and XFS: CRC-32C, as in RFC 3720."""

from typing import Final

_POLYNOMIAL: Final = 0x82F63B78
START: Final = 0xFFFFFFFF


def _row(value: int) -> int:
    for _ in range(8):
        value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
    return value


_TABLE: Final = tuple(_row(value) for value in range(256))


def register(content: bytes, start: int = START) -> int:
    """The register after the content, not inverted, so that it can start the next part."""
    value = start
    table = _TABLE
    for byte in content:
        value = table[(value ^ byte) & 0xFF] ^ value >> 8
    return value


def checksum(content: bytes) -> int:
    """The checksum of the content."""
    return register(content) ^ START
