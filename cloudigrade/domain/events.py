"""What happened to an instance: the facts that runs are built from, free of duplicates."""

from collections.abc import Iterable
from enum import IntEnum
from operator import attrgetter
from typing import NamedTuple


class Kind(IntEnum):
    """What an event changes."""

    POWER_ON = 1
    POWER_OFF = 2
    ATTRIBUTE_CHANGE = 3


WIRE_NAMES = {
    Kind.POWER_ON: "power_on",
    Kind.POWER_OFF: "power_off",
    Kind.ATTRIBUTE_CHANGE: "attribute_change",
}


class Feed(IntEnum):
    """Who reported the event; the lowest number knows its time best."""

    CLOUDTRAIL = 1
    TRANSITION_NOTICE = 2  # EventBridge: pending, stopping, shutting-down
    STATE_NOTICE = 3  # EventBridge: running, stopped, terminated
    DESCRIPTION = 4
    ESTIMATE = 5  # between two looks: the cloud does not say when


class Previous(IntEnum):
    """The state before the event, as the cloud gave it."""

    UNKNOWN = 0
    ON = 1  # pending, running
    OFF = 2  # stopping, stopped
    GONE = 3  # shutting-down, terminated


class Event(NamedTuple):
    """One change of one instance. A tuple, because millions of them pass through one recalculation."""

    source_id: str
    """Deterministic: the same fact, read again, has the same one."""
    occurred_at: int
    """The cloud's time in whole seconds since 1970 UTC, rounded down."""
    kind: Kind
    feed: Feed = Feed.CLOUDTRAIL
    previous: Previous = Previous.UNKNOWN
    is_launch: bool = False
    """The instance did not exist before."""
    is_termination: bool = False
    """The instance does not exist afterwards."""
    instance_type: str = ""
    """In force from this event on; empty: the event says nothing of it."""
    billing_code: str = ""
    """In force from this event on; empty: the event says nothing of it."""
    revision: str = ""
    """Orders the versions of one source_id: empty for the original, an addendum's sorts after it."""
    earliest: int = 0
    """Of an estimate: it happened after this second; 0 for what has an exact time."""
    latest: int = 0
    """Of an estimate: it happened in this second or before it; 0 for what has an exact time."""


def distinct(events: Iterable[Event]) -> list[Event]:
    """One event per source_id, in its highest revision."""
    newest: dict[str, Event] = {}
    for event in events:
        known = newest.get(event.source_id)
        newest[event.source_id] = event if known is None else merged(known, event)
    return list(newest.values())


def merged(one: Event, other: Event) -> Event:
    """What two tellings of one source_id come to, whichever is heard first: the higher revision.

    Of the same revision each value is the greater one: of two descriptions of one launch, one may know what the other
    does not.
    """
    if one == other:
        return one
    if one.revision != other.revision:
        return max(one, other, key=attrgetter("revision"))
    return Event._make(map(max, one, other))


def estimate(instance: str, kind: Kind, *, launched_at: str, within: tuple[int, int], is_gone: bool = False) -> Event:
    """A transition that nobody dated: it happened after the first of these seconds, and not after the second.

    Its time is the middle, so that it is wrong by half of the interval at most. Told again with a narrower interval,
    that one holds. `launched_at` is the time of the launch that it belongs to, as text.
    """
    earliest, latest = within
    direction = "on" if kind == Kind.POWER_ON else "off"
    return Event(
        source_id=f"estimate:{instance}:{launched_at}:{direction}",
        occurred_at=(earliest + latest + 1) // 2,
        kind=kind,
        feed=Feed.ESTIMATE,
        is_termination=is_gone,
        revision=f"{_WIDEST - (latest - earliest):012d}",
        earliest=earliest,
        latest=latest,
    )


_WIDEST = 999_999_999_999
