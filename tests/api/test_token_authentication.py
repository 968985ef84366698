"""Customers who ask with an API token."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from django.test import RequestFactory
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from cloudigrade.api.authentication import (
    BearerCustomerAuthentication,
    Credential,
    CustomerAuthentication,
    OptionalCustomerAuthentication,
)
from cloudigrade.api.requesters import Requester
from cloudigrade.models import ApiToken, CloudAccount
from cloudigrade.services import tokens
from tests.api import identities

pytestmark = pytest.mark.django_db

NOW = datetime.now(UTC)  # noqa: TID251 - requests are answered at the real time
INCORRECT = {"detail": "Incorrect authentication credentials."}
UNKNOWN_TOKEN = tokens.PREFIX + "A" * 43


def _bearer(token, scheme="Bearer"):
    return {"Authorization": f"{scheme} {token}"}


@pytest.fixture
def issue(customer):
    def issue(*scopes, of=customer, days=90, now=NOW):
        return tokens.issue(customer_id=of.pk, name="ci", scopes=scopes or ("read",), days=days, now=now)

    return issue


def _authenticated(headers, authenticator=None, required_scope=None):
    view = type("View", (), {"required_scope": required_scope} if required_scope else {})()
    request = Request(RequestFactory().get("/", headers=headers), parser_context={"view": view})
    return (authenticator or CustomerAuthentication()).authenticate(request)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
@pytest.mark.parametrize("is_trusted", [True, False])
def test_a_token_is_enough_whether_identities_are_trusted_or_not(ask, issue, settings, scheme, is_trusted):
    settings.IDENTITY_HEADER_TRUSTED = is_trusted

    assert ask(headers=_bearer(issue(), scheme)).status_code == 425


def test_the_tokens_customer_asks_with_what_it_opens(customer, issue):
    credential = Credential("token", "ci", frozenset({"read", "accounts"}))
    headers = _bearer(issue("read", "accounts"))

    assert _authenticated(headers) == (Requester(customer.pk, date(2026, 1, 1)), credential)
    CloudAccount.objects.create(
        customer=customer, cloud="aws", native_id="1", metered_from=datetime(2025, 11, 9, tzinfo=UTC), created_at=NOW
    )
    assert _authenticated(headers) == (Requester(customer.pk, date(2025, 11, 9)), credential)
    assert _authenticated(headers, OptionalCustomerAuthentication())[0].customer_id == customer.pk


def test_s5_a_token_speaks_for_its_own_customer_whatever_stands_beside_it(customer, neighbour, issue):
    """S5: what else a request carries must not move it to another customer."""
    headers = _bearer(issue()) | identities.of(org_id="22") | {"X-RH-CLOUDIGRADE-ORG-ID": "22"}

    assert _authenticated(headers)[0].customer_id == customer.pk


def _revoked(issue):
    token = issue()
    ApiToken.objects.update(revoked_at=NOW)
    return token


@pytest.mark.parametrize(
    "make",
    [
        _revoked,
        lambda issue: issue(days=1, now=NOW - timedelta(days=1)),
        lambda _: UNKNOWN_TOKEN,
        lambda issue: issue()[:-1],
        lambda issue: issue() + "A",
        lambda issue: issue() + "\u00e9",
        lambda _: tokens.PREFIX,
        lambda issue: f"{issue()} {issue()}",
        lambda _: tokens.PREFIX + "A" * 60_000,
    ],
    ids=["revoked", "expired", "unknown", "shorter", "longer", "not ASCII", "empty", "two", "endless"],
)
def test_a_token_that_opens_nothing_is_refused_like_an_unknown_customer(ask, issue, make):
    headers = _bearer(make(issue)) | identities.of(org_id="11")

    response = ask(headers=headers)

    assert (response.status_code, json.loads(response.content)) == (403, INCORRECT)
    with pytest.raises(AuthenticationFailed) as refusal:
        _authenticated(headers)
    assert refusal.value.get_codes() == "authentication_failed"


@pytest.mark.parametrize(
    "header", ["Basic Y2d0XzpY", "Bearer eyJhbGciOi.JIUzI1NiJ9.x", "Bearer", "Bearer ", "", "cgt_A"]
)
def test_credentials_for_others_are_not_ours_to_judge(ask, customer, header):
    assert ask(headers={"Authorization": header} | identities.of(org_id="11")).status_code == 425
    with pytest.raises(AuthenticationFailed) as refusal:
        _authenticated({"Authorization": header})
    assert refusal.value.get_codes() == "not_given"


@pytest.mark.parametrize(("scopes", "wanted"), [(["read"], "accounts"), (["accounts"], "read"), (["accounts"], None)])
def test_a_token_opens_its_scopes_alone(issue, scopes, wanted):
    with pytest.raises(PermissionDenied):
        _authenticated(_bearer(issue(*scopes)), required_scope=wanted)


def test_a_view_that_wants_changes_is_opened_by_that_scope(customer, issue):
    assert _authenticated(_bearer(issue("accounts")), required_scope="accounts")[0].customer_id == customer.pk
    assert _authenticated(identities.of(org_id="11"), required_scope="accounts")[0].customer_id == customer.pk


def test_a_key_comes_first(ask, issue):
    headers = _bearer(issue()) | {"X-RH-CLOUDIGRADE-PSK": "another key"}

    assert ask(headers=headers).json() == {"detail": "Authentication Failed: Invalid PSK specified in header"}


def test_a_token_costs_one_statement(issue, django_assert_num_queries):
    token = issue()

    with django_assert_num_queries(1):
        _authenticated(_bearer(token))
    with django_assert_num_queries(0), pytest.raises(AuthenticationFailed):
        _authenticated(_bearer("cgt_short"))


def test_an_api_with_401s_says_how_to_authenticate(rf):
    given = BearerCustomerAuthentication().authenticate_header(Request(rf.get("/")))

    assert given == 'Bearer realm="cloudigrade"'
    assert CustomerAuthentication().authenticate_header(Request(rf.get("/"))) is None


def test_s6_no_token_is_logged_or_told(ask, issue, caplog):
    """S6: what opens an API must not stand in its log."""
    caplog.set_level("DEBUG")
    token = issue()

    ask(headers=_bearer(token))
    refused = ask(headers=_bearer(UNKNOWN_TOKEN))

    logged = "\n".join(f"{record.getMessage()} {record.exc_info}" for record in caplog.records)
    assert "Forbidden" in logged
    assert token not in logged
    assert UNKNOWN_TOKEN not in logged
    assert tokens.PREFIX.encode() not in refused.content
