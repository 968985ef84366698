"""Customers who came to nothing are removed, and all others stay."""

from datetime import timedelta

import pytest
from django.apps import apps

from cloudigrade.models import ApiToken, ConcurrentUsage, Customer, DirtyDay, Quarantine, SyntheticDataRequest
from cloudigrade.services import accounts, external_ids, inactivity
from tests.builders import AS_OF, MONDAY

DAY = timedelta(days=1)


@pytest.fixture
def customer_id(db):
    return accounts.ensure_customer(org_id="11", now=AS_OF - DAY - timedelta(seconds=1))


def remaining():
    return list(Customer.objects.values_list("pk", flat=True))


def test_whoever_came_to_nothing_is_gone_with_what_was_computed_for_them(customer_id):
    ConcurrentUsage.objects.create(
        customer_id=customer_id, day=MONDAY, maximum_counts="[]", totals={}, computed_at=AS_OF
    )
    DirtyDay.objects.create(customer_id=customer_id, day=MONDAY)
    young = accounts.ensure_customer(org_id="12", now=AS_OF - DAY)

    assert inactivity.remove_inactive(now=AS_OF) == 1

    assert remaining() == [young]


def token(customer_id):
    ApiToken.objects.create(customer_id=customer_id, sha256="x", scopes=[], created_at=AS_OF, expires_at=AS_OF + DAY)


def synthetic(customer_id):
    SyntheticDataRequest.objects.create(
        customer_id=customer_id, cloud_type="aws", expires_at=AS_OF, created_at=AS_OF, updated_at=AS_OF
    )


KEPT = {
    "an account": lambda pk: accounts.ensure_accounts(
        customer_id=pk, cloud="aws", native_ids=["000000000042"], metered_from=AS_OF, now=AS_OF
    ),
    "an external id, which is theirs for good (S1)": lambda pk: external_ids.for_customer(customer_id=pk, now=AS_OF),
    "quarantine": lambda pk: Quarantine.objects.create(customer_id=pk, feed="x", source="x", hash="x", reason="x"),
    "a token": token,
    "synthetic data": synthetic,
    "permanence": lambda pk: Customer.objects.filter(pk=pk).update(is_permanent=True),
}


@pytest.mark.parametrize("keep", KEPT.values(), ids=KEPT.keys())
def test_whoever_has_something_stays(customer_id, keep):
    keep(customer_id)

    assert inactivity.remove_inactive(now=AS_OF) == 0
    assert remaining() == [customer_id]


@pytest.mark.parametrize("when", ["revoked_at", "expires_at"])
def test_a_token_that_opens_nothing_any_more_keeps_nobody(customer_id, when):
    token(customer_id)
    ApiToken.objects.update(**{when: AS_OF})

    assert inactivity.remove_inactive(now=AS_OF) == 1


def test_every_table_that_refers_to_customers_is_thought_of():
    """One that is added later must be put on either list."""
    referring = [
        model
        for model in apps.get_models()
        if any(field.related_model is Customer and field.concrete for field in model._meta.get_fields())
    ]
    tables = {model._meta.model_name for model in referring}

    assert tables == {*inactivity.GO, *inactivity.STAY}


def test_p12_any_number_costs_the_same(db, django_assert_num_queries):
    Customer.objects.bulk_create(Customer(org_id=str(number), created_at=AS_OF - 2 * DAY) for number in range(300))

    with django_assert_num_queries(11):  # savepoints among them
        assert inactivity.remove_inactive(now=AS_OF) == 300
