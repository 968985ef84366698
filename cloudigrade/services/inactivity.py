"""Customers who came to nothing, out of the store."""

from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction

from cloudigrade.services.staging import execute, fetch

GO: Final = ("apitoken", "concurrentusage", "dirtyday", "imageverdict", "sight", "tagevent")
"""Tables whose rows go with their customer."""
STAY: Final = ("cloudaccount", "externalid", "quarantine", "syntheticdatarequest")
"""Tables whose rows keep their customer. An external id is its owner's for good (S1): a role may still open to it."""

_STAYING = " ".join(
    f"AND NOT EXISTS (SELECT 1 FROM cloudigrade_{table} AS t WHERE t.customer_id = c.id)"  # noqa: S608 - names of ours
    for table in STAY
)
_INACTIVE = (
    f"SELECT c.id FROM cloudigrade_customer AS c WHERE c.created_at < %s AND NOT c.is_permanent {_STAYING}"  # noqa: S608 - likewise
    " AND NOT EXISTS (SELECT 1 FROM cloudigrade_apitoken AS t"
    " WHERE t.customer_id = c.id AND t.revoked_at IS NULL AND t.expires_at > %s)"
)


@transaction.atomic
def remove_inactive(*, now: datetime) -> int:
    """Customers without any account, who are old enough and of whom nothing is kept, are gone; their number."""
    given = [now - timedelta(seconds=settings.PLATFORM.inactive_age), now]
    locked = fetch(f"{_INACTIVE} ORDER BY c.id FOR UPDATE OF c SKIP LOCKED", given)
    # looked at again: whoever referred to one of them before it was locked has committed by now
    ids = [pk for (pk,) in fetch(f"{_INACTIVE} AND c.id = ANY(%s)", [*given, [pk for (pk,) in locked]])]
    for table in GO:
        execute(f"DELETE FROM cloudigrade_{table} WHERE customer_id = ANY(%s)", [ids])  # noqa: S608 - likewise
    execute("DELETE FROM cloudigrade_customer WHERE id = ANY(%s)", [ids])
    return len(ids)
