"""S1: each word that a customer's cloud demands of us belongs to one customer, whoever asks at the same time."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from cloudigrade.clouds.protocol import CustomerProblem
from cloudigrade.domain.problems import Problem
from cloudigrade.models import ExternalId
from cloudigrade.services import accounts, external_ids
from tests.builders import AS_OF, moment

PATIENCE = 30


@pytest.fixture
def customer(db):
    return accounts.ensure_customer(org_id="11", now=AS_OF)


@pytest.fixture
def other(db):
    return accounts.ensure_customer(org_id="22", now=AS_OF)


def made(customer_id):
    return external_ids.for_customer(customer_id=customer_id, now=AS_OF)


def bound(customer_id, value):
    return external_ids.bind(customer_id=customer_id, value=value, now=AS_OF)


def test_s1_a_customer_gets_one_word_that_nobody_else_has(customer, other):
    word = made(customer)

    assert external_ids.for_customer(customer_id=customer, now=moment(0)) == word
    assert re.fullmatch(r"[0-9a-f-]{36}", word)
    assert made(other) != word
    assert ExternalId.objects.get(value=word).created_at == AS_OF


def test_s1_a_word_that_was_brought_along_is_bound_for_good(customer, other):
    assert [bound(customer, "from-the-platform") for _ in range(2)] == ["from-the-platform"] * 2

    for word in ("from-the-platform", made(customer)):
        with pytest.raises(CustomerProblem) as caught:
            bound(other, word)
        assert caught.value.problem is Problem.EXTERNAL_ID_TAKEN
        assert word not in str(caught.value)
    assert made(customer) == bound(customer, made(customer))


def test_a_customer_may_bring_several(customer):
    assert [bound(customer, word) for word in ("one", "two")] == ["one", "two"]
    assert made(customer) not in ("one", "two")


@pytest.mark.parametrize("word", ["", "x", "two words", "line\nbreak", "ü" * 3, "x" * 1225, "trailing\n"])
def test_what_aws_does_not_accept_is_no_external_id(customer, word):
    with pytest.raises(CustomerProblem, match="characters or a length"):
        bound(customer, word)
    assert not ExternalId.objects.exists()


@pytest.mark.parametrize("word", ["ab", "x" * 1224, r"aZ_0+=,.@:/-"])
def test_what_aws_accepts_is_taken_as_it_is(customer, word):
    assert bound(customer, word) == word


@pytest.mark.django_db(transaction=True)
def test_s1_of_two_who_bring_the_same_word_at_once_one_has_it():
    customers = [accounts.ensure_customer(org_id=str(number), now=AS_OF) for number in range(4)]
    together = threading.Barrier(8)

    def bring(customer_id):
        together.wait(PATIENCE)
        try:
            return bound(customer_id, "contested"), made(customer_id)
        except CustomerProblem:
            return "", made(customer_id)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(bring, [customer for customer in customers for _ in range(2)]))

    winners = {number // 2 for number, (word, _) in enumerate(got) if word}
    assert len(winners) == 1
    assert [len({own for _, own in got[number * 2 : number * 2 + 2]}) for number in range(4)] == [1] * 4
    assert ExternalId.objects.count() == 5
