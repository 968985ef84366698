"""Recurring work on accounts: a row says when a piece is due, and whoever claims it moves the time on.

So two beats do no harm, a message that is lost costs nothing, and work whose worker died is due again after its lease.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from django.db import transaction

from cloudigrade.services.staging import execute, fetch


class Work(StrEnum):
    """What is done for an account again and again."""

    CONNECT = "connect"  # what it is and what is wanted of it differ
    CHECK = "check"
    SWEEP = "sweep"
    POLL = "poll"
    PROVE = "prove"
    RECONCILE = "reconcile"  # Sources is to be asked whether its source is still there
    LET_GO = "let go"  # its source is not, and it waits to be decided whether it goes


LEASE = timedelta(minutes=15)
"""After which work that was claimed and not finished is due again."""


def plan(*, account_ids: Iterable[int], work: Iterable[Work], at: datetime) -> None:
    """The work is due then at the latest; none is of an account that is gone."""
    execute(
        "INSERT INTO cloudigrade_duework AS d (account_id, work, due_at)"
        " SELECT a.id, work, %s FROM cloudigrade_cloudaccount AS a, unnest(%s::text[]) AS work WHERE a.id = ANY(%s)"
        " ORDER BY 1, 2"
        " ON CONFLICT (account_id, work) DO UPDATE SET due_at = least(d.due_at, excluded.due_at)",
        [at, [str(kind) for kind in work], list(account_ids)],
    )


def cancel(*, account_id: int, work: Iterable[Work] = tuple(Work)) -> None:
    """None of the work is due any more."""
    execute(
        "DELETE FROM cloudigrade_duework WHERE account_id = %s AND work = ANY(%s)",
        [account_id, [str(kind) for kind in work]],
    )


@transaction.atomic
def claim(*, work: Work, now: datetime, limit: int = 1, lease: timedelta = LEASE) -> list[int]:
    """The accounts for which it was due, longest ago first; it is due again after the lease unless `done` says else."""
    rows = fetch(
        # materialized: a plan that runs the inner select again for each row would take more than the limit
        "WITH c AS MATERIALIZED (SELECT id, due_at FROM cloudigrade_duework"
        "   WHERE work = %s AND due_at <= %s ORDER BY due_at LIMIT %s FOR UPDATE SKIP LOCKED)"
        " UPDATE cloudigrade_duework AS d SET due_at = %s FROM c WHERE d.id = c.id RETURNING c.due_at, d.account_id",
        [str(work), now, limit, now + lease],
    )
    return [account for _, account in sorted(rows)]


def done(*, account_id: int, work: Work, next_at: datetime) -> None:
    """The work is due next then; what was cancelled meanwhile stays so."""
    execute(
        "UPDATE cloudigrade_duework SET due_at = %s WHERE account_id = %s AND work = %s",
        [next_at, account_id, str(work)],
    )
