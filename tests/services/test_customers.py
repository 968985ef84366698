"""C26: a customer is one customer, whichever of its names is known first."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from cloudigrade.clouds.protocol import CustomerProblem
from cloudigrade.domain.problems import Problem
from cloudigrade.models import Customer
from cloudigrade.services import accounts
from tests.builders import AS_OF, moment

PATIENCE = 30


def ensure(org_id="", account_number="", now=AS_OF):
    return accounts.ensure_customer(org_id=org_id, account_number=account_number, now=now)


def names():
    return sorted(Customer.objects.values_list("org_id", "account_number"), key=str)


def test_c26_an_account_number_that_comes_later_is_added(db):
    """C26: an org id that was known alone, and then with an account number, ended in an IntegrityError."""
    first = ensure("11")

    assert ensure("11", "5", moment(0)) == first
    assert [ensure("11"), ensure("", "5"), ensure("11", "5")] == [first] * 3
    assert names() == [("11", "5")]
    assert Customer.objects.get().created_at == AS_OF


def test_c26_an_org_id_that_comes_later_is_added(db):
    first = ensure("", "5")

    assert ensure("11", "5") == first
    assert names() == [("11", "5")]


def test_a_customer_may_have_both_names_at_once(db):
    assert ensure("11", "5") == ensure("11") == ensure("", "5")


def test_an_account_number_that_differs_is_passed_over(db):
    """The org id leads: so do answers to the API."""
    first = ensure("11", "5")

    assert ensure("11", "6") == first
    assert names() == [("11", "5")]


@pytest.mark.parametrize("known", [(("11", "5"), ("22", "6")), (("11", ""), ("", "6")), (("22", "6"),)])
def test_c26_names_of_two_customers_are_a_problem_of_theirs(db, known):
    for org_id, account_number in known:
        ensure(org_id, account_number)
    before = names()

    with pytest.raises(CustomerProblem, match="no single customer") as caught:
        ensure("11", "6")

    assert caught.value.problem is Problem.UNKNOWN_CUSTOMER
    assert names() == before


def test_nobody_is_no_customer(db):
    with pytest.raises(CustomerProblem, match="no single customer"):
        ensure()
    assert names() == []


@pytest.mark.django_db(transaction=True)
def test_c26_many_at_once_make_one_customer():
    together = threading.Barrier(8)

    def come(given):
        together.wait(PATIENCE)
        try:
            return ensure(*given)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(come, [("11", ""), ("11", "5")] * 4))

    assert len(found) == 1
    assert names() == [("11", "5")]


def test_c26_who_comes_second_finds_whom_the_first_made(db, monkeypatch):
    first = ensure("11")
    answers: list[list[Customer]] = [[]]
    look = accounts._named
    monkeypatch.setattr(accounts, "_named", lambda *given: answers.pop() if answers else look(*given))

    assert ensure("11", "5") == first
    assert names() == [("11", "5")]


@pytest.mark.django_db(transaction=True)
def test_c26_a_name_that_somebody_else_gets_meanwhile_is_a_problem_and_no_error():
    ensure("11")
    taken = threading.Event()
    look = accounts._named

    def looked(org_id, account_number):
        found = look(org_id, account_number)
        if not taken.is_set():
            taken.set()
            Customer.objects.create(account_number="5", created_at=AS_OF)
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accounts, "_named", looked)
        with pytest.raises(CustomerProblem, match="no single customer"):
            ensure("11", "5")
