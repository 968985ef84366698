"""API tokens as text for people."""

from collections.abc import Sequence

from cloudigrade.management.tables import table
from cloudigrade.services.tokens import TokenStatus

_HEADINGS = ("id", "name", "scopes", "state", "created", "expires")


def tokens_table(tokens: Sequence[TokenStatus]) -> str:
    """A line per token."""
    if not tokens:
        return "There is no token; cloudigrade tokens create makes one.\n"
    rows = [
        (
            one.id, one.name, ", ".join(one.scopes), one.state,
            f"{one.created_at:%Y-%m-%d %H:%M:%SZ}", f"{one.expires_at:%Y-%m-%d %H:%M:%SZ}",
        )
        for one in tokens
    ]  # fmt: skip
    return table(_HEADINGS, rows)
