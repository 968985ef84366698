"""What we ask of a cloud whose images' disks can be looked into: a second protocol, which a cloud need not answer to.

`isinstance(cloud, InspectsImages)` tells. As with the first, implementations never see the database and raise the
three failures of `protocol` only.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, NamedTuple, Protocol, runtime_checkable

from cloudigrade.clouds.cloud import Account
from cloudigrade.clouds.protocol import Rejected


class Outcome(StrEnum):
    """What is decided of an image without looking at its disks."""

    SETTLED = "settled"
    """Windows, marketplace, Cloud Access: what the cloud says of it is enough."""
    IMPOSSIBLE = "impossible"
    """Its storage cannot be read by anybody we may act as."""
    GONE = "gone"
    """Its cloud does not know it."""


class Decided(NamedTuple):
    """No look at the disks is needed, or none is possible."""

    outcome: Outcome
    reason: str
    """In one line."""


class Snapshot(NamedTuple):
    """The content of one of an image's disks."""

    native_id: str
    device: str
    """Where the image has it, such as /dev/sda1."""
    size: int
    """Bytes of the volume."""
    is_encrypted: bool
    owner: str
    """Native id of its account; empty where not told."""
    is_root: bool


class ImageDisks(NamedTuple):
    """All disks of an image, the root's first."""

    snapshots: tuple[Snapshot, ...]
    is_public: bool
    """Anybody may boot from the image."""

    @property
    def content(self) -> str:
        """The same for two images with the same disks."""
        return " ".join(sorted(snapshot.native_id for snapshot in self.snapshots))


class Disk(Protocol):
    """A disk that can be read where it is; the inspector's reader has the same shape."""

    @property
    def size(self) -> int:
        """Bytes."""

    def read(self, offset: int, length: int, /) -> bytes:
        """Exactly so many bytes."""


class Blocks(Protocol):
    """A snapshot as its cloud gives it out: in blocks, of which those that were never written are absent."""

    size: int
    """Bytes of the volume."""
    block_size: int

    def page(self, start: int) -> tuple[Mapping[int, str], int | None]:
        """Tokens of written blocks from this one on, by number; and where the next page begins, None after the last."""

    def get(self, number: int, token: str) -> bytes:
        """The block; checked against the cloud's checksum."""


class Subject(NamedTuple):
    """An image that is to be inspected by way of a copy, and through whom."""

    inspection: int
    """Our number of the inspection; everything that is made for it carries it."""
    attempt: int
    """From 1 on; what is made once for an attempt is made anew for the next one."""
    deadline: int
    """Seconds since 1970, when nobody waits for it any more; everything that is made for it carries this too."""
    account: Account
    region: str
    image: str
    snapshots: tuple[Snapshot, ...]


MACHINE: Final = "machine"
"""In the progress of a copy: native id of what looks at it, once that is there. All else is its cloud's to read."""


class Step(NamedTuple):
    """How far a copy has come."""

    progress: Mapping[str, Any]
    """To be stored, and given to the next step."""
    again_in: int | None
    """Seconds until the next step; None: the copy is being inspected, and its result comes by itself."""


class Result(NamedTuple):
    """What an inspector that ran elsewhere says of one image."""

    image: str
    content: Mapping[str, Any]
    """The inspector's object of that image; not yet trusted."""
    source: str
    """Where the result lies."""
    writer: str = ""
    """Native id of the machine that put it there, by the cloud's word and not its own; empty where not told."""


@dataclass(slots=True)
class ResultDelivery:
    """Results taken from a queue."""

    results: list[Result] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)


class Reaped(NamedTuple):
    """What outlived its time and is gone now."""

    kind: str
    """Instance, snapshot, image or share."""
    native_id: str
    account: str
    region: str


@runtime_checkable
class InspectsImages(Protocol):
    """A cloud whose images can be looked into."""

    def look(self, account: Account, region: str, image: str) -> ImageDisks | Decided:
        """The image's disks as the account sees them, or why they are not to be looked at."""

    def blocks(self, account: Account, region: str, snapshot: Snapshot) -> Blocks:
        """The snapshot, to be read where it is; raises CustomerProblem where the account does not allow it."""

    def copy(self, subject: Subject, progress: Mapping[str, Any], *, now: int) -> Step | Decided:
        """One more step towards an inspector of ours that looks at copies of the disks, or why none is needed.

        Safe to repeat with the same progress: a step whose progress was lost makes nothing twice. Raises
        CustomerProblem, Unavailable, or Unreadable for a copy that can never be made.
        """

    def abandon(self, subject: Subject, progress: Mapping[str, Any], *, now: int) -> Step | None:
        """One more step towards nothing being left of the copy, in our account and the customer's; None: nothing is.

        Safe to repeat, from whatever progress: what a lost step has made is found by its number. Raises CustomerProblem
        where the account no longer lets us in, and Unavailable.
        """

    def results(self) -> Iterator[AbstractContextManager[ResultDelivery]]:
        """What our inspectors have written; leaving a block without an error acknowledges it."""

    def reap(self, accounts: Collection[Account], *, alive: Collection[int], now: int) -> Iterator[Reaped]:
        """Whatever we made for inspections that are not alive, or past its deadline, is gone from everywhere."""
