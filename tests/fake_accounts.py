"""What the fake cloud is made of: customers' accounts, their log files, messages in queues, and the log of calls."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from cloudigrade.clouds.cloud import Account, Place, Proof
from cloudigrade.clouds.protocol import Batch, ImageDescription, InstanceDescription, Rejected

LOOKED_AT = 1_772_500_000
"""When the fake cloud looks and sends unless told otherwise."""


class Call(NamedTuple):
    """A call of one of the methods, and the account it was about."""

    method: str
    native_id: str = ""
    external_id: str = ""


class LogFile(NamedTuple):
    """A log file in a bucket."""

    region: str
    name: str
    """From AWSLogs/ on."""
    delivered_at: int
    batch: Batch


@dataclass(slots=True)
class Message:
    """A message in a queue: what it leads to, and how often it cannot be read just now."""

    place: Place
    batch: Batch = field(default_factory=Batch)
    unavailable: int = 0
    """So many receptions end with Unavailable for the object, which keeps the message."""
    rejected: tuple[Rejected, ...] = ()
    """The message itself cannot be read."""
    is_passed_over: bool = False
    sent_at: int = LOOKED_AT
    received: int = 0


@dataclass(slots=True)
class CustomerAccount:
    """An account as its owner set it up."""

    native_id: str
    external_id: str
    """That the role demands; empty: it lets in anybody."""
    role: str = "metering"
    partition: str = "aws"
    has_role: bool = True
    denied: tuple[str, ...] = ()
    """Actions that the policy does not allow."""
    bucket: str = ""
    """Where a trail of the owner's own logs; empty: there is none."""
    bucket_owner: str = ""
    """The account through whose role that bucket may be read; empty: this one."""
    has_our_trail: bool = False
    instances: dict[str, list[InstanceDescription]] = field(default_factory=dict)
    """By region; a region without instances is listed too if it is a key here."""
    images: dict[tuple[str, str], ImageDescription] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    """Why a region cannot be looked at."""
    log_files: list[LogFile] = field(default_factory=list)
    proofs: list[Proof] = field(default_factory=list)

    @property
    def arn(self) -> str:
        return f"arn:{self.partition}:iam::{self.native_id}:role/{self.role}"

    def as_account(self, external_id: str | None = None, details: Mapping[str, Any] | None = None) -> Account:
        """How a service would name it; with another external id on request."""
        return Account(
            self.native_id, self.arn, self.external_id if external_id is None else external_id, details or {}
        )
