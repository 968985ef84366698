"""A disk behind pages reads like the disk, and asks it less."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudigrade.inspector import caching
from cloudigrade.inspector.caching import LONGEST_KEPT, PAGE, Cached, Counted
from cloudigrade.inspector.reading import Content, Damaged

SIZE = 20 * PAGE + 123
DISK = Content(bytes(number * 7 % 251 for number in range(1000)) * (SIZE // 1000) + bytes(SIZE % 1000))


@given(st.lists(st.tuples(st.integers(0, SIZE), st.one_of(st.integers(0, 100), st.integers(0, SIZE))), max_size=10))
def test_reads_like_the_disk_itself(ranges):
    disk = Cached(DISK)

    for offset, length in ranges:
        wanted = min(length, SIZE - offset)
        assert disk.read(offset, wanted) == DISK.content[offset : offset + wanted]


def test_small_reads_near_each_other_are_one():
    counted = Counted(DISK)
    disk = Cached(counted)

    for offset in range(0, PAGE, 100):
        disk.read(offset, 50)

    assert (counted.reads, counted.bytes_read) == (1, PAGE)


def test_missing_pages_side_by_side_are_read_at_once():
    counted = Counted(DISK)
    disk = Cached(counted)
    disk.read(2 * PAGE, 1)

    disk.read(0, 5 * PAGE)

    assert (counted.reads, counted.bytes_read) == (3, 5 * PAGE)


def test_long_reads_are_not_kept():
    counted = Counted(DISK)
    disk = Cached(counted)

    disk.read(0, LONGEST_KEPT + 1)
    disk.read(0, LONGEST_KEPT + 1)

    assert counted.reads == 2
    assert disk._pages == {}


def test_no_more_pages_are_kept_than_memory_allows(monkeypatch):
    monkeypatch.setattr(caching, "MOST_PAGES", 3)
    disk = Cached(DISK)

    disk.read(0, LONGEST_KEPT)

    assert list(disk._pages) == [13, 14, 15]


@pytest.mark.parametrize("range_", [(-1, 1), (0, SIZE + 1), (SIZE, 1), (0, -1)])
def test_ranges_beyond_the_disk_are_damage(range_):
    with pytest.raises(Damaged):
        Cached(DISK).read(*range_)
