"""Stored accounts as their clouds take them: with all that opens them, and through whom their log files are read."""

from collections.abc import Iterable, Mapping
from typing import Final

from django.db.models import Q

from cloudigrade.clouds.cloud import Account
from cloudigrade.models import CloudAccount

READER: Final = "reader"
"""The one key of an account's details that is no cloud's own business: native id of whoever reads its log files."""

LEFT: Final = "left"
"""The one key of the details of an account that was disconnected: what they were until then. No cloud sees it."""


def account_of(row: CloudAccount, *, as_left: bool = False) -> Account:
    """The account, ready to be opened; `as_left` as for several."""
    return accounts_of([row], as_left=as_left)[0]


def accounts_of(rows: Iterable[CloudAccount], *, as_left: bool = False) -> list[Account]:
    """The accounts in the same order; one query at most finds those that read for others.

    Only a verified account of the same customer and cloud reads for another. `as_left`: those that were disconnected
    with the details that they had until then, else without any. Malformed details are none.
    """
    rows = list(rows)
    accounts = [_alone(row, as_left=as_left) for row in rows]
    readers = _readers(zip(rows, accounts, strict=True))
    return [
        account._replace(reader=readers.get((*_owner(row), account.details.get(READER, ""))))
        for row, account in zip(rows, accounts, strict=True)
    ]


def are_sound(row: CloudAccount) -> bool:
    """Whether the details of the account are of the kind that we write, as far as they are no cloud's own business."""
    details = row.details.get(LEFT, row.details) if isinstance(row.details, Mapping) else None
    return isinstance(details, Mapping) and isinstance(details.get(READER, ""), str)


def lacks_reader(account: Account) -> bool:
    """Whether the log files are read through an account that is not there: nobody else may read them for it."""
    return bool(account.details.get(READER)) and account.reader is None


def _readers(accounts: Iterable[tuple[CloudAccount, Account]]) -> dict[tuple[int, str, str], Account]:
    wanted = Q()
    found = {}
    for row, account in accounts:
        reader = account.details.get(READER)
        if reader == row.native_id:
            found[*_owner(row), row.native_id] = account
        elif reader:
            wanted |= Q(customer=row.customer_id, cloud=row.cloud, native_id=reader)
    others = CloudAccount.objects.filter(wanted, is_verified=True) if wanted else ()
    return found | {(*_owner(row), row.native_id): _alone(row) for row in others}


def _alone(row: CloudAccount, *, as_left: bool = False) -> Account:
    details = row.details if are_sound(row) else {}
    if LEFT in details:
        details = details[LEFT] if as_left else {}
    return Account(row.native_id, row.credentials, row.external_id, details)


def _owner(row: CloudAccount) -> tuple[int, str]:
    return row.customer_id, row.cloud
