"""Logical volumes are put together from the physical volumes that are there, and never from others."""

import lzma
from dataclasses import replace
from pathlib import Path

import pytest

from cloudigrade.inspector import lvm
from cloudigrade.inspector.lvm.physical import checksum
from cloudigrade.inspector.reading import Content, Damaged
from cloudigrade.inspector.volume import Uncovered
from tests.inspector.disks import AREA, MIB, Group, Physical, Segment, disk, lvm_checksum, physical

DATA = Path(__file__).parents[1] / "data" / "inspector"
EXTENT = 4 * MIB
PV0, PV1, PV2 = (Physical(letter * 32, 6) for letter in "ABC")
COPY = "a copy of a physical volume, or one that its volume group has given up"
MISSING = "needs a physical volume that is missing"


def one(volume, text, *more, **options):
    """A physical volume whose extents are each filled with a byte of their own: of PV0 10, 11 ..., of PV1 20 ..."""
    first = {"A": 10, "B": 20, "C": 30}[volume.id[0]]
    extents = [(volume.start + n * EXTENT, bytes([first + n]) * EXTENT) for n in range(volume.extents)]
    return Content(disk(volume.size, physical(volume, text, **options), extents, *more))


def part(reader, name="/dev/sda2", disk_name=None):
    return lvm.Part(disk_name or name.rstrip("0123456789"), name, reader)


def extents(found, name):
    """The byte of each extent of a logical volume."""
    reader = next(volume.reader for volume in found.volumes if volume.name == name)
    content = [reader.read(start, EXTENT) for start in range(0, reader.size, EXTENT)]
    assert all(len(set(extent)) == 1 for extent in content)
    return [extent[0] for extent in content]


LINEAR = Group(
    {"pv0": PV0}, {"root": [Segment(2, [("pv0", 3)]), Segment(1, [("pv0", 0)])], "home": [Segment(1, [("pv0", 5)])]}
)


def test_linear_volumes_of_several_segments_are_read():
    found = lvm.read([part(one(PV0, LINEAR.text()))])

    assert [(volume.disk, volume.name) for volume in found.volumes] == [
        ("/dev/sda", "/dev/rhel/root"),
        ("/dev/sda", "/dev/rhel/home"),
    ]
    assert extents(found, "/dev/rhel/root") == [13, 14, 10]
    assert extents(found, "/dev/rhel/home") == [15]
    assert found.volumes[0].reader.read(2 * EXTENT - 2, 4) == bytes([14, 14, 10, 10])
    assert (found.uncovered, found.free) == ((), ())


@pytest.mark.parametrize(("offset", "length"), [(3 * EXTENT, 1), (-1, 1), (0, 3 * EXTENT + 1), (0, -1)])
def test_nothing_beyond_a_logical_volume_is_read(offset, length):
    found = lvm.read([part(one(PV0, LINEAR.text()))])

    with pytest.raises(Damaged):
        found.volumes[0].reader.read(offset, length)


def test_stripes_take_turns_over_several_disks():
    striped = [Segment(6, [("pv0", 1), ("pv1", 0), ("pv2", 2)], stripe_sectors=128)]
    group = Group({"pv0": PV0, "pv1": PV1, "pv2": PV2}, {"data": striped})
    found = lvm.read(
        [
            part(one(volume, group.text()), f"/dev/sd{letter}")
            for volume, letter in zip((PV2, PV0, PV1), "abc", strict=True)
        ]
    )

    reader = found.volumes[0].reader
    expected = b"".join(bytes([value]) * 65536 for value in [11, 20, 32] * 64 + [12, 21, 33] * 64)
    assert reader.read(0, reader.size) == expected
    assert reader.read(65535, 3) == bytes([11, 20, 20])
    assert found.volumes[0].disk == "/dev/sdb"


