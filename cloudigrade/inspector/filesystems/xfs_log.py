"""Whether the log of XFS holds changes that were not written to their places yet."""

from typing import Final

from cloudigrade.inspector.filesystems.xfs_superblock import Superblock
from cloudigrade.inspector.reading import Damaged, Reader

_SECTOR: Final = 512
_MAGIC: Final = b"\xfe\xed\xba\xbe"
_LONGEST_RECORD: Final = 256 * 1024 // _SECTOR + 16
"""Sectors, with its headers."""
_CYCLES_IN_HEADER: Final = 32768
_SECOND_VERSION: Final = 2
_UNMOUNT: Final = 0x20


def notes(volume: Reader, superblock: Superblock) -> tuple[str, ...]:
    """Why the files may be older than what the system last wrote."""
    if not superblock.log_start:
        return ("its log is on another device: the latest changes may be missing",)
    try:
        clean = _is_clean(volume, superblock)
    except Damaged:
        return ("its log cannot be read: the latest changes may be missing",)
    return () if clean else ("its log was not replayed: the latest changes may be missing",)


def _is_clean(volume: Reader, superblock: Superblock) -> bool:
    """Whether the last record says that it was unmounted."""
    start = superblock.offset(superblock.log_start) * superblock.block // _SECTOR
    sectors = superblock.log_blocks * superblock.block // _SECTOR
    head = _head(volume, start, sectors)
    first = max(0, head - _LONGEST_RECORD)
    return _unmounts(volume.read((start + first) * _SECTOR, (head - first) * _SECTOR))


def _head(volume: Reader, start: int, sectors: int) -> int:
    """Behind the latest record: sectors before it have been written once more often than those from it on."""
    if not sectors:
        raise Damaged("XFS has an empty log")
    latest = _cycle(volume, start)
    low, high = 0, sectors
    while high - low > 1:
        middle = (low + high) // 2
        if _cycle(volume, start + middle) == latest:
            low = middle
        else:
            high = middle
    return high


def _cycle(volume: Reader, sector: int) -> bytes:
    content = volume.read(sector * _SECTOR, 8)
    return content[4:] if content[:4] == _MAGIC else content[:4]


def _unmounts(records: bytes) -> bool:
    """Whether the last record of these sectors has nothing but the mark that is written at the end."""
    for offset in range(len(records) - _SECTOR, -1, -_SECTOR):
        if records[offset : offset + 4] == _MAGIC:
            header = records[offset : offset + _SECTOR]
            operation = offset + _headers(header) * _SECTOR
            one = int.from_bytes(header[40:44], "big") == 1
            return one and bool(records[operation + 9 : operation + 10]) and bool(records[operation + 9] & _UNMOUNT)
    return False


def _headers(header: bytes) -> int:
    """How many sectors of headers a record has: a longer buffer needs more to hold its cycles."""
    size = int.from_bytes(header[320:324], "big")
    if int.from_bytes(header[8:12], "big") != _SECOND_VERSION or size <= _CYCLES_IN_HEADER:
        return 1
    return min(-(-size // _CYCLES_IN_HEADER), 16)
