"""The platform's identity header: base64 of JSON in, who is asking out."""

import base64
from dataclasses import dataclass

import msgspec

LONGEST_HEADER = 65_536
LONGEST_NAME = 150
ASSOCIATE = "Associate"
"""Type of the people who run the platform."""


class MalformedIdentity(ValueError):
    """The identity cannot be read; the message never repeats what was sent."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The names by which a customer is known; either may be empty, and both are fit to be looked up."""

    org_id: str = ""
    account_number: str = ""
    type: str = ""
    """User, System, ServiceAccount, Associate, X509, or whatever the platform calls the next one."""

    def __post_init__(self) -> None:
        for name in (self.org_id, self.account_number, self.type):
            # Not printable: control characters, NUL among them, which PostgreSQL refuses in a text.
            if len(name) > LONGEST_NAME or not name.isprintable():
                raise MalformedIdentity("The name of the customer is no short printable text.")

    def is_nobody(self) -> bool:
        """Whether it names no customer at all."""
        return not (self.org_id or self.account_number)

    def is_associate(self) -> bool:
        """Whether it is one of the people who run the platform, and no customer's."""
        return self.type == ASSOCIATE


def parse_header(header: str) -> Identity:
    """The identity that the header carries; one without any name is nobody's."""
    if len(header) > LONGEST_HEADER:
        raise MalformedIdentity("The identity header is too long.")
    try:
        content = msgspec.json.decode(base64.b64decode(header, validate=True), type=_Content)
    except (ValueError, RecursionError) as fault:
        raise MalformedIdentity("The identity header is not base64 of the JSON expected.") from fault
    named = content.identity or _Named()
    internal = named.internal or _Internal()
    return Identity(
        org_id=named.org_id or internal.org_id or "",
        account_number=named.account_number or "",
        type=named.type or "",
    )


class _Internal(msgspec.Struct):
    org_id: str | None = None


class _Named(msgspec.Struct):
    org_id: str | None = None
    account_number: str | None = None
    type: str | None = None
    internal: _Internal | None = None


class _Content(msgspec.Struct):
    identity: _Named | None = None
