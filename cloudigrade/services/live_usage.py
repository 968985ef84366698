"""The answer of a day that goes on: counted when asked for, and stored nowhere."""

from datetime import date, datetime, timedelta

from cloudigrade.domain import days
from cloudigrade.domain.usage import usage_of_days
from cloudigrade.services import usage


def counts_of(*, customer_id: int, day: date, now: datetime) -> str:
    """The maximum counts of the customer's day so far, as compact JSON, as the wire wants them."""
    found = usage.load_runs(customer_id=customer_id, first=day, end=day + timedelta(1))
    return usage.encode_counts(usage_of_days(found.runs, found.labels, [day], as_of=days.second_of(now))[day])
