"""Tags by which all that is made for an inspection is known as ours, for which one it is, and until when wanted."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, NamedTuple

OWNER: Final = "cloudigrade-owner"
"""The installation; customers' policies let us delete by it."""
INSPECTION: Final = "cloudigrade-inspection"
ATTEMPT: Final = "cloudigrade-attempt"
DEADLINE: Final = "cloudigrade-deadline"
SOURCE: Final = "cloudigrade-source"
"""Native id of what it is a copy of."""

Tag = dict[str, str]


class Mark(NamedTuple):
    """What the tags say of something that is ours."""

    inspection: int
    attempt: int
    deadline: int
    source: str

    def is_wanted(self, alive: Collection[int], now: int) -> bool:
        """Whether somebody waits for it."""
        return self.inspection in alive and now < self.deadline


def tags(environment: str, mark: Mark) -> list[Tag]:
    """The tags that say this."""
    values = {
        OWNER: environment,
        INSPECTION: str(mark.inspection),
        ATTEMPT: str(mark.attempt),
        DEADLINE: str(mark.deadline),
        **({SOURCE: mark.source} if mark.source else {}),
    }
    return [{"Key": key, "Value": value} for key, value in values.items()]


def filters(environment: str, inspection: int | None = None, attempt: int | None = None) -> list[dict[str, Any]]:
    """Of an EC2 call, for what is ours: all of it, that of an inspection, or of one of its attempts."""
    wanted = {OWNER: environment, INSPECTION: inspection, ATTEMPT: attempt}
    return [{"Name": f"tag:{key}", "Values": [str(each)]} for key, each in wanted.items() if each is not None]


def read(environment: str, listed: Iterable[Mapping[str, Any]]) -> Mark | None:
    """What the tags say; None where they are not ours. Anything of ours that cannot be read is wanted by nobody."""
    values = {each.get("Key"): str(each.get("Value", "")) for each in listed}
    if values.get(OWNER) != environment or INSPECTION not in values:
        return None
    number = {key: _number(values.get(key, "")) for key in (INSPECTION, ATTEMPT, DEADLINE)}
    return Mark(number[INSPECTION], number[ATTEMPT], number[DEADLINE], values.get(SOURCE, ""))


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0  # noqa: PLR2004 - of 64 bits
