"""What a cloud tells us, as values, and how it may fail."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

from cloudigrade.domain.events import Event
from cloudigrade.domain.problems import Problem


class CustomerProblem(Exception):
    """Only the customer can solve it; trying again changes nothing. The message is the reason, in one line."""

    def __init__(self, reason: str, problem: Problem = Problem.UNKNOWN) -> None:
        super().__init__(reason)
        self.problem = problem


class Unavailable(Exception):
    """The cloud does not answer just now; try again later."""


class NotSetUp(Unavailable):
    """Our own side lacks something, such as credentials; the message says what our operator must set.

    It is one of those that a service tries again, for what is set takes effect without anybody's doing.
    """


class Unreadable(Exception):
    """A file, document or record that could not be read; the message is the reason, in one line."""


class Absent(Unreadable):
    """There is nothing of that name, at least not yet."""


class InstanceActivity(NamedTuple):
    """An event of an instance, with what the cloud said of the instance on the way."""

    account: str
    """Native id of the cloud account, text with its leading zeros."""
    region: str
    instance: str
    """Native id of the instance."""
    event: Event
    image: str = ""
    """Native id of the image it boots from; empty where the cloud does not say."""


class TagChange(NamedTuple):
    """A tag of an image was set or removed by its account."""

    account: str
    region: str
    image: str
    key: str
    is_present: bool
    occurred_at: int
    """Whole seconds since 1970 UTC; 0 for a tag that a description lists without its time."""
    source_id: str
    revision: str = ""


class InstanceDescription(NamedTuple):
    """An instance as described: attributes as of now, and its last transitions as events."""

    account: str
    region: str
    instance: str
    image: str
    instance_type: str
    billing_code: str
    """Usage operation; empty where not described."""
    launched_at: int
    """LaunchTime: when the instance last went on; 0 where not described."""
    described_until: int
    """The latest time that the description speaks of: launch or transition; orders descriptions."""
    is_stop_undated: bool
    """It is off, and the cloud does not say since when."""
    events: tuple[Event, ...]


class ImageDescription(NamedTuple):
    """An image as its cloud describes it."""

    region: str
    """Empty where the description does not say."""
    image: str
    owner: str = ""
    name: str = ""
    architecture: str = ""
    platform: str = ""
    """`windows` or empty."""
    billing_code: str = ""
    platform_details: str = ""
    product_codes: tuple[tuple[str, str], ...] = ()
    """Pairs of product code and its type (`marketplace`, `devpay`)."""
    source_image: str = ""
    """Native id of the image it was copied from."""
    tags: tuple[str, ...] = ()
    """Keys of those tags that mean something to us: the describing account's own word."""


class TypeDefinition(NamedTuple):
    """The size of an instance type."""

    instance_type: str
    vcpu: int
    memory_mib: int


class Findings(NamedTuple):
    """What an inspection found on an image, as the inspector wrote it; not yet trusted."""

    image: str
    content: Mapping[str, Any]


class Rejected(NamedTuple):
    """A record or file that could not be read: what, why, and its content for a replay."""

    source: str
    """File or object it came from."""
    reason: str
    account: str = ""
    """Empty where it cannot be told."""
    content: bytes = b""
    """Of a record or message; a whole file stays where it is."""
    location: str = ""
    """Of a whole file: its path, or s3://bucket/key."""

    @property
    def is_file(self) -> bool:
        """Whether it is a whole file."""
        return not self.content


class FileRead(NamedTuple):
    """A log file that was read as a whole, as a digest may speak of it."""

    account: str
    region: str
    source: str
    """Its name, from AWSLogs/ on."""
    sha256: str
    """Of the content before compression, in hexadecimal."""


@dataclass(slots=True)
class Batch:
    """Everything read from a number of files, ready to be recorded in one transaction."""

    instances: list[InstanceActivity] = field(default_factory=list)
    tags: list[TagChange] = field(default_factory=list)
    described_instances: list[InstanceDescription] = field(default_factory=list)
    described_images: list[ImageDescription] = field(default_factory=list)
    definitions: list[TypeDefinition] = field(default_factory=list)
    findings: list[Findings] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    newest: dict[tuple[str, str], int] = field(default_factory=dict)
    """Time of the newest record of whatever kind, by account and region."""
    accounts: set[str] = field(default_factory=set)
    """Every account that something was read of."""
    read_sources: list[str] = field(default_factory=list)
    """The files that were read as a whole."""
    files: list[FileRead] = field(default_factory=list)
    """The same, with their hashes, where digests may vouch for them."""
    records_read: int = 0
    records_relevant: int = 0
    files_skipped: int = 0
    """Objects of other services, digests and the like."""

    def add(self, other: "Batch") -> None:
        """Everything in the other batch is in this one too."""
        for each in fields(self):
            mine, others = getattr(self, each.name), getattr(other, each.name)
            if isinstance(mine, list):
                mine.extend(others)
            elif isinstance(mine, set):
                mine.update(others)
            elif isinstance(mine, dict):
                mine.update({place: max(second, mine.get(place, 0)) for place, second in others.items()})
            else:
                setattr(self, each.name, mine + others)
