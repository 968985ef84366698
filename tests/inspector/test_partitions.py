"""Partition tables are read as Linux reads them, and what cannot be right is refused with a reason."""

import shutil
import struct
import subprocess
import zlib
from uuid import UUID

import pytest

from cloudigrade.inspector import partitions
from cloudigrade.inspector.partitions import Partition
from cloudigrade.inspector.reading import Content, Damaged
from tests.inspector.disks import (
    BIOS_BOOT,
    ESP,
    LINUX,
    MIB,
    GptPart,
    Link,
    Part,
    disk,
    ext,
    fat32,
    gpt,
    logical,
    mbr,
    moved,
)

SIZE = 8 * MIB
OWN = UUID("01234567-89ab-cdef-0123-456789abcdef")
SGDISK = shutil.which("sgdisk", path="/usr/sbin:/sbin:/usr/bin:/bin")


def table(size, *pieces):
    return partitions.read(Content(disk(size, *pieces)))


def places(found):
    return [(part.number, part.start, part.size) for part in found.partitions]


def test_primary_partitions_have_the_number_of_their_slot():
    found = table(SIZE, mbr(None, Part(0x83, 2048, 2048), None, Part(0x82, 4096, 100)))

    assert found == (
        (
            Partition(2, MIB, MIB, "83", "12345678-02"),
            Partition(4, 2 * MIB, 51200, "82", "12345678-04"),
        ),
        (),
    )


