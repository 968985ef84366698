"""UTC days as half-open periods."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from cloudigrade.domain import days

MONDAY = date(2026, 3, 2)


def test_a_day_begins_at_its_midnight_and_ends_before_the_next():
    start, end = days.bounds(MONDAY)

    assert days.instant(start) == datetime(2026, 3, 2, tzinfo=UTC)
    assert days.day_of(start) == days.day_of(end - 1) == MONDAY
    assert days.day_of(end) == date(2026, 3, 3)


def test_times_are_rounded_down_to_the_second():
    assert days.second_of(datetime(1970, 1, 1, 0, 0, 1, 999_999, tzinfo=UTC)) == 1


@given(st.lists(st.tuples(st.integers(-200, 400), st.none() | st.integers(-200, 400)), max_size=5), st.integers(0, 6))
def test_covered_days_are_those_with_a_second_of_a_span(spans_in_hours, length):
    start = days.opening(MONDAY)
    spans = [(start + 3600 * a, None if b is None else start + 3600 * b) for a, b in spans_in_hours]
    end = MONDAY + timedelta(length)

    expected = [
        day
        for day in days.between(MONDAY, end)
        if any(a <= hour and (b is None or hour < b) for a, b in spans for hour in range(*days.bounds(day), 3600))
    ]

    assert days.covered(spans, MONDAY, end) == expected
