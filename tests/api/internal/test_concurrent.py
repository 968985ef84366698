"""The daily answers of the customer whom an operator names."""

from datetime import UTC, datetime

import pytest

from cloudigrade.api.internal import bodies
from tests.api import identities
from tests.api.internal.world import key

pytestmark = pytest.mark.django_db

FAKE = "X-RH-INTERNAL-FAKE-IDENTITY"
THEIRS = {FAKE: identities.of(org_id="22")[identities.HEADER]}


@pytest.mark.parametrize(
    "headers",
    [
        key("reader", org_id="22"),
        key("reader") | THEIRS,
        key("reader", org_id="11") | THEIRS,
        identities.of(type="Associate", org_id="11") | THEIRS,
    ],
)
def test_whose_days_they_are(ask, world, headers):
    answer = ask("concurrent/", headers=headers, start_date="2026-03-03", end_date="2026-03-05")

    assert answer.status_code == 200
    assert [(day["date"], day["maximum_counts"][0]["instances_count"]) for day in answer.json()["data"]] == [
        ("2026-03-03", 1),
        ("2026-03-04", 1),
    ]


def test_yesterday_where_nothing_is_said(ask, world):
    answer = ask("concurrent/", headers=key(org_id="11"))

    assert answer.json()["data"] == [{"date": "2026-03-11", "maximum_counts": []}]
    assert answer.json()["meta"] == {"count": 1}


def test_today_as_far_as_it_has_gone(ask, world, monkeypatch):
    monkeypatch.setattr(bodies, "now", lambda: datetime(2026, 3, 12, 9, tzinfo=UTC))

    answer = ask("concurrent/", headers=key(org_id="22"), start_date="2026-03-11", end_date="2026-03-13")

    first, second = answer.json()["data"]
    assert (first["date"], second["date"]) == ("2026-03-11", "2026-03-12")
    assert first["maximum_counts"] == second["maximum_counts"] != []


def test_a_day_that_is_not_calculated(ask, world, monkeypatch):
    monkeypatch.setattr(bodies, "now", lambda: datetime(2026, 3, 14, tzinfo=UTC))

    answer = ask("concurrent/", headers=key(org_id="22"), start_date="2026-03-12")

    told = {"detail": "Results are currently unavailable, try again later."}
    assert (answer.status_code, answer.json()) == (425, told)


JOINED = "must be same as or after the user creation date."


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ({"start_date": "2026-03-13"}, {"start_date": ["start_date cannot be in the future."]}),
        ({"end_date": "2026-03-14"}, {"end_date": ["end_date cannot be in the future."]}),
        ({"start_date": "2026-03-01"}, {"start_date": [f"start_date {JOINED}"]}),
        ({"end_date": "2026-03-01"}, {"end_date": [f"end_date {JOINED}"]}),
        ({"start_date": "soon"}, {"start_date": ["start_date must be a date (YYYY-MM-DD)."]}),
    ],
)
def test_dates_that_cannot_be(ask, world, query, fault):
    answer = ask("concurrent/", headers=key(org_id="11"), **query)

    assert (answer.status_code, answer.json()) == (400, fault)


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        (key(org_id="33"), "Incorrect authentication credentials."),
        (
            key(),
            "Authentication Failed: identity account number or org id is required, but neither is present in request.",
        ),
        (key() | {FAKE: "%%%"}, "Authentication Failed: invalid identity header failed parsing."),
        (THEIRS, "Incorrect authentication credentials."),
    ],
)
def test_a_customer_must_be_known(ask, world, headers, told):
    answer = ask("concurrent/", headers=headers)

    assert (answer.status_code, answer.json()) == (403, {"detail": told})
