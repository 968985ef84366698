"""A disk whose blocks are fetched when they are wanted: few, at once where one read wants several, and counted."""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

from cloudigrade.inspector.reading import Damaged, Exhausted, checked

MIB: Final = 1024 * 1024
LISTED: Final = 10_000
"""Blocks in a full list."""
_MOST_LISTS_KEPT: Final = 8
"""A full list takes about 2.5 MB."""


class TokenExpired(Exception):
    """The block must be listed anew before it can be had."""


class Blocks(Protocol):
    """A snapshot as its cloud gives it out: in blocks, of which those that were never written are absent."""

    @property
    def size(self) -> int:
        """Bytes of the volume."""

    @property
    def block_size(self) -> int:
        """Bytes of a block."""

    def page(self, start: int) -> tuple[Mapping[int, str], int | None]:
        """Tokens of written blocks from this one on, by number; and where the next page begins, None after the last."""

    def get(self, number: int, token: str) -> bytes:
        """The block; may raise TokenExpired."""


@dataclass(slots=True)
class Cost:
    """What fetching has cost, of all disks of an image together, and how much it may."""

    most_blocks: int = 4_000
    most_bytes: int = 2048 * MIB
    most_lists: int = 1_000
    lists: int = 0
    blocks: int = 0
    bytes: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def requests(self) -> int:
        """Of both kinds."""
        return self.lists + self.blocks

    def charge_list(self) -> None:
        """One more list may be asked for; raises Exhausted where none may."""
        with self._lock:
            if self.lists >= self.most_lists:
                raise Exhausted(f"more than {self.most_lists} lists of blocks")
            self.lists += 1

    def charge_block(self, size: int) -> None:
        """One more block may be fetched; raises Exhausted where none may."""
        with self._lock:
            if self.blocks >= self.most_blocks:
                raise Exhausted(f"more than {self.most_blocks} blocks to be fetched")
            if self.bytes + size > self.most_bytes:
                raise Exhausted(f"more than {self.most_bytes // MIB} MiB to be fetched")
            self.blocks += 1
            self.bytes += size


class _List(NamedTuple):
    """What was listed: the blocks from `start` to before `end`."""

    start: int
    end: int
    tokens: Mapping[int, str]


class BlockDisk:
    """A snapshot as a disk; one thread may read it at a time."""

    def __init__(self, source: Blocks, cost: Cost, *, cache: int = 24 * MIB, at_once: int = 8) -> None:
        self._source = source
        self._cost = cost
        self._at_once = at_once
        self._most_kept = max(cache // source.block_size, 1)
        self._kept: OrderedDict[int, bytes] = OrderedDict()
        self._lists: OrderedDict[int, _List] = OrderedDict()

    @property
    def size(self) -> int:
        """Bytes."""
        return self._source.size

    def read(self, offset: int, length: int, /) -> bytes:
        """Exactly so many bytes; blocks that were never written are zeros."""
        checked(self, offset, length)
        whole = bytearray(length)  # zeros
        size = self._source.block_size
        numbers = range(offset // size, (offset + length + size - 1) // size) if length else range(0)
        for first in range(numbers.start, numbers.stop, self._at_once):
            for number, block in self._blocks(range(first, min(first + self._at_once, numbers.stop))):
                start, end = max(offset, number * size), min(offset + length, (number + 1) * size)
                whole[start - offset : end - offset] = block[start - number * size : end - number * size]
        return bytes(whole)

    def _blocks(self, numbers: Iterable[int]) -> list[tuple[int, bytes]]:
        """Those that are written."""
        found: dict[int, bytes] = {}
        missing: list[tuple[int, str]] = []
        for number in numbers:
            if number in self._kept:
                self._kept.move_to_end(number)
                found[number] = self._kept[number]
            elif (token := self._token(number)) is not None:
                missing.append((number, token))
        found.update(self._fetched(missing))
        for number in found.keys() - self._kept.keys():
            self._kept[number] = found[number]
        while len(self._kept) > self._most_kept:
            self._kept.popitem(last=False)
        return list(found.items())

    def _fetched(self, wanted: list[tuple[int, str]]) -> dict[int, bytes]:
        for _ in wanted:
            self._cost.charge_block(self._source.block_size)
        try:
            return self._fetched_at_once(wanted)
        except TokenExpired:  # all were listed at about the same time
            self._lists.clear()
        fresh = [(number, token) for number, _ in wanted if (token := self._token(number)) is not None]
        return self._fetched_at_once(fresh)

    def _fetched_at_once(self, wanted: list[tuple[int, str]]) -> dict[int, bytes]:
        if len(wanted) <= 1:
            return {number: self._got(number, token) for number, token in wanted}
        with ThreadPoolExecutor(min(len(wanted), self._at_once)) as threads:
            blocks = list(threads.map(self._got, *zip(*wanted, strict=True)))
        return {number: block for (number, _), block in zip(wanted, blocks, strict=True)}

    def _got(self, number: int, token: str) -> bytes:
        block = self._source.get(number, token)
        size = self._source.block_size
        if len(block) < min(size, self.size - number * size):
            raise Damaged(f"block {number} has {len(block)} bytes")
        return block

    def _token(self, number: int) -> str | None:
        for listed in self._lists.values():
            if listed.start <= number < listed.end:
                self._lists.move_to_end(listed.start)
                return listed.tokens.get(number)
        return self._listed(number).tokens.get(number)

    def _listed(self, number: int) -> _List:
        """The list that tells of the block; lists begin at whole multiples, so that they do not overlap much."""
        start = number // LISTED * LISTED
        while True:
            self._cost.charge_list()
            tokens, following = self._source.page(start)
            end = self.size // self._source.block_size + 1 if following is None else following
            if end <= start:
                raise Damaged(f"the list of blocks from {start} on does not go on")
            listed = self._lists[start] = _List(start, end, tokens)
            while len(self._lists) > _MOST_LISTS_KEPT:
                self._lists.popitem(last=False)
            if number < end:
                return listed
            start = end
