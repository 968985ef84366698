"""The runs of a customer in, the peaks and seconds of each day out.

Everything is exact: whole seconds, whole instances. Runs come as columns: a large customer has a million of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cloudigrade.domain.days import DAY, opening
from cloudigrade.domain.rhel import Payer

ANY = "_ANY"
"""Whatever value; the wire's wildcard, the same as in SWatch."""

PAYERS = (Payer.CUSTOMER, Payer.CLOUD, Payer.UNKNOWN)

Column = NDArray[np.int64]


class Category(NamedTuple):
    """One combination of attributes under which runs are counted; sorts as the report does."""

    arch: str
    role: str
    sla: str
    usage: str
    service_type: str


class Label(NamedTuple):
    """What the meter must know of a run beside its period and size."""

    is_rhel: bool
    payer: Payer
    """Who pays for the RHEL; NONE where it is not RHEL."""
    category: Category
    """The run's own attributes, no wildcards."""

    @property
    def needs_subscription(self) -> bool:
        """Whether v2 counts it: RHEL that the cloud does not already charge for."""
        return self.is_rhel and self.payer.needs_subscription


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs as columns of equal length."""

    start: Column
    """Seconds since 1970, included."""
    end: Column
    """Seconds since 1970, not included; an open run's is `OPEN`."""
    vcpu: Column
    """0 where the size is not known."""
    memory_mib: Column
    label: Column
    """Place of the run's label in the labels."""


OPEN = np.iinfo(np.int64).max


class Measures(NamedTuple):
    """What a set of runs used on one day; each peak is a maximum of its own."""

    instances_peak: int = 0
    vcpu_peak: int = 0
    memory_mib_peak: int = 0
    instance_seconds: int = 0
    vcpu_seconds: int = 0


class DayUsage(NamedTuple):
    """The answer for one day."""

    maximum_counts: Mapping[Category, int]
    """Most instances at one instant, by category, of RHEL that needs a subscription; never 0, sorted by category."""
    rhel: Mapping[str, Measures]
    """By payer, and `all`."""
    everything: Measures
    """All instances, RHEL or not."""


def categories(own: Category) -> frozenset[Category]:
    """The up to 24 categories that a run counts under: no concrete role together with a concrete architecture."""
    pairs = ((ANY, ANY), (own.arch, ANY), (ANY, own.role))
    rest = product((ANY, own.sla), (ANY, own.usage), (ANY, own.service_type))
    return frozenset(Category(arch, role, *others) for (arch, role), others in product(pairs, list(rest)))


def usage_of_days(runs: Runs, labels: Sequence[Label], days: Sequence[date], *, as_of: int) -> dict[date, DayUsage]:
    """The usage of each of the days, ascending; what is still on counts until `as_of` (seconds since 1970)."""
    if not days:
        return {}
    edges = _Edges.of(runs, np.array([opening(day) for day in days], np.int64), as_of)
    counts = _maximum_counts(edges, labels)
    rhel = {payer.value: edges.measures(_places(labels, payer)) for payer in PAYERS}
    rhel["all"] = edges.measures([place for place, label in enumerate(labels) if label.is_rhel])
    everything = edges.measures(range(len(labels)))
    return {
        day: DayUsage(
            {category: int(peaks[at]) for category, peaks in counts.items() if peaks[at]},
            {payer: measures[at] for payer, measures in rhel.items()},
            everything[at],
        )
        for at, day in enumerate(days)
    }


def _places(labels: Iterable[Label], payer: Payer) -> list[int]:
    return [place for place, label in enumerate(labels) if label.is_rhel and label.payer == payer]


