"""CloudTrail records in, activities out: which instances went on, off or changed, and which images were tagged."""

from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple

import msgspec

from cloudigrade.clouds.aws import bodies, identifiers, times
from cloudigrade.clouds.aws.bodies import Change, Said, TagWord
from cloudigrade.clouds.aws.cloudtrail import Record
from cloudigrade.clouds.protocol import InstanceActivity, TagChange, Unreadable
from cloudigrade.domain.events import Event, Kind


class Translation(NamedTuple):
    """What a relevant record says; a reason besides means that it is rejected, in part or as a whole."""

    instances: list[InstanceActivity]
    tags: list[TagChange]
    account: str
    reason: str = ""


class _Rule(NamedTuple):
    """Which services the name means something of, and how the bodies of such a record are read."""

    services: tuple[str, ...]
    read: Callable[[Record], Said | None]


class _Stamp(NamedTuple):
    """What all activities of one record have in common."""

    account: str
    region: str
    occurred_at: int
    source_id: str
    revision: str


def translate(record: Record) -> Translation | None:
    """What the record says of instances and images; None if it does not matter."""
    name = record.event_name
    if not name:
        return _rejected(record, "is no object with an event name")
    rule = _RULES.get(name)
    if rule is None or _is_set(record.error_code) or _is_set(record.error_message):
        return None
    if not record.event_source:
        return _rejected(record, f"{name} names no event source")
    if record.event_source not in rule.services:
        return None
    try:
        found = rule.read(record)
        return found and _stamped(record, found, _stamp(record))
    except Unreadable as problem:
        return _rejected(record, f"{name} {problem}")


def _stamped(record: Record, found: Said, stamp: _Stamp) -> Translation:
    return Translation(
        [_activity(change, stamp) for change in found.changes],
        [_tag_change(word, stamp) for word in found.tags],
        stamp.account,
        found.reason and f"{record.event_name} {found.reason}",
    )


def _rejected(record: Record, reason: str) -> Translation:
    return Translation([], [], identifiers.checked(record.account, identifiers.ACCOUNT), reason)


def _is_set(raw: msgspec.Raw) -> bool:
    return bytes(raw) not in {b"null", b'""'}


def _stamp(record: Record) -> _Stamp:
    account = identifiers.checked(record.account, identifiers.ACCOUNT)
    region = identifiers.checked(record.region, identifiers.REGION)
    occurred_at = times.parse_time(record.event_time)
    if not account:
        raise Unreadable("names no account of 12 digits")
    if not region:
        raise Unreadable("names no region")
    if occurred_at is None:
        raise Unreadable("has no valid event time")
    return _Stamp(account, region, occurred_at, *_identity(record))


def _identity(record: Record) -> tuple[str, str]:
    """Source id and revision: an addendum takes the place of the original, whichever is read first."""
    event_id = record.event_id or ""
    addendum = bodies.decoded(record.addendum)
    if addendum is None:
        return event_id, ""
    original = addendum.get("originalEventID") if isinstance(addendum, dict) else None
    return identifiers.checked(original, identifiers.EVENT) or event_id, f"{record.event_time}|{event_id}"


def _activity(change: Change, stamp: _Stamp) -> InstanceActivity:
    event = Event(
        source_id=stamp.source_id,
        occurred_at=stamp.occurred_at,
        kind=change.kind,
        previous=change.previous,
        is_launch=change.is_launch,
        is_termination=change.is_termination,
        instance_type=change.instance_type,
        revision=stamp.revision,
    )
    return InstanceActivity(stamp.account, stamp.region, change.instance, event, change.image)


def _tag_change(word: TagWord, stamp: _Stamp) -> TagChange:
    return TagChange(
        account=stamp.account,
        region=stamp.region,
        image=word.image,
        key=word.key,
        is_present=word.is_present,
        occurred_at=stamp.occurred_at,
        source_id=stamp.source_id,
        revision=stamp.revision,
    )


_EC2: Final = ("ec2.amazonaws.com",)
_AUTO_SCALING: Final = ("autoscaling.amazonaws.com", "ec2.amazonaws.com")

_RULES: Final = {
    "BidEvictedEvent": _Rule(_EC2, bodies.evicted),
    "CreateTags": _Rule(_EC2, partial(bodies.tagged, is_present=True)),
    "DeleteTags": _Rule(_EC2, partial(bodies.tagged, is_present=False)),
    "ModifyInstanceAttribute": _Rule(_EC2, bodies.modified),
    "RunInstances": _Rule(_EC2, bodies.launched),
    "StartInstances": _Rule(_EC2, partial(bodies.switched, change=Change("", Kind.POWER_ON))),
    "StopInstances": _Rule(_EC2, partial(bodies.switched, change=Change("", Kind.POWER_OFF))),
    "TerminateInstances": _Rule(_EC2, partial(bodies.switched, change=bodies.TERMINATION)),
    "TerminateInstanceInAutoScalingGroup": _Rule(_AUTO_SCALING, bodies.released),
}
