"""The runs of a customer in; the peaks and seconds of each day, or of any intervals by group, out.

Everything is exact: whole seconds, whole instances. Runs come as columns: a large customer has a million of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
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


@dataclass(frozen=True, slots=True)
class Breakdown:
    """What groups of runs used in intervals, as columns of equal length, by interval and then by group."""

    interval: Column
    """Place of the interval in those that were asked for."""
    group: Column
    instances_peak: Column
    vcpu_peak: Column
    memory_mib_peak: Column
    instance_seconds: Column
    vcpu_seconds: Column
    memory_mib_seconds: Column
    unknown_size_instances: Column
    """The most at one instant that count 0 vCPU and memory, because their size is not known."""


class TooManyRows(Exception):
    """The breakdown would have more rows than are wanted."""


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
    start = np.array([opening(day) for day in days], np.int64)
    cells = _Cells(np.zeros(len(days), np.int64), start, start + DAY)
    edges = _Edges.of(runs, np.zeros(len(runs.start), np.int64), cells, as_of)
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


def usage_of_groups(
    runs: Runs, groups: Sequence[int | None], boundaries: Sequence[int], *, as_of: int, most: int
) -> Breakdown:
    """What each group used in each interval in which any of it was on; TooManyRows if that may be more than `most`.

    `groups` has the group of each label, from 0 on, None for runs that do not count. An interval ends where the next
    one begins (seconds since 1970). What is still on counts until `as_of`.
    """
    group = np.array([-1 if each is None else each for each in groups], np.int64)[runs.label]
    cells, interval = _cells(runs, group, np.array(boundaries, np.int64), as_of)
    if len(interval) > most:
        raise TooManyRows(len(interval))
    if not len(interval):
        return Breakdown(*(np.empty((9, 0), np.int64)))
    edges = _Edges.of(_where(runs, group >= 0), group[group >= 0], cells, as_of)
    swept = edges.swept(np.arange(len(edges.at)))
    columns = [interval, cells.group, *swept.peaks_and_seconds()]
    columns += [swept.seconds(swept.memory_mib), swept.peaks(np.where(swept.vcpu == 0, swept.step, 0))]
    busy = np.flatnonzero(columns[5])  # by their seconds
    order = busy[np.argsort(interval[busy], kind="stable")]
    return Breakdown(*(column[order] for column in columns))


def _where(runs: Runs, wanted: NDArray[np.bool_]) -> Runs:
    return Runs(*(getattr(runs, field.name)[wanted] for field in fields(Runs)))


def _cells(runs: Runs, group: Column, boundaries: Column, as_of: int) -> "tuple[_Cells, Column]":
    """For each group the intervals from its first start to its last end, and the place of each interval."""
    start = np.maximum(runs.start, boundaries[0])
    end = np.minimum(runs.end, min(as_of, int(boundaries[-1])))
    alive = (start < end) & (group >= 0)
    count = int(group.max(initial=-1)) + 1
    first, last = np.full(count, OPEN, np.int64), np.full(count, -1, np.int64)
    np.minimum.at(first, group[alive], np.searchsorted(boundaries, start[alive], side="right") - 1)
    np.maximum.at(last, group[alive], np.searchsorted(boundaries, end[alive], side="left"))
    length = np.maximum(last - first, 0)
    begins = np.repeat(np.cumsum(length) - length, length)
    interval = np.arange(int(length.sum()), dtype=np.int64) - begins + np.repeat(first, length)
    cells = _Cells(np.repeat(np.arange(count), length), boundaries[interval], boundaries[interval + 1])
    return cells, interval


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
            swept = edges.swept(edges.chosen(places))
            peaks[tuple(places)] = swept.peaks(swept.step)
    return {category: peaks[tuple(members[category])] for category in sorted(members)}


class _Cells(NamedTuple):
    """Half-open intervals, each of a group: what is summed up. By group and then by time, without overlap."""

    group: Column
    start: Column
    end: Column


@dataclass(frozen=True, slots=True)
class _Edges:
    """The starts and ends of runs, by group and then by time, an end before a start at the same second (C14)."""

    at: Column
    """Seconds after the first cell's beginning."""
    place: Column
    """Where it stands in one line of all groups, one after the other."""
    step: Column
    """+1 for a start, -1 for an end."""
    vcpu: Column
    """Signed like the step."""
    memory_mib: Column
    label: Column
    bounds: tuple[Column, Column]
    """Start and end of each cell, like `at`."""
    places: tuple[Column, Column]
    """The same, like `place`."""

    @classmethod
    def of(cls, runs: Runs, group: Column, cells: _Cells, as_of: int) -> "_Edges":
        """The edges of those runs that can matter in the cells."""
        # what lies outside of all cells is cut off: sums of products with seconds stay far from overflowing
        origin, close = int(cells.start.min()), int(cells.end.max())
        start = np.maximum(runs.start, origin) - origin
        end = np.minimum(runs.end, min(as_of, close)) - origin
        alive = np.flatnonzero(start < end)
        length = close - origin + 1
        at = np.concatenate((end[alive], start[alive]))
        place = at + np.tile(group[alive] * length, 2)
        step = np.concatenate((np.full(len(alive), -1, np.int64), np.ones(len(alive), np.int64)))
        order = np.argsort(place, kind="stable")  # ends stand first, and stay first within a second
        step = step[order]

        def ordered(column: Column) -> Column:
            return np.tile(column[alive], 2)[order]

        bounds = cells.start - origin, cells.end - origin
        return cls(
            at=at[order],
            place=place[order],
            step=step,
            vcpu=ordered(runs.vcpu) * step,
            memory_mib=ordered(runs.memory_mib) * step,
            label=ordered(runs.label),
            bounds=bounds,
            places=(bounds[0] + cells.group * length, bounds[1] + cells.group * length),
        )

    def chosen(self, places: Sequence[int]) -> NDArray[np.intp]:
        """Which edges belong to runs with one of these labels."""
        wanted = np.zeros(int(self.label.max(initial=-1)) + 1, bool)
        wanted[[place for place in places if place < len(wanted)]] = True
        return np.flatnonzero(wanted[self.label])

    def swept(self, chosen: NDArray[np.intp]) -> "_Swept":
        """These edges, ready to be summed up in each cell."""
        place, (opens, closes) = self.place[chosen], self.places
        return _Swept(
            self.at[chosen],
            self.step[chosen],
            self.vcpu[chosen],
            self.memory_mib[chosen],
            # what happens at midnight itself is over before the day's first instant: C15
            first=np.searchsorted(place, opens, side="right"),
            last=np.searchsorted(place, closes, side="left"),
            bounds=self.bounds,
        )

    def measures(self, places: Sequence[int]) -> list[Measures]:
        """What the runs with one of these labels used, cell by cell."""
        columns = self.swept(self.chosen(places)).peaks_and_seconds()
        return [Measures(*map(int, row)) for row in zip(*columns, strict=True)]


