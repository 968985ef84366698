"""The names of a customer in, the customer who asks out; programs ask again and again, so it is known for a moment."""

import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import NamedTuple

from django.db import connection
from rest_framework.exceptions import AuthenticationFailed

from cloudigrade.redhat.identity import Identity

MOMENT = 1.0
"""Seconds for which a customer is known. Whoever is deleted is let in for so much longer, to find nothing: no other
customer ever has the same id."""
MOST = 10_000
"""Names that are known at one time."""

# One statement with all that an answer needs of the customer, and not by the ORM, which takes longer than the database.
# `joined` is `Customer.joined_at()`.
_CUSTOMERS = """
SELECT id, org_id, coalesce(
    (SELECT min(metered_from) FROM cloudigrade_cloudaccount AS a WHERE a.customer_id = c.id), created_at
) FROM cloudigrade_customer AS c WHERE"""


class Requester(NamedTuple):
    """The customer who asks, as far as an answer depends on it."""

    customer_id: int
    joined: date
    """The UTC day from which on there are answers."""

    @classmethod
    def since(cls, customer_id: int, joined_at: datetime) -> "Requester":
        """The customer, who joined at that time."""
        return cls(customer_id, joined_at.astimezone(UTC).date())


UNKNOWN = Requester(0, date.max)
"""A customer whom we do not know, and who therefore has nothing: no row has this id."""


def find(identity: Identity) -> Requester | None:
    """The customer of these names as it is now, if we know one; names of two customers are refused (S5)."""
    given = {"org_id": identity.org_id, "account_number": identity.account_number}
    names = {name: text for name, text in given.items() if text}
    if not names:
        return None
    with connection.cursor() as cursor:
        cursor.execute(f"{_CUSTOMERS} {' OR '.join(f'{name} = %s' for name in names)}", [*names.values()])
        found = cursor.fetchall()
    if not found:
        return None
    if len(found) > 1:
        raise AuthenticationFailed
    [(customer_id, org_id, joined)] = found
    if identity.org_id and org_id and identity.org_id != org_id:
        raise AuthenticationFailed
    return Requester.since(customer_id, joined)


class Known:
    """The customers who asked a moment ago, by both their names as they gave them.

    Who is not known, or was refused, is looked for each time: a new customer is let in at once.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[tuple[str, str], tuple[float, Requester]] = {}

    def find(self, identity: Identity) -> Requester | None:
        """As the function of that name, or as it was a moment ago."""
        names = (identity.org_id, identity.account_number)
        now = self._clock()
        seen = self._seen.get(names)
        if seen and now < seen[0] + MOMENT:
            return seen[1]
        found = find(identity)
        if found:
            if len(self._seen) >= MOST:
                self._seen.clear()
            self._seen[names] = (now, found)
        return found

    def forget(self) -> None:
        """Nobody is known."""
        self._seen.clear()


known = Known()
