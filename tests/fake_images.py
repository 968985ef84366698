"""The second protocol of the fake cloud: disks of images, and inspectors beside copies of them.

Honest like the first: an account sees what it was given to see, what was made stays until it is removed, and what was
made for an attempt is made once however often it is asked for. `tests/contracts/test_inspecting.py` holds it to the
same tests as the real one.
"""

from abc import abstractmethod
from collections import deque
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from cloudigrade.clouds.cloud import Account
from cloudigrade.clouds.inspecting import (
    MACHINE,
    Blocks,
    Decided,
    ImageDisks,
    Outcome,
    Reaped,
    Result,
    ResultDelivery,
    Snapshot,
    Step,
    Subject,
)
from cloudigrade.clouds.protocol import Absent, CustomerProblem, Unreadable
from cloudigrade.domain.problems import Problem

BLOCK = 512 * 1024
PAGE = 10_000
"""Blocks in a list, at most."""
LOOK, DIRECT = "ec2:DescribeImages", "ebs:GetSnapshotBlock"
SHARE, COPY, LAUNCH = "share", "copy", "launch"
OURS = "999999999999"
ORDER = (SHARE, COPY, LAUNCH)
"""What a copy takes, one thing a step; what is shared is withdrawn again before the last one (C31, C32)."""
KINDS = {SHARE: "share", COPY: "snapshot", LAUNCH: "instance"}
"""What the protocol calls them."""


class Made(NamedTuple):
    """Something of ours in a cloud."""

    kind: str
    inspection: int
    attempt: int
    deadline: int
    account: str
    region: str

    @property
    def native_id(self) -> str:
        return f"{self.kind}-{self.inspection}-{self.attempt}"