def test_a_missing_physical_volume_costs_only_what_needs_it():
    logical = {"root": [Segment(1, [("pv0", 0)])], "var": [Segment(1, [("pv0", 1)]), Segment(1, [("pv1", 0)])]}
    found = lvm.read([part(one(PV0, Group({"pv0": PV0, "pv1": PV1}, logical).text()))])

    assert [volume.name for volume in found.volumes] == ["/dev/rhel/root"]
    assert found.uncovered == (Uncovered("/dev/rhel/var", MISSING),)


def test_a_physical_volume_that_its_group_calls_missing_is_not_used():
    group = Group({"pv0": replace(PV0, status='"ALLOCATABLE", "MISSING"')}, {"root": [Segment(1, [("pv0", 0)])]})
    found = lvm.read([part(one(PV0, group.text()))])

    assert found.volumes == ()
    assert found.uncovered == (Uncovered("/dev/sda2", COPY), Uncovered("/dev/rhel/root", MISSING))


@pytest.mark.parametrize("place", [512, 1024, MIB - AREA - 512, MIB - AREA - 1])
def test_a_description_goes_on_at_the_beginning_of_its_area(place):
    found = lvm.read([part(one(PV0, LINEAR.text(), place=place))])

    assert extents(found, "/dev/rhel/root") == [13, 14, 10]


@pytest.mark.parametrize("sector", [0, 1, 2, 3])
def test_the_label_is_found_in_the_first_four_sectors(sector):
    assert len(lvm.read([part(one(PV0, LINEAR.text(), sector=sector))]).volumes) == 2


def test_the_newest_description_counts_wherever_it_is():
    moved = Group({"pv0": PV0, "pv1": PV1}, {"root": [Segment(1, [("pv0", 5)])]}, serial=8)
    older = replace(moved, serial=7, logical={"root": [Segment(1, [("pv0", 4)])]})
    for first, second in ((older, moved), (moved, older)):
        found = lvm.read([part(one(PV0, first.text())), part(one(PV1, second.text()), "/dev/sdb")])

        assert extents(found, "/dev/rhel/root") == [15]


def test_a_physical_volume_without_a_description_is_known_by_that_of_another():
    group = Group({"pv0": PV0, "pv1": PV1}, {"root": [Segment(2, [("pv0", 0), ("pv1", 0)], stripe_sectors=128)]})
    stale = replace(group, serial=99, logical={})
    ignored = one(PV1, stale.text(), flags=1)
    found = lvm.read([part(ignored, "/dev/sdb"), part(one(PV0, group.text()))])

    assert [volume.name for volume in found.volumes] == ["/dev/rhel/root"]
    assert found.uncovered == ()


def test_a_damaged_description_is_made_up_for_by_another_physical_volume():
    group = Group({"pv0": PV0, "pv1": PV1}, {"root": [Segment(2, [("pv0", 0)])]})
    damaged = one(PV0, group.text(), [(AREA + 700, b"\0")])

    assert extents(lvm.read([part(damaged), part(one(PV1, group.text()), "/dev/sdb")]), "/dev/rhel/root") == [10, 11]
    assert lvm.read([part(damaged)]).uncovered == (Uncovered("/dev/sda2", "LVM: wrong checksum of metadata"),)


@pytest.mark.parametrize(
    ("offset", "reason"),
    [
        (512 + 60, "LVM: the label of the physical volume is damaged"),
        (AREA + 30, "LVM: the header of a metadata area is damaged"),
    ],
)
def test_a_damaged_header_is_said(offset, reason):
    found = lvm.read([part(one(PV0, LINEAR.text(), [(offset, b"\x99")]))])

    assert found == ((), (), (Uncovered("/dev/sda2", reason),))


def test_a_physical_volume_of_no_group_is_free():
    free = part(one(PV0, None))

    assert lvm.read([free]) == ((), (free,), ())


