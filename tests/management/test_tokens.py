"""`cloudigrade tokens`, as operators run it."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from cloudigrade.management.commands.tokens import Command
from cloudigrade.models import ApiToken, Customer
from cloudigrade.services import tokens
from tests.management.operating import Operator

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(monkeypatch, capsys):
    operator = Operator(monkeypatch, capsys)
    return lambda *arguments: operator.run(Command(), "tokens", *arguments)


def _find(token):
    return tokens.find(token=token, now=datetime.now(UTC))  # noqa: TID251 - the command's clock is the real one


def test_the_token_stands_alone_on_standard_output(run):
    told = run("create", "ci job")

    assert told.status == 0
    assert told.out.endswith("\n")
    assert told.err == "A token of customer local that opens read for 90 day(s). It is not shown again.\n"
    opened = _find(told.out[:-1])
    assert (opened.name, opened.scopes) == ("ci job", frozenset({"read"}))
    assert Customer.objects.get(pk=opened.customer_id).org_id == "local"
    row = ApiToken.objects.get()
    assert row.expires_at - row.created_at == timedelta(days=90)


def test_scopes_days_and_customer_are_as_said(run):
    told = run("create", "x", "--customer", "11", "--scope", "accounts", "--scope", "read", "--days", 366)

    assert told.err.startswith("A token of customer 11 that opens accounts and read for 366 day(s).")
    row = ApiToken.objects.get()
    assert (row.customer.org_id, row.scopes) == ("11", ["accounts", "read"])
    assert row.expires_at - row.created_at == timedelta(days=366)


def test_they_are_listed_and_revoked(run):
    token = run("create", "first").out.strip()
    run("create", "of another", "--customer", "22")
    row = ApiToken.objects.get(name="first")

    table = run("list")
    assert table.status == 0
    assert "first" in table.out
    assert "of another" not in table.out
    (shown,) = json.loads(run("list", "--format", "json").out)
    assert (shown["id"], shown["name"], shown["scopes"], shown["state"]) == (row.pk, "first", ["read"], "valid")
    assert token not in table.out

    revoked = run("revoke", row.pk)
    assert (revoked.status, revoked.out, revoked.err) == (0, "", f"token {row.pk} is revoked\n")
    assert _find(token) is None
    assert json.loads(run("list", "--format", "json").out)[0]["state"] == "revoked"


def test_without_any_it_says_how_one_is_made(run):
    assert run("list").out == "There is no token; cloudigrade tokens create makes one.\n"
    assert run("list", "--format", "json").out == "[]\n"
    assert not Customer.objects.exists()


def test_s5_a_token_of_another_customer_is_not_there(run):
    """S5: what one does must not concern another."""
    token = run("create", "x", "--customer", "22").out.strip()
    number = ApiToken.objects.get().pk
    run("create", "y")

    for customer in ("local", "unknown"):
        told = run("revoke", number, "--customer", customer)
        assert (told.status, told.err) == (
            1,
            f"customer {customer} has no token {number}; see cloudigrade tokens list",
        )
    assert _find(token)


@pytest.mark.parametrize(
    "arguments",
    [
        (), ("make",), ("create",), ("create", "x", "--scope", "write"), ("create", "x", "--days", "0"),
        ("create", "x", "--days", "367"), ("create", "x", "--days", "-1"), ("create", "x", "--days", "1.5"),
        ("create", ""), ("create", "x" * 101), ("create", "a\x07"), ("create", "\udcff"), ("revoke",),
        ("revoke", "x"), ("revoke", "9" * 30), ("list", "--format", "xml"),
    ],
)  # fmt: skip
def test_bad_usage_makes_no_token(run, arguments):
    assert run(*arguments).status == 2
    assert not ApiToken.objects.exists()


def test_the_help_says_what_it_does_and_how_it_ends(run):
    told = run("--help")

    assert told.status == 0
    assert "Authorization: Bearer cgt_..." in told.out
    assert "Exit status: 0; 1 there is no such token; 2 bad usage." in told.out
    for action, words in (("create", "default: 90"), ("revoke", "as cloudigrade tokens list shows it")):
        assert words in " ".join(run(action, "--help").out.split())
