"""A disk in blocks reads like the disk, and asks for no block twice, too many, or one that was never written."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudigrade.inspector import blocks
from cloudigrade.inspector.blocks import BlockDisk, Cost, TokenExpired
from cloudigrade.inspector.reading import Damaged, Exhausted

SIZE = 64
"""Bytes of a block here."""


class Source:
    """A snapshot in memory, which gives out lists of so many blocks."""

    block_size = SIZE

    def __init__(self, content, longest_list=10_000):
        self.content = content
        self.size = len(content)
        self.longest_list = longest_list
        self.pages = []
        self.gets = []
        self.generation = 0
        self.lock = threading.Lock()

    def written(self):
        numbers = range((self.size + SIZE - 1) // SIZE)
        return [number for number in numbers if any(self.block(number))]

    def block(self, number):
        return self.content[number * SIZE : (number + 1) * SIZE]

    def page(self, start):
        self.pages.append(start)
        numbers = [number for number in self.written() if number >= start]
        tokens = {number: f"{number}/{self.generation}" for number in numbers[: self.longest_list]}
        return tokens, numbers[self.longest_list] if len(numbers) > self.longest_list else None

    def get(self, number, token):
        with self.lock:
            self.gets.append(number)
        if token != f"{number}/{self.generation}":
            raise TokenExpired
        return self.block(number).ljust(SIZE, b"\0")


contents = st.lists(st.one_of(st.just(bytes(SIZE)), st.binary(min_size=SIZE, max_size=SIZE)), min_size=1, max_size=20)


@given(contents, st.binary(max_size=SIZE - 1), st.integers(1, 5), st.integers(1, 4), st.data())
def test_reads_like_the_disk_itself(parts, tail, longest_list, kept, data):
    content = b"".join(parts) + tail
    source = Source(content, longest_list)
    disk = BlockDisk(source, Cost(), cache=kept * SIZE, at_once=3)
    ranges = data.draw(st.lists(st.tuples(st.integers(0, len(content)), st.integers(0, len(content))), max_size=8))

    for one, other in ranges:
        start, end = min(one, other), max(one, other)
        assert disk.read(start, end - start) == content[start:end]


@pytest.mark.parametrize("range_", [(-1, 1), (0, 129), (128, 1), (0, -1)])
def test_ranges_beyond_the_disk_are_damage(range_):
    with pytest.raises(Damaged):
        BlockDisk(Source(bytes(128)), Cost()).read(*range_)


def test_a_block_is_fetched_once_while_it_is_kept():
    source = Source(b"a" * SIZE + bytes(SIZE) + b"c" * SIZE)
    cost = Cost()
    disk = BlockDisk(source, cost, cache=2 * SIZE)

    for _ in range(5):
        disk.read(0, 3 * SIZE)
        disk.read(10, 5)

    assert sorted(source.gets) == [0, 2]
    assert (cost.lists, cost.blocks, cost.bytes, cost.requests) == (1, 2, 2 * SIZE, 3)


def test_of_kept_blocks_the_one_that_was_read_longest_ago_goes_first():
    source = Source(b"abcd" * SIZE)
    disk = BlockDisk(source, Cost(), cache=2 * SIZE)

    for number in (0, 1, 0, 2, 0, 1):
        disk.read(number * SIZE, 1)

    assert source.gets == [0, 1, 2, 1]


def test_several_blocks_of_one_read_are_fetched_at_the_same_time():
    together = threading.Barrier(4, timeout=30)

    class Meeting(Source):
        def get(self, number, token):
            together.wait()
            return super().get(number, token)

    content = b"abcd" * SIZE

    assert BlockDisk(Meeting(content), Cost(), at_once=4).read(0, 4 * SIZE) == content


def test_lists_are_asked_for_only_where_something_is_read(monkeypatch):
    monkeypatch.setattr(blocks, "LISTED", 4)
    source = Source(b"x" * SIZE * 20, longest_list=4)
    disk = BlockDisk(source, Cost())

    disk.read(9 * SIZE, 1)
    disk.read(8 * SIZE, 4 * SIZE)
    disk.read(0, 1)

    assert source.pages == [8, 0]


def test_no_more_lists_are_kept_than_memory_allows(monkeypatch):
    monkeypatch.setattr(blocks, "LISTED", 1)
    source = Source(b"x" * SIZE * 100, longest_list=1)
    disk = BlockDisk(source, Cost(), cache=SIZE)

    disk.read(0, 100 * SIZE)

    assert len(disk._lists) == 8
    assert len(disk._kept) == 1


@pytest.mark.parametrize(
    ("cost", "reason"),
    [
        (Cost(most_blocks=2), "more than 2 blocks to be fetched"),
        (Cost(most_bytes=2 * SIZE), "more than 0 MiB to be fetched"),
        (Cost(most_lists=0), "more than 0 lists of blocks"),
    ],
)
def test_what_all_disks_of_an_image_may_cost_together_is_bounded(cost, reason):
    sources = [Source(b"x" * SIZE * 2), Source(b"y" * SIZE * 2)]
    one, other = (BlockDisk(source, cost) for source in sources)

    with pytest.raises(Exhausted, match=reason):
        one.read(0, 2 * SIZE), other.read(0, SIZE)

    assert sum(len(source.gets) for source in sources) == cost.blocks <= 2


def test_expired_tokens_are_listed_anew_once():
    source = Source(b"x" * SIZE * 3)
    disk = BlockDisk(source, Cost(), cache=SIZE)
    disk.read(0, SIZE)

    source.generation = 1
    assert disk.read(SIZE, 2 * SIZE) == b"x" * SIZE * 2

    assert source.pages == [0, 0]


def test_tokens_that_are_expired_when_they_are_given_are_a_failure():
    class Stale(Source):
        def get(self, _number, _token):
            raise TokenExpired

    source = Stale(b"x" * SIZE)
    with pytest.raises(TokenExpired):
        BlockDisk(source, Cost()).read(0, 1)

    assert source.pages == [0, 0]


def test_a_failure_of_the_source_leaves_as_it_is():
    failure = ConnectionError("the cloud is away")

    class Away(Source):
        def get(self, _number, _token):
            raise failure

    for length in (1, 3 * SIZE):
        with pytest.raises(ConnectionError) as raised:
            BlockDisk(Away(b"x" * SIZE * 3), Cost()).read(0, length)
        assert raised.value is failure


def test_a_list_that_does_not_go_on_is_damage():
    class Circling(Source):
        def page(self, start):
            return {}, start

    with pytest.raises(Damaged, match="does not go on"):
        BlockDisk(Circling(b"x" * SIZE), Cost()).read(0, 1)


def test_a_short_block_is_damage_but_at_the_end():
    class Short(Source):
        def get(self, number, token):
            return super().get(number, token)[: SIZE - 1]

    assert BlockDisk(Short(b"x" * (SIZE - 1)), Cost()).read(0, SIZE - 1) == b"x" * (SIZE - 1)
    with pytest.raises(Damaged, match="block 0 has 63 bytes"):
        BlockDisk(Short(b"x" * SIZE), Cost()).read(0, 1)
