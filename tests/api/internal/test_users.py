"""Customers through the internal API."""

import pytest

from cloudigrade.models import ConcurrentUsage, Customer
from tests.api.internal.world import BASE
from tests.builders import AS_OF

pytestmark = pytest.mark.django_db

FOLLOWS = "It is when the first of the user's accounts began to be metered, and cannot be changed."
NAMELESS = {"non_field_errors": ["An account_number or an org_id is required."]}


def _row(org_id):
    return Customer.objects.get(org_id=org_id)


def test_a_user_has_these_fields(ask, world):
    assert ask(f"users/{world.customer}/").json() == {
        "date_joined": "2026-03-02T00:00:00Z", "id": world.customer, "uuid": str(_row("11").uuid), "username": "0011",
        "account_number": "0011", "org_id": "11", "is_permanent": False,
    }  # fmt: skip


def test_a_user_is_found_as_swatch_looks_for_it(ask, world):
    answer = ask("users/", org_id="22")

    assert answer.json()["meta"] == {"count": 1}
    assert [row["id"] for row in answer.json()["data"]] == [world.neighbour]
    assert answer.json()["links"]["first"] == f"{BASE}users/?limit=10&offset=0&org_id=22"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"account_number": "0011"}, ["11"]), ({"username": "0011"}, ["11"]), ({"org_id": "33"}, []),
        ({"date_joined": "2026-03-02"}, ["11", "22"]), ({"date_joined__lt": "2026-03-02"}, []),
        ({"date_joined__gt": "2026-03-01T23:59:59"}, ["11", "22"]),
    ],
)  # fmt: skip
def test_what_a_filter_finds(ask, world, query, found):
    assert [row["org_id"] for row in ask("users/", **query).json()["data"]] == found


def test_a_user_is_found_by_uuid(ask, world):
    assert [row["org_id"] for row in ask("users/", uuid=str(_row("22").uuid)).json()["data"]] == ["22"]


def test_a_user_is_made(ask, db):
    answer = ask("users/", "post", {"org_id": "33", "account_number": None, "is_permanent": True})

    assert answer.status_code == 201
    made = _row("33")
    assert (made.account_number, made.is_permanent, made.created_at) == (None, True, AS_OF)
    assert answer.json() == ask(f"users/{made.pk}/").json()
    assert answer.json()["date_joined"] == "2026-03-12T00:00:00Z"


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({}, NAMELESS),
        ({"org_id": "", "account_number": None}, NAMELESS),
        ({"account_number": "0011"}, {"account_number": ["user with this Account Number already exists."]}),
        ({"org_id": "11"}, {"org_id": ["user with this Org ID already exists."]}),
        ({"org_id": "a\nb"}, {"org_id": ["Only printable characters are allowed."]}),
        ({"org_id": "x" * 151}, {"org_id": ["Ensure this field has no more than 150 characters."]}),
        ({"org_id": "33", "uuid": "x"}, {"uuid": ["Must be a valid UUID."]}),
        ({"org_id": "33", "is_permanent": "maybe"}, {"is_permanent": ["Must be a valid boolean."]}),
    ],
)
def test_a_user_that_cannot_be(ask, world, body, fault):
    answer = ask("users/", "post", body)

    assert (answer.status_code, answer.json()) == (400, fault)
    assert Customer.objects.count() == 2


def test_a_uuid_is_one_users_alone(ask, world):
    answer = ask("users/", "post", {"org_id": "33", "uuid": str(_row("11").uuid)})

    assert answer.json() == {"uuid": ["user with this UUID already exists."]}


@pytest.mark.parametrize("method", ["put", "patch"])
def test_a_user_is_changed(ask, world, method):
    answer = ask(f"users/{world.neighbour}/", method, {"account_number": "0022", "is_permanent": True})

    assert (answer.status_code, answer.json()["username"], answer.json()["org_id"]) == (200, "0022", "22")
    assert (_row("22").account_number, _row("22").is_permanent) == ("0022", True)


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({"org_id": None}, NAMELESS),
        ({"org_id": "11"}, {"org_id": ["user with this Org ID already exists."]}),
        (
            {"date_joined": "2026-01-01T00:00:00Z"},
            {
                "date_joined": [
                    "It is when the first of the user's accounts began to be metered, and cannot be changed."
                ]
            },
        ),
    ],
)
def test_a_change_that_cannot_be(ask, world, body, fault):
    answer = ask(f"users/{world.neighbour}/", "patch", body)

    assert (answer.status_code, answer.json()) == (400, fault)
    assert _row("22").created_at == AS_OF


def test_a_user_as_it_was_read_can_be_put_back(ask, world):
    row = ask(f"users/{world.customer}/").json()

    assert ask(f"users/{world.customer}/", "put", row).json() == row


def test_a_user_without_accounts_has_the_time_that_is_said(ask, db):
    made = ask("users/", "post", {"org_id": "33"}).json()["id"]

    answer = ask(f"users/{made}/", "patch", {"date_joined": "2026-01-01T00:00:00Z"})

    assert answer.json()["date_joined"] == "2026-01-01T00:00:00Z"


def test_a_user_with_accounts_stays(ask, world):
    answer = ask(f"users/{world.customer}/", "delete")

    told = {"error": f"User id {world.customer} has related CloudAccounts and cannot be deleted"}
    assert (answer.status_code, answer.json()) == (400, told)


def test_a_user_without_accounts_goes_though_permanent(ask, db):
    customer = Customer.objects.create(org_id="33", created_at=AS_OF, is_permanent=True)
    ConcurrentUsage.objects.create(
        customer=customer, day=AS_OF.date(), maximum_counts="[]", totals={}, computed_at=AS_OF
    )

    answer = ask(f"users/{customer.pk}/", "delete")

    assert (answer.status_code, answer.content) == (202, b"")
    assert (Customer.objects.count(), ConcurrentUsage.objects.count()) == (0, 0)


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_no_such_user(ask, db, method):
    assert ask("users/999999/", method, {"org_id": "1"}).status_code == 404
