"""Cases of what is damaged, locked, missing, or nothing at all."""

import struct
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from cloudigrade.inspector.reading import Content, Damaged, Reader, Window
from tests.inspector.corpus import systems
from tests.inspector.corpus.case import INCONCLUSIVE, NOT_RHEL, RHEL, Case, Workshop
from tests.inspector.corpus.filesystems import VAR_UUID, find
from tests.inspector.corpus.layouts import Disks, Logical, Segment, gpt, group, linear, mbr
from tests.inspector.corpus.patchwork import damaged, laid
from tests.inspector.corpus.systems import Tree

MIB = 1 << 20
_RHEL = systems.rhel()
_ROCKY = systems.rocky()
_BOTH = {"RHEL": _RHEL, "Rocky": _ROCKY}


def cases() -> Iterator[Case]:
    """All of them."""
    yield from _nothing()
    yield from _damage()
    yield from _beside()
    yield from _groups()


def _fixed(name: str, expected: str, disks: Disks, *, says: str = "") -> Case:
    return Case(name, expected, lambda _: disks, says=says)


def _ntfs() -> Reader:
    head = b"\xeb\x52\x90NTFS    " + struct.pack("<HB", 512, 8)
    return laid(4 * MIB, [(0, head), (72, bytes(range(1, 9))), (510, b"\x55\xaa")])


def _nothing() -> Iterator[Case]:
    """Disks without a system."""
    blank = laid(8 * MIB, [])
    yield _fixed("A.8: blank disk", INCONCLUSIVE, {"/dev/sdf": blank}, says="no filesystem")
    yield _fixed("no disk", INCONCLUSIVE, {})
    yield _fixed("disk of no bytes", INCONCLUSIVE, {"/dev/sdf": Content(b"")})
    yield _fixed("A.7: disk that is not there", INCONCLUSIVE, {"/dev/sdf": _Gone(8 * MIB)})
    yield _fixed("A.7: disk of noise", INCONCLUSIVE, {"/dev/sdf": Content(bytes(range(1, 256)) * 9000)})
    yield _fixed("partition table without partitions", INCONCLUSIVE, {"/dev/sdf": gpt()})
    yield _fixed("Windows", NOT_RHEL, {"/dev/sdf": mbr(_ntfs(), kind=7)})
    swap = laid(4 * MIB, [(1024, struct.pack("<II", 1, 900)), (4086, b"SWAPSPACE2")])
    yield _fixed("swap only", INCONCLUSIVE, {"/dev/sdf": mbr(swap, kind=0x82)})
    data: Tree = {"photos/a.jpg": b"\xff\xd8", "notes.txt": b"Red Hat Enterprise Linux"}
    yield Case("data disk only", INCONCLUSIVE, partial(_whole, tree=data), says="no system")
    yield Case("Rocky and a data disk", NOT_RHEL, partial(_with_disk, tree=_ROCKY, other=data))
    yield Case("RHEL and a data disk", RHEL, partial(_with_disk, tree=_RHEL, other=data))


class _Gone:
    """A disk that answers nothing."""

    def __init__(self, size: int) -> None:
        self.size = size

    def read(self, offset: int, length: int, /) -> bytes:
        """Never succeeds."""
        raise Damaged(f"cannot read {length} bytes at byte {offset}")


def _whole(workshop: Workshop, *, tree: Tree) -> Disks:
    return {"/dev/sdf": workshop.filesystem(tree)}


def _with_disk(workshop: Workshop, *, tree: Tree, other: Tree) -> Disks:
    return {
        "/dev/sdf": mbr(workshop.filesystem(tree)),
        "/dev/sdg": workshop.filesystem(other, uuid=VAR_UUID, label="data"),
    }


