"""A disk as given in, what its container holds out: qcow2, VHD, VHDX, VMDK; no other file is ever opened."""

from collections.abc import Callable
from typing import Final

from cloudigrade.inspector.containers import qcow2, vhd, vhdx, vmdk
from cloudigrade.inspector.reading import Reader, Unsupported

FORMATS: Final[tuple[tuple[bytes, Callable[[Reader], Reader]], ...]] = (
    (qcow2.MAGIC, qcow2.opened),
    (vhdx.MAGIC, vhdx.opened),
    (vmdk.MAGIC, vmdk.opened),
)
NOT_READ: Final = (
    (0, vmdk.DESCRIPTOR_MAGIC, "VMDK of several files"),
    (0, b"COWD", "VMDK of an old server"),
    (0, b"\xbe\xba\xfe\xca\0\0\0\0", "VMDK with sparse extents of a server"),
    (64, b"\x7f\x10\xda\xbe", "VDI"),
    (0, b"QED\0", "QED"),
    (0, b"WithoutFreeSpace", "Parallels disk"),
    (0, b"WithouFreSpacExt", "Parallels disk"),
    (0, b"\x1f\x8b\x08", "file compressed with gzip"),
    (0, b"\xfd7zXZ\0", "file compressed with xz"),
    (0, b"\x28\xb5\x2f\xfd", "file compressed with zstd"),
    (0, b"BZh", "file compressed with bzip2"),
    (0, b"PK\x03\x04", "archive"),
)
LOOKED_AT: Final = 128


def opened(reader: Reader) -> Reader:
    """The disk itself: what the container holds, or the same reader where there is none.

    Raises Unsupported or Damaged for a container that is not read. What is within is never taken for one more.
    """
    start = reader.read(0, min(LOOKED_AT, reader.size))
    for magic, disk in FORMATS:
        if start.startswith(magic):
            return disk(reader)
    for position, magic, name in NOT_READ:
        if start.startswith(magic, position):
            raise Unsupported(name)
    return vhd.opened(reader) or reader
