"""What all filesystems read through: kept blocks, bounded reads, and files in extents."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudigrade.inspector.filesystems.blocks import Blocks, Kept, Metered
from cloudigrade.inspector.filesystems.extents import Extent, Extents, Mapped
from cloudigrade.inspector.reading import Content, Damaged, Exhausted


def test_what_was_not_asked_for_the_longest_is_dropped():
    kept: Kept[str, int] = Kept(2)
    kept.keep("a", 1)
    kept.keep("b", 2)
    kept.get("a")
    kept.keep("c", 3)

    assert [kept.get(key) for key in "abc"] == [1, None, 3]


def test_a_volume_is_read_only_so_often():
    metered = Metered(Content(bytes(10)), most=2)
    metered.read(0, 1)
    metered.read(0, 1)

    with pytest.raises(Exhausted, match="too many reads"):
        metered.read(0, 1)


def test_a_block_is_read_once():
    blocks = Blocks(Metered(Content(b"aabbcc"), most=1), 2)

    assert [blocks.read(1), blocks.read(1)] == [b"bb", b"bb"]


def test_extents_that_follow_each_other_are_joined():
    found = Extents(100)
    found.add(Extent(0, 10, 2))
    found.add(Extent(2, 12, 1))
    found.add(Extent(5, 13, 1))
    found.add(Extent(6, 14, 3), written=False)

    assert found.found() == (Extent(0, 10, 3), Extent(5, 13, 1))


@pytest.mark.parametrize(
    ("extent", "message"),
    [
        (Extent(4, 0, 1), "out of order"),
        (Extent(5, 99, 2), "beyond the end"),
        (Extent(5, -1, 2), "beyond the end"),
    ],
)
def test_extents_that_cannot_be_are_damaged(extent, message):
    found = Extents(100)
    found.add(Extent(3, 0, 2))

    with pytest.raises(Damaged, match=message):
        found.add(extent)


def test_a_file_may_not_be_described_by_ever_more_blocks():
    found = Extents(100)
    for _ in range(4096):
        found.count_node()

    with pytest.raises(Exhausted, match="more than 4096 blocks"):
        found.count_node()


@st.composite
def mapped_files(draw: st.DrawFn) -> tuple[Mapped, bytes]:
    volume = bytes(draw(st.lists(st.integers(1, 255), min_size=40, max_size=40)))
    found, content, at = Extents(20), bytearray(60), 0
    while at < 20:
        at += draw(st.integers(0, 5))
        length = min(draw(st.integers(1, 4)), 20 - at)
        if length <= 0:
            break
        start = draw(st.integers(0, 20 - length))
        found.add(Extent(at, start, length))
        content[at * 2 : (at + length) * 2] = volume[start * 2 : (start + length) * 2]
        at += length
    size = draw(st.integers(0, 60))
    return Mapped(Content(volume), 2, found.found(), size), bytes(content[:size])


@given(mapped_files(), st.data())
def test_any_part_of_a_file_is_what_its_extents_hold_and_zeros_elsewhere(file, data):
    mapped, content = file
    offset = data.draw(st.integers(0, len(content)))
    length = data.draw(st.integers(0, len(content) - offset))

    assert mapped.read(offset, length) == content[offset : offset + length]


def test_a_file_cannot_be_read_beyond_its_end():
    with pytest.raises(Damaged, match="beyond the end at 3"):
        Mapped(Content(bytes(10)), 2, (), 3).read(2, 2)
