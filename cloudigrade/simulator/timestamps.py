"""Whole seconds since 1970 UTC in, the spellings of AWS out."""

from datetime import UTC, date, datetime
from typing import NamedTuple

DAY = 86_400
HOUR = 3_600
MINUTE = 60

_EPOCH = date(1970, 1, 1).toordinal()


class Window(NamedTuple):
    """The simulated days as seconds, start included, end not."""

    start: int
    end: int

    @property
    def days(self) -> range:
        """The first second of each day."""
        return range(self.start, self.end, DAY)


def window(*, until: date, days: int) -> Window:
    """The days before the date, which itself is not among them."""
    end = (until.toordinal() - _EPOCH) * DAY
    return Window(end - days * DAY, end)


def moment(second: int) -> datetime:
    """The second as an aware datetime."""
    return datetime.fromtimestamp(second, tz=UTC)


def zulu(second: int) -> str:
    """As CloudTrail writes it: 2026-01-02T03:04:05Z."""
    return f"{moment(second):%Y-%m-%dT%H:%M:%SZ}"


def offset(second: int) -> str:
    """As the AWS CLI prints it: 2026-01-02T03:04:05+00:00."""
    return f"{moment(second):%Y-%m-%dT%H:%M:%S+00:00}"


def spoken(second: int) -> str:
    """As StateTransitionReason says it: 2026-01-02 03:04:05 GMT."""
    return f"{moment(second):%Y-%m-%d %H:%M:%S GMT}"


def compact(second: int) -> str:
    """As the names of log files carry it, to the minute: 20260102T0304Z."""
    return f"{moment(second):%Y%m%dT%H%MZ}"


def iso_date(second: int) -> str:
    """The UTC date that contains the second."""
    return moment(second).date().isoformat()
