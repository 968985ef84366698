"""Stored accounts as their clouds take them: with all that opens them, and through whom their log files are read."""

from collections.abc import Iterable
from typing import Final

from django.db.models import Q

from cloudigrade.clouds.cloud import Account
from cloudigrade.models import CloudAccount

READER: Final = "reader"
"""The one key of an account's details that is no cloud's own business: native id of whoever reads its log files."""


def account_of(row: CloudAccount) -> Account:
    """The account, ready to be opened."""
    return accounts_of([row])[0]


def accounts_of(rows: Iterable[CloudAccount]) -> list[Account]:
    """The accounts in the same order; one query at most finds those that read for others.

    Only a verified account of the same customer and cloud reads for another.
    """
    rows = list(rows)
    readers = _readers(row for row in rows if row.details.get(READER))
    return [_alone(row)._replace(reader=readers.get((*_owner(row), row.details.get(READER, "")))) for row in rows]


def _readers(rows: Iterable[CloudAccount]) -> dict[tuple[int, str, str], Account]:
    wanted = Q()
    found = {}
    for row in rows:
        if row.details[READER] == row.native_id:
            found[*_owner(row), row.native_id] = _alone(row)
        else:
            wanted |= Q(customer=row.customer_id, cloud=row.cloud, native_id=row.details[READER])
    others = CloudAccount.objects.filter(wanted, is_verified=True) if wanted else ()
    return found | {(*_owner(row), row.native_id): _alone(row) for row in others}


def _alone(row: CloudAccount) -> Account:
    return Account(row.native_id, row.credentials, row.external_id, row.details)


def _owner(row: CloudAccount) -> tuple[int, str]:
    return row.customer_id, row.cloud
