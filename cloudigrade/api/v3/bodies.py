"""What is sent in a body in, plain values out; whatever is missing, unknown or means nothing is refused at once."""

from typing import Any, NamedTuple

from cloudigrade.api.v3 import problems
from cloudigrade.clouds import registry

LONGEST = 2_048
_FIELDS = ("cloud", "credentials")


class Claim(NamedTuple):
    """An account that is to be metered."""

    cloud: str
    credentials: str
    """What opens it; AWS: ARN of the role."""


def parse_claim(body: Any) -> Claim:
    """The claim in the body."""
    if not isinstance(body, dict):
        raise problems.bad_body({"": [f"It must be an object with {' and '.join(_FIELDS)}."]})
    errors = {
        str(name): [f"There is no such field; accepted are: {', '.join(_FIELDS)}."]
        for name in body
        if name not in _FIELDS
    }
    errors |= {name: [why] for name in _FIELDS if (why := _fault(name, body.get(name)))}
    if errors:
        raise problems.bad_body(errors)
    return Claim(body["cloud"], body["credentials"])


def _fault(name: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        return "It is required, and must be a text."
    if name == "cloud" and value not in registry.names():
        return f"It must be one of: {', '.join(registry.names())}."
    if len(value) > LONGEST or not value.isprintable():
        return f"It has {LONGEST} printable characters at most."
    return ""
