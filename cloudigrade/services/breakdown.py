"""A customer's runs into peaks and seconds by hour, day or month, and by whatever else tells them apart."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from cloudigrade.domain import days
from cloudigrade.domain.rhel import Rhel, Verdict
from cloudigrade.domain.usage import Breakdown, Label, TooManyRows, usage_of_groups
from cloudigrade.models import CloudAccount
from cloudigrade.services import completeness, run_columns
from cloudigrade.services.usage import label_of, verdicts_of

__all__ = ["DIMENSIONS", "METRICS", "Answer", "Question", "Row", "TooManyRows", "answer"]

_STORED = ("cloud", "account", "region", "instance_type")
"""Dimensions that the database tells apart; of the others the verdict knows."""

DIMENSIONS = (
    "cloud",
    "account",
    "region",
    "arch",
    "version",
    "product",
    "payer",
    "role",
    "sla",
    "usage",
    "instance_type",
)
"""What usage can be grouped and filtered by, in this order."""

METRICS = (
    "instances_peak",
    "vcpu_peak",
    "memory_mib_peak",
    "instance_seconds",
    "vcpu_seconds",
    "memory_mib_seconds",
    "unknown_size_instances",
)

_PORTION = 5_000
"""Rows made into objects at a time."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about a customer's usage."""

    customer_id: int
    boundaries: Sequence[int]
    """Where intervals begin, and where the last ends, in seconds since 1970."""
    as_of: int
    """What is still on counts until then."""
    group_by: tuple[str, ...] = ()
    """Of `DIMENSIONS`."""
    only: Mapping[str, Collection[str]] = field(default_factory=dict)
    """Values that count, by dimension."""
    is_rhel: bool | None = True
    """None: whether or not."""


class Row(NamedTuple):
    """What one group used in one interval."""

    interval: int
    """Its place."""
    group: tuple[str, ...]
    """Values of what it is grouped by."""
    metrics: tuple[int, ...]
    """As `METRICS` has them."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was used."""

    boundaries: Sequence[int]
    complete: Sequence[bool]
    """By interval: whether all that happened in it was read."""
    groups: Sequence[tuple[str, ...]]
    """Values of the groups, sorted."""
    usage: Breakdown
    """A group that was off for all of an interval has no row; without any grouping, every interval has one."""

    def rows(self) -> Iterator[Row]:
        """The rows, by interval and group."""
        metrics = [getattr(self.usage, name) for name in METRICS]
        for first in range(0, len(self.usage.group), _PORTION):
            part = slice(first, first + _PORTION)
            places = self.usage.interval[part].tolist(), self.usage.group[part].tolist()
            for interval, group, *values in zip(*places, *(column[part].tolist() for column in metrics), strict=True):
                yield Row(interval, self.groups[group], tuple(values))


def answer(question: Question, *, complete: Sequence[bool], most: int) -> Answer:
    """The usage that was asked for; raises TooManyRows where that may be more than `most` rows.

    `complete` says of each interval whether it is; see there.
    """
    start, end = days.instant(question.boundaries[0]), days.instant(question.boundaries[-1])
    told_apart = [name for name in _STORED if name in question.group_by]
    found = run_columns.read(
        customer_id=question.customer_id,
        start=start,
        end=end,
        by=("image", "billing_code", *told_apart),
        only={name: list(question.only[name]) for name in _STORED if name in question.only},
    )
    pairs = sorted({(image, code) for image, code, *_ in found.kinds}, key=str)
    judged = verdicts_of(customer_id=question.customer_id, pairs=pairs)
    known = {pair: (verdict, label_of(verdict, facts)) for pair, (verdict, facts) in zip(pairs, judged, strict=True)}
    values = [
        _group(question, dict(zip(told_apart, stored, strict=True)), *known[image, code])
        for image, code, *stored in found.kinds
    ]
    groups = sorted({group for group in values if group is not None})
    places = {group: place for place, group in enumerate(groups)}
    usage = usage_of_groups(
        found.runs,
        [None if group is None else places[group] for group in values],
        question.boundaries,
        as_of=question.as_of,
        most=most,
    )
    if not question.group_by:
        groups, usage = [()], _with_idle(usage, len(question.boundaries) - 1)
    return Answer(question.boundaries, complete, groups, usage)


def _group(question: Question, stored: Mapping[str, str], verdict: Verdict, label: Label) -> tuple[str, ...] | None:
    """The group of a run; None where it does not count."""
    if question.is_rhel is not None and (verdict.rhel is Rhel.RHEL) is not question.is_rhel:
        return None
    known = {
        **stored,
        "arch": label.category.arch,
        "version": verdict.version,
        "product": verdict.product,
        "payer": verdict.payer.value,
        "role": label.category.role,
        "sla": label.category.sla,
        "usage": label.category.usage,
    }
    if any(known[name] not in wanted for name, wanted in question.only.items() if name not in _STORED):
        return None
    return tuple(known[name] for name in question.group_by)


def _with_idle(usage: Breakdown, intervals: int) -> Breakdown:
    """The one group's usage with a row for each interval."""

    def spread(name: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        column = np.zeros(intervals, np.int64)
        column[usage.interval] = getattr(usage, name)
        return column

    return Breakdown(np.arange(intervals), np.zeros(intervals, np.int64), *map(spread, METRICS))


def completeness_of(question: Question) -> list[bool]:
    """By interval, whether it was read to its end, for every account that is asked about and without a rejection."""
    # one that was only metered later takes nothing from what was before
    end = days.instant(question.boundaries[-1])
    found = CloudAccount.objects.filter(customer_id=question.customer_id, metered_from__lt=end)
    if "cloud" in question.only:
        found = found.filter(cloud__in=question.only["cloud"])
    if "account" in question.only:
        found = found.filter(native_id__in=question.only["account"])
    accounts = dict(found.values_list("pk", "native_id"))
    until = completeness.read_until(accounts)
    if until is None or completeness.rejected(
        customer_id=question.customer_id, native_ids=accounts.values(), feed=completeness.LOGS
    ):
        until = 0
    return [end <= until for end in question.boundaries[1:]]