def _damage() -> Iterator[Case]:
    for name, tree in _BOTH.items():
        expected = RHEL if name == "RHEL" else NOT_RHEL
        yield Case(f"{name}, superblock overwritten", INCONCLUSIVE, partial(_superblock, tree=tree))
        yield Case(f"{name}, root directory overwritten", INCONCLUSIVE, partial(_inode_table, tree=tree))
        yield Case(f"{name}, image ends within the filesystem", INCONCLUSIVE, partial(_truncated, tree=tree))
        yield Case(f"{name}, first GPT overwritten", expected, partial(_first_table, tree=tree))
        yield Case(f"{name}, both GPTs overwritten", INCONCLUSIVE, partial(_both_tables, tree=tree))
        yield Case(f"{name}, MBR with an impossible partition", INCONCLUSIVE, partial(_impossible, tree=tree))
        for kind, tool in {"ext4": "mke2fs", "xfs v5": "mkfs.xfs", "xfs v4": "mkfs.xfs"}.items():
            make = partial(_head, tree=tree, kind=kind)
            yield Case(f"{name}, {kind} with its first 64 KiB overwritten", INCONCLUSIVE, make, (tool,))
            make = partial(_half, tree=tree, kind=kind)
            yield Case(f"{name}, {kind} cut after 2 MiB", INCONCLUSIVE, make, (tool,))


def _superblock(workshop: Workshop, *, tree: Tree) -> Disks:
    return {"/dev/sdf": mbr(damaged(workshop.filesystem(tree), (1024, b"\xff" * 1024)))}


def _inode_table(workshop: Workshop, *, tree: Tree) -> Disks:
    return {"/dev/sdf": mbr(damaged(workshop.filesystem(tree), (4 * 4096, b"\xa5" * 4096)))}


def _truncated(workshop: Workshop, *, tree: Tree) -> Disks:
    return {"/dev/sdf": Window(mbr(workshop.filesystem(tree)), 0, MIB + 64 * 1024)}


def _first_table(workshop: Workshop, *, tree: Tree) -> Disks:
    return {"/dev/sdf": damaged(gpt(workshop.filesystem(tree)), (512, b"\0" * 33 * 512))}


def _both_tables(workshop: Workshop, *, tree: Tree) -> Disks:
    disk = gpt(workshop.filesystem(tree))
    return {"/dev/sdf": damaged(disk, (512, b"\0" * 33 * 512), (disk.size - 33 * 512, b"\0" * 33 * 512))}


def _impossible(workshop: Workshop, *, tree: Tree) -> Disks:
    disk = mbr(workshop.filesystem(tree))
    return {"/dev/sdf": damaged(disk, (454, struct.pack("<II", 0xFFFFFF00, 0x1000)))}


def _head(workshop: Workshop, *, tree: Tree, kind: str) -> Disks:
    return {"/dev/sdf": gpt(damaged(workshop.filesystem(tree, kind), (0, b"\xff" * 65536)))}


def _half(workshop: Workshop, *, tree: Tree, kind: str) -> Disks:
    return {"disk.img": Window(workshop.filesystem(tree, kind), 0, 160 * 1024)}


def _luks() -> Reader:
    return laid(4 * MIB, [(0, b"LUKS\xba\xbe\x00\x02" + bytes(500))])


