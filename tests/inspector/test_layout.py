"""Disks become volumes with the names that Linux gives them; what goes wrong costs no more than it must."""

from uuid import UUID

import pytest

from cloudigrade.inspector import layout
from cloudigrade.inspector.reading import Content, Damaged, Exhausted, Unsupported
from cloudigrade.inspector.volume import Kind, Uncovered
from tests.inspector import disks_in_containers as written
from tests.inspector.disks import (
    BIOS_BOOT,
    ESP,
    GIB,
    MIB,
    PREP,
    Broken,
    GptPart,
    Group,
    Link,
    Part,
    Physical,
    Segment,
    Sparse,
    disk,
    ext,
    fat32,
    gpt,
    logical,
    mbr,
    moved,
    physical,
    swap,
    xfs,
)

SIZE = 16 * MIB
OWN = UUID("01234567-89ab-cdef-0123-456789abcdef")
SECTORS = MIB // 512
PV = Physical("P" * 32, 3)


def kinds(found):
    return [(volume.name, volume.kind) for volume in found.volumes]


def of_one(content, name="/dev/sdf"):
    return layout.read({name: Content(content)})


def test_a_filesystem_on_a_whole_disk_has_the_name_of_the_disk():
    found = of_one(disk(SIZE, ext(uuid=OWN, label="root")))

    volume = found.volumes[0]
    assert (volume.disk, volume.name, volume.kind) == ("/dev/sdf", "/dev/sdf", Kind.EXT)
    assert (volume.uuid, volume.label, volume.partition_uuid, volume.partition_label) == (str(OWN), "root", "", "")
    assert volume.reader.size == SIZE
    assert (len(found.volumes), found.uncovered) == (1, ())


@pytest.mark.parametrize(
    ("disk_name", "name"),
    [
        ("/dev/sdf", "/dev/sdf2"),
        ("/dev/nvme0n1", "/dev/nvme0n1p2"),
        ("disk.img", "disk.img2"),
        ("snap-0123", "snap-0123p2"),
        ("", "2"),
    ],
)
def test_partitions_are_called_as_linux_calls_them(disk_name, name):
    found = of_one(disk(SIZE, mbr(None, Part(0x83, SECTORS, SECTORS)), moved(MIB, xfs())), disk_name)

    assert kinds(found) == [(name, Kind.XFS)]


def test_a_gpt_gives_its_partitions_their_names_and_a_boot_loader_is_one_by_its_type():
    parts = (
        GptPart(SECTORS, SECTORS + 99, BIOS_BOOT),
        GptPart(2 * SECTORS, 3 * SECTORS - 1, ESP, "EFI System"),
        GptPart(3 * SECTORS, 4 * SECTORS - 1, PREP),
        GptPart(4 * SECTORS, 5 * SECTORS - 1, name="root", uuid=OWN),
        GptPart(5 * SECTORS, 6 * SECTORS - 1),
        GptPart(6 * SECTORS, 7 * SECTORS - 1),
    )
    marks = [*moved(MIB, [(0, b"loader")]), *moved(2 * MIB, fat32()), *moved(4 * MIB, xfs()), *moved(5 * MIB, swap())]
    found = of_one(disk(SIZE, gpt(SIZE, *parts), marks))

    assert kinds(found) == [
        ("/dev/sdf1", Kind.BOOT),
        ("/dev/sdf2", Kind.FAT),
        ("/dev/sdf3", Kind.BOOT),
        ("/dev/sdf4", Kind.XFS),
        ("/dev/sdf5", Kind.SWAP),
        ("/dev/sdf6", Kind.EMPTY),
    ]
    assert (found.volumes[3].partition_uuid, found.volumes[3].partition_label) == (str(OWN), "root")


def test_the_type_of_a_partition_hides_no_filesystem():
    found = of_one(disk(SIZE, gpt(SIZE, GptPart(SECTORS, 2 * SECTORS, BIOS_BOOT)), moved(MIB, ext())))

    assert kinds(found) == [("/dev/sdf1", Kind.EXT)]


