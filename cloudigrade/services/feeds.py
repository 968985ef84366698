"""Whose feed it is: places of log files and notices in, the customers who connected them out."""

from collections.abc import Collection, Mapping

from cloudigrade.clouds.cloud import NOTICES, Account, Cloud, Place, Route, Router
from cloudigrade.models import CloudAccount
from cloudigrade.services import opened


def router(cloud: Cloud) -> Router:
    """Tells for each place whose it is and through whom it is read, in two queries for any number of places.

    A place is a customer's only if the customer's own verified account logs to just there, and is to be metered: an
    account that is named in somebody else's bucket is nobody's (S1).
    """

    def routes(places: Collection[Place]) -> Mapping[Place, Route]:
        found: dict[Place, Route] = {}
        rows = _metered(cloud.name, {account for _, account in places})
        for row, account in zip(rows, opened.accounts_of(rows), strict=True):
            own = {*cloud.places(account), (NOTICES, account.native_id)}
            found |= {place: _route(row, account, place) for place in own.intersection(places)}
        return found

    return routes


def is_expected(*, cloud: str) -> bool:
    """Whether an account of the cloud is connected, so that its queues may hold something for somebody."""
    return CloudAccount.objects.filter(cloud=cloud, is_verified=True).exclude(details={}).exists()


def _metered(cloud: str, native_ids: Collection[str]) -> list[CloudAccount]:
    if not native_ids:
        return []
    wanted = {"is_verified": True, "wanted": "enabled", "is_paused": False}
    return list(CloudAccount.objects.filter(cloud=cloud, native_id__in=sorted(native_ids), **wanted))


def _route(row: CloudAccount, account: Account, place: Place) -> Route:
    return Route(row.customer_id, None if place[0] == NOTICES else account.reader)
