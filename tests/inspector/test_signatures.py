"""What a volume holds is told by its marks, and its names are those by which an fstab calls it."""

import shutil
import struct
import subprocess
from uuid import UUID

import pytest

from cloudigrade.inspector.reading import Content
from cloudigrade.inspector.signatures import Signature, identify
from cloudigrade.inspector.volume import Kind
from tests.inspector.disks import MIB, Group, Physical, disk, ext, fat32, physical, swap, xfs

OWN = UUID("f0e1d2c3-b4a5-4697-8879-6a5b4c3d2e1f")
PATH = "/usr/sbin:/sbin:/usr/bin:/bin"
SIZE = 4 * MIB
PV = Physical("P" * 32, 0)


def md1(start, *, minor_size=SIZE):
    return [(start, struct.pack("<II", 0xA92B4EFC, 1)), (start + 144, struct.pack("<Q", start // 512))]


MARKS = {
    "ext": (ext(uuid=OWN, label="root"), Signature(Kind.EXT, str(OWN), "root")),
    "xfs": (xfs(uuid=OWN, label="data"), Signature(Kind.XFS, str(OWN), "data")),
    "btrfs": (
        [(65600, b"_BHRfS_M"), (65568, OWN.bytes), (65835, b"fedora\0")],
        Signature(Kind.BTRFS, str(OWN), "fedora"),
    ),
    "swap": (swap(uuid=OWN, label="swap"), Signature(Kind.SWAP, str(OWN), "swap")),
    "swap of large pages": (swap(uuid=OWN, page=65536), Signature(Kind.SWAP, str(OWN))),
    "luks": ([(0, b"LUKS\xba\xbe\0\1"), (168, str(OWN).encode())], Signature(Kind.LUKS, str(OWN))),
    "lvm": (physical(PV, None), Signature(Kind.LVM)),
    "lvm in the fourth sector": (physical(PV, None, sector=3), Signature(Kind.LVM)),
    "md 1.1": (md1(0), Signature(Kind.MD_RAID)),
    "md 1.2": (md1(4096), Signature(Kind.MD_RAID)),
    "md 1.0": (md1(SIZE - 8192), Signature(Kind.MD_RAID)),
    "md 0.90": ([(SIZE - 65536, struct.pack("<II", 0xA92B4EFC, 0))], Signature(Kind.MD_RAID)),
    "md 0.90 of the other endianness": ([(SIZE - 65536, struct.pack(">II", 0xA92B4EFC, 0))], Signature(Kind.MD_RAID)),
    "fat32": (fat32(), Signature(Kind.FAT, "1234-5678", "EFI")),
    "fat32 without label": (fat32(label=b"NO NAME    "), Signature(Kind.FAT, "1234-5678")),
    "fat16": (
        [(0, b"\xeb\x3c\x90"), (39, b"\x01\x02\x03\x04BOOT       FAT16   "), (510, b"\x55\xaa")],
        Signature(Kind.FAT, "0403-0201", "BOOT"),
    ),
    "exfat": ([(3, b"EXFAT   "), (100, b"\x01\x02\x03\x04")], Signature(Kind.FAT, "0403-0201")),
    "ntfs": ([(3, b"NTFS    "), (72, bytes(range(8)))], Signature(Kind.NTFS, "0706050403020100")),
    "iso9660": ([(32769, b"CD001")], Signature(Kind.ISO9660)),
    "squashfs": ([(0, b"hsqs")], Signature(Kind.SQUASHFS)),
    "zfs": ([(16384, b"\1"), (132096, struct.pack("<Q", 0xBAB10C))], Signature(Kind.ZFS)),
    "zfs of the other endianness, first label gone": ([(132096, struct.pack(">Q", 0xBAB10C))], Signature(Kind.ZFS)),
    "bitlocker": ([(3, b"-FVE-FS-")], Signature(Kind.UNKNOWN)),
    "zeros": ([], Signature(Kind.EMPTY)),
    "something at the start": ([(9, b"x")], Signature(Kind.UNKNOWN)),
    "something that is far in": ([(200_000, b"x")], Signature(Kind.UNKNOWN)),
    "something at the end": ([(SIZE - 1, b"x")], Signature(Kind.UNKNOWN)),
}


@pytest.mark.parametrize("name", MARKS)
def test_each_format_is_known_by_its_mark(name):
    pieces, signature = MARKS[name]

    assert identify(Content(disk(SIZE, pieces))) == signature


def test_a_member_of_a_raid_is_not_taken_for_the_filesystem_that_it_mirrors():
    mirrored = disk(SIZE, ext(), md1(SIZE - 8192))

    assert identify(Content(mirrored)).kind is Kind.MD_RAID


def test_the_raid_of_a_whole_disk_is_not_taken_for_that_of_its_last_part():
    whole = md1(SIZE - 8192)
    last = disk(SIZE, whole, ext())[MIB:]

    assert identify(Content(last[: len(last)])).kind is Kind.UNKNOWN


def test_what_may_hold_a_system_comes_before_what_cannot():
    assert identify(Content(disk(SIZE, fat32(), ext()))).kind is Kind.EXT
    assert identify(Content(disk(SIZE, swap(), xfs()))).kind is Kind.XFS


def test_nothing_of_a_label_leaves_its_line():
    label = identify(Content(disk(SIZE, xfs(label="a\nb\x1b[m")))).label

    assert label == "ab[m"


@pytest.mark.parametrize("size", [0, 1, 511, 512, 4096, 65536, 65537])
def test_the_smallest_are_empty(size):
    assert identify(Content(bytes(size))) == Signature(Kind.EMPTY)


def test_a_logical_volume_group_leaves_no_other_mark():
    described = Group({"pv0": PV}, {}).text()

    assert identify(Content(disk(SIZE, physical(PV, described)))).kind is Kind.LVM


BY_TOOLS = {
    "mkfs.ext4": (["-q", "-U", str(OWN), "-L", "root"], Signature(Kind.EXT, str(OWN), "root")),
    "mkfs.xfs": (["-q", "-m", f"uuid={OWN}", "-L", "data"], Signature(Kind.XFS, str(OWN), "data")),
    "mkfs.btrfs": (["-q", "-U", str(OWN), "-L", "fedora"], Signature(Kind.BTRFS, str(OWN), "fedora")),
    "mkfs.vfat": (["-F", "32", "-i", "12345678", "-n", "EFI"], Signature(Kind.FAT, "1234-5678", "EFI")),
    "mkswap": (["-q", "-U", str(OWN), "-L", "swap"], Signature(Kind.SWAP, str(OWN), "swap")),
}


def _made(folder, tool, options):
    path = folder / "volume"
    with path.open("wb") as file:
        file.truncate(320 * MIB)
    subprocess.run([shutil.which(tool, path=PATH), *options, path], check=True, capture_output=True)
    with path.open("rb") as file:
        return file.read(16 * MIB)


@pytest.mark.parametrize("tool", ["ext byte by byte", *(tool for tool in BY_TOOLS if shutil.which(tool, path=PATH))])
def test_a_filesystem_as_its_tool_writes_it_is_known(tool, tmp_path):
    if tool in BY_TOOLS:
        options, signature = BY_TOOLS[tool]
        content = _made(tmp_path, tool, options)
    else:
        content, signature = disk(SIZE, ext(uuid=OWN)), Signature(Kind.EXT, str(OWN))

    assert identify(Content(content)) == signature
