"""UTC days as half-open periods: dates in, whole seconds since 1970 out."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate

HOUR, DAY = 3_600, 86_400


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


def boundaries(first: date, end: date, granularity: str) -> list[int]:
    """Where the hours, days or months of the days [first, end) begin, and the end: the first and last may be parts."""
    if granularity == "hour":
        return list(range(opening(first), opening(end) + 1, HOUR))
    begun = [opening(day) for day in between(first, end) if granularity == "day" or day == first or day.day == 1]
    return [*begun, opening(end)]


def instant(second: int) -> datetime:
    """The second as an aware datetime."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=second)


def second_of(moment: datetime) -> int:
    """The whole second that contains the aware moment, rounded down."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)


def covered(spans: Iterable[tuple[int, int | None]], first: date, end: date) -> list[date]:
    """Those days from the first on, the end not included, in which any of the half-open spans of seconds has a part."""
    low, high = opening(first), opening(end)
    if low >= high:
        return []
    steps = [0] * (end.toordinal() - first.toordinal() + 1)
    for start, stop in spans:
        begin, finish = max(start, low), high if stop is None else min(stop, high)
        if begin < finish:
            steps[(begin - low) // DAY] += 1
            steps[(finish - 1 - low) // DAY + 1] -= 1
    return [day for day, alive in zip(between(first, end), accumulate(steps), strict=False) if alive]


_EPOCH = date(1970, 1, 1).toordinal()
