"""The checksum of VHDX, CRC-32C, which the standard library has not."""

from typing import Final

POLYNOMIAL: Final = 0x82F6_3B78
ALL_ONES: Final = 0xFFFF_FFFF


def _row(byte: int) -> int:
    for _ in range(8):
        byte = (byte >> 1) ^ (POLYNOMIAL if byte & 1 else 0)
    return byte


ROWS: Final = tuple(_row(byte) for byte in range(256))


def crc32c(content: bytes) -> int:
    """CRC-32C, as iSCSI and VHDX have it."""
    crc = ALL_ONES
    for byte in content:
        crc = (crc >> 8) ^ ROWS[(crc ^ byte) & 0xFF]
    return crc ^ ALL_ONES
