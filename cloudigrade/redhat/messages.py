"""Messages of Sources: the bytes of a Kafka message in, an event that is to be acted on out."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from cloudigrade.redhat import request_ids
from cloudigrade.redhat.identity import Identity, MalformedIdentity, parse_header

Text = bytes | str | None
Headers = Sequence[tuple[str, Text]]

EVENT_TYPE: Final = "event_type"
ORG_ID: Final = "x-rh-sources-org-id"
ACCOUNT_NUMBER: Final = "x-rh-sources-account-number"
IDENTITY: Final = "x-rh-identity"
REQUEST_ID: Final = request_ids.HEADER.lower()

READ: Final = frozenset({EVENT_TYPE, ORG_ID, ACCOUNT_NUMBER, IDENTITY, REQUEST_ID})
"""Headers that are looked at, whatever the case of their names."""

CLAIMED: Final = "ApplicationAuthentication.create"
WITHDRAWN: Final = "ApplicationAuthentication.destroy"
UPDATED: Final = "Authentication.update"
PAUSED: Final = "Application.pause"
UNPAUSED: Final = "Application.unpause"
APPLICATION_GONE: Final = "Application.destroy"
SOURCE_GONE: Final = "Source.destroy"

_PAIR = ("application_id", "authentication_id")
FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    CLAIMED: _PAIR,
    WITHDRAWN: _PAIR,
    UPDATED: ("id",),
    PAUSED: ("id",),
    UNPAUSED: ("id",),
    APPLICATION_GONE: ("id",),
    SOURCE_GONE: ("id",),
}
"""The types of events that are acted on, and what of each is used: ids, all of them."""

LARGEST_ID: Final = 2**63 - 1
_ID = re.compile(r"[0-9]{1,19}", re.ASCII)


class MalformedMessage(ValueError):
    """The message cannot be read; the reason, in one line, never repeats what was sent."""


@dataclass(frozen=True, slots=True)
class Event:
    """What happened in Sources, and to whom."""

    event_type: str
    org_id: str
    account_number: str
    request_id: str = ""
    value: Mapping[str, Any] = field(default_factory=dict)
    """The ids that are used of it, by their names: decimal digits as text, without leading zeros."""

    @property
    def lane(self) -> str:
        """Events of one lane are acted on in order."""
        return self.org_id or self.account_number


def parse(key: bytes | str | None, value: Text, headers: Headers | None) -> Event | None:  # noqa: ARG001 - the key only chooses the partition
    """The event; None where its type is none that is acted on. Raises MalformedMessage."""
    given = _headers(headers or ())
    event_type = given.get(EVENT_TYPE, "")
    if not event_type:
        raise MalformedMessage("has no event type")
    if event_type not in FIELDS:
        return None
    identity = _identity(given)
    return Event(
        event_type=event_type,
        org_id=identity.org_id,
        account_number=identity.account_number,
        request_id=request_ids.accepted(given.get(REQUEST_ID, "")),
        value=_ids(value, FIELDS[event_type]),
    )


def _headers(headers: Headers) -> dict[str, str]:
    """The headers that are looked at and not empty; raises MalformedMessage where one says two things."""
    found: dict[str, str] = {}
    for name, content in headers:
        lower = name.lower()
        if lower not in READ or not content:
            continue
        text = _text(content, f"header {lower}")
        if found.setdefault(lower, text) != text:
            raise MalformedMessage(f"header {lower} is there twice with different values")
    return found


def _text(content: bytes | str, what: str) -> str:
    if isinstance(content, str):
        return content
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise MalformedMessage(f"{what} is not UTF-8") from None


def _identity(headers: Mapping[str, str]) -> Identity:
    """Whose event it is: the names that Sources itself gives come before those of whoever asked it."""
    org_id, account_number = headers.get(ORG_ID, ""), headers.get(ACCOUNT_NUMBER, "")
    try:
        if org_id or account_number:
            return Identity(org_id=org_id, account_number=account_number)
        found = parse_header(headers.get(IDENTITY, "")) if IDENTITY in headers else Identity()
    except MalformedIdentity as fault:
        raise MalformedMessage(f"cannot be told whose it is: {fault}") from None
    if found.is_nobody():
        raise MalformedMessage("names no customer")
    return found


def _ids(value: Text, names: Sequence[str]) -> dict[str, str]:
    try:
        content = msgspec.json.decode(_text(value or b"", "the value"))
    except (msgspec.DecodeError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise MalformedMessage("its value is no JSON object")
    return {name: _id(content.get(name), name) for name in names}


def _id(given: object, name: str) -> str:
    try:
        return parse_id(given)
    except ValueError:
        raise MalformedMessage(f"its {name} is no id") from None


def parse_id(given: object) -> str:
    """An id that Sources wrote as a number or as text, as text (C17); raises ValueError for what is none."""
    text = str(given) if isinstance(given, int) and not isinstance(given, bool) else given
    if not isinstance(text, str) or not _ID.fullmatch(text) or not 0 < int(text) <= LARGEST_ID:
        raise ValueError("is no id")
    return str(int(text))
