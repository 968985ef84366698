"""What a disk is divided into, as values: volumes that can be read, and parts that cannot."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from cloudigrade.inspector.reading import Reader


class Kind(StrEnum):
    """What the first bytes of a volume say that it is."""

    EXT = "ext"
    XFS = "xfs"
    BTRFS = "btrfs"
    LUKS = "luks"
    MD_RAID = "md raid"
    LVM = "lvm"
    """A physical volume, or a logical volume of a kind that is not read."""
    SWAP = "swap"
    FAT = "fat"
    NTFS = "ntfs"
    ISO9660 = "iso9660"
    SQUASHFS = "squashfs"
    ZFS = "zfs"
    BOOT = "boot"
    """BIOS boot, PReP: a boot loader without a filesystem."""
    EMPTY = "empty"
    """Nothing but zeros where any known format has its mark."""
    UNKNOWN = "unknown"


CANNOT_HOLD_A_SYSTEM = frozenset({Kind.SWAP, Kind.FAT, Kind.NTFS, Kind.BOOT, Kind.EMPTY})
"""Without a Linux system by their nature, so that not reading them leaves nothing open."""
READABLE = frozenset({Kind.EXT, Kind.XFS})


@dataclass(frozen=True, slots=True)
class Volume:
    """A partition, a logical volume, or a whole disk without either."""

    disk: str
    """Name of the disk as given, such as /dev/sdf or snap-0123; of several, the first."""
    name: str
    """Such as /dev/sdf1, /dev/sdf (a whole disk), /dev/rhel/root (a logical volume)."""
    kind: Kind
    reader: Reader
    uuid: str = ""
    """Of the filesystem, in lower case with dashes (FAT: as blkid says it)."""
    label: str = ""
    partition_uuid: str = ""
    partition_label: str = ""


class Uncovered(NamedTuple):
    """A part that could not be looked into."""

    place: str
    """Disk or volume."""
    reason: str
    """In one line, without anything of the content."""


@dataclass(frozen=True, slots=True)
class Layout:
    """All of an image's disks."""

    volumes: tuple[Volume, ...]
    """Every one that was found, readable or not."""
    uncovered: tuple[Uncovered, ...] = ()
    """Disks and parts that made no volume: a missing physical volume, a table that contradicts itself."""
