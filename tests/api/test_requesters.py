"""Who asks is known for a moment, and no longer; nobody is taken for another."""

from datetime import UTC, date, datetime

import pytest
from rest_framework.exceptions import AuthenticationFailed

from cloudigrade.api import requesters
from cloudigrade.api.requesters import Known, Requester
from cloudigrade.models import CloudAccount, Customer
from cloudigrade.redhat.identity import Identity
from tests.api import identities

pytestmark = pytest.mark.django_db

ELEVEN = Identity(org_id="11")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def known(clock, monkeypatch):
    monkeypatch.setattr(requesters, "MOMENT", 1.0)
    return Known(clock)


def test_who_asked_a_moment_ago_is_not_looked_for(known, clock, customer, django_assert_num_queries):
    first = known.find(ELEVEN)
    assert first == Requester(customer.pk, date(2026, 1, 1))
    with django_assert_num_queries(0):
        clock.now += 0.999
        assert known.find(ELEVEN) == first
    with django_assert_num_queries(1):
        clock.now += 0.001
        assert known.find(ELEVEN) == first


def test_asking_makes_the_moment_no_longer(known, clock, customer):
    known.find(ELEVEN)
    customer.delete()
    clock.now += 0.6

    assert known.find(ELEVEN) is not None
    clock.now += 0.4
    assert known.find(ELEVEN) is None


def test_what_changes_is_known_after_the_moment(known, clock, customer):
    known.find(ELEVEN)
    CloudAccount.objects.create(
        customer=customer,
        cloud="aws",
        native_id="000000000001",
        metered_from=datetime(2025, 12, 1, tzinfo=UTC),
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    clock.now += 1

    assert known.find(ELEVEN) == Requester(customer.pk, date(2025, 12, 1))


def test_a_new_customer_is_known_at_once(known):
    assert known.find(ELEVEN) is None
    new = Customer.objects.create(org_id="11", created_at=datetime(2026, 1, 1, tzinfo=UTC))

    assert known.find(ELEVEN) == Requester(new.pk, date(2026, 1, 1))


def test_s5_one_of_both_names_does_not_open_what_the_other_opened(known, customer, neighbour):
    """S5: a matching account number hid a different org id."""
    assert known.find(Identity(org_id="11", account_number="0011")) == Requester(customer.pk, date(2026, 1, 1))
    assert known.find(Identity(account_number="0022")) == Requester(neighbour.pk, date(2026, 1, 1))
    for mixed in (
        Identity(org_id="11", account_number="0022"),
        Identity(org_id="22", account_number="0011"),
        Identity(org_id="unknown", account_number="0011"),
    ):
        for _ in range(2):
            with pytest.raises(AuthenticationFailed):
                known.find(mixed)
    assert known.find(Identity(org_id="0011")) is None
    assert known.find(Identity(account_number="11")) is None


def test_names_are_known_up_to_a_bound(known, customer, monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(requesters, "MOST", 2)
    names = [ELEVEN, Identity(account_number="0011"), Identity(org_id="11", account_number="0011")]
    for each in names:
        known.find(each)

    with django_assert_num_queries(0):
        known.find(names[2])
    with django_assert_num_queries(1):
        known.find(names[0])


def test_two_customers_who_ask_in_turn_get_their_own(client, customer, neighbour, monkeypatch):
    monkeypatch.setattr(requesters, "MOMENT", 3600.0)
    account = CloudAccount.objects.create(
        customer=customer,
        cloud="aws",
        native_id="000000000001",
        metered_from=datetime(2025, 12, 1, tzinfo=UTC),
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    for _ in range(2):
        for org, seen in (("11", [account.pk]), ("22", [])):
            answer = client.get("/api/cloudigrade/v2/accounts/", headers=identities.of(org_id=org)).json()
            assert [each["account_id"] for each in answer["data"]] == seen
