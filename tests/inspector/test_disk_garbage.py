"""Whatever stands on a disk, its reading ends soon, with volumes or with one of the three failures that are declared.

Checksums are taken for right here, because a mutant would otherwise never get any farther than the first of them.
"""

from random import Random
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloudigrade.inspector import layout, partitions
from cloudigrade.inspector.containers import opened, vhd, vhdx
from cloudigrade.inspector.lvm import physical as label
from cloudigrade.inspector.lvm.group import described
from cloudigrade.inspector.lvm.text import parse
from cloudigrade.inspector.reading import Damaged, Exhausted, Unsupported
from tests.inspector import disks_in_containers as written
from tests.inspector.disks import (
    AREA,
    LINUX,
    MIB,
    GptPart,
    Group,
    Link,
    Part,
    Physical,
    Segment,
    Sparse,
    disk,
    ext,
    gpt,
    logical,
    mbr,
    moved,
    physical,
    xfs,
)

DECLARED = (Damaged, Unsupported, Exhausted)
MUTANTS = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
KIB = 1024


class Agreeable(int):
    """A checksum that is always right."""

    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False

    __hash__ = int.__hash__


def unsealed(file, start, length, magic):
    content = file.read(start, length)
    return content if content.startswith(magic) else b""


@pytest.fixture(scope="module", autouse=True)
def checksums_are_right():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vhd, "checksum", lambda *_: Agreeable())
        patch.setattr(vhdx, "_sealed", unsealed)
        patch.setattr(label, "checksum", lambda *_: Agreeable())
        patch.setattr(partitions, "zlib", SimpleNamespace(crc32=lambda *_: Agreeable()))
        yield


VALUES = (b"\0", b"\xff", b"\0" * 8, b"\xff" * 8, b"\xff" * 4, b"\0\0\0\x80", b"\x80\0\0\0", b"\1\0\0\0")
SEEDS = st.integers(0, 2**32 - 1)
"""A seed of the mutant instead of its parts: ten times as many mutants in the same time."""


def mutations(seed, ranges):
    """A few changes, each in one of the ranges of bytes that mean something."""
    chance = Random(seed)
    changes = []
    for _ in range(chance.randint(1, 6)):
        value = chance.choice(VALUES) if chance.random() < 0.5 else chance.randbytes(chance.randint(1, 8))
        changes.append((chance.randrange(*chance.choice(ranges)), value))
    return changes


def mutant(content, changes):
    return Sparse(len(content), [(0, content), *((place, value[: len(content) - place]) for place, value in changes)])


RAW = disk(256 * KIB + 512, ext(), [(100_000, bytes(range(256)) * 100)])
QCOW2 = written.qcow2(RAW, bits=12, compressed=True)
DYNAMIC = written.vhd_dynamic(RAW, block=32 * KIB)
FIXED = written.vhd_fixed(RAW)
EXTENDED = written.vhdx(RAW)
SPARSE = written.vmdk(RAW, grain=4 * KIB)
STREAM = written.vmdk_stream(RAW, grain=4 * KIB)
END = len(STREAM)

CONTAINERS = {
    "qcow2": (QCOW2, ((4, 112), (4096, 4104), (8192, 8192 + 8 * 65), (8704, len(QCOW2)))),
    "vhd dynamic": (DYNAMIC, ((8, 84), (520, 560), (1536, 1580), (len(DYNAMIC) - 504, len(DYNAMIC) - 400))),
    "vhd fixed": (FIXED, ((len(FIXED) - 504, len(FIXED) - 400),)),
    "vhdx": (
        EXTENDED,
        (
            *((start * KIB, start * KIB + 80) for start in (64, 128, 192, 256)),
            (2 * MIB, 2 * MIB + 160),
            (2 * MIB + 64 * KIB, 2 * MIB + 64 * KIB + 24),
            (3 * MIB, 3 * MIB + 16),
        ),
    ),
    "vmdk": (SPARSE, ((4, 80), (512, 900), (21 * 512, 21 * 512 + 8), (22 * 512, 22 * 512 + 260))),
    "vmdk stream": (STREAM, ((4, 80), (512, 900), (21 * 512, END), (END - 1024, END - 940))),
}


