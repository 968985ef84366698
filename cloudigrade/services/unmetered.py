"""Periods in which an account is not metered: whatever ran in them does not count."""

from datetime import datetime

from django.db import transaction

from cloudigrade.services.staging import execute


@transaction.atomic
def begin(*, account_id: int, at: datetime) -> None:
    """From then on nothing counts; a period that goes on already stays as it is."""
    # the last period may end after `at` by the clocks of two machines; periods never overlap
    opened = execute(
        "INSERT INTO cloudigrade_unmeteredperiod (account_id, period)"
        " SELECT %s, tstzrange(greatest(%s, max(upper(period))), NULL) FROM cloudigrade_unmeteredperiod"
        " WHERE account_id = %s HAVING coalesce(bool_and(upper(period) IS NOT NULL), true)",
        [account_id, at, account_id],
    )
    if opened:
        _mark(account_id, at)


@transaction.atomic
def end(*, account_id: int, at: datetime) -> None:
    """From then on everything counts again; without a period that goes on, nothing changes."""
    gone = execute(
        "DELETE FROM cloudigrade_unmeteredperiod"
        " WHERE account_id = %s AND upper(period) IS NULL AND lower(period) >= %s",
        [account_id, at],
    )
    closed = execute(
        "UPDATE cloudigrade_unmeteredperiod SET period = tstzrange(lower(period), %s)"
        " WHERE account_id = %s AND upper(period) IS NULL",
        [at, account_id],
    )
    if gone or closed:
        _mark(account_id, at)


def _mark(account_id: int, at: datetime) -> None:
    """The runs of all instances of the account will be made anew."""
    execute(
        "UPDATE cloudigrade_instance SET runs_dirty_from = least(runs_dirty_from, %s) WHERE id IN"
        " (SELECT id FROM cloudigrade_instance WHERE account_id = %s ORDER BY id FOR NO KEY UPDATE)",
        [at, account_id],
    )
