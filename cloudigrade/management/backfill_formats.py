"""What a backfill came to, as text for people; for programs its values are the JSON."""

from datetime import date, datetime, timedelta
from typing import NamedTuple

from cloudigrade.domain import days


class Surveyed(NamedTuple):
    """What there is to be read."""

    account: str
    bucket: str
    first: date
    end: date
    """The day after the last one."""
    files: int
    bytes: int
    """As stored; 0 where the cloud does not tell."""


class Done(NamedTuple):
    """What was read, and what follows from it."""

    account: str
    bucket: str
    first: date
    end: date
    """The day after the last one."""
    files: int
    new: int
    """Records that told something new."""
    rejected: int
    metered_from: datetime
    missing: int
    """Log files that digests name and that are not there."""
    lost: int
    """Log files that could not be stored."""


def period(first: date, end: date) -> str:
    """The days, the last one included."""
    return f"{first} to {end - timedelta(1)}"


def as_text(told: Surveyed | Done) -> str:
    """A line for each thing to know."""
    if isinstance(told, Surveyed):
        size = f", {told.bytes:,} bytes" if told.bytes else ""
        return f"{told.files} log files to read{size}, {period(told.first, told.end)}\n"
    counts = f"{told.files} log files read, {told.new} records new, {told.rejected} rejected"
    lines = [
        f"{counts}, {period(told.first, told.end)}",
        f"account {told.account} is metered from {told.metered_from:%Y-%m-%d %H:%M} on",
    ]
    if told.metered_from > days.instant(days.opening(told.end)):
        lines.append(f"what lies between {told.end} and then was not read: name a later --until")
    elif told.metered_from > days.instant(days.opening(told.first)):
        lines.append("no log file is there of the days before")
    if told.missing:
        lines.append(f"{told.missing} log files that digests name are missing: see cloudigrade accounts status")
    if told.lost:
        lines.append(f"{told.lost} log files could not be stored: see cloudigrade accounts status and the log")
    return "".join(f"{line}\n" for line in lines)
