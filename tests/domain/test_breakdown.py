"""Peaks and seconds by group and interval agree with counting at every instant."""

from datetime import date
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudigrade.domain import days
from cloudigrade.domain.usage import OPEN, Breakdown, Runs, TooManyRows, usage_of_groups

METRICS = (
    "instances_peak",
    "vcpu_peak",
    "memory_mib_peak",
    "instance_seconds",
    "vcpu_seconds",
    "memory_mib_seconds",
    "unknown_size_instances",
)


def columns(runs):
    """Runs given as (start, end, vcpu, memory, label); end None: open."""
    rows = [(start, OPEN if end is None else end, *rest) for start, end, *rest in runs]
    return Runs(*np.array(rows, np.int64).reshape(-1, 5).T)


def rows(found: Breakdown):
    """What was found, by interval and group."""
    values = zip(*(getattr(found, name).tolist() for name in METRICS), strict=True)
    return dict(zip(zip(found.interval.tolist(), found.group.tolist(), strict=True), values, strict=True))


def broken_down(runs, *, groups=(0, 1, 0, None), boundaries=(0, 10, 20), as_of=1_000, most=1_000):
    return rows(usage_of_groups(columns(runs), groups, boundaries, as_of=as_of, most=most))


def test_groups_are_counted_apart_and_intervals_too():
    found = broken_down([(0, 15, 2, 8, 0), (5, 8, 4, 16, 2), (5, 8, 1, 1, 1)])

    assert found == {
        (0, 0): (2, 6, 24, 13, 32, 128, 0),
        (0, 1): (1, 1, 1, 3, 3, 3, 0),
        (1, 0): (1, 2, 8, 5, 10, 40, 0),
    }


def test_c14_c15_what_ends_where_something_begins_is_not_concurrent():
    """C14, C15: periods are half-open, intervals are too."""
    assert broken_down([(0, 10, 1, 1, 0), (10, 20, 1, 1, 0)]) == {
        (0, 0): (1, 1, 1, 10, 10, 10, 0),
        (1, 0): (1, 1, 1, 10, 10, 10, 0),
    }
    assert broken_down([(0, 5, 1, 1, 0), (5, 9, 1, 1, 0)])[0, 0][0] == 1


def test_the_last_run_of_a_group_is_over_where_the_next_group_begins():
    assert broken_down([(0, None, 1, 1, 0), (0, None, 1, 1, 1)]) == {
        (interval, group): (1, 1, 1, 10, 10, 10, 0) for interval in (0, 1) for group in (0, 1)
    }


def test_an_unknown_size_is_told_apart():
    assert broken_down([(0, 4, 0, 0, 0), (2, 4, 0, 0, 0), (0, 4, 2, 8, 0)]) == {(0, 0): (3, 2, 8, 10, 8, 32, 2)}


def test_what_does_not_count_is_left_out_and_an_idle_interval_between_too():
    found = broken_down([(0, 5, 1, 1, 0), (25, 26, 1, 1, 0), (0, 30, 9, 9, 3)], boundaries=(0, 10, 20, 30))

    assert list(found) == [(0, 0), (2, 0)]


def test_an_open_run_counts_until_the_time_of_asking():
    assert broken_down([(0, None, 1, 1, 0)], as_of=12) == {
        (0, 0): (1, 1, 1, 10, 10, 10, 0),
        (1, 0): (1, 1, 1, 2, 2, 2, 0),
    }
    assert broken_down([(0, None, 1, 1, 0)], as_of=0) == broken_down([]) == {}


def test_more_rows_than_wanted_are_refused_before_they_are_made():
    runs = [(0, 20, 1, 1, 0), (0, 20, 1, 1, 1)]

    assert len(broken_down(runs, most=4)) == 4
    with pytest.raises(TooManyRows):
        broken_down(runs, most=3)


SECONDS = st.integers(-5, 45)
RUNS = st.lists(
    st.tuples(SECONDS, st.none() | SECONDS, st.integers(0, 5), st.integers(0, 5), st.integers(0, 3)).filter(
        lambda run: run[1] is None or run[0] < run[1]
    ),
    max_size=10,
)


def counted(runs, groups, boundaries, as_of):
    """The same, counted second by second."""
    found = {}
    for interval, (start, end) in enumerate(pairwise(boundaries)):
        for group in {each for each in groups if each is not None}:
            own = [run for run in runs if groups[run[4]] == group]
            alive = [
                [run for run in own if run[0] <= now < (as_of if run[1] is None else min(run[1], as_of))]
                for now in range(start, end)
            ]
            sums = [
                (len(on), sum(run[2] for run in on), sum(run[3] for run in on), sum(not run[2] for run in on))
                for on in alive
            ]
            instances, vcpu, memory, unknown = zip(*sums, strict=True)
            if any(instances):
                found[interval, group] = (
                    *(max(instances), max(vcpu), max(memory)),
                    *(sum(instances), sum(vcpu), sum(memory), max(unknown)),
                )
    return found


@given(
    RUNS,
    st.lists(st.none() | st.integers(0, 2), min_size=4, max_size=4),
    st.sets(st.integers(0, 40), min_size=2, max_size=6).map(sorted),
    st.integers(-5, 45),
)
def test_breakdown_equals_counting_at_every_instant(runs, groups, boundaries, as_of):
    found = broken_down(runs, groups=groups, boundaries=boundaries, as_of=as_of)

    assert found == counted(runs, groups, boundaries, as_of)
    assert list(found) == sorted(found)


@pytest.mark.parametrize(
    ("granularity", "first", "end", "expected"),
    [
        (
            "hour",
            date(2026, 3, 2),
            date(2026, 3, 3),
            [f"2026-03-02T{hour:02}" for hour in range(24)] + ["2026-03-03T00"],
        ),
        (
            "day",
            date(2026, 2, 27),
            date(2026, 3, 2),
            ["2026-02-27T00", "2026-02-28T00", "2026-03-01T00", "2026-03-02T00"],
        ),
        ("month", date(2026, 1, 1), date(2026, 3, 1), ["2026-01-01T00", "2026-02-01T00", "2026-03-01T00"]),
        ("month", date(2025, 12, 15), date(2026, 1, 2), ["2025-12-15T00", "2026-01-01T00", "2026-01-02T00"]),
        ("month", date(2026, 1, 31), date(2026, 2, 1), ["2026-01-31T00", "2026-02-01T00"]),
    ],
)
def test_intervals_are_those_of_the_calendar(granularity, first, end, expected):
    found = days.boundaries(first, end, granularity)

    assert [f"{days.instant(second):%Y-%m-%dT%H}" for second in found] == expected
