"""Peaks and seconds of a day agree with counting at every instant."""

from collections import Counter
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudigrade.domain import days
from cloudigrade.domain.rhel import Payer
from cloudigrade.domain.usage import ANY, OPEN, Category, DayUsage, Label, Measures, Runs, categories, usage_of_days

MONDAY = date(2026, 3, 2)
MIDNIGHT = days.opening(MONDAY)
HOUR = 3600
PLAIN = Category("x86_64", "", "", "", "")
SERVER = Category("arm64", "Server", "Premium", "Production", "L1")
LABELS = [
    Label(is_rhel=True, payer=Payer.CUSTOMER, category=PLAIN),
    Label(is_rhel=True, payer=Payer.UNKNOWN, category=SERVER),
    Label(is_rhel=True, payer=Payer.CLOUD, category=SERVER),
    Label(is_rhel=False, payer=Payer.NONE, category=PLAIN),
]


def columns(*runs):
    """Runs given as (start, end, vcpu, memory, label), seconds after Monday midnight; end None: open."""
    rows = [(MIDNIGHT + s, OPEN if e is None else MIDNIGHT + e, v, m, label) for s, e, v, m, label in runs]
    return Runs(*np.array(rows, np.int64).reshape(-1, 5).T)


def usage(*runs, day=MONDAY, as_of=MIDNIGHT + 30 * days.DAY) -> DayUsage:
    return usage_of_days(columns(*runs), LABELS, [day], as_of=as_of)[day]


def test_runs_that_overlap_count_together():
    found = usage((0, 2 * HOUR, 2, 8, 0), (HOUR, 3 * HOUR, 4, 16, 0))

    assert found.rhel["customer"] == Measures(2, 6, 24, 4 * HOUR, 12 * HOUR)
    assert found.rhel["all"] == found.everything == found.rhel["customer"]
    assert found.rhel["cloud"] == found.rhel["unknown"] == Measures()


def test_c14_a_stop_and_a_start_in_the_same_second_are_not_concurrent():
    """C14: the answer does not hang on the order of rows."""
    back_to_back = [(0, HOUR, 1, 1, 0), (HOUR, 2 * HOUR, 1, 1, 0)]

    assert usage(*back_to_back).everything.instances_peak == 1
    assert usage(*reversed(back_to_back)).everything.instances_peak == 1


def test_c15_a_run_that_ends_at_midnight_is_not_of_the_next_day():
    """C15: periods are half-open, days are too."""
    until_midnight = (0, 24 * HOUR, 1, 1, 0)

    assert usage(until_midnight).everything == Measures(1, 1, 1, days.DAY, days.DAY)
    assert usage(until_midnight, day=MONDAY + timedelta(1)) == DayUsage(
        {}, dict.fromkeys(("customer", "cloud", "unknown", "all"), Measures()), Measures()
    )


def test_an_open_run_counts_until_the_time_of_asking():
    assert usage((0, None, 2, 1, 0), as_of=MIDNIGHT + HOUR).everything == Measures(1, 2, 1, HOUR, 2 * HOUR)
    assert usage((2 * HOUR, None, 2, 1, 0), as_of=MIDNIGHT + HOUR).everything == Measures()


def test_an_idle_day_has_no_counts():
    assert usage().maximum_counts == {}


def test_v2_counts_only_rhel_that_the_cloud_does_not_charge_for():
    found = usage((0, HOUR, 1, 1, 2), (0, HOUR, 1, 1, 3))

    assert found.maximum_counts == {}
    assert found.rhel["cloud"].instances_peak == 1
    assert found.everything.instances_peak == 2


def test_each_peak_is_a_maximum_of_its_own():
    found = usage((0, HOUR, 1, 100, 0), (0, HOUR, 1, 100, 0), (2 * HOUR, 3 * HOUR, 16, 50, 0))

    assert found.everything == Measures(2, 16, 200, 3 * HOUR, 18 * HOUR)


def test_there_are_24_categories_and_none_has_a_concrete_role_with_a_concrete_architecture():
    found = categories(SERVER)

    assert len(found) == 24
    assert all(ANY in {category.arch, category.role} for category in found)
    assert {category.sla for category in found} == {ANY, "Premium"}


def test_a_value_that_looks_like_the_wildcard_counts_once():
    assert len(categories(Category(ANY, ANY, ANY, ANY, ANY))) == 1


def test_counts_are_sorted_by_category():
    found = usage((0, HOUR, 1, 1, 0), (0, HOUR, 1, 1, 1)).maximum_counts

    assert list(found) == sorted(found)
    assert found[Category(ANY, ANY, ANY, ANY, ANY)] == 2
    assert found[Category(ANY, ANY, "Premium", ANY, ANY)] == 1


@pytest.mark.parametrize("size", [0, 1, 3])
def test_any_number_of_days_is_answered(size):
    wanted = [MONDAY + timedelta(2 * n) for n in range(size)]

    assert list(usage_of_days(columns((0, None, 1, 1, 0)), LABELS, wanted, as_of=MIDNIGHT + 9 * days.DAY)) == wanted


HOURS = st.integers(-30, 60)
RUNS = st.lists(
    st.tuples(HOURS, st.none() | HOURS, st.integers(0, 9), st.integers(0, 9), st.integers(0, 3)).filter(
        lambda run: run[1] is None or run[0] < run[1]
    ),
    max_size=8,
)


COUNTED_UNDER = [categories(label.category) if label.needs_subscription else frozenset() for label in LABELS]


def alive_by_hour(runs, day, as_of):
    """The runs that are on in each hour of the day; nothing changes within an hour."""
    first = (day - MONDAY).days * 24
    for now in range(first, first + 24):
        yield [run for run in runs if run[0] <= now < (as_of if run[1] is None else min(run[1], as_of))]


def counted(hours, wanted):
    """Peaks and seconds of those that are wanted, counted hour by hour."""
    sums = [
        (len(chosen), sum(run[2] for run in chosen), sum(run[3] for run in chosen))
        for chosen in ([run for run in alive if wanted(LABELS[run[4]])] for alive in hours)
    ]
    instances, vcpu, memory = (max(column) for column in zip(*sums, strict=True))
    return Measures(instances, vcpu, memory, HOUR * sum(row[0] for row in sums), HOUR * sum(row[1] for row in sums))


def counted_by_category(hours):
    """The most runs under each category in any hour."""
    peaks: Counter[Category] = Counter()
    for alive in hours:
        peaks |= Counter(category for run in alive for category in COUNTED_UNDER[run[4]])
    return dict(peaks)


@given(RUNS, st.integers(-10, 60))
def test_usage_equals_counting_at_every_instant(runs, as_of):
    wanted_days = [MONDAY + timedelta(n) for n in (-1, 0, 1, 2)]
    rows = [(HOUR * s, None if e is None else HOUR * e, v, m, label) for s, e, v, m, label in runs]

    found = usage_of_days(columns(*rows), LABELS, wanted_days, as_of=MIDNIGHT + as_of * HOUR)

    for day in wanted_days:
        hours = list(alive_by_hour(runs, day, as_of))
        assert found[day].everything == counted(hours, lambda _: True)
        assert found[day].rhel["all"] == counted(hours, lambda label: label.is_rhel)
        for payer in (Payer.CUSTOMER, Payer.CLOUD, Payer.UNKNOWN):
            assert found[day].rhel[payer.value] == counted(hours, lambda label, payer=payer: label.payer == payer)
        assert found[day].maximum_counts == counted_by_category(hours)
