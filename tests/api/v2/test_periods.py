from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cloudigrade.api.v2.periods import LONGEST_TEXT, BadPeriod, parse_day, parse_period

TODAY = date(2026, 3, 31)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-01", date(2026, 3, 1)),
        ("20260301", date(2026, 3, 1)),
        ("2026-03-01T23:59:59.999999Z", date(2026, 3, 1)),
        ("2026-03-01T23:59:59-11:00", date(2026, 3, 1)),
        ("2026-03-01T00:00:00 MARS", date(2026, 3, 1)),
        ("March 1, 2026", date(2026, 3, 1)),
        ("Sun 1 Mar 2026 10am", date(2026, 3, 1)),
        ("3/1/2026", date(2026, 3, 1)),
        ("10:00", TODAY),
        ("2026-02", date(2026, 2, 28)),
        ("0001-01-01", date(1, 1, 1)),
        ("9999-12-31", date(9999, 12, 31)),
    ],
)
def test_a_date_is_read_however_it_is_written(text, expected):
    assert parse_day(text, today=TODAY) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "yesterday",
        "2026-02-30",
        "2026-13-01",
        "2026-W10-1",
        "2026-W10",
        "0000-00-00",
        "1" * LONGEST_TEXT,
        "2026-03-01" + " " * LONGEST_TEXT,
        "\x00",
        "\ud800",
    ],
)
def test_what_is_no_date_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        parse_day(text, today=TODAY)


@pytest.mark.parametrize("text", ["9" * 30, "99999999999999999999-01-01", "31h999999999999999999920260101TUTC-Thnan"])
def test_o14_a_number_beyond_all_dates_is_refused(text):
    """O14: an integer overflow in the date was a 500."""
    with pytest.raises(ValueError, match=r"."):
        parse_day(text, today=TODAY)


_pieces = st.lists(
    st.sampled_from(
        [*"0123456789-/:.,+ TZ", "2026", "Mar", "am", "h", "UTC", "99999999999999999999", "e400", "nan", "٣"]
    ),
    max_size=12,
).map("".join)


@given(st.text() | _pieces)
@example("10:00\uff1199999999999999999999920260101TSats")
def test_whatever_is_sent_is_a_date_or_refused(text):
    try:
        day = parse_day(text, today=TODAY)
    except ValueError:
        return
    assert type(day) is date


@given(st.dates())
def test_an_iso_date_is_what_the_lenient_reader_takes_it_for(day):
    assert parse_day(day.isoformat(), today=TODAY) == day
    assert parse_day(f"{day.isoformat()} 00:00", today=TODAY) == day


JOINED = date(2026, 3, 1)
UNREADABLE = "{} must be a date (YYYY-MM-DD)."
TOO_EARLY = "{} must be same as or after the user creation date."
START_TOO_LATE = "start_date cannot be today or in the future."
END_TOO_LATE = "end_date cannot be in the future."


@pytest.mark.parametrize(
    ("query", "days"),
    [
        ({}, ["2026-03-30"]),
        ({"start_date": "2026-03-28"}, ["2026-03-28", "2026-03-29", "2026-03-30"]),
        ({"end_date": "2026-03-31"}, ["2026-03-30"]),
        ({"start_date": "2026-03-01", "end_date": "2026-03-03"}, ["2026-03-01", "2026-03-02"]),
        ({"start_date": "2026-03-05", "end_date": "2026-03-05"}, []),
        ({"start_date": "2026-03-05", "end_date": "2026-03-02"}, []),
        ({"end_date": "2026-03-01"}, []),
    ],
)
def test_a_period_includes_its_start_and_not_its_end(query, days):
    period = parse_period(query, joined=JOINED, today=TODAY)

    assert [date.fromordinal(ordinal).isoformat() for ordinal in period] == days


@pytest.mark.parametrize(
    ("query", "faults"),
    [
        ({"start_date": "2026-03-31"}, {"start_date": START_TOO_LATE}),
        ({"start_date": "9999-12-31"}, {"start_date": START_TOO_LATE}),
        ({"start_date": "2026-02-28"}, {"start_date": TOO_EARLY.format("start_date")}),
        ({"start_date": "soon"}, {"start_date": UNREADABLE.format("start_date")}),
        ({"start_date": ""}, {"start_date": UNREADABLE.format("start_date")}),
        ({"end_date": "2026-04-01"}, {"end_date": END_TOO_LATE}),
        ({"end_date": "2026-02-28"}, {"end_date": TOO_EARLY.format("end_date")}),
        ({"end_date": "soon"}, {"end_date": UNREADABLE.format("end_date")}),
        (
            {"start_date": "soon", "end_date": "2026-04-01"},
            {"start_date": UNREADABLE.format("start_date"), "end_date": END_TOO_LATE},
        ),
        (
            {"start_date": "2026-03-31", "end_date": "later"},
            {"start_date": START_TOO_LATE, "end_date": UNREADABLE.format("end_date")},
        ),
    ],
)
def test_all_faults_of_the_dates_are_told_at_once(query, faults):
    with pytest.raises(BadPeriod) as caught:
        parse_period(query, joined=JOINED, today=TODAY)

    assert caught.value.faults == faults


def test_who_joined_today_cannot_ask_for_yesterday():
    with pytest.raises(BadPeriod) as caught:
        parse_period({}, joined=TODAY, today=TODAY)

    assert caught.value.faults == {"start_date": TOO_EARLY.format("start_date")}


def test_before_the_customer_joined_beats_in_the_future():
    with pytest.raises(BadPeriod) as caught:
        parse_period({"start_date": "2026-04-01", "end_date": "2026-04-02"}, joined=date(2026, 4, 3), today=TODAY)

    assert caught.value.faults == {
        "start_date": TOO_EARLY.format("start_date"),
        "end_date": TOO_EARLY.format("end_date"),
    }


@given(start=st.dates(), end=st.dates(), joined=st.dates(), today=st.dates(min_value=date(2, 1, 1)))
def test_a_period_lies_between_joining_and_today(start, end, joined, today):
    query = {"start_date": start.isoformat(), "end_date": end.isoformat()}
    is_fine = joined <= start < today and joined <= end <= today
    try:
        period = parse_period(query, joined=joined, today=today)
    except BadPeriod:
        assert not is_fine
    else:
        assert is_fine
        assert len(period) == max((end - start).days, 0)
