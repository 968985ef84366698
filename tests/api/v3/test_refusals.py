"""Who may ask, and how refusals look."""

from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from cloudigrade.redhat.psks import Psk
from cloudigrade.services import tokens
from tests.api import identities
from tests.api.v3.conftest import BASE, problem
from tests.builders import ACCOUNT
from tests.services.stored import Stored

PATHS = ["usage?start=2026-03-02&end=2026-03-03", "accounts", "completeness"]


def token(customer_id, *, scopes=("read",), days=1):
    """A token that was made two days ago."""
    made = timezone.now() - timedelta(days=2)  # noqa: TID251 - tokens are looked up at the time of day
    issued = tokens.issue(customer_id=customer_id, name="test", scopes=scopes, days=days + 2, now=made)
    return {"Authorization": f"Bearer {issued}"}


@pytest.mark.parametrize("path", PATHS)
def test_nothing_given_is_401_and_says_what_would_help(client, stored, path):
    answer = client.get(BASE + path)

    assert problem(answer) == (401, "not-authenticated", None)
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="cloudigrade"'


def test_a_token_that_does_not_count_is_401(client, stored):
    answer = client.get(f"{BASE}accounts", headers={"Authorization": "Bearer cgt_nobody"})

    assert problem(answer) == (401, "not-authenticated", None)
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="cloudigrade", error="invalid_token"'


@pytest.mark.parametrize(
    "headers",
    [
        {"X-RH-IDENTITY": "garbage"},
        identities.of(org_id="unheard of"),
        {"X-RH-CLOUDIGRADE-PSK": "wrong", "X-RH-CLOUDIGRADE-ORG-ID": "11"},
    ],
)
def test_o14_whoever_is_not_known_is_403(client, stored, headers):
    """O14: malformed credentials are refused, never 500."""
    assert problem(client.get(f"{BASE}accounts", headers=headers)) == (403, "not-allowed", None)


CHANGES = [
    ("post", "accounts"),
    ("post", "accounts/{}/verify"),
    ("post", "accounts/{}/pause"),
    ("post", "accounts/{}/unpause"),
    ("post", "accounts/{}/enable"),
    ("post", "accounts/{}/disable"),
    ("delete", "accounts/{}"),
]


@pytest.mark.parametrize(("method", "path"), CHANGES)
def test_changes_need_the_scope_for_them(client, stored, settings, method, path):
    settings.CLOUDIGRADE_PSKS = {"reader": Psk("key-of-reader"), "clerk": Psk("key-of-clerk", frozenset({"accounts"}))}
    ((account_id,),) = [(account["id"],) for account in listed(client)]

    def status(headers):
        return getattr(client, method)(BASE + path.format(account_id), headers=headers).status_code

    reading = [
        token(stored.customer_id),
        {"X-RH-CLOUDIGRADE-PSK": "key-of-reader", "X-RH-CLOUDIGRADE-ORG-ID": "11"},
    ]
    changing = [
        token(stored.customer_id, scopes=("accounts",)),
        {"X-RH-CLOUDIGRADE-PSK": "key-of-clerk", "X-RH-CLOUDIGRADE-ORG-ID": "11"},
    ]
    assert [status(headers) for headers in reading] == [403, 403]
    assert all(status(headers) not in (401, 403) for headers in changing)


def listed(client):
    return client.get(f"{BASE}accounts", headers=identities.of(org_id="11")).json()["data"]


def test_a_token_reads_what_is_its_customers(client, stored):
    Stored("22", ["000000000099"])

    answer = client.get(f"{BASE}accounts", headers=token(stored.customer_id))

    assert [account["native_id"] for account in answer.json()["data"]] == [ACCOUNT]


def test_other_paths_and_methods_are_problems_too(client, asking, stored):
    assert problem(asking.get("accounts/"))[:2] == (404, "not-found")
    assert problem(asking.get("instances"))[:2] == (404, "not-found")
    assert problem(client.put(f"{BASE}what/ever"))[:2] == (404, "not-found")
    refused = asking.post("usage")
    assert problem(refused)[:2] == (405, "method-not-allowed")
    assert refused.headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    ("method", "path"),
    [("get", "accounts/1"), ("get", "instances/1/runs"), ("get", "images/1/verdict"), *CHANGES],
)
def test_unknown_parameters_are_refused_everywhere(client, stored, method, path):
    ((account_id,),) = [(account["id"],) for account in listed(client)]
    url = f"{BASE}{path.format(account_id)}?customer_id=1"

    answer = getattr(client, method)(url, headers=identities.of(org_id="11"))

    status, kind, errors = problem(answer)
    assert (status, kind, list(errors)) == (400, "invalid-parameters", ["customer_id"])


def test_too_many_requests_are_told_when_to_go_on(asking, stored, settings):
    settings.RATE_LIMIT_CUSTOMER = "1/day"

    answers = [asking.get("accounts") for _ in range(3)]

    assert problem(answers[-1])[:2] == (429, "too-many-requests")
    assert int(answers[-1].headers["Retry-After"]) > 0


def test_our_failure_says_nothing_of_itself(asking, stored, monkeypatch):
    def fail(*_, **__):
        raise OperationalError("host=secret")

    monkeypatch.setattr("cloudigrade.services.breakdown.answer", fail)

    answer = asking.get("usage", start="2026-03-02", end="2026-03-03")

    assert problem(answer) == (500, "failed", None)
    assert b"secret" not in answer.content


def test_accept_does_not_choose_the_format(asking, stored):
    answer = asking.get("accounts", headers={"Accept": "text/html"})

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
