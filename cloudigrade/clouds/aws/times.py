"""Times as AWS writes them: text in, whole seconds since 1970 UTC out, rounded down."""

import re
from datetime import datetime
from typing import Final

from cloudigrade.domain import days

_ISO: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-9]{2})"
)
_TRANSITION: Final = re.compile(r"\(([0-9]{4}-[0-9]{2}-[0-9]{2}) ([0-9]{2}:[0-9]{2}:[0-9]{2}) (?:GMT|UTC)\)")
_LAST: Final = 253_402_300_799  # 9999-12-31T23:59:59Z, the last second that a datetime can express


def parse_time(text: object) -> int | None:
    """The second that an ISO 8601 time with a zone lies in; None for anything else, or before 1970."""
    if not isinstance(text, str) or not _ISO.fullmatch(text):
        return None
    try:
        second = days.second_of(datetime.fromisoformat(text))
    except (ValueError, OverflowError):  # the 30th of February, an hour 25, an offset out of range
        return None
    return second if 0 <= second <= _LAST else None


def parse_transition(reason: object) -> int | None:
    """The second named in a state transition reason, such as `User initiated (2026-01-02 03:04:05 GMT)`."""
    found = _TRANSITION.search(reason) if isinstance(reason, str) else None
    return parse_time(f"{found[1]}T{found[2]}Z") if found else None


def written(second: int) -> str:
    """The second as ISO 8601 text in UTC, the same for every spelling it was read from."""
    return days.instant(second).strftime("%Y-%m-%dT%H:%M:%SZ")