@dataclass(frozen=True, slots=True)
class _Swept:
    """Edges, and which of them lie in each cell."""

    at: Column
    step: Column
    vcpu: Column
    memory_mib: Column
    first: NDArray[np.intp]
    """How many edges are over at the cell's first instant."""
    last: NDArray[np.intp]
    """How many stand before the cell's end."""
    bounds: tuple[Column, Column]

    def peaks_and_seconds(self) -> tuple[Column, ...]:
        """The columns of `Measures`."""
        return (
            self.peaks(self.step),
            self.peaks(self.vcpu),
            self.peaks(self.memory_mib),
            self.seconds(self.step),
            self.seconds(self.vcpu),
        )

    def peaks(self, change: Column) -> Column:
        """The highest sum of the changes at any instant of each cell."""
        # every run ends in its group, so the level is 0 again where the next group begins
        level = np.concatenate((np.zeros(1, np.int64), np.cumsum(change), np.zeros(1, np.int64)))
        slices = np.stack((self.first, self.last + 1), axis=1).ravel()
        peaks: Column = np.maximum.reduceat(level, slices)[::2]
        return peaks

    def seconds(self, change: Column) -> Column:
        """The sum of the changes' level over each second of each cell."""
        level = np.concatenate((np.zeros(1, np.int64), np.cumsum(change)))
        moment = np.concatenate((np.zeros(1, np.int64), np.cumsum(change * self.at)))

        def until(place: NDArray[np.intp], boundary: Column) -> Column:
            """The integral of the level up to each boundary."""
            integral: Column = level[place] * boundary - moment[place]
            return integral

        return until(self.last, self.bounds[1]) - until(self.first, self.bounds[0])
