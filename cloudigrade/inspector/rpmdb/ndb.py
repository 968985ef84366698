"""The rpm database in the form that SUSE uses: slots, each of which points to a header."""

import struct
from collections.abc import Iterator
from typing import Final

from cloudigrade.inspector.reading import Damaged, Exhausted, Reader, Unsupported
from cloudigrade.inspector.rpmdb.limits import LONGEST_HEADER, MOST_PACKAGES

_MAGIC: Final = b"RpmP"
_HEAD: Final = 32
_SLOT: Final = 16
_PAGE: Final = 4096
_BLOCK: Final = 16
_BLOB_HEAD: Final = 16
_BLOB_TAIL: Final = 12
_SLOTS_AT_ONCE: Final = 64 * 1024


def is_ndb(head: bytes) -> bool:
    """Whether a file of this beginning is such a database."""
    return head.startswith(_MAGIC)


def headers(reader: Reader) -> Iterator[bytes]:
    """Every package's header; raises Damaged, Unsupported or Exhausted, also midway."""
    if reader.size < _HEAD:
        raise Damaged("too short for a database")
    magic, version, _generation, slot_pages = struct.unpack("<4sIII", reader.read(0, _BLOB_HEAD))
    if magic != _MAGIC:
        raise Damaged("no ndb database")
    if version != 0:
        raise Unsupported(f"ndb version {version}")
    end = slot_pages * _PAGE
    if not 0 < end <= reader.size:
        raise Damaged("there are no slots, or they reach beyond the end")
    if end // _SLOT > 2 * MOST_PACKAGES:
        raise Exhausted(f"{end // _SLOT} slots for packages")
    budget = reader.size
    for index, start, blocks in _slots(reader, end):
        budget -= blocks * _BLOCK
        if budget < 0:
            raise Damaged("slots overlap")
        yield _blob(reader, index, start * _BLOCK, blocks * _BLOCK)


def _slots(reader: Reader, end: int) -> Iterator[tuple[int, int, int]]:
    """Number of the package, first block, count of blocks; of every slot in use."""
    for offset in range(_HEAD, end, _SLOTS_AT_ONCE):
        part = reader.read(offset, min(_SLOTS_AT_ONCE, end - offset))
        for magic, index, start, blocks in struct.iter_unpack("<4sIII", part):
            if magic != b"Slot":
                raise Damaged("a slot has no mark")
            if any((index, start, blocks)):
                if not all((index, start, blocks)):
                    raise Damaged("a slot is neither free nor in use")
                yield index, start, blocks


def _blob(reader: Reader, index: int, offset: int, length: int) -> bytes:
    if length > LONGEST_HEADER:
        raise Exhausted(f"a header of {length} bytes")
    if length < _BLOB_HEAD + _BLOB_TAIL:
        raise Damaged("a slot is too small for a header")
    content = reader.read(offset, length)
    magic, owner, _generation, size = struct.unpack_from("<4sIII", content)
    if magic != b"BlbS" or owner != index or size > length - _BLOB_HEAD - _BLOB_TAIL:
        raise Damaged("a slot points to what is not its header")
    return content[_BLOB_HEAD : _BLOB_HEAD + size]
