"""Who is let in at the internal API, and whom they speak for."""

from datetime import date

import pytest
from django.test import RequestFactory
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from cloudigrade.api.authentication import (
    Credential,
    OperatorAuthentication,
    OptionalCustomerAuthentication,
    named_identity,
)
from cloudigrade.api.requesters import UNKNOWN, Requester
from cloudigrade.redhat.identity import Identity
from cloudigrade.redhat.psks import Psk
from tests.api import identities

pytestmark = pytest.mark.django_db

KEYS = {"reader": ["read"], "writer": ["write"], "both": ["read", "write"], "sources": ["availability"]}
ASSOCIATE = identities.of(type="Associate", user={"username": "someone"})
JOINED = date(2026, 1, 1)


@pytest.fixture(autouse=True)
def _keys(settings):
    settings.CLOUDIGRADE_PSKS = {name: Psk(f"key-of-{name}", frozenset(scopes)) for name, scopes in KEYS.items()}


def _key(name, **names):
    companions = {"org_id": "X-RH-CLOUDIGRADE-ORG-ID", "account_number": "X-RH-CLOUDIGRADE-ACCOUNT-NUMBER"}
    return {"X-RH-CLOUDIGRADE-PSK": f"key-of-{name}"} | {companions[part]: text for part, text in names.items()}


def _fake(**names):
    return {"X-RH-INTERNAL-FAKE-IDENTITY": identities.of(**names)[identities.HEADER]}


def _request(headers, method="GET", scope=None):
    view = type("View", (), {"required_scope": scope})()
    return Request(RequestFactory().generic(method, "/", headers=headers), parser_context={"view": view})


def _let_in(headers, method="GET", scope=None):
    return OperatorAuthentication().authenticate(_request(headers, method, scope))


CUSTOMER = identities.of(org_id="11", type="User")


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        (_key("reader"), {"GET", "HEAD", "OPTIONS"}),
        (_key("writer"), {"POST", "PUT", "PATCH", "DELETE"}),
        (_key("both"), {"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"}),
        (ASSOCIATE, {"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"}),
        (_key("sources"), set()),
        (_key("unknown"), set()),
        (CUSTOMER, set()),
        (identities.of(org_id="11", type="System"), set()),
        (identities.of(org_id="11", type="associate"), set()),
        ({}, set()),
        (_fake(org_id="11"), set()),
    ],
)
def test_s2_nothing_is_open_without_a_scope(customer, headers, allowed):
    """S2: the internal API was anonymous."""
    for method in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"):
        if method in allowed:
            _let_in(headers, method)
        else:
            with pytest.raises((AuthenticationFailed, PermissionDenied)):
                _let_in(headers, method)


def test_s2_an_identity_that_is_not_trusted_opens_nothing(settings):
    """S2: anybody can write the header of an associate."""
    settings.IDENTITY_HEADER_TRUSTED = False

    with pytest.raises(AuthenticationFailed):
        _let_in(ASSOCIATE)


def test_who_speaks_for_no_customer_is_none():
    assert _let_in(_key("reader")) == (None, Credential("psk", "reader", frozenset({"read"})))
    assert _let_in(ASSOCIATE) == (
        None,
        Credential("identity", "Associate", frozenset({"read", "write", "availability"})),
    )


@pytest.mark.parametrize(
    "headers",
    [_key("reader", org_id="11"), _key("reader", account_number="0011"), _key("reader") | _fake(org_id="11"),
     ASSOCIATE | _fake(org_id="11"), _key("reader", org_id="22") | _fake(org_id="11"),
     identities.of(type="Associate", org_id="11")],
)  # fmt: skip
def test_an_operator_may_speak_for_a_customer(customer, neighbour, headers):
    assert _let_in(headers)[0] == Requester(customer.pk, JOINED)


def test_s5_a_customer_that_is_not_known_is_not_everybody(customer):
    """S5: without a customer an operator's wish concerns all of them."""
    assert _let_in(_key("reader", org_id="unknown"))[0] == UNKNOWN
    assert _let_in(identities.of(org_id="unknown"), "POST", "availability")[0] == UNKNOWN


@pytest.mark.parametrize("headers", [_key("reader", org_id="11", account_number="0022"), _key("reader", org_id="\x00")])
def test_s5_an_operator_cannot_mix_customers(customer, neighbour, headers):
    """S5: names of two customers are nobody's."""
    with pytest.raises(AuthenticationFailed):
        _let_in(headers)


@pytest.mark.parametrize("headers", [_key("sources"), ASSOCIATE, CUSTOMER])
def test_the_availability_check_is_open_to_whoever_may_ask_it(customer, headers):
    assert _let_in(headers, "POST", "availability")


@pytest.mark.parametrize("headers", [_key("reader"), _key("writer"), {}, identities.of(type="X509")])
def test_s2_the_availability_check_is_closed_to_others(customer, headers):
    """S2: everybody could have any source checked."""
    with pytest.raises((AuthenticationFailed, PermissionDenied)):
        _let_in(headers, "POST", "availability")


def test_s5_a_customer_has_only_its_own_availability_checked(customer, neighbour):
    """S5: a customer who names another by the fake identity is itself all the same."""
    assert _let_in(CUSTOMER | _fake(org_id="22"), "POST", "availability")[0] == Requester(customer.pk, JOINED)
    assert named_identity(_request(CUSTOMER | _fake(org_id="22"))) == Identity(org_id="11", type="User")


def test_a_customer_need_not_be_known_for_what_concerns_none(customer):
    def asked(headers):
        return OptionalCustomerAuthentication().authenticate(_request(headers, scope="read"))

    assert asked(identities.of(org_id="unknown"))[0] is None
    assert asked(_key("reader", org_id="unknown"))[0] is None
    assert asked(CUSTOMER)[0] == Requester(customer.pk, JOINED)
    with pytest.raises(AuthenticationFailed):
        asked(_key("reader"))
    with pytest.raises(AuthenticationFailed):
        asked({})
    with pytest.raises(PermissionDenied):
        asked(_key("sources", org_id="11"))
