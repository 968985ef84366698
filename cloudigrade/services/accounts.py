"""Customers and their cloud accounts: who is metered, and since when."""

from collections.abc import Iterable
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Min, Q

from cloudigrade.clouds.protocol import CustomerProblem
from cloudigrade.domain.problems import Problem
from cloudigrade.models import CloudAccount, Customer
from cloudigrade.services import usage
from cloudigrade.services.staging import execute, fetch


class Gone(Exception):
    """There is no such account any more: it was removed, maybe while something was done for it."""

    def __init__(self, account_id: int) -> None:
        super().__init__(f"account {account_id} is gone")


def get(*, account_id: int) -> CloudAccount:
    """The account as it is stored; raises Gone."""
    found = CloudAccount.objects.filter(pk=account_id).first()
    if found is None:
        raise Gone(account_id)
    return found


def hold(*, account_id: int) -> None:
    """The account stays until the end of the transaction: who removes it waits. Raises Gone where it is removed."""
    # the lock that a row which refers to the account takes anyway, but at commit, and by then in another order
    if not fetch("SELECT 1 FROM cloudigrade_cloudaccount WHERE id = %s FOR KEY SHARE", [account_id]):
        raise Gone(account_id)


@transaction.atomic
def ensure_customer(*, org_id: str, now: datetime, account_number: str = "") -> int:
    """The id of the customer of these names, who exists afterwards and has both; one of them may be empty.

    A name that becomes known later is added (C26); names of two customers raise CustomerProblem.
    """
    found = _named(org_id, account_number)
    if not found and (org_id or account_number):
        new = Customer(org_id=org_id or None, account_number=account_number or None, created_at=now)
        Customer.objects.bulk_create([new], ignore_conflicts=True)
        found = _named(org_id, account_number)
    if len(found) != 1:
        raise _contradiction()
    _add_names(found[0], org_id, account_number)
    return found[0].pk


def _named(org_id: str, account_number: str) -> list[Customer]:
    names = {"org_id": org_id, "account_number": account_number}
    wanted = Q(*((name, given) for name, given in names.items() if given), _connector=Q.OR)
    return list(Customer.objects.filter(wanted).order_by("pk")) if wanted else []


def _add_names(customer: Customer, org_id: str, account_number: str) -> None:
    """The customer has the names that it lacked; an account number that differs is left, for the org id leads."""
    if org_id and customer.org_id and customer.org_id != org_id:
        raise _contradiction()
    names = {
        name: given
        for name, given in (("org_id", org_id), ("account_number", account_number))
        if given and not getattr(customer, name)
    }
    if not names:
        return
    try:
        Customer.objects.filter(pk=customer.pk).update(**names)
    except IntegrityError:  # somebody else got the name since we looked
        raise _contradiction() from None


def _contradiction() -> CustomerProblem:
    return CustomerProblem("the org id and the account number name no single customer", Problem.UNKNOWN_CUSTOMER)


def customer_of(*, org_id: str) -> int | None:
    """The id of the customer with this organisation id; None where there is none."""
    return Customer.objects.filter(org_id=org_id).values_list("id", flat=True).first()


def find(*, org_id: str, native_id: str) -> int | None:
    """The id of the account that the customer calls so; None where there is none."""
    found = CloudAccount.objects.filter(customer__org_id=org_id, native_id=native_id).order_by("cloud")
    return found.values_list("id", flat=True).first()


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
