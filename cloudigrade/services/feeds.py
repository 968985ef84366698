"""Whose feed it is: places of log files and notices in, the customers who connected them out."""

import logging
from collections.abc import Collection, Mapping

from cloudigrade.clouds.cloud import NOTICES, Account, Cloud, Place, Route, Router
from cloudigrade.clouds.protocol import Unreadable
from cloudigrade.models import CloudAccount
from cloudigrade.services import opened

_log = logging.getLogger(__name__)


def router(cloud: Cloud) -> Router:
    """Tells for each place whose it is and through whom it is read, in two queries for any number of places.

    A place is a customer's only if the customer's own verified account logs to just there, or did until it was
    disconnected: an account that is named in somebody else's bucket is nobody's (S1). What is told of a time in which
    the account is not metered is recorded too, and never counts. Nothing leads to an account of malformed details,
    which is logged once, nor to log files whose reader is gone.
    """
    malformed: set[int] = set()

    def routes(places: Collection[Place]) -> Mapping[Place, Route]:
        found: dict[Place, Route] = {}
        rows = _logging(cloud.name, {account for _, account in places})
        for row, account in zip(rows, opened.accounts_of(rows, as_left=True), strict=True):
            try:
                own = _places(cloud, row, account)
            except Unreadable as problem:
                if row.pk not in malformed:
                    _log.error("account %d: %s, so nothing leads to it", row.pk, problem)
                malformed.add(row.pk)
            else:
                found |= {place: _route(row, account, place) for place in own.intersection(places)}
        return found

    return routes


def is_expected(*, cloud: str) -> bool:
    """Whether an account of the cloud is connected, so that its queues may hold something for somebody."""
    verified = CloudAccount.objects.filter(cloud=cloud, is_verified=True)
    return verified.exclude(details={}).exclude(details__has_key=opened.LEFT).exists()


def _logging(cloud: str, native_ids: Collection[str]) -> list[CloudAccount]:
    if not native_ids:
        return []
    verified = CloudAccount.objects.filter(cloud=cloud, native_id__in=sorted(native_ids), is_verified=True)
    return list(verified.exclude(wanted="deleted"))


def _places(cloud: Cloud, row: CloudAccount, account: Account) -> set[Place]:
    """Where the account logs to, as far as it can be read there, and its notices; raises Unreadable."""
    if not opened.are_sound(row):
        raise Unreadable("its details are malformed")
    files = cloud.places(account)
    return {(NOTICES, account.native_id), *(() if opened.lacks_reader(account) else files)}


def _route(row: CloudAccount, account: Account, place: Place) -> Route:
    return Route(row.customer_id, None if place[0] == NOTICES else account.reader)
