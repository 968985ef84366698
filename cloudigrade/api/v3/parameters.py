"""A query in, values out; whatever is unknown, repeated or means nothing is refused, all of it at once."""

import re
from collections.abc import Collection, Iterable
from contextlib import suppress
from datetime import date

from rest_framework.request import Request

from cloudigrade.api.v3 import problems

MOST_VALUES, LONGEST_VALUE = 100, 200
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


class Parameters:
    """The parameters of one request; reading one notes what is wrong with it, and `require_sound` tells."""

    def __init__(self, request: Request, accepted: Collection[str]) -> None:
        self._query = request.query_params
        self.errors: dict[str, list[str]] = {}
        for name in self._query:
            if name not in accepted:
                names = ", ".join(sorted(accepted)) or "none"
                self.refuse(name, f"There is no such parameter; accepted are: {names}.")

    def refuse(self, name: str, why: str) -> None:
        """The parameter cannot be accepted."""
        self.errors.setdefault(name, []).append(why)

    def require_sound(self) -> None:
        """Nothing is wrong; raises the refusal."""
        if self.errors:
            raise problems.bad_parameters(self.errors)

    def one(self, name: str) -> str | None:
        """The value of a parameter that may be given once."""
        values = self._query.getlist(name)
        if len(values) > 1:
            self.refuse(name, "It may be given once.")
        return values[0] if values else None

    def choice(self, name: str, choices: Iterable[str], *, default: str) -> str:
        """One of the choices."""
        value = self.one(name)
        if value is None or value in choices:
            return value or default
        self.refuse(name, f"It must be one of: {', '.join(choices)}.")
        return default

    def day(self, name: str) -> date | None:
        """A date, which must be given."""
        value = self.one(name)
        if value is None:
            self.refuse(name, "It is required: a date as YYYY-MM-DD.")
            return None
        with suppress(ValueError):
            if _DAY.fullmatch(value):
                return date.fromisoformat(value)
        self.refuse(name, "It must be a date as YYYY-MM-DD.")
        return None

    def number(self, name: str, *, default: int, most: int) -> int:
        """A whole number from 1 on."""
        value = self.one(name)
        if value is None:
            return default
        if value.isascii() and value.isdigit() and len(value) <= len(str(most)) and 1 <= int(value) <= most:
            return int(value)
        self.refuse(name, f"It must be a whole number from 1 to {most}.")
        return default

    def flag(self, name: str) -> bool:
        """Whether it is true; false where not given."""
        return self.choice(name, ("true", "false"), default="false") == "true"

    def values(self, name: str) -> list[str]:
        """All values of a parameter that may be given several times."""
        values = list(dict.fromkeys(self._query.getlist(name)))
        if len(values) > MOST_VALUES:
            self.refuse(name, f"It may have {MOST_VALUES} values at most.")
        if any(len(value) > LONGEST_VALUE or "\x00" in value for value in values):
            self.refuse(name, f"A value has {LONGEST_VALUE} characters at most, and no NUL.")
        return values

    def listed(self, name: str, choices: Collection[str]) -> tuple[str, ...]:
        """The chosen ones, in the order of the choices, given several times or separated by commas."""
        given = {part for value in self._query.getlist(name) for part in value.split(",")}
        if given - set(choices):
            self.refuse(name, f"Each must be one of: {', '.join(choices)}.")
        return tuple(choice for choice in choices if choice in given)
