"""What we ask of a cloud: one protocol, which every folder here answers to, and so does the fake of the tests."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, NamedTuple, Protocol

from cloudigrade.clouds.protocol import Batch, InstanceDescription, Rejected, TypeDefinition


class Account(NamedTuple):
    """A customer's cloud account, and all that opens it."""

    native_id: str
    credentials: str
    """No secret; AWS: ARN of the role."""
    external_id: str
    """The customer's own; never empty where a customer's account is opened."""
    details: Mapping[str, Any] = {}
    """What `connect` found out; means something to its cloud alone."""
    reader: "Account | None" = None
    """Through whom its log files are read, where its details name somebody; None: we may read them ourselves."""


class Instructions(NamedTuple):
    """What a customer needs to let us in."""

    principal: str
    """Who we are in that cloud; AWS: our account id."""
    external_id: str
    policy: Mapping[str, Any]
    trust_policy: Mapping[str, Any]
    launch_link: str
    """Opens the console with the template filled in."""


class Trail(NamedTuple):
    """What logs an account's activity, and where to."""

    name: str
    """AWS: ARN of the trail."""
    bucket: str
    is_ours: bool
    """We made it, and disconnecting removes it; else it was there before us."""


class Route(NamedTuple):
    """Whose feed a place of storage is, and through whom it may be read."""

    owner: int
    """The customer, as a number that means nothing to the cloud."""
    reader: Account | None = None
    """None: we may read it ourselves."""


Place = tuple[str, str]
"""Where a log file lies (AWS: bucket) and the account that it speaks of."""

NOTICES: Final = "eventbridge"
"""Stands in the place of a notice, which lies nowhere, for where."""

Router = Callable[[Collection[Place]], Mapping[Place, Route]]
"""Tells for each place that a connected account logs to whose it is; places that nobody connected are left out."""


@dataclass(slots=True)
class Delivery:
    """Messages taken from a queue, with all that they led to."""

    queue: str
    batches: dict[int, Batch] = field(default_factory=dict)
    """What is to be recorded, by owner."""
    rejected: list[Rejected] = field(default_factory=list)
    """Messages that cannot be read, of whomever."""
    messages: int = 0
    foreign: int = 0
    """Objects and notices of accounts that nobody connected: acknowledged and counted."""
    passed_over: int = 0
    """Test messages, digests, other services' objects: acknowledged and counted."""
    left: int = 0
    """Messages that stay in the queue, because something could not be read just now."""
    oldest_at: int | None = None
    """When the oldest of the messages was sent, in seconds since 1970."""


class QueueLength(NamedTuple):
    """A queue of ours."""

    name: str
    waiting: int
    dead: int
    """Messages in its dead-letter queue."""


class RegionSweep(NamedTuple):
    """What runs in one region of an account."""

    region: str
    looked_at: int
    """Seconds since 1970, before the first request was sent."""
    instances: list[InstanceDescription]
    """All that the cloud lists, whatever their state."""
    images: Batch
    """Descriptions of the images that they boot from."""
    problem: str = ""
    """Why the region could not be looked at; nothing follows from its lists then."""


class Unknown(NamedTuple):
    """Things of a region that we know by name only."""

    instances: Sequence[str] = ()
    images: Sequence[str] = ()


class MissingFile(NamedTuple):
    """A log file that a digest names and that was not read, or not as the digest has it."""

    region: str
    source: str
    """Its name, from AWSLogs/ on."""
    location: str
    sha256: str
    oldest_at: int
    newest_at: int
    """Times of its records, in seconds since 1970."""


class Proof(NamedTuple):
    """What the next digests of one region say."""

    region: str
    proven_until: int
    """Everything delivered until then is named by a digest whose signature and chain hold."""
    files: Sequence[MissingFile]
    """Every log file that they name."""
    details: Mapping[str, Any]
    """Where the next proof goes on."""
    break_at: tuple[int, int] | None = None
    """A period [start, end) for which no digest holds: missing, altered or unsigned."""
    reason: str = ""
    """Why nothing holds for the break, or, without one, why nothing later is proven yet."""
    begins_at: int = 0
    """Since when its digests vouch for what was delivered."""
    mended: Sequence[tuple[int, int]] = ()
    """Earlier breaks for which digests hold by now."""


class Cloud(Protocol):
    """A public cloud; implementations never see the database, and raise the three failures of `protocol` only."""

    name: ClassVar[str]

    def parse_credentials(self, text: str) -> tuple[str, str]:
        """Native id and exact spelling of what opens an account; raises CustomerProblem."""

    def instructions(self, *, external_id: str, partition: str = "") -> Instructions:
        """How the customer lets us in."""

    def verify(self, account: Account) -> None:
        """We may read what metering needs, and nobody could without the external id; raises CustomerProblem."""

    def connect(self, account: Account, *, readers: Sequence[Account] = ()) -> Mapping[str, Any]:
        """The account's activity is logged where we may read it; the details to keep. Safe to repeat.

        `readers` are verified accounts of the same customer: the logs may lie in one of those.
        """

    def disconnect(self, account: Account) -> None:
        """Whatever we created in the account is gone, and nothing else; gone before is no error."""

    def places(self, account: Account) -> Collection[Place]:
        """Where the account logs to, from its details."""

    def trail(self, account: Account) -> Trail | None:
        """What logs the account's activity, from its details; None before it is connected."""

    def deliveries(self, router: Router, *, most: int | None = None) -> Iterator[AbstractContextManager[Delivery]]:
        """What waits in our queues; leaving a block without an error acknowledges what was read.

        Until none waits, or so many at most: whoever knows that says it, and nothing is taken in vain.
        """

    def queues(self) -> Iterable[QueueLength]:
        """How much waits."""

    def redrive(self, queue: str) -> int:
        """The dead letters of the queue wait in it again; their number. Raises Unreadable for no queue of ours."""

    def reread(self, item: Rejected, router: Router, owner: Route | None = None) -> Delivery:
        """What says a file or record of the owner, or a message of whomever, that could not be read before.

        Raises Unreadable where it still cannot be read, Unavailable or CustomerProblem.
        """

    def sweep(self, account: Account) -> Iterator[RegionSweep]:
        """What runs, region by region; a region that cannot be looked at says why, and the others go on."""

    def describe(self, account: Account, unknown: Mapping[str, Unknown]) -> Batch:
        """Descriptions of what the cloud still knows of these, by region; whatever vanished is left out."""

    def log_files(
        self, account: Account, *, since: int, until: int, known: Callable[[Collection[str]], Collection[str]]
    ) -> Iterator[Batch]:
        """What the account's log files delivered in [since, until) hold, oldest day first, but for the known ones.

        `known` says which of these names need not be read (a mapping where their sizes are known); each batch ends with
        a whole day of one region or earlier.
        """

    def read_files(self, account: Account, locations: Collection[str]) -> Batch:
        """What these log files hold, named by location or source; raises Unavailable. What is not there is rejected."""

    def prove(
        self, account: Account, positions: Mapping[str, Mapping[str, Any]], *, since: int, now: int
    ) -> Iterator[Proof]:
        """What digests say that were written after these positions (by region; a new region begins at `since`)."""

    def definitions(self) -> Iterable[TypeDefinition]:
        """The size of every instance type of every region we may see."""
