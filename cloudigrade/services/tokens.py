"""API tokens: a customer's own keys, of which only the hash is kept."""

import hashlib
import re
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import connection

from cloudigrade.models import ApiToken

PREFIX = "cgt_"
"""By which people and scanners tell what it is."""
SCOPES = ApiToken.SCOPES
MOST_DAYS = 366
LONGEST_NAME = 100
_BYTES = 32
_FORM = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}")

# All that an answer needs, in one statement; `joined_at` is `Customer.joined_at()`.
_OWNER = """
SELECT customer.id, coalesce(min(account.metered_from), customer.created_at), token.name, token.scopes
FROM cloudigrade_apitoken AS token
JOIN cloudigrade_customer AS customer ON customer.id = token.customer_id
LEFT JOIN cloudigrade_cloudaccount AS account ON account.customer_id = customer.id
WHERE token.sha256 = %s AND token.revoked_at IS NULL AND token.expires_at > %s
GROUP BY customer.id, token.id
"""


class BadToken(ValueError):
    """Why there cannot be such a token."""


class Opened(NamedTuple):
    """Whose token it is, and what it opens."""

    customer_id: int
    joined_at: datetime
    name: str
    scopes: frozenset[str]


class TokenStatus(NamedTuple):
    """What can be said of a token; its text is known to nobody but its owner."""

    id: int
    name: str
    scopes: tuple[str, ...]
    state: str
    """valid, expired or revoked"""
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


def issue(*, customer_id: int, name: str, scopes: Collection[str], days: int, now: datetime) -> str:
    """A new token of the customer, told this once."""
    _check(name, scopes, days)
    token = PREFIX + secrets.token_urlsafe(_BYTES)
    ApiToken.objects.create(
        customer_id=customer_id,
        name=name,
        sha256=_hash(token),
        scopes=sorted(set(scopes)),
        created_at=now,
        expires_at=now + timedelta(days=days),
    )
    return token


def revoke(*, customer_id: int, token_id: int, now: datetime) -> bool:
    """The customer's token opens nothing from now on; False where the customer has no such token."""
    own = ApiToken.objects.filter(customer_id=customer_id, pk=token_id)
    own.filter(revoked_at=None).update(revoked_at=now)
    return own.exists()


def statuses(*, customer_id: int, now: datetime) -> list[TokenStatus]:
    """The customer's tokens, oldest first."""
    own = ApiToken.objects.filter(customer_id=customer_id).order_by("id")
    return [
        TokenStatus(
            id=token.pk,
            name=token.name,
            scopes=tuple(token.scopes),
            state=_state(token, now),
            created_at=token.created_at,
            expires_at=token.expires_at,
            revoked_at=token.revoked_at,
        )
        for token in own
    ]


def find(*, token: str, now: datetime) -> Opened | None:
    """Whose token it is; None where it is unknown, revoked or expired."""
    if not _FORM.fullmatch(token):
        return None
    with connection.cursor() as cursor:
        # Found by its hash: how long that takes says nothing of any token that there is.
        cursor.execute(_OWNER, [_hash(token), now])
        found = cursor.fetchone()
    if found is None:
        return None
    customer_id, joined_at, name, scopes = found
    return Opened(customer_id, joined_at, name, frozenset(scopes))


def _check(name: str, scopes: Collection[str], days: int) -> None:
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise BadToken(f"the name must be printable text of 1 to {LONGEST_NAME} characters")
    if not scopes or not set(scopes) <= set(SCOPES):
        raise BadToken(f"the scopes must be some of {', '.join(SCOPES)}")
    if not 1 <= days <= MOST_DAYS:
        raise BadToken(f"it must expire within 1 to {MOST_DAYS} days")


def _hash(token: str) -> str:
    # 256 random bits need no slow hash: nobody guesses them.
    return hashlib.sha256(token.encode()).hexdigest()


def _state(token: ApiToken, now: datetime) -> str:
    if token.revoked_at:
        return "revoked"
    return "expired" if token.expires_at <= now else "valid"