def look_into(file):
    """The disk in the container, here and there."""
    try:
        found = opened(file)
    except DECLARED:
        return
    for offset in {0, found.size // 2, found.size - 4096, 100_000}:
        try:
            assert len(found.read(offset, 4096)) == 4096
        except DECLARED:
            continue


@pytest.mark.parametrize("name", CONTAINERS)
@MUTANTS
@given(seed=SEEDS)
def test_a_mutant_of_a_container_ends_soon(name, seed):
    content, ranges = CONTAINERS[name]
    file = mutant(content, mutations(seed, ranges))

    look_into(file)

    assert file.reads < 200
    assert file.bytes_read < 24 * MIB


PV = Physical("P" * 32, 2, start=MIB)
GROUP = Group({"pv0": PV}, {"root": [Segment(1, [("pv0", 0)])], "var": [Segment(1, [("pv0", 1)])]})
PARTS = (GptPart(64, 127), GptPart(128, 255, LINUX, "root"))
CHAIN = logical(512, Link(0, Part(0x83, 8, 64)), Link(128, Part(0x83, 8, 64)), Link(256, Part(0x83, 8, 64)))
LINKS = [(512 + place) * 512 + 446 for place in (0, 128, 256)]
TEXT = AREA + 512
PIECES = {
    "mbr": (
        MIB,
        [*mbr(Part(0x83, 64, 64), None, Part(0x05, 512, 1024)), *CHAIN],
        ((446, 512), *((start, start + 66) for start in LINKS)),
    ),
    "gpt": (MIB, gpt(MIB, *PARTS), ((446, 512), (512, 604), (1024, 1280), (MIB - 512, MIB - 420))),
    "gpt in sectors of 4096 bytes": (2 * MIB, gpt(2 * MIB, *PARTS, sector=4096), ((4096, 4188), (8192, 8448))),
    "lvm": (PV.size, physical(PV, GROUP.text()), ((512, 700), (AREA, AREA + 80), (TEXT, TEXT + len(GROUP.text())))),
}


def read_ends(reader):
    for offset in {0, max(0, reader.size - 512)}:
        try:
            reader.read(offset, min(512, reader.size))
        except DECLARED:
            continue


@pytest.mark.parametrize("name", PIECES)
@MUTANTS
@given(seed=SEEDS)
def test_a_mutant_of_a_table_ends_soon(name, seed):
    size, pieces, ranges = PIECES[name]
    marks = [*moved(64 * 512, ext()), *moved(MIB, xfs())] if size > 2 * MIB else moved(64 * 512, ext())
    changes = [(place, value) for place, value in mutations(seed, ranges) if place + len(value) <= size]
    file = Sparse(size, [*pieces, *marks, *changes])

    found = layout.read({"/dev/sdf": file})

    assert found.volumes or found.uncovered, "a disk never vanishes without a word"
    for volume in found.volumes:
        read_ends(volume.reader)
    assert file.reads < 2000
    assert file.bytes_read < 128 * MIB


@MUTANTS
@given(
    magic=st.sampled_from([b"", b"QFI\xfb", b"vhdxfile", b"KDMV", b"LABELONE", b"conectix"]),
    content=st.binary(max_size=4096),
)
def test_garbage_behind_a_magic_ends_soon(magic, content):
    file = Sparse(128 * KIB, [(0, magic + content)])

    found = layout.read({"/dev/sdf": file})

    assert found.volumes or found.uncovered
    assert file.reads < 200


words = st.sampled_from(
    [
        "rhel",
        "{",
        "}",
        "[",
        "]",
        "=",
        ",",
        '"a"',
        "7",
        "-1",
        "id",
        "seqno",
        "physical_volumes",
        "logical_volumes",
        "\n",
        "#",
        '"',
        " ",
        "\\",
    ]
)


@MUTANTS
@given(st.lists(words, max_size=60))
def test_any_text_is_a_description_or_damaged(parts):
    for read in (parse, described):
        try:
            read(" ".join(parts))
        except (Damaged, Exhausted):
            continue


@MUTANTS
@given(st.data())
def test_a_mutant_of_a_description_is_a_description_or_damaged(data):
    text = GROUP.text()
    lines = text.splitlines(keepends=True)
    for _ in range(data.draw(st.integers(1, 4))):
        first, second = (data.draw(st.integers(0, len(lines) - 1)) for _ in range(2))
        lines[first] = data.draw(st.sampled_from([lines[second], "", "a = 1\n", "x {\n", "}\n", 'y = ["a", 1]\n']))
    try:
        described("".join(lines))
    except (Damaged, Exhausted):
        return


@pytest.mark.parametrize(
    "text",
    [
        "a { " * 100_000,
        "a = [ " + "1, " * 1_000_000,
        " " * 4_000_000 + '"',
        "#" * 4_000_000,
        '"' + "\\" * 4_000_000,
        "\n#" * 1_000_000 + '"',
        "a = " + "9" * 1_000_000 + "\nb {",
    ],
    ids=["deep", "long list", "blanks", "comment", "string without end", "comments", "long number"],
)
def test_the_longest_texts_end_soon(text):
    with pytest.raises((Damaged, Exhausted)):
        described(text)