@dataclass(slots=True)
class FakeBlocks:
    """A snapshot in blocks, those of zeros absent."""

    cloud: "FakeImages"
    account: Account
    snapshot: str
    size: int
    block_size: int = BLOCK

    def page(self, start: int) -> tuple[Mapping[int, str], int | None]:
        with self.cloud._called("page", self.account):
            content = self._content()
            numbers = range(start, -(-len(content) // BLOCK))
            written = [number for number in numbers if any(_block(content, number))]
            listed = written[:PAGE]
            return {each: f"token-{each}" for each in listed}, listed[-1] + 1 if len(written) > PAGE else None

    def get(self, number: int, token: str) -> bytes:  # noqa: ARG002 - one that has expired is as good: it lists anew
        with self.cloud._called("get", self.account):
            block = _block(self._content(), number)
            if not any(block):
                raise Unreadable(f"{self.snapshot}: block {number} is not listed")
            return block

    def _content(self) -> bytes:
        self.cloud._require(self.account, DIRECT)
        return self.cloud._content(self.snapshot)


def _block(content: bytes, number: int) -> bytes:
    return content[number * BLOCK : (number + 1) * BLOCK].ljust(BLOCK, b"\0")


@dataclass(slots=True)
class Disks:
    """What there is of images and inspectors."""

    seen: dict[tuple[str, str, str], ImageDisks | Decided] = field(default_factory=dict)
    """By account, region and image."""
    contents: dict[str, bytes] = field(default_factory=dict)
    """Of snapshots, by their ids."""
    made: dict[tuple[str, int, int], Made] = field(default_factory=dict)
    written: deque[ResultDelivery] = field(default_factory=deque)
    """Messages of results that nobody has acknowledged."""
    launched: list[tuple[int, int]] = field(default_factory=list)
    """Every inspector that ever began: inspection and attempt."""
    most: int = 0
    """Copies that were there at one time."""


class FakeImages:
    """Implements `clouds.inspecting.InspectsImages`."""

    disks: Disks

    @abstractmethod
    def _called(self, method: str, account: Account | None = None) -> AbstractContextManager[None]:
        """Of the fake cloud."""

    @abstractmethod
    def _opened(self, account: Account) -> Any:
        """Likewise."""

    # What tests say

    def show(
        self,
        native_id: str,
        region: str,
        image: str,
        *snapshots: str,
        is_public: bool = False,
    ) -> ImageDisks:
        """The account sees the image, which has these snapshots; the first is its root's."""
        found = ImageDisks(
            tuple(
                Snapshot(
                    name,
                    f"/dev/sd{chr(97 + place)}",
                    4 * BLOCK,
                    is_encrypted=False,
                    owner=native_id,
                    is_root=place == 0,
                )
                for place, name in enumerate(snapshots or (f"snap-{image}",))
            ),
            is_public,
        )
        self.disks.seen[native_id, region, image] = found
        for snapshot in found.snapshots:
            self.disks.contents.setdefault(snapshot.native_id, b"\1" * BLOCK)
        return found

    def say(self, native_id: str, region: str, image: str, outcome: Outcome, reason: str) -> None:
        """The cloud says so of the image without a look at its disks."""
        self.disks.seen[native_id, region, image] = Decided(outcome, reason)

    def write(self, *results: Result, **more: Any) -> ResultDelivery:
        """An inspector has written these results, of which one message tells."""
        self.disks.written.append(ResultDelivery(list(results), **more))
        return self.disks.written[-1]

    # The protocol

    def look(self, account: Account, region: str, image: str) -> ImageDisks | Decided:
        with self._called("look", account):
            self._require(account, LOOK)
            gone = Decided(Outcome.GONE, f"{image} is not there")
            return self.disks.seen.get((account.native_id, region, image), gone)

    def blocks(self, account: Account, region: str, snapshot: Snapshot) -> Blocks:  # noqa: ARG002 - the protocol's
        with self._called("blocks", account):
            self._opened(account)  # all else is said of the first thing that is read
            return FakeBlocks(self, account, snapshot.native_id, snapshot.size)

    def copy(self, subject: Subject, progress: Mapping[str, Any], *, now: int) -> Step | Decided:
        with self._called("copy", subject.account):
            if now >= subject.deadline:
                raise Unreadable("too late")
            done = progress.get("done", 0)
            if done == len(ORDER):
                return Step(progress, None)
            kind = ORDER[done]
            self._prepare(kind, subject)
            self._make(kind, subject)
            if kind == LAUNCH:
                return Step({"done": done + 1, MACHINE: f"i-{subject.inspection}-{subject.attempt}"}, None)
            return Step({"done": done + 1}, 30)

    def abandon(self, subject: Subject, progress: Mapping[str, Any], *, now: int) -> Step | None:  # noqa: ARG002 - the protocol's
        with self._called("abandon", subject.account):
            left = [key for key, made in self.disks.made.items() if made.inspection == subject.inspection]
            if not left:
                return None
            if self.disks.made[left[-1]].kind == SHARE:
                self._require(subject.account, SHARE)
            del self.disks.made[left[-1]]
            return Step({**progress, "left": len(left) - 1}, 30) if len(left) > 1 else None

    def results(self) -> Iterator[AbstractContextManager[ResultDelivery]]:
        with self._called("results"):
            for delivery in list(self.disks.written):
                yield self._result(delivery)

    def reap(self, accounts: Collection[Account], *, alive: Collection[int], now: int) -> Iterator[Reaped]:
        with self._called("reap"):
            searched = {account.native_id for account in accounts} | {OURS}
            for key, made in list(self.disks.made.items()):
                if made.account in searched and (made.inspection not in alive or made.deadline <= now):
                    del self.disks.made[key]
                    yield Reaped(KINDS[made.kind], made.native_id, made.account, made.region)

    # What they need

    @contextmanager
    def _result(self, delivery: ResultDelivery) -> Iterator[ResultDelivery]:
        yield delivery
        self.disks.written.remove(delivery)

    def _content(self, snapshot: str) -> bytes:
        if snapshot not in self.disks.contents:
            raise Absent(f"snapshot {snapshot} is not there any more")
        return self.disks.contents[snapshot]

    def _require(self, account: Account, action: str) -> None:
        if action in self._opened(account).denied:
            raise CustomerProblem(f"denied: {action}", Problem.POLICY_TOO_NARROW)

    def _prepare(self, kind: str, subject: Subject) -> None:
        """What there has to be for it is there, and what has to be gone is gone."""
        if kind == SHARE:
            self._require(subject.account, SHARE)
            for snapshot in subject.snapshots:
                self._content(snapshot.native_id)
        elif kind == LAUNCH and (SHARE, subject.inspection, subject.attempt) in self.disks.made:
            self._require(subject.account, SHARE)
            del self.disks.made[SHARE, subject.inspection, subject.attempt]

    def _make(self, kind: str, subject: Subject) -> None:
        key = (kind, subject.inspection, subject.attempt)
        if key in self.disks.made:
            return
        where = subject.account.native_id if kind == SHARE else OURS
        self.disks.made[key] = Made(kind, subject.inspection, subject.attempt, subject.deadline, where, subject.region)
        if kind == LAUNCH:
            self.disks.launched.append((subject.inspection, subject.attempt))
        self.disks.most = max(self.disks.most, len({made.inspection for made in self.disks.made.values()}))