@pytest.mark.parametrize(
    "kind", ["thin", "cache", "raid1", "mirror", "writecache", "vdo", "zero", "error", "thin-pool"]
)
def test_types_that_are_not_read_are_named(kind):
    group = Group({"pv0": PV0}, {"root": [Segment(1, type=kind)], "boot": [Segment(1, [("pv0", 0)])]})
    found = lvm.read([part(one(PV0, group.text()))])

    assert [volume.name for volume in found.volumes] == ["/dev/rhel/boot"]
    assert found.uncovered == (Uncovered("/dev/rhel/root", f"logical volume of type {kind}"),)


def test_a_type_that_nobody_knows_is_not_quoted():
    found = lvm.read([part(one(PV0, Group({"pv0": PV0}, {"root": [Segment(1, type="secret")]}).text()))])

    assert found.uncovered == (Uncovered("/dev/rhel/root", "logical volume of type unknown"),)


def test_hidden_volumes_are_none_of_their_own():
    group = replace(LINEAR, hidden=frozenset({"root"}))
    found = lvm.read([part(one(PV0, group.text()))])

    assert [volume.name for volume in found.volumes] == ["/dev/rhel/home"]
    assert found.uncovered == ()


def snapshots(more):
    """An origin, the changes of its snapshot, and the hidden volume that binds the two."""
    logical = {
        "root": [Segment(2, [("pv0", 0)])],
        "before": [Segment(1, [("pv0", 2)])],
        "snapshot0": [Segment(2, type="snapshot", more=more)],
    }
    group = Group({"pv0": PV0}, logical, hidden=frozenset({"snapshot0"}))
    return lvm.read([part(one(PV0, group.text()))])


def test_an_origin_is_read_and_its_snapshot_is_not():
    found = snapshots('chunk_size = 8\norigin = "root"\ncow_store = "before"')

    assert extents(found, "/dev/rhel/root") == [10, 11]
    assert found.uncovered == (Uncovered("/dev/rhel/before", "logical volume of type snapshot"),)


def test_an_origin_that_a_snapshot_is_being_merged_into_is_not_read():
    found = snapshots('chunk_size = 8\norigin = "root"\nmerging_store = "before"')

    assert [place for place, _ in found.uncovered] == ["/dev/rhel/root", "/dev/rhel/before"]


def test_a_volume_upon_another_is_not_read():
    found = lvm.read([part(one(PV0, Group({"pv0": PV0}, {"root": [Segment(1, [("pvmove0", 0)])]}).text()))])

    assert found.uncovered == (Uncovered("/dev/rhel/root", "logical volume upon another"),)


def test_a_volume_that_reaches_beyond_its_physical_volume_costs_only_itself():
    group = Group({"pv0": PV0}, {"root": [Segment(2, [("pv0", 5)])], "boot": [Segment(1, [("pv0", 5)])]})
    found = lvm.read([part(one(PV0, group.text()))])

    assert [volume.name for volume in found.volumes] == ["/dev/rhel/boot"]
    assert [place for place, _ in found.uncovered] == ["/dev/rhel/root"]


# Copies of disks.


def test_of_two_copies_of_a_disk_one_is_read():
    copies = [part(one(PV0, LINEAR.text()), "/dev/sda2"), part(one(PV0, LINEAR.text()), "/dev/sdb2")]
    found = lvm.read(copies)

    assert [(volume.disk, volume.name) for volume in found.volumes] == [
        ("/dev/sda", "/dev/rhel/root"),
        ("/dev/sda", "/dev/rhel/home"),
    ]
    assert found.uncovered == (Uncovered("/dev/sdb2", COPY),)


def test_of_two_copies_of_a_disk_the_newer_is_read():
    newer = replace(LINEAR, serial=9, logical={"root": [Segment(1, [("pv0", 5)])]})
    found = lvm.read([part(one(PV0, LINEAR.text()), "/dev/sda2"), part(one(PV0, newer.text()), "/dev/sdb2")])

    assert extents(found, "/dev/rhel/root") == [15]
    assert found.volumes[0].disk == "/dev/sdb"
    assert found.uncovered == (Uncovered("/dev/sda2", COPY),)