def test_a_large_partition_is_no_boot_loader_whatever_its_type_says():
    pieces = gpt(GIB, GptPart(SECTORS, 600 * SECTORS, BIOS_BOOT)) + moved(MIB, [(0, b"something")])
    found = layout.read({"/dev/sdf": Sparse(GIB, pieces)})

    assert kinds(found) == [("/dev/sdf1", Kind.UNKNOWN)]


def test_a_blank_disk_is_empty():
    assert kinds(of_one(bytes(SIZE))) == [("/dev/sdf", Kind.EMPTY)]
    assert kinds(of_one(b"")) == [("/dev/sdf", Kind.EMPTY)]


def test_a_table_without_partitions_is_empty_too():
    assert kinds(of_one(disk(SIZE, gpt(SIZE)))) == [("/dev/sdf", Kind.EMPTY)]


def test_partitions_that_cannot_be_right_are_uncovered_by_name():
    parts = mbr(Part(0x83, SECTORS, SECTORS), Part(0x83, SECTORS, SECTORS), Part(0x05, 1 << 30, 9))
    found = of_one(disk(SIZE, parts, moved(MIB, ext())))

    assert kinds(found) == [("/dev/sdf1", Kind.EXT)]
    assert [place for place, _ in found.uncovered] == ["/dev/sdf", "/dev/sdf2"]
    assert found.uncovered[1].reason == "the partition overlaps another"


def lvm_of_two_disks():
    physicals = {"pv0": PV, "pv1": Physical("Q" * 32, 3)}
    root = [Segment(1, [("pv0", 0)]), Segment(1, [("pv1", 0)])]
    group = Group(physicals, {"root": root, "swap": [Segment(1, [("pv1", 1)])]})
    start = physicals["pv0"].start
    whole = disk(physicals["pv1"].size, physical(physicals["pv1"], group.text()), moved(start + 4 * MIB, swap()))
    inner = physical(physicals["pv0"], group.text()) + moved(start, xfs(uuid=OWN))
    part = disk(SIZE, mbr(Part(0x8E, SECTORS, 14 * SECTORS)), moved(MIB, inner))
    return part, whole


def test_logical_volumes_of_partitions_and_whole_disks_come_behind_the_partitions():
    part, whole = lvm_of_two_disks()
    found = layout.read({"/dev/sdf": Content(part), "/dev/sdg": Content(whole), "/dev/sdh": Content(disk(SIZE, ext()))})

    assert [(volume.disk, volume.name, volume.kind, volume.uuid) for volume in found.volumes] == [
        ("/dev/sdh", "/dev/sdh", Kind.EXT, str(UUID(int=1))),
        ("/dev/sdf", "/dev/rhel/root", Kind.XFS, str(OWN)),
        ("/dev/sdg", "/dev/rhel/swap", Kind.SWAP, str(UUID(int=3))),
    ]
    assert found.uncovered == ()


def test_without_one_of_the_disks_its_logical_volumes_are_uncovered():
    part, _ = lvm_of_two_disks()
    found = of_one(part)

    assert found.volumes == ()
    assert [place for place, _ in found.uncovered] == ["/dev/rhel/root", "/dev/rhel/swap"]


def test_a_free_physical_volume_is_empty():
    assert kinds(of_one(disk(PV.size, physical(PV, None)))) == [("/dev/sdf", Kind.EMPTY)]


def test_a_physical_volume_whose_group_nobody_describes_is_uncovered():
    found = of_one(disk(PV.size, physical(PV, "ignored", flags=1)))

    assert found.volumes == ()
    assert found.uncovered == (Uncovered("/dev/sdf", "no description of its volume group was found"),)


def test_partitions_within_a_logical_volume_or_partition_are_not_followed():
    inner = mbr(Part(0x83, 64, 64))
    group = Group({"pv0": PV}, {"guest": [Segment(1, [("pv0", 0)])]})
    found = layout.read(
        {
            "/dev/sdf": Content(disk(PV.size, physical(PV, group.text()), moved(PV.start, inner))),
            "/dev/sdg": Content(disk(SIZE, mbr(Part(0x83, SECTORS, SECTORS)), moved(MIB, inner))),
        }
    )

    assert found.volumes == ()
    assert found.uncovered == (
        Uncovered("/dev/sdg1", "holds partitions of its own"),
        Uncovered("/dev/rhel/guest", "holds partitions of its own"),
    )


