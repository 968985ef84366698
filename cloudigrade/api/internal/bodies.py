"""Request bodies in, the values that a view wants out; what cannot be read is a 400 in the words that callers know."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, Final

from django.utils import timezone
from django.utils.dateparse import parse_date
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.fields import DateTimeField
from rest_framework.request import Request

from cloudigrade.api.internal.filters import MOST

UNREADABLE: Final = "Failed to parse given input."


def now() -> datetime:
    """The time at which a request is answered."""
    return timezone.now()  # noqa: TID251 - a request's time begins here


def fields(request: Request) -> Mapping[str, Any]:
    """The body's members; raises where it is no object."""
    if not isinstance(request.data, Mapping):
        raise ValidationError("The body must be a JSON object.")
    return request.data


def integer(given: Any) -> int:
    """The whole number that JSON or a text gives; raises ValueError for anything else."""
    # as texts, numbers are read alike, and `true` and 1.0 are none
    value = int(given if isinstance(given, str) else json.dumps(given))
    if abs(value) > MOST:
        raise ValueError("is too large")
    return value


def reference(body: Mapping[str, Any], name: str) -> int | None:
    """The id, None where it is not given."""
    if body.get(name) is None:
        return None
    try:
        return integer(body[name])
    except ValueError:
        raise _unreadable(name) from None


def moment(body: Mapping[str, Any], name: str) -> datetime | None:
    """The time, in UTC where no zone is given; None where it is not given."""
    if body.get(name) is None:
        return None
    try:
        value: datetime = DateTimeField(default_timezone=UTC).to_internal_value(_dated(body[name]))
        return value.astimezone(UTC)
    except (ValidationError, OverflowError, TypeError):
        raise _unreadable(name) from None


def day(body: Mapping[str, Any], name: str) -> date | None:
    """The day, None where it is not given."""
    if body.get(name) is None:
        return None
    try:
        value = parse_date(body[name])
    except (ValueError, TypeError):
        value = None
    if value is None:
        raise _unreadable(name)
    return value


def _dated(given: Any) -> Any:
    """A day alone is its beginning."""
    return f"{given}T00:00:00" if isinstance(given, str) and len(given) == len("YYYY-MM-DD") else given


def _unreadable(name: str) -> ValidationError:
    return fault(**{name: UNREADABLE})


def fault(**told: str) -> ValidationError:
    """A 400 with each fault as a text, not as a list of texts: so callers know some of them."""
    made = ValidationError()
    made.detail = {name: ErrorDetail(text) for name, text in told.items()}
    return made
