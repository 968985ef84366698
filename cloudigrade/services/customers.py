"""Customers as operators keep them: made, changed and deleted by hand."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from cloudigrade.models import CloudAccount, Customer
from cloudigrade.services.onboarding import PlatformIds

NAMES = ("account_number", "org_id", "uuid")
"""What is one customer's alone."""


class Taken(Exception):
    """Another has the name already; it says which."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class HasAccounts(Exception):
    """The customer has cloud accounts."""


def create(*, facts: Mapping[str, Any], now: datetime) -> int:
    """The customer is there; its id. Raises Taken."""
    customer = Customer(**{"created_at": now, **facts})
    _save(customer)
    return customer.pk


@transaction.atomic
def change(*, customer_id: int, facts: Mapping[str, Any]) -> None:
    """These facts of the customer hold; raises Taken, and Customer.DoesNotExist."""
    customer = Customer.objects.select_for_update(no_key=True).get(pk=customer_id)
    for name, value in facts.items():
        setattr(customer, name, value)
    _save(customer)


@transaction.atomic
def delete(*, customer_id: int) -> None:
    """Nothing of the customer is left, permanent or not; raises HasAccounts, and Customer.DoesNotExist."""
    # whoever claims an account holds this row, and so comes before or finds it gone
    customer = Customer.objects.select_for_update().get(pk=customer_id)
    if CloudAccount.objects.filter(customer=customer_id).exists():
        raise HasAccounts
    customer.delete()


@transaction.atomic
def rename_account(*, account_id: int, platform: PlatformIds) -> None:
    """The account has these names in the platform, and nothing else of it changes; raises Taken."""
    account = CloudAccount.objects.select_for_update(no_key=True).get(pk=account_id)
    account.platform_authentication_id = platform.authentication_id
    account.platform_application_id = platform.application_id
    account.platform_source_id = platform.source_id
    try:
        with transaction.atomic():
            account.save(update_fields=[*(f"platform_{name}" for name in PlatformIds._fields), "updated_at"])
    except IntegrityError as error:
        raise Taken("platform_application_id") from error


def _save(customer: Customer) -> None:
    taken = Customer.objects.exclude(pk=customer.pk)
    for name in NAMES:
        value = getattr(customer, name)
        if isinstance(value, str | UUID) and taken.filter(**{name: value}).exists():
            raise Taken(name)
    try:
        with transaction.atomic():
            customer.save()
    except IntegrityError as error:  # somebody else took the name since we looked
        raise Taken(_named_in(str(error))) from error


def _named_in(message: str) -> str:
    return next((name for name in NAMES if f"({name})" in message), NAMES[0])