def test_a_physical_volume_within_a_logical_volume_is_not_followed():
    group = Group({"pv0": PV}, {"guest": [Segment(2, [("pv0", 0)])]})
    inner = physical(Physical("Q" * 32, 0), None)
    found = of_one(disk(PV.size, physical(PV, group.text()), moved(PV.start, inner)))

    assert kinds(found) == [("/dev/rhel/guest", Kind.LVM)]


@pytest.mark.parametrize(
    "wrap", [written.qcow2, written.vhd_fixed, written.vhd_dynamic, written.vhdx, written.vmdk_stream]
)
def test_a_container_is_opened_before_anything_else(wrap):
    found = of_one(wrap(disk(SIZE, mbr(Part(0x83, SECTORS, SECTORS)), moved(MIB, ext()))), "disk.image")

    assert kinds(found) == [("disk.image1", Kind.EXT)]
    assert found.volumes[0].reader.size == MIB


@pytest.mark.parametrize("error", [Damaged("gone"), Unsupported("strange"), Exhausted("enough")])
def test_a_disk_that_cannot_be_read_costs_that_disk(error):
    good = Content(disk(SIZE, ext()))
    found = layout.read({"/dev/sdf": Broken(good, range(SIZE), error), "/dev/sdg": good})

    assert kinds(found) == [("/dev/sdg", Kind.EXT)]
    assert found.uncovered == (Uncovered("/dev/sdf", str(error)),)


def test_a_partition_that_cannot_be_read_costs_that_partition():
    content = Content(
        disk(SIZE, mbr(Part(0x83, SECTORS, SECTORS), Part(0x83, 4 * SECTORS, SECTORS)), moved(MIB, ext()))
    )
    found = layout.read({"/dev/sdf": Broken(content, range(4 * MIB, 4 * MIB + 512), Damaged("gone"))})

    assert kinds(found) == [("/dev/sdf1", Kind.EXT)]
    assert found.uncovered == (Uncovered("/dev/sdf2", "gone"),)


def test_a_container_that_is_not_read_costs_that_disk():
    found = layout.read({"a": Content(written.qcow2(bytes(MIB), backing=512)), "b": Content(disk(SIZE, ext()))})

    assert kinds(found) == [("b", Kind.EXT)]
    assert found.uncovered == (Uncovered("a", "qcow2 with a backing file"),)


def test_more_partitions_than_linux_has_are_uncovered():
    links = [Link(4 * number, Part(0x83, 1, 2)) for number in range(127)]
    parts = mbr(Part(0x83, 4, 4), Part(0x83, 8, 4), Part(0x83, 12, 4), Part(0x05, 64, 1024))
    found = of_one(disk(SIZE, parts, logical(64, *links)))

    assert len(found.volumes) == 128
    assert found.uncovered == (Uncovered("/dev/sdf", "more than 128 partitions"),)


def test_a_large_disk_is_divided_with_few_reads():
    """10 GiB with GPT and LVM, of which nothing but labels, tables and marks is read."""
    size = 10 * GIB
    volume = Physical("P" * 32, 2300)
    logicals = {
        name: [Segment(500, [("pv0", 500 * index)])] for index, name in enumerate(("root", "var", "home", "swap"))
    }
    parts = gpt(
        size,
        GptPart(SECTORS, 2 * SECTORS - 1, BIOS_BOOT),
        GptPart(2 * SECTORS, 202 * SECTORS - 1, ESP),
        GptPart(202 * SECTORS, 1002 * SECTORS - 1, name="boot"),
        GptPart(1002 * SECTORS, size // 512 - 2048),
    )
    inner = physical(volume, Group({"pv0": volume}, logicals).text())
    marks = [moved(volume.start + 2000 * MIB * index, xfs()) for index in range(4)]
    pieces = [*parts, *moved(2 * MIB, fat32()), *moved(202 * MIB, xfs())]
    pieces += moved(1002 * MIB, [*inner, *(piece for mark in marks for piece in mark)])
    sparse = Sparse(size, pieces)

    found = layout.read({"/dev/sdf": sparse})

    assert len(found.volumes) == 7
    assert found.uncovered == ()
    assert sparse.bytes_read < 2 * MIB
    assert sparse.reads < 100
