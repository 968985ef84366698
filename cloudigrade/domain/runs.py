"""The events of one instance in, the periods in which it was on out.

The rules, in the order in which they apply:

1. An event whose previous state already is its result changes nothing; it only testifies to the state before it.
2. Transitions of one direction within `SAME_TRANSITION` seconds of the first of them, none opposite between, are one.
   Its time is the earliest that the best feed among them gives.
3. Within one second: if it was on, first off, then on; if it was off, first on, then off; a termination last, and
   nothing after it counts.
4. What is on before its first event was on since the metering began, or since a described launch after that.
5. A description counts after the last event, or where it explains how the state that an event testifies to came about.
   Otherwise a contradiction moves no boundary: the state stays, and the contradiction is reported as drift.
6. An estimate counts like a description, unless an exact transition of its direction lies within its interval.
7. Nothing counts in the periods in which the account was not metered.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from cloudigrade.domain.attributes import Timeline, billing_codes, instance_types
from cloudigrade.domain.days import instant
from cloudigrade.domain.events import Event, Feed, Kind, Previous, distinct

SAME_TRANSITION = 300
"""Seconds within which two reports of one direction are one transition."""

# looked up millions of times: a module's name costs a fraction of an enumeration's
_ON, _OFF, _CHANGE = Kind.POWER_ON, Kind.POWER_OFF, Kind.ATTRIBUTE_CHANGE
_UNTOLD, _WAS_ON, _WAS_GONE = Previous.UNKNOWN, Previous.ON, Previous.GONE
_DESCRIPTION, _ESTIMATE = Feed.DESCRIPTION, Feed.ESTIMATE

Period = tuple[int, int | None]
"""Half-open, in seconds since 1970; no end: not ended yet."""


class Run(NamedTuple):
    """A half-open period [start, end) of one instance with one type and one billing code."""

    start: int
    end: int | None
    """None: still on."""
    instance_type: str
    """Empty: not known."""
    billing_code: str
    """The instance's own; empty: not known, the image's holds."""


class Described(NamedTuple):
    """What the newest description of an instance says beyond its transitions."""

    instance_type: str = ""
    billing_code: str = ""
    undated_stop_launch: int | None = None
    """It was found off after this launch, without a time."""


class History(NamedTuple):
    """The runs of an instance in order, and the contradictions that no fact resolves."""

    runs: list[Run]
    drift: list[str]


UNDESCRIBED = Described()


def history(
    events: Iterable[Event], *, metered_from: int, described: Described = UNDESCRIBED, unmetered: Sequence[Period] = ()
) -> History:
    """The runs that any set of events adds up to, whatever their order and however often they are repeated."""
    known = distinct(events)
    periods, drift = _periods(known, metered_from, described.undated_stop_launch)
    for hole in unmetered:
        periods = _without(periods, hole)
    if not periods:
        return History([], drift)
    types = instance_types(known, described.instance_type)
    codes = billing_codes(known, described.billing_code, first_on=periods[0][0] + SAME_TRANSITION)
    return History(_split(periods, types, codes), drift)


class _Transition(NamedTuple):
    """One change of direction, or (direction None) mere testimony to the state before."""

    at: int
    turns_on: bool | None
    was_on: bool | None
    """What the cloud said of the state before; None: nothing."""
    is_termination: bool


@dataclass(slots=True)
class _Meter:
    """The state while walking through the transitions of one instance."""

    facts: Sequence[Event]
    """Described transitions, by time."""
    metered_from: int
    on_since: int | None = None
    off_since: int | None = None
    last_at: int | None = None
    """Time of the last transition that was believed."""
    closed: list[tuple[int, int]] = field(default_factory=list)
    drift: list[str] = field(default_factory=list)

    def turn(self, at: int, *, on: bool) -> None:
        """Be on or off from that second; no change if it already was."""
        if on and self.on_since is None:
            self.on_since = at
        elif not on and self.on_since is not None:
            if self.on_since < at:
                self.closed.append((self.on_since, at))
            self.on_since = None
            self.off_since = at
        self.last_at = at

    def begin(self, first: _Transition, *, on: bool) -> None:
        """Take the state before the first event (rule 4)."""
        if not on:
            return
        earlier = [fact for fact in self.facts if fact.occurred_at < first.at]
        if not earlier or earlier[0].kind == _OFF or earlier[-1].kind == _OFF:
            self.on_since = min(self.metered_from, first.at)
        if earlier and earlier[-1].kind == _ON:
            for fact in earlier:
                self.turn(min(max(fact.occurred_at, self.metered_from), first.at), on=fact.kind == _ON)

    def hear(self, transition: _Transition) -> None:
        """Hold what the event says of the state before it against what we believe (rule 5)."""
        if transition.was_on is None or transition.was_on == (self.on_since is not None):
            return
        between = [
            f
            for f in self.facts
            if (self.last_at is None or self.last_at < f.occurred_at) and f.occurred_at < transition.at
        ]
        if between and (between[-1].kind == _ON) == transition.was_on:
            for fact in between:
                self.turn(fact.occurred_at, on=fact.kind == _ON)
            return
        said, believed = ("on", "off") if transition.was_on else ("off", "on")
        self.drift.append(f"at {_text(transition.at)} it is said to have been {said} while it was {believed}")

    def settle(self, last: int, undated_stop_launch: int | None) -> None:
        """Let the descriptions of what came after the last event count.

        A launch that nobody saw, and that was followed by a stop without a time, makes no run: it would have no end.
        """
        for fact in self.facts:
            on = fact.kind == _ON
            if fact.occurred_at <= last:
                # it came after the last transition, but something else happened to the instance since
                if self.last_at is not None and fact.occurred_at > self.last_at and on != (self.on_since is not None):
                    self.drift.append(f"described {'on' if on else 'off'} since {_text(fact.occurred_at)}, not counted")
                continue
            if fact.occurred_at == undated_stop_launch and not self._is_end_estimated(fact):
                continue
            if on and self.on_since is not None and fact.occurred_at > self.on_since + SAME_TRANSITION:
                self.drift.append(f"launched at {_text(fact.occurred_at)} while it was on: a stop is missing")
            self.turn(fact.occurred_at, on=on)
            if fact.is_termination:
                return

    def _is_end_estimated(self, launch: Event) -> bool:
        """Whether an estimate tells the end of what this launch began."""
        return any(fact.feed == _ESTIMATE and fact.occurred_at >= launch.occurred_at for fact in self.facts)

    def note_undated_stop(self, launch: int) -> None:
        """Report a stop without a time, where no later fact explains it."""
        if self.on_since is not None:
            unexplained = self.on_since <= launch + SAME_TRANSITION
        else:
            unexplained = self.off_since is None or self.off_since < launch
        if unexplained:
            self.drift.append(f"found off, without a time, after its launch at {_text(launch)}")


def _periods(
    events: Sequence[Event], metered_from: int, undated_stop_launch: int | None
) -> tuple[list[Period], list[str]]:
    """When the instance was on, without regard to its attributes."""
    power = [event for event in events if event.kind != _CHANGE]
    facts = sorted((e for e in power if e.feed >= _DESCRIPTION), key=attrgetter("occurred_at", "kind"))
    heard = sorted((e for e in power if e.feed < _DESCRIPTION), key=attrgetter("occurred_at"))
    if any(fact.feed == _ESTIMATE for fact in facts):
        facts = _without_void_estimates(facts, heard)
    meter = _Meter(facts, metered_from)
    is_terminated = _walk(meter, heard) if heard else False
    if not is_terminated:
        if facts:
            last = max((event.occurred_at for event in events if event.feed < _DESCRIPTION), default=-1)
            meter.settle(last, undated_stop_launch)
        if undated_stop_launch is not None:
            meter.note_undated_stop(undated_stop_launch)
    periods: list[Period] = list(meter.closed)
    if meter.on_since is not None:
        periods.append((meter.on_since, None))
    return periods, meter.drift


def _without_void_estimates(facts: Sequence[Event], heard: Sequence[Event]) -> list[Event]:
    """The facts but for estimates of a transition whose time is known from elsewhere (rule 6)."""
    exact = [e for e in (*facts, *heard) if e.feed != _ESTIMATE and _is_effective(e)]
    return [
        fact
        for fact in facts
        if fact.feed != _ESTIMATE
        or not any(e.kind == fact.kind and fact.earliest <= e.occurred_at <= fact.latest for e in exact)
    ]


def _without(periods: Iterable[Period], hole: Period) -> list[Period]:
    """What lies outside the hole (rule 7)."""
    start, end = hole
    left: list[Period] = []
    for begin, stop in periods:
        if (stop is not None and stop <= start) or (end is not None and end <= begin):
            left.append((begin, stop))
            continue
        if begin < start:
            left.append((begin, start))
        if end is not None and (stop is None or end < stop):
            left.append((end, stop))
    return left


def _walk(meter: _Meter, heard: Sequence[Event]) -> bool:
    """Go through the events of the feeds; true if they end in a termination."""
    on = _is_on_before(heard)
    transitions = _merged(_ordered(heard, on=on), meter.facts)
    meter.begin(transitions[0], on=on)
    for transition in transitions:
        meter.hear(transition)
        if transition.turns_on is not None:
            meter.turn(transition.at, on=transition.turns_on)
            if transition.is_termination:
                return True
    return False


def _is_on_before(heard: Sequence[Event]) -> bool:
    """Whether the instance was on before its first event, from the events of that second."""
    first = [event for event in heard if event.occurred_at == heard[0].occurred_at]
    if any(event.kind == _ON and event.previous != _WAS_ON for event in first):
        return False
    return any(event.previous == _WAS_ON or (event.kind == _OFF and event.previous == _UNTOLD) for event in first)


def _is_effective(event: Event) -> bool:
    """Whether the event changes the state it says it found (rule 1)."""
    previous = event.previous
    if event.kind == _ON:
        return previous != _WAS_ON
    if event.is_termination:
        return previous != _WAS_GONE
    return previous in {_WAS_ON, _UNTOLD}


def _ordered(heard: Sequence[Event], *, on: bool) -> Sequence[Event]:
    """The events, already by time, within a second by the state before it (rule 3)."""
    if len({event.occurred_at for event in heard}) == len(heard):
        return heard
    ordered: list[Event] = []
    for _, group in groupby(heard, key=attrgetter("occurred_at")):
        second = list(group)
        if len(second) > 1:
            second.sort(key=lambda e: (e.is_termination, (e.kind == _ON) == on, e.feed, e.source_id))
            # testimony about a second in which the state changes anyway says nothing
            second = [event for event in second if _is_effective(event)] or second
        ordered += second
        if _is_effective(second[-1]):
            on = second[-1].kind == _ON
    return ordered


def _merged(ordered: Iterable[Event], facts: Sequence[Event]) -> list[_Transition]:
    """The transitions with the testimony between them, reports of the same transition taken together (rule 2)."""
    merged: list[_Transition] = []
    group: list[Event] = []
    testimony: list[_Transition] = []
    for event in ordered:
        if not _is_effective(event):
            testimony.append(_Transition(event.occurred_at, None, _was_on(event), is_termination=False))
        elif group and _is_same(group[0], event, facts):
            group.append(event)
            testimony.clear()  # it fell between reports of one transition, where either state is right
        else:
            if group:
                merged.append(_transition(group))
            merged += testimony
            group, testimony = [event], []
    if group:
        merged.append(_transition(group))
    return merged + testimony


def _is_same(first: Event, event: Event, facts: Sequence[Event]) -> bool:
    """Whether both report one transition; not where the later says what a description tells: it was undone between."""
    if event.kind != first.kind or event.occurred_at > first.occurred_at + SAME_TRANSITION:
        return False
    return event.previous == _UNTOLD or not any(
        fact.kind != event.kind and first.occurred_at < fact.occurred_at < event.occurred_at for fact in facts
    )


def _transition(group: Sequence[Event]) -> _Transition:
    if len(group) == 1:
        only = group[0]
        return _Transition(only.occurred_at, only.kind == _ON, _was_on(only), only.is_termination)
    best = min(group, key=attrgetter("feed", "occurred_at"))
    was_on = next((said for said in map(_was_on, group) if said is not None), None)
    ends = any(event.is_termination for event in group)
    return _Transition(best.occurred_at, best.kind == _ON, was_on, ends)


def _was_on(event: Event) -> bool | None:
    """What the event says of the state before it."""
    if event.is_launch:
        return False
    if event.previous == _UNTOLD:
        return None
    return event.previous == _WAS_ON


def _split(periods: Iterable[Period], types: Timeline, codes: Timeline) -> list[Run]:
    """The periods cut where the type or the billing code changes; equal pieces that abut are one."""
    changes = sorted({*types.changes, *codes.changes})
    runs: list[Run] = []
    for start, end in periods:
        first = bisect_right(changes, start)
        last = len(changes) if end is None else bisect_left(changes, end)
        begins = [start, *changes[first:last]]
        for place, begin in enumerate(begins):
            stop = begins[place + 1] if place + 1 < len(begins) else end
            run = Run(begin, stop, types.at(begin), codes.at(begin))
            if runs and runs[-1].end == run.start and runs[-1][2:] == run[2:]:
                runs[-1] = runs[-1]._replace(end=run.end)
            else:
                runs.append(run)
    return runs


def _text(second: int) -> str:
    return f"{instant(second):%Y-%m-%dT%H:%M:%SZ}"