def _maximum_counts(edges: "_Edges", labels: Sequence[Label]) -> dict[Category, Column]:
    """The peak of each category on each day, sorted by category."""
    members: dict[Category, list[int]] = {}
    for place, label in enumerate(labels):
        if label.needs_subscription:
            for category in categories(label.category):
                members.setdefault(category, []).append(place)
    peaks: dict[tuple[int, ...], Column] = {}  # many categories have the same members
    for places in members.values():
        if tuple(places) not in peaks:
            chosen = edges.chosen(places)
            peaks[tuple(places)] = edges.peaks(chosen, edges.step[chosen])
    return {category: peaks[tuple(members[category])] for category in sorted(members)}


@dataclass(frozen=True, slots=True)
class _Edges:
    """The starts and ends of runs, by time, an end before a start at the same second (C14)."""

    at: Column
    step: Column
    """+1 for a start, -1 for an end."""
    vcpu: Column
    """Signed like the step."""
    memory_mib: Column
    label: Column
    openings: Column
    """First second of each day."""

    @classmethod
    def of(cls, runs: Runs, openings: Column, as_of: int) -> "_Edges":
        """The edges of those runs that can matter on the days."""
        # what lies outside of the days is cut off: sums of products with seconds stay far from overflowing
        start = np.maximum(runs.start, openings[0])
        end = np.minimum(runs.end, min(as_of, int(openings[-1]) + DAY))
        alive = np.flatnonzero(start < end)
        start, end = start[alive], end[alive]
        at = np.concatenate((end, start))
        step = np.concatenate((np.full(len(alive), -1, np.int64), np.ones(len(alive), np.int64)))
        order = np.argsort(at, kind="stable")  # ends stand first, and stay first within a second
        step = step[order]

        def signed(column: Column) -> Column:
            return np.tile(column[alive], 2)[order] * step

        return cls(
            at[order], step, signed(runs.vcpu), signed(runs.memory_mib), np.tile(runs.label[alive], 2)[order], openings
        )

    def chosen(self, places: Sequence[int]) -> NDArray[np.intp]:
        """Which edges belong to runs with one of these labels."""
        wanted = np.zeros(int(self.label.max(initial=-1)) + 1, bool)
        wanted[[place for place in places if place < len(wanted)]] = True
        return np.flatnonzero(wanted[self.label])

    def peaks(self, chosen: NDArray[np.intp], change: Column) -> Column:
        """The highest sum of the changes at any instant of each day."""
        at = self.at[chosen]
        level = np.concatenate((np.zeros(1, np.int64), np.cumsum(change)))
        # what happens at midnight itself is over before the day's first instant: C15
        first = np.searchsorted(at, self.openings, side="right")
        last = np.searchsorted(at, self.openings + DAY, side="left")
        peaks = level[first]
        busy = np.flatnonzero(last > first)
        for day in busy:
            peaks[day] = level[first[day] : last[day] + 1].max()
        return peaks

    def seconds(self, chosen: NDArray[np.intp], change: Column) -> Column:
        """The sum of the changes' level over each second of each day."""
        relative = self.at[chosen] - self.openings[0]
        level = np.concatenate((np.zeros(1, np.int64), np.cumsum(change)))
        moment = np.concatenate((np.zeros(1, np.int64), np.cumsum(change * relative)))

        def until(boundary: Column) -> Column:
            """The integral of the level from the beginning of time to each boundary."""
            place = np.searchsorted(self.at[chosen], boundary, side="left")
            integral: Column = level[place] * (boundary - self.openings[0]) - moment[place]
            return integral

        return until(self.openings + DAY) - until(self.openings)

    def measures(self, places: Sequence[int]) -> list[Measures]:
        """What the runs with one of these labels used, day by day."""
        chosen = self.chosen(places)
        step, vcpu, memory = self.step[chosen], self.vcpu[chosen], self.memory_mib[chosen]
        columns = (
            self.peaks(chosen, step),
            self.peaks(chosen, vcpu),
            self.peaks(chosen, memory),
            self.seconds(chosen, step),
            self.seconds(chosen, vcpu),
        )
        return [Measures(*map(int, row)) for row in zip(*columns, strict=True)]
