"""The texts of `start_date` and `end_date` in, the days that a customer may ask for out."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import date, datetime, time, timedelta

from dateutil import parser

LONGEST_TEXT = 100
_ONE_DAY = timedelta(days=1)


class BadPeriod(ValueError):
    """What is wrong with the dates, each by the name of its parameter."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        super().__init__(faults)
        self.faults = faults


def parse_period(query: Mapping[str, str], *, joined: date, today: date) -> range:
    """The days from `start_date` to `end_date`, the end not included, as ordinals; yesterday where not given."""
    start, start_fault = _parse_start(query.get("start_date"), joined=joined, today=today)
    end, end_fault = _parse_end(query.get("end_date"), joined=joined, today=today)
    faults = {"start_date": start_fault, "end_date": end_fault}
    if any(faults.values()):
        raise BadPeriod({name: fault for name, fault in faults.items() if fault})
    return range(start.toordinal(), end.toordinal())


def parse_day(text: str, *, today: date) -> date:
    """The date in the text, however it is written; parts left out are today's, a time of day is ignored."""
    if len(text) > LONGEST_TEXT:
        raise ValueError("The text is too long for a date.")
    if len(text) == len("YYYY-MM-DD") and text[7] == "-":
        with suppress(ValueError):
            return date.fromisoformat(text)  # what nearly everyone sends, at a twentieth of the price
    try:
        # Zones are left unread: they would change nothing of the date as it is written.
        return parser.parse(text, default=datetime.combine(today, time.min), ignoretz=True).date()
    except ArithmeticError as fault:  # overflow, and what decimals raise
        raise ValueError("The text holds a number beyond all dates.") from fault


def _parse_start(text: str | None, *, joined: date, today: date) -> tuple[date, str]:
    yesterday = today - _ONE_DAY
    try:
        start = yesterday if text is None else parse_day(text, today=today)
    except ValueError:
        return today, "start_date must be a date (YYYY-MM-DD)."
    if start < joined:
        return start, "start_date must be same as or after the user creation date."
    return start, "start_date cannot be today or in the future." if start > yesterday else ""


def _parse_end(text: str | None, *, joined: date, today: date) -> tuple[date, str]:
    try:
        end = today if text is None else parse_day(text, today=today)
    except ValueError:
        return today, "end_date must be a date (YYYY-MM-DD)."
    if end < joined:
        return end, "end_date must be same as or after the user creation date."
    return end, "end_date cannot be in the future." if end > today else ""