def test_copies_of_several_disks_are_never_mixed():
    group = Group({"pv0": PV0, "pv1": PV1}, {"root": [Segment(2, [("pv0", 0), ("pv1", 0)], stripe_sectors=128)]})
    volumes = [(PV0, "/dev/sda"), (PV1, "/dev/sdb"), (PV0, "/dev/sdc"), (PV1, "/dev/sdd")]
    found = lvm.read([part(one(volume, group.text()), name) for volume, name in volumes])

    assert found.volumes == ()
    assert found.uncovered == (*(Uncovered(name, COPY) for _, name in volumes), Uncovered("/dev/rhel/root", MISSING))


def test_a_copy_that_is_whole_on_one_disk_is_read_as_one():
    group = Group({"pv0": PV0, "pv1": PV1}, {"root": [Segment(1, [("pv0", 0)]), Segment(1, [("pv1", 0)])]})
    volumes = [(PV0, "/dev/sda1"), (PV0, "/dev/sdb1"), (PV1, "/dev/sdb2"), (PV1, "/dev/sdc2")]
    found = lvm.read([part(one(volume, group.text()), name) for volume, name in volumes])

    assert found.volumes[0].disk == "/dev/sdb"
    assert [place for place, _ in found.uncovered] == ["/dev/sda1", "/dev/sdc2"]


def test_of_two_groups_of_one_name_the_first_is_read():
    other = replace(LINEAR, id="H" * 32, physical={"pv0": PV1})
    found = lvm.read([part(one(PV0, LINEAR.text())), part(one(PV1, other.text()), "/dev/sdb")])

    assert extents(found, "/dev/rhel/home") == [15]
    assert len(found.volumes) == 2
    assert found.uncovered == (Uncovered("/dev/sdb", "its volume group has the name of another"),)


# As the tools of LVM write it: see tests/data/inspector/disk-README.md.


def from_tools(number):
    """A physical volume whose extents, of 1 MiB, are filled with a byte of their own."""
    content = bytearray(lzma.decompress((DATA / f"disk-lvm-pv{number}.xz").read_bytes()))
    for extent in range(31):
        content[(extent + 1) * MIB : (extent + 2) * MIB] = bytes([100 * number + extent]) * MIB
    return Content(bytes(content))


def test_volumes_that_the_tools_of_lvm_made_are_read():
    found = lvm.read([part(from_tools(1), "/dev/sdb"), part(from_tools(0), "/dev/sda")])
    root, striped, var = (volume.reader for volume in found.volumes)

    assert [volume.name for volume in found.volumes] == ["/dev/rhel/root", "/dev/rhel/striped", "/dev/rhel/var"]
    assert found.uncovered == ()
    assert root.read(0, root.size) == b"".join(bytes([value]) * MIB for value in [0, 1, 2, 3, 7, 8, 9])
    rows = [(4 + turn // 16, 100 + turn // 16) for turn in range(48)]
    assert striped.read(0, striped.size) == b"".join(bytes([value]) * 65536 for row in rows for value in row)
    assert var.read(0, var.size) == b"".join(bytes([100 + extent]) * MIB for extent in range(3, 27))


def test_of_volumes_that_the_tools_of_lvm_made_one_disk_is_missing():
    found = lvm.read([part(from_tools(0), "/dev/sda")])

    assert [volume.name for volume in found.volumes] == ["/dev/rhel/root"]
    assert found.uncovered == (Uncovered("/dev/rhel/striped", MISSING), Uncovered("/dev/rhel/var", MISSING))


def test_the_description_that_the_tools_wrote_wraps():
    content = lzma.decompress((DATA / "disk-lvm-pv0.xz").read_bytes())
    size, start, length = (int.from_bytes(content[at : at + 8], "little") for at in (AREA + 32, AREA + 40, AREA + 48))

    assert start + length > size


def test_the_checksum_of_lvm_is_crc_32_with_another_beginning():
    assert checksum(b"123456789") == lvm_checksum(b"123456789")
    assert checksum(b"") == 0xF597A6CF