def test_logical_partitions_count_from_five_along_the_chain():
    chain = logical(4096, Link(0, Part(0x83, 63, 1000)), Link(2048, Part(0x8E, 1, 500)), Link(4096, Part(0x83, 2, 7)))
    found = table(SIZE, mbr(Part(0x83, 2048, 2048), None, Part(0x05, 4096, 12288)), chain)

    assert [(part.number, part.start // 512, part.size // 512, part.type, part.uuid) for part in found.partitions] == [
        (1, 2048, 2048, "83", "12345678-01"),
        (5, 4096 + 63, 1000, "83", "12345678-05"),
        (6, 4096 + 2048 + 1, 500, "8e", "12345678-06"),
        (7, 4096 + 4096 + 2, 7, "83", "12345678-07"),
    ]
    assert found.refused == ()


def test_a_chain_that_leads_back_into_itself_ends():
    chain = logical(4096, Link(0, Part(0x83, 63, 1000)), Link(2048, Part(0x83, 63, 500)))
    back = logical(0, Link(0, Part(0x83, 63, 500)), Link(0, Part(0x83, 0, 9)))[0][1]
    found = table(SIZE, mbr(Part(0x0F, 4096, 12288)), chain, [((4096 + 2048) * 512, back)])

    assert [part.number for part in found.partitions] == [5, 6]
    assert found.refused == ((0, "the chain of logical partitions is broken: it leads back into itself"),)


def test_a_chain_has_a_longest_length():
    chain = logical(2048, *(Link(2 * number, Part(0x83, 1, 1)) for number in range(200)))
    found = table(SIZE, mbr(Part(0x05, 2048, 4096)), chain)

    assert len(found.partitions) == 128
    assert found.refused == ((0, "the chain of logical partitions is broken: more than 128 links"),)


def test_a_broken_chain_costs_what_lies_behind_the_break():
    chain = logical(4096, Link(0, Part(0x83, 63, 1000)), Link(2048, Part(0x83, 63, 500)))
    found = table(SIZE, mbr(Part(0x05, 4096, 12288)), chain[:1])

    assert [part.number for part in found.partitions] == [5]
    assert found.refused == ((0, "the chain of logical partitions is broken: a link is without its mark"),)


def test_partitions_that_cannot_be_right_are_refused():
    found = table(
        SIZE, mbr(Part(0x83, 2048, 4096), Part(0x83, 4096, 4096), Part(0x83, 16000, 1000), Part(0x83, 8192, 1))
    )

    assert [part.number for part in found.partitions] == [1, 4]
    assert found.refused == (
        (2, "the partition overlaps another"),
        (3, "the partition reaches beyond the end of the disk"),
    )


def test_a_master_boot_record_in_sectors_of_4096_bytes_is_found_out_by_looking():
    parts = mbr(Part(0x83, 256, 512), Part(0x83, 1024, 128))
    large = table(SIZE, parts, moved(256 * 4096, ext()), moved(1024 * 4096, ext()))
    small = table(SIZE, parts, moved(256 * 512, ext()), moved(1024 * 512, ext()))

    assert places(large) == [(1, MIB, 2 * MIB), (2, 4 * MIB, MIB // 2)]
    assert places(small) == [(1, 131072, 262144), (2, 524288, 65536)]


def test_when_nothing_is_known_sectors_have_512_bytes():
    assert places(table(SIZE, mbr(Part(0x83, 256, 512)))) == [(1, 131072, 262144)]


@pytest.mark.parametrize(
    "pieces",
    [
        [],
        mbr(),
        fat32(),
        [(0, b"x" * 510 + b"\x55\xaa")],
        [(0, b"\0" * 446 + b"\x07" * 64 + b"\x55\xaa")],
    ],
    ids=["zeros", "no partition", "FAT of a whole disk", "text of a boot loader", "impossible status"],
)
def test_what_is_no_table_is_not_taken_for_one(pieces):
    assert table(SIZE, pieces) is None


@pytest.mark.parametrize("size", [0, 1, 511, 512, 1023, 1024])
def test_the_smallest_disks_have_no_table(size):
    assert partitions.read(Content(bytes(size))) is None


PARTS = (
    GptPart(256, 511, BIOS_BOOT),
    None,
    GptPart(512, 767, ESP, "EFI System", OWN),
    GptPart(768, 1023, LINUX, "größe 🐧", OWN),
)


@pytest.mark.parametrize("sector", [512, 4096])
def test_a_gpt_is_read_in_either_size_of_sectors(sector):
    found = table(SIZE, gpt(SIZE, *PARTS, sector=sector))

    assert found.refused == ()
    assert found.partitions == (
        Partition(1, 256 * sector, 256 * sector, str(BIOS_BOOT), "11111111-2222-3333-4444-555555555555"),
        Partition(3, 512 * sector, 256 * sector, str(ESP), str(OWN), "EFI System"),
        Partition(4, 768 * sector, 256 * sector, str(LINUX), str(OWN), "größe 🐧"),
    )


@pytest.mark.parametrize("sector", [512, 4096])
@pytest.mark.parametrize(
    "damage", [0, 8, 20, 72, 88], ids=["magic", "revision", "header", "place", "checksum of table"]
)
def test_the_backup_stands_in_for_a_damaged_header(sector, damage):
    pieces = gpt(SIZE, *PARTS, sector=sector)

    assert table(SIZE, pieces, [(sector + damage, b"\x99")]) == table(SIZE, pieces)


def test_the_backup_stands_in_for_a_damaged_table():
    pieces = gpt(SIZE, *PARTS)

    assert table(SIZE, pieces, [(2 * 512 + 300, b"\x99")]) == table(SIZE, pieces)


def test_without_any_whole_header_the_disk_is_damaged():
    pieces = gpt(SIZE, *PARTS)

    with pytest.raises(Damaged, match=r"^both partition tables \(GPT\) are damaged$"):
        table(SIZE, pieces, [(512, b"\x99"), (SIZE - 512, b"\x99")])


def test_a_disk_that_has_grown_since_has_no_backup_at_its_end():
    assert places(table(2 * SIZE, gpt(SIZE, *PARTS))) == places(table(SIZE, gpt(SIZE, *PARTS)))


def test_a_stale_gpt_does_not_count_against_a_master_boot_record():
    found = table(SIZE, gpt(SIZE, *PARTS), mbr(Part(0x83, 2048, 2048)))

    assert places(found) == [(1, MIB, MIB)]


def test_a_backup_that_was_left_behind_does_not_make_a_table():
    assert table(SIZE, gpt(SIZE, *PARTS), [(0, bytes(MIB))]) is None


def test_of_a_hybrid_the_gpt_counts():
    found = table(SIZE, gpt(SIZE, *PARTS, hybrid=Part(0x83, 768, 256)))

    assert [part.number for part in found.partitions] == [1, 3, 4]


def test_gpt_partitions_that_cannot_be_right_are_refused():
    parts = (GptPart(2048, 4095), GptPart(4095, 5000), GptPart(6000, 5000), GptPart(6000, 1 << 60))
    found = table(SIZE, gpt(SIZE, *parts))

    assert [part.number for part in found.partitions] == [1]
    assert found.refused == (
        (2, "the partition overlaps another"),
        (3, "the partition ends before it begins"),
        (4, "the partition reaches beyond the end of the disk"),
    )


@pytest.mark.parametrize(("offset", "value"), [(80, 1 << 20), (84, 64), (84, 1 << 20), (12, 91), (12, 513)])
def test_an_impossible_header_is_damaged_even_with_right_checksums(offset, value):
    pieces = gpt(SIZE, *PARTS)
    header = bytearray(pieces[1][1])
    header[offset : offset + 4] = struct.pack("<I", value)

    with pytest.raises(Damaged):
        table(SIZE, pieces, [(512, sealed(header)), (SIZE - 512, bytes(512))])


def sealed(header):
    """With the checksum that it has to have."""
    length = int.from_bytes(header[12:16], "little")
    header[16:20] = bytes(4)
    header[16:20] = struct.pack("<I", zlib.crc32(bytes(header).ljust(512, b"\0")[:length]))
    return bytes(header)


def by_sgdisk(folder):
    path = folder / "disk"
    path.write_bytes(bytes(SIZE))
    command = [str(SGDISK), "-a", "1", "-n", "1:256:511", "-t", "1:ef02", "-n", "3:512:767", "-t"]
    command += ["3:ef00", "-c", "3:EFI System", "-u", f"3:{OWN}", "-n", "4:768:1023", "-u", f"4:{OWN}", path]
    subprocess.run(command, check=True, capture_output=True)
    return path.read_bytes()


def by_hand(_):
    return disk(SIZE, gpt(SIZE, *PARTS))


@pytest.mark.parametrize("write", [by_hand, *([by_sgdisk] if SGDISK else [])])
def test_a_gpt_is_read_whoever_wrote_it(write, tmp_path):
    content = write(tmp_path)
    found = partitions.read(Content(content))
    from_backup = partitions.read(Content(content[:512] + bytes(33 * 512) + content[34 * 512 :]))

    assert found is not None
    assert places(found) == [(1, 131072, 131072), (3, 262144, 131072), (4, 393216, 131072)]
    assert [part.type for part in found.partitions] == [str(BIOS_BOOT), str(ESP), str(LINUX)]
    assert found.partitions[1][4:] == (str(OWN), "EFI System")
    assert from_backup == found
