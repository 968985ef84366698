"""UTC days as half-open periods: dates in, whole seconds since 1970 out."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

DAY = 86_400


def opening(day: date) -> int:
    """The first second of the UTC day, as seconds since 1970."""
    return (day.toordinal() - _EPOCH) * DAY


def bounds(day: date) -> tuple[int, int]:
    """The day as [start, end) in seconds since 1970."""
    start = opening(day)
    return start, start + DAY


def day_of(second: int) -> date:
    """The UTC day that contains the second."""
    return date.fromordinal(second // DAY + _EPOCH)


def between(first: date, end: date) -> Iterator[date]:
    """The days from the first on, the end not included."""
    for ordinal in range(first.toordinal(), end.toordinal()):
        yield date.fromordinal(ordinal)


def instant(second: int) -> datetime:
    """The second as an aware datetime."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=second)


def second_of(moment: datetime) -> int:
    """The whole second that contains the aware moment, rounded down."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)


_EPOCH = date(1970, 1, 1).toordinal()
