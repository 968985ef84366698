"""Pre-shared keys of neighbouring services: an entry of the configuration in, the key and what it opens out."""

from collections.abc import Mapping
from dataclasses import dataclass, field

SCOPES = ("read", "accounts", "write", "availability")
"""Reading; changes of customers' accounts by API v3; changes by the internal API; its availability check."""
SHORTEST_KEY, LONGEST_KEY = 8, 256
_FORMS = 'must be a key, or an object such as {"key": "...", "scopes": ["read", "write"]}'


@dataclass(frozen=True, slots=True)
class Psk:
    """A key and what it opens; the key shows nowhere."""

    key: str = field(repr=False)
    scopes: frozenset[str] = frozenset({"read"})


class BadPsk(ValueError):
    """What is wrong with an entry; the message never has the key."""


def parse(entry: object) -> Psk:
    """The key of an entry, which alone opens reading."""
    if isinstance(entry, Psk):
        return entry
    if isinstance(entry, str):
        return Psk(_key(entry))
    if not isinstance(entry, dict) or "key" not in entry or not set(entry) <= {"key", "scopes"}:
        raise BadPsk(_FORMS)
    return Psk(_key(entry["key"]), _scopes(entry.get("scopes", ["read"])))


def require_distinct(keys: Mapping[str, Psk]) -> Mapping[str, Psk]:
    """The same keys, or BadPsk where two names share one: whose request it is must be plain."""
    first = {psk.key: name for name, psk in reversed(list(keys.items()))}
    repeated = [name for name, psk in keys.items() if first[psk.key] != name]
    if repeated:
        raise BadPsk(f"{', '.join(repeated)}: the key is that of another name too")
    return keys


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise BadPsk(_FORMS)
    if not SHORTEST_KEY <= len(key) <= LONGEST_KEY:
        raise BadPsk(f"a key must have {SHORTEST_KEY} to {LONGEST_KEY} characters")
    if not (key.isascii() and key.isprintable() and key == key.strip()):
        raise BadPsk("a key must be printable ASCII without spaces around it, as a header carries it")
    return key


def _scopes(scopes: object) -> frozenset[str]:
    if not isinstance(scopes, list) or not scopes or any(scope not in SCOPES for scope in scopes):
        raise BadPsk(f"the scopes must be a list of some of {', '.join(SCOPES)}")
    return frozenset(scopes)
