import base64
import hmac
import json
import logging
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.http import HttpResponse
from rest_framework.request import Request

from cloudigrade.api.authentication import Credential, CustomerAuthentication
from cloudigrade.api.requesters import Requester
from cloudigrade.models import CloudAccount, Customer
from cloudigrade.redhat.psks import Psk
from tests.api import identities
from tests.api.conftest import CONCURRENT, PSK, counts_text, store_usage

pytestmark = pytest.mark.django_db

INCORRECT = {"detail": "Incorrect authentication credentials."}
UNPARSED = {"detail": "Authentication Failed: invalid identity header failed parsing."}
NOBODY = {
    "detail": "Authentication Failed: identity account number or org id is required, but neither is present in request."
}
BAD_PSK = {"detail": "Authentication Failed: Invalid PSK specified in header"}


def _psk(key: str = PSK, **names: str) -> dict[str, str]:
    companions = {"org_id": "X-RH-CLOUDIGRADE-ORG-ID", "account_number": "X-RH-CLOUDIGRADE-ACCOUNT-NUMBER"}
    return {"X-RH-CLOUDIGRADE-PSK": key} | {companions[name]: value for name, value in names.items()}


def _answer(response: HttpResponse) -> tuple[int, Any]:
    return response.status_code, json.loads(response.content)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, INCORRECT),
        ({"X-RH-IDENTITY": ""}, INCORRECT),
        ({"X-RH-IDENTITY": "no base64 !"}, UNPARSED),
        ({"X-RH-IDENTITY": base64.b64encode(b"no json").decode()}, UNPARSED),
        (identities.encoded([]), UNPARSED),
        (identities.encoded("text"), UNPARSED),
        (identities.encoded({"identity": ["11"]}), UNPARSED),
        (identities.of(org_id=11), UNPARSED),
        (identities.of(org_id="1\x001"), UNPARSED),
        (identities.encoded({}), NOBODY),
        (identities.of(), NOBODY),
        (identities.of(org_id="", account_number=None), NOBODY),
        (identities.of(type="User", user={"username": "someone"}), NOBODY),
        (identities.of(org_id="unknown"), INCORRECT),
        (identities.of(account_number="unknown"), INCORRECT),
        (identities.of(org_id="0011"), INCORRECT),
        (identities.of(account_number="11"), INCORRECT),
        (_psk("another key", org_id="11"), BAD_PSK),
        (_psk("", org_id="11"), BAD_PSK),
        (_psk("é", org_id="11"), BAD_PSK),
        (_psk(PSK[:-1], org_id="11"), BAD_PSK),
        (_psk("another key", org_id="11") | identities.of(org_id="11"), BAD_PSK),
        (_psk(), NOBODY),
        (_psk() | identities.of(org_id="11"), NOBODY),
        (_psk(org_id="", account_number=""), NOBODY),
        (_psk(org_id="unknown"), INCORRECT),
        (_psk(org_id="1\x001"), INCORRECT),
        (_psk(org_id="1" * 151), INCORRECT),
    ],
)
@pytest.mark.parametrize("path", [CONCURRENT, "/api/cloudigrade/v2/", "/api/cloudigrade/v2/concurrent.json"])
def test_o14_a_refusal_is_always_a_403_with_the_known_words(ask, customer, path, headers, body):
    """O14: a JSON list was a 500; 403 instead of 401 stays, because callers know it."""
    response = ask(path, headers=headers)

    assert _answer(response) == (403, body)
    assert "WWW-Authenticate" not in response.headers


@pytest.mark.parametrize(
    "headers",
    [
        identities.of(org_id="11"),
        identities.of(account_number="0011"),
        identities.of(org_id="11", account_number="0011"),
        identities.of(internal={"org_id": "11"}),
        identities.of(org_id="11", account_number="never heard of"),
        _psk(org_id="11"),
        _psk(account_number="0011"),
        _psk("the-key-of-rhsm", org_id="11", account_number="0011"),
        _psk(org_id="11") | identities.of(org_id="22"),
        _psk(org_id="11") | {"X-RH-IDENTITY": "no base64 !"},
    ],
)
def test_the_customer_comes_from_the_headers(ask, customer, neighbour, headers):
    store_usage(customer, datetime(2026, 3, 9, tzinfo=UTC).date(), counts_text(3))

    response = ask(headers=headers)

    assert response.status_code == 200
    assert response.json()["data"][0]["maximum_counts"][0]["instances_count"] == 3


@pytest.mark.parametrize(
    "names",
    [
        {"org_id": "11", "account_number": "0022"},
        {"org_id": "22", "account_number": "0011"},
        {"org_id": "unknown", "account_number": "0011"},
    ],
)
def test_s5_names_of_different_customers_are_refused(ask, customer, neighbour, names):
    """S5: a matching account number hid a different org id."""
    assert _answer(ask(headers=identities.of(**names))) == (403, INCORRECT)
    assert _answer(ask(headers=_psk(**names))) == (403, INCORRECT)


