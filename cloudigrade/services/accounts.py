"""Customers and their cloud accounts: who is metered, and since when."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import Min

from cloudigrade.models import CloudAccount, Customer
from cloudigrade.services import usage
from cloudigrade.services.staging import execute


def ensure_customer(*, org_id: str, now: datetime) -> int:
    """The id of the customer with this organisation id, who exists afterwards."""
    customer, _ = Customer.objects.get_or_create(org_id=org_id, defaults={"created_at": now})
    return customer.pk


@transaction.atomic
def ensure_accounts(
    *, customer_id: int, cloud: str, native_ids: Iterable[str], metered_from: datetime, now: datetime
) -> None:
    """The accounts are the customer's; those that are another customer's stay theirs."""
    CloudAccount.objects.bulk_create(
        [
            CloudAccount(
                customer_id=customer_id, cloud=cloud, native_id=native_id, metered_from=metered_from, created_at=now
            )
            for native_id in sorted(set(native_ids))
        ],
        ignore_conflicts=True,
    )


@transaction.atomic
def extend_metering(*, customer_id: int, metered_from: datetime, as_of: datetime) -> int:
    """The customer's accounts are metered since then at the latest; the number of instances for which that is news.

    They are recalculated: one whose first event is a stop was on since the metering began.
    """
    moved = execute(
        "WITH moved AS (UPDATE cloudigrade_cloudaccount SET metered_from = %s"
        "   WHERE customer_id = %s AND metered_from > %s RETURNING id)"
        " UPDATE cloudigrade_instance SET runs_dirty_from = least(runs_dirty_from, %s)"
        " WHERE account_id IN (SELECT id FROM moved)",
        [metered_from, customer_id, metered_from, metered_from],
    )
    usage.mark_unanswered(as_of=as_of, customer_id=customer_id)
    return moved


def metered_since(*, customer_id: int) -> datetime | None:
    """When the metering of the customer's first account begins; none without accounts."""
    earliest: datetime | None = CloudAccount.objects.filter(customer_id=customer_id).aggregate(at=Min("metered_from"))[
        "at"
    ]
    return earliest


def known(*, customer_id: int, cloud: str) -> frozenset[str]:
    """Native ids of the customer's accounts."""
    found = CloudAccount.objects.filter(customer_id=customer_id, cloud=cloud)
    return frozenset(found.values_list("native_id", flat=True))