def _md(at: int, version: int = 1) -> Reader:
    block = struct.pack("<III", 0xA92B4EFC, version, 0).ljust(144, b"\0") + struct.pack("<Q", at // 512)
    return laid(4 * MIB, [(at, block.ljust(256, b"\0"))])


def _btrfs() -> Reader:
    return laid(4 * MIB, [(65536 + 64, b"_BHRfS_M")])


_LOCKED = {
    "LUKS": _luks(),
    "RAID 1.2": _md(4096),
    "RAID 1.1": _md(0),
    "RAID 1.0": _md((4 * MIB // 512 - 16) // 8 * 4096),
    "btrfs": _btrfs(),
    "squashfs": laid(4 * MIB, [(0, b"hsqs")]),
    "ISO 9660": laid(4 * MIB, [(32769, b"CD001")]),
    "BitLocker": laid(4 * MIB, [(3, b"-FVE-FS-")]),
    "ZFS": laid(4 * MIB, [(128 * 1024 + start, (0x00BAB10C).to_bytes(8, "little")) for start in range(0, 8192, 1024)]),
    "noise": Content(bytes(range(255, 0, -1)) * 12_000 + bytes(1344)),
}


def _beside() -> Iterator[Case]:
    """What cannot be looked into, alone and beside a system."""
    for name, volume in _LOCKED.items():
        size = volume.size // 512 * 512
        reader = Window(volume, 0, size)
        yield _fixed(f"{name} alone", INCONCLUSIVE, {"/dev/sdf": mbr(reader)}, says="/dev/sdf1")
        yield Case(f"{name} beside Rocky", INCONCLUSIVE, partial(_next_to, tree=_ROCKY, other=reader), says="/dev/sdf2")
        yield Case(f"{name} beside RHEL", RHEL, partial(_next_to, tree=_RHEL, other=reader))
    yield Case("swap and Windows beside Rocky", NOT_RHEL, partial(_next_to, tree=_ROCKY, other=_ntfs()))
    for kind in ("luks1", "luks2"):
        yield Case(
            f"{kind} of cryptsetup",
            INCONCLUSIVE,
            partial(_encrypted, kind=kind),
            ("cryptsetup",),
            says="luks",
            is_sample=True,
        )


def _next_to(workshop: Workshop, *, tree: Tree, other: Reader) -> Disks:
    return {"/dev/sdf": mbr(workshop.filesystem(tree), other)}


def _encrypted(workshop: Workshop, *, kind: str) -> Disks:
    path = Path(workshop.folder) / f"{kind}.img"
    path.write_bytes(bytes(24 * MIB))
    quick = ["--pbkdf-force-iterations", "1000"] + (["--pbkdf", "pbkdf2"] if kind == "luks2" else [])
    command = [find("cryptsetup") or "cryptsetup", "luksFormat", "-q", "--type", kind, *quick, str(path), "-"]
    subprocess.run(command, input=b"secret", capture_output=True, check=True)
    return {"/dev/sdf": mbr(Content(path.read_bytes()))}


def _groups() -> Iterator[Case]:
    """Volume groups that are not whole, or of a kind that is not read."""
    for name, tree in _BOTH.items():
        expected = RHEL if name == "RHEL" else INCONCLUSIVE
        yield Case(f"{name} on LVM, half of it missing", INCONCLUSIVE, partial(_first_of_two, tree=tree))
        yield Case(f"{name} on LVM, another volume's half missing", expected, partial(_other_missing, tree=tree))
        yield Case(f"{name} on LVM, stripes missing", INCONCLUSIVE, partial(_stripe_missing, tree=tree))
        yield Case(f"{name} on LVM, description overwritten", INCONCLUSIVE, partial(_no_description, tree=tree))
    for kind in ("thin", "thin-pool", "raid1", "mirror", "cache", "snapshot", "vdo"):
        yield Case(f"LVM of kind {kind} alone", INCONCLUSIVE, partial(_odd_kind, kind=kind))
        yield Case(f"LVM of kind {kind} beside Rocky", INCONCLUSIVE, partial(_odd_beside, kind=kind, tree=_ROCKY))
        yield Case(f"LVM of kind {kind} beside RHEL", RHEL, partial(_odd_beside, kind=kind, tree=_RHEL))


def _first_of_two(workshop: Workshop, *, tree: Tree) -> Disks:
    first, _ = group("rhel", [4, 4], [linear("root", workshop.filesystem(tree), (1, 0, 1), (0, 0, 2))])
    return {"/dev/sdf": gpt(first)}


def _other_missing(workshop: Workshop, *, tree: Tree) -> Disks:
    data = laid(8 * MIB, [])
    volumes = [linear("root", workshop.filesystem(tree), (0, 0, 2)), linear("srv", data, (0, 2, 1), (1, 0, 1))]
    first, _ = group("rhel", [4, 4], volumes)
    return {"/dev/sdf": gpt(first)}


def _stripe_missing(workshop: Workshop, *, tree: Tree) -> Disks:
    root = Logical("root", workshop.filesystem(tree), (Segment(2, ((0, 0), (1, 0))),))
    _, second = group("rhel", [4, 4], [root])
    return {"/dev/sdf": gpt(second)}


def _no_description(workshop: Workshop, *, tree: Tree) -> Disks:
    (physical,) = group("rhel", [4], [linear("root", workshop.filesystem(tree), (0, 0, 2))])
    return {"/dev/sdf": gpt(damaged(physical, (4608, b"\xff" * 4096)))}


def _odd(kind: str) -> Logical:
    return Logical("odd", laid(4 * MIB, []), (Segment(1, ((0, 3),)),), kind)


def _odd_kind(workshop: Workshop, *, kind: str) -> Disks:
    assert workshop
    return {"/dev/sdf": gpt(*group("rhel", [8], [_odd(kind)]))}


def _odd_beside(workshop: Workshop, *, kind: str, tree: Tree) -> Disks:
    root = linear("root", workshop.filesystem(tree), (0, 0, 2))
    return {"/dev/sdf": gpt(*group("rhel", [8], [root, _odd(kind)]))}