def test_the_requester_joined_when_the_customer_did(customer, rf):
    request = Request(rf.get(CONCURRENT, headers=identities.of(org_id="11", type="User")))
    authenticator = CustomerAuthentication()
    credential = Credential("identity", "User", frozenset({"read", "accounts"}))

    assert authenticator.authenticate(request) == (Requester(customer.pk, date(2026, 1, 1)), credential)
    for month in (11, 10, 12):
        CloudAccount.objects.create(
            customer=customer,
            cloud="aws",
            native_id=f"0000000000{month}",
            metered_from=datetime(2025, month, 9, 23, 59, tzinfo=UTC),
            created_at=datetime(2026, 1, 1, tzinfo=UTC),
        )

    assert authenticator.authenticate(request) == (Requester(customer.pk, customer.joined_at().date()), credential)
    assert customer.joined_at().date() == date(2025, 10, 9)


def test_an_account_number_known_without_its_org_id_is_enough(ask):
    Customer.objects.create(account_number="0033", created_at=datetime(2026, 1, 1, tzinfo=UTC))

    assert ask(headers=identities.of(org_id="33", account_number="0033")).status_code == 425


def test_the_identity_header_is_not_looked_at_unless_it_is_trusted(ask, customer, settings):
    settings.IDENTITY_HEADER_TRUSTED = False

    assert _answer(ask(headers=identities.of(org_id="11"))) == (403, INCORRECT)
    assert _answer(ask(headers={"X-RH-IDENTITY": "no base64 !"})) == (403, INCORRECT)
    assert ask(headers=_psk(org_id="11")).status_code == 425


def test_without_keys_no_key_is_known(ask, customer, settings):
    settings.CLOUDIGRADE_PSKS = {}

    assert _answer(ask(headers=_psk(org_id="11"))) == (403, BAD_PSK)


def test_an_empty_key_opens_nothing(ask, customer, settings):
    settings.CLOUDIGRADE_PSKS = {"broken": Psk("")}

    assert _answer(ask(headers=_psk("", org_id="11"))) == (403, BAD_PSK)


def test_s6_every_key_is_compared_in_constant_time(ask, customer, monkeypatch):
    """S6: keys were compared by ==, until the first that matched."""
    compared: list[bytes] = []
    compare = hmac.compare_digest

    def spy(given: bytes, known: bytes) -> bool:
        compared.append(known)
        return compare(given, known)

    monkeypatch.setattr(hmac, "compare_digest", spy)

    ask(headers=_psk("the-key-of-rhsm", org_id="11"))

    assert compared == [b"the-key-of-rhsm", PSK.encode()]


@pytest.mark.parametrize(
    "headers",
    [
        _psk("SECRET-key", org_id="SECRET-org"),
        _psk(org_id="SECRET-org", account_number="SECRET-account"),
        identities.of(org_id="SECRET-org", user={"username": "SECRET-name", "email": "SECRET@example.com"}),
        {"X-RH-IDENTITY": "SECRET no base64 !"},
    ],
)
def test_s6_what_was_sent_is_neither_logged_nor_told(ask, customer, caplog, headers):
    """S6: rejected keys, identity headers, user names and e-mail addresses were logged."""
    caplog.set_level(logging.DEBUG)

    response = ask(headers=headers)

    logged = "\n".join(f"{record.getMessage()} {record.exc_info}" for record in caplog.records)
    assert response.status_code == 403
    assert "Forbidden" in logged
    assert "SECRET" not in logged
    assert headers.get("X-RH-IDENTITY", "SECRET") not in logged
    assert b"SECRET" not in response.content


@pytest.mark.parametrize(("scope", "status"), [("read", 425), ("accounts", 403), ("write", 403), ("availability", 403)])
def test_a_key_that_does_not_open_reading_reads_nothing(ask, customer, settings, scope, status):
    settings.CLOUDIGRADE_PSKS = {"sources": Psk(PSK, frozenset({scope}))}

    assert ask(headers=_psk(org_id="11")).status_code == status


@pytest.mark.parametrize("kind", ["User", "System", "ServiceAccount", "Associate", "X509", "Robot", "", None])
def test_whatever_type_an_identity_has_its_customer_is_answered(ask, customer, kind):
    assert ask(headers=identities.of(org_id="11", type=kind)).status_code == 425


def test_o14_a_type_that_is_no_text_is_no_500(ask, customer):
    """O14: JSON of another shape was a 500."""
    assert _answer(ask(headers=identities.of(org_id="11", type=["User"]))) == (403, UNPARSED)
