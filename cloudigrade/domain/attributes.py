"""What was in force when: the instance type and billing code of one instance over time."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import NamedTuple

from cloudigrade.domain.events import Event, Kind


class Timeline(NamedTuple):
    """A value that changes at known seconds."""

    before: str
    """In force until the first change."""
    changes: Sequence[int]
    """Seconds since 1970, ascending and distinct."""
    values: Sequence[str]
    """In force from the change at the same place on."""

    def at(self, second: int) -> str:
        """The value in force in that second."""
        place = bisect_right(self.changes, second)
        return self.values[place - 1] if place else self.before


def instance_types(events: Iterable[Event], described: str) -> Timeline:
    """The type over time; before its first known value the described one, if the type changed no later."""
    known = _known(events, attrgetter("instance_type"))
    changed = any(event.kind == Kind.ATTRIBUTE_CHANGE or event.instance_type != described for event in known)
    return _timeline(known, attrgetter("instance_type"), before="" if changed else described)


def billing_codes(events: Iterable[Event], described: str, *, first_on: int) -> Timeline:
    """The instance's own billing code over time, each from its change on.

    A first code that came with the launch (not later than `first_on`) holds from the beginning: clouds stamp it seconds
    after the launch itself.
    """
    known = _known(events, attrgetter("billing_code"))
    if not known:
        return Timeline(described, (), ())
    timeline = _timeline(known, attrgetter("billing_code"), before="")
    return timeline._replace(before=timeline.values[0]) if timeline.changes[0] <= first_on else timeline


def _known(events: Iterable[Event], value: Callable[[Event], str]) -> list[Event]:
    """The events that give a value, in order; at one second a better feed and a start have the last word."""
    known = [event for event in events if value(event)]
    if len(known) > 1:
        known.sort(key=lambda e: (e.occurred_at, -e.feed, e.kind == Kind.POWER_ON, e.source_id))
    return known


def _timeline(known: Iterable[Event], value: Callable[[Event], str], *, before: str) -> Timeline:
    at_second = {event.occurred_at: value(event) for event in known}
    return Timeline(before, tuple(at_second), tuple(at_second.values()))
