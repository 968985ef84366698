"""Query parameters in, conditions on a query set out; what cannot be read is a 400 by the parameter's name."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NamedTuple

from django.db.models import Q
from django.utils.dateparse import parse_date, parse_datetime
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ValidationError

MOST: Final = 2**63 - 1
"""Of a number that the database can compare with."""
NO_CHOICE: Final = "Select a valid choice. That choice is not one of the available choices."
NOTHING: Final = Q(pk__in=())
"""No row."""
NOT_KEPT: Final = "It is not kept, so nothing can be found by it."

_TRUE, _FALSE = frozenset({"true", "1"}), frozenset({"false", "0"})

Condition = Callable[[Any], Q]


class BadValue(ValueError):
    """A parameter that cannot be read; the message is told."""


class Filter(NamedTuple):
    """A parameter: how its text is read, and what it demands of a row."""

    parse: Callable[[str], Any]
    condition: Condition
    type: OpenApiTypes
    description: str = ""
    enum: tuple[str, ...] | None = None


Filters = Mapping[str, Filter]


def conditions(filters: Filters, query: Mapping[str, str]) -> Q:
    """What all parameters that are given demand together; an empty one counts as not given, an unknown one is not."""
    found, faults = Q(), {}
    for name, wanted in filters.items():
        text = query.get(name, "")
        if not text:
            continue
        try:
            found &= wanted.condition(wanted.parse(text))
        except BadValue as bad:
            faults[name] = [str(bad)]
    if faults:
        raise ValidationError(faults)
    return found


def parameters(filters: Filters) -> list[OpenApiParameter]:
    """The same for the OpenAPI document."""
    return [
        OpenApiParameter(name, wanted.type, OpenApiParameter.QUERY, description=wanted.description, enum=wanted.enum)
        for name, wanted in filters.items()
    ]


# Kinds of parameters; `path` leads to what they are compared with


def text(path: str, description: str = "") -> Filter:
    """Equal to the text."""
    return Filter(_text, lambda value: Q(**{path: value}), OpenApiTypes.STR, description)


def number(path: str, description: str = "") -> Filter:
    """Equal to the number; the database has whole ones only."""
    return Filter(
        _number,
        lambda value: Q(**{path: int(value)}) if value == value.to_integral_value() else NOTHING,
        OpenApiTypes.NUMBER,
        description,
    )


def reference(path: str, description: str = "") -> Filter:
    """Refers to the row of this id."""
    return Filter(_reference, lambda value: Q(**{path: value}), OpenApiTypes.INT64, description)


def flag(path: str, description: str = "") -> Filter:
    """As the truth value says."""
    return Filter(_flag, lambda value: Q(**{path: value}), OpenApiTypes.BOOL, description)


def moment(path: str, description: str = "") -> Filter:
    """At this very time."""
    return Filter(_moment, lambda value: Q(**{path: value}), OpenApiTypes.DATETIME, description)


def day(path: str, description: str = "") -> Filter:
    """On this very day."""
    return Filter(_day, lambda value: Q(**{path: value}), OpenApiTypes.DATE, description)


def choice(choices: Mapping[str, Any], path: str, description: str = "") -> Filter:
    """One of these words; each stands for a value."""

    def parse(given: str) -> Any:
        if given not in choices:
            raise BadValue(f"Select a valid choice. {_text(given)} is not one of the available choices.")
        return choices[given]

    return Filter(parse, lambda value: Q(**{path: value}), OpenApiTypes.STR, description, tuple(choices))


def around(name: str, path: str, kind: Callable[[str, str], Filter] = moment) -> dict[str, Filter]:
    """The three parameters of one value: equal, less, greater."""
    return {
        name: kind(path, ""),
        f"{name}__lt": kind(f"{path}__lt", "Less than this."),
        f"{name}__gt": kind(f"{path}__gt", "Greater than this."),
    }


def not_kept(*names: str) -> dict[str, Filter]:
    """Parameters of what we do not keep: refused, because passing them over would find everything."""

    def parse(_: str) -> Any:
        raise BadValue(NOT_KEPT)

    return {name: Filter(parse, Q, OpenApiTypes.STR, NOT_KEPT) for name in names}


def not_kept_times(*names: str) -> dict[str, Filter]:
    """The same for times, with what is less and greater."""
    return not_kept(*(f"{name}{which}" for name in names for which in ("", "__lt", "__gt")))


def of_customer(path: str) -> dict[str, Filter]:
    """The parameters by which a customer is named; `path` leads to the customer, and ends with two underscores."""
    return {
        "account_number": text(f"{path}account_number"),
        "org_id": text(f"{path}org_id"),
        "username": text(f"{path}account_number", "The same as `account_number`."),
    }


def _text(given: str) -> str:
    if "\0" in given:
        raise BadValue("Null characters are not allowed.")
    return given


def _number(given: str) -> Decimal:
    try:
        value = Decimal(given)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or abs(value) > MOST:
        raise BadValue("Enter a number.")
    return value


def _reference(given: str) -> int:
    try:
        value = int(given)
    except ValueError:
        raise BadValue(NO_CHOICE) from None
    if abs(value) > MOST:
        raise BadValue(NO_CHOICE)
    return value


def _flag(given: str) -> bool:
    word = given.lower()
    if word not in _TRUE | _FALSE:
        raise BadValue("Must be a valid boolean.")
    return word in _TRUE


def _moment(given: str) -> datetime:
    try:
        value = parse_datetime(given) or parse_datetime(f"{given}T00:00")  # a day is its beginning
        if value is None:
            raise BadValue("Enter a valid date/time.")
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadValue("Enter a valid date/time.") from None


def _day(given: str) -> date:
    try:
        value = parse_date(given)
    except ValueError:
        value = None
    if value is None:
        raise BadValue("Enter a valid date.")
    return value
