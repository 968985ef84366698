"""An account out of the store, with all that was recorded of it; what it changes is answered anew."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from django.db import transaction

from cloudigrade.domain import days
from cloudigrade.services import availability, usage
from cloudigrade.services.staging import execute, fetch

CLAIM = 500
"""Instances removed in one transaction."""
MOST = 20
"""Transactions of one call, so that no task runs for long."""

_PARTS = ("feedposition", "logfile", "gap", "unmeteredperiod", "duework")
"""Tables whose rows belong to an account."""

_Span = tuple[int, int | None]


class Preview(NamedTuple):
    """What would go."""

    instances: int
    events: int
    runs: int
    days: int
    """Days that would be answered anew."""
    gaps: int
    rejected: int
    """Records, messages and files in quarantine."""


def preview(*, account_id: int, now: datetime) -> Preview:
    """What the removal of the account would take along."""
    ((instances, events, gaps, rejected, since),) = fetch(
        "SELECT (SELECT array_agg(id) FROM cloudigrade_instance WHERE account_id = a.id),"
        " (SELECT count(*) FROM cloudigrade_instanceevent AS e JOIN cloudigrade_instance AS i ON i.id = e.instance_id"
        "   WHERE i.account_id = a.id),"
        " (SELECT count(*) FROM cloudigrade_gap WHERE account_id = a.id),"
        " (SELECT count(*) FROM cloudigrade_quarantine WHERE customer_id = a.customer_id AND account = a.native_id),"
        " a.metered_from FROM cloudigrade_cloudaccount AS a WHERE a.id = %s",
        [account_id],
    )
    spans = _spans(instances or [])
    touched = days.covered(spans, days.day_of(days.second_of(since)), days.day_of(days.second_of(now)))
    return Preview(len(instances or []), events, len(spans), len(touched), gaps, rejected)


def remove(*, account_id: int, now: datetime) -> bool:
    """Nothing of the account is left; false where so much was there that it must be called again."""
    return any(_remove_some(account_id, now) for _ in range(MOST))


@transaction.atomic
def _remove_some(account_id: int, now: datetime) -> bool:
    """Some instances are gone, and with the last of them the account; true once it is."""
    # whoever adds an instance refers to this row: it waits when it commits, and fails once the row is gone
    owner = fetch("SELECT customer_id FROM cloudigrade_cloudaccount WHERE id = %s FOR UPDATE", [account_id])
    if not owner:
        return True
    ids = [
        instance
        for (instance,) in fetch(
            "SELECT id FROM cloudigrade_instance WHERE account_id = %s ORDER BY id LIMIT %s FOR UPDATE",
            [account_id, CLAIM],
        )
    ]
    usage.mark(customer_id=owner[0][0], spans=_spans(ids), as_of=now)
    for table in ("run", "instanceevent"):
        execute(f"DELETE FROM cloudigrade_{table} WHERE instance_id = ANY(%s)", [ids])  # noqa: S608 - names of ours
    execute("DELETE FROM cloudigrade_instance WHERE id = ANY(%s)", [ids])
    if len(ids) == CLAIM:
        return False
    availability.tell_gone(account_id=account_id, now=now)
    _remove_account(account_id)
    return True


def _remove_account(account_id: int) -> None:
    """The account without instances is gone, with its positions, gaps and quarantine."""
    execute(
        "DELETE FROM cloudigrade_quarantine AS q USING cloudigrade_cloudaccount AS a"
        " WHERE a.id = %s AND q.customer_id = a.customer_id AND q.account = a.native_id",
        [account_id],
    )
    for table in _PARTS:
        execute(f"DELETE FROM cloudigrade_{table} WHERE account_id = %s", [account_id])  # noqa: S608 - likewise
    execute("DELETE FROM cloudigrade_cloudaccount WHERE id = %s", [account_id])


def _spans(instance_ids: Sequence[int]) -> list[_Span]:
    """When the instances were on."""
    rows = fetch(
        "SELECT date_part('epoch', lower(period))::bigint, date_part('epoch', upper(period))::bigint"
        " FROM cloudigrade_run WHERE instance_id = ANY(%s)",
        [list(instance_ids)],
    )
    return [(start, end) for start, end in rows]
