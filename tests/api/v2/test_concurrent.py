import gc
import json
import weakref
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from django.utils import timezone as django_timezone

from cloudigrade.api.v2 import concurrent
from cloudigrade.models import CloudAccount, ConcurrentUsage
from tests.api import identities
from tests.api.conftest import CONCURRENT, TODAY, counts_text, store_usage

pytestmark = pytest.mark.django_db

TOO_EARLY = {"detail": "Results are currently unavailable, try again later."}


def test_by_default_it_answers_for_yesterday(ask, customer):
    store_usage(customer, date(2026, 3, 8), counts_text(7), counts_text(8), counts_text(9))

    response = ask()

    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    assert response.json() == {
        "meta": {"count": 1},
        "links": {
            "first": f"{CONCURRENT}?limit=10&offset=0",
            "next": None,
            "previous": None,
            "last": f"{CONCURRENT}?limit=10&offset=0",
        },
        "data": [
            {
                "date": "2026-03-09",
                "maximum_counts": [
                    {
                        "arch": "x86_64",
                        "role": "_ANY",
                        "sla": "",
                        "usage": "Production",
                        "service_type": "_ANY",
                        "instances_count": 8,
                    }
                ],
            }
        ],
    }


def test_the_counts_are_served_as_they_are_stored(ask, customer):
    text = counts_text(1, arch='é\\u0000\\"') + " "
    store_usage(customer, date(2026, 3, 9), text)

    response = ask()

    assert f'"maximum_counts":{text}}}]}}'.encode() in response.content
    assert response.json()["data"][0]["maximum_counts"] == json.loads(text)


def test_an_idle_day_has_no_counts(ask, customer):
    store_usage(customer, date(2026, 3, 9), "[]")

    assert ask().json()["data"] == [{"date": "2026-03-09", "maximum_counts": []}]


def test_days_are_ascending_whatever_the_order_they_were_stored_in(ask, customer):
    for day in (5, 3, 4, 6):
        store_usage(customer, date(2026, 3, day), counts_text(day))

    data = ask(start_date="2026-03-03", end_date="2026-03-07").json()["data"]

    assert [(item["date"], item["maximum_counts"][0]["instances_count"]) for item in data] == [
        ("2026-03-03", 3),
        ("2026-03-04", 4),
        ("2026-03-05", 5),
        ("2026-03-06", 6),
    ]


@pytest.mark.parametrize("missing", [3, 4, 5])
def test_one_day_not_calculated_withholds_the_page(ask, customer, missing):
    for day in {2, 3, 4, 5, 6} - {missing}:
        store_usage(customer, date(2026, 3, day), counts_text(day))

    response = ask(start_date="2026-03-03", end_date="2026-03-06")

    assert (response.status_code, response.json()) == (425, TOO_EARLY)


def test_a_day_not_calculated_withholds_only_its_page(ask, customer):
    store_usage(customer, date(2026, 3, 1), counts_text(1), counts_text(2))

    assert ask(start_date="2026-03-01", end_date="2026-03-05", limit=2).status_code == 200
    assert ask(start_date="2026-03-01", end_date="2026-03-05", limit=2, offset=2).status_code == 425
    assert ask(start_date="2026-03-01", end_date="2026-03-05", limit=2, offset=4).status_code == 200


@pytest.mark.parametrize(("start", "end"), [("2026-03-05", "2026-03-05"), ("2026-03-05", "2026-03-01")])
def test_no_days_are_an_empty_list(ask, customer, start, end):
    response = ask(start_date=start, end_date=end)

    assert response.status_code == 200
    assert (response.json()["meta"], response.json()["data"]) == ({"count": 0}, [])


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ({"start_date": "2026-03-10"}, {"start_date": ["start_date cannot be today or in the future."]}),
        (
            {"start_date": "2025-12-31"},
            {"start_date": ["start_date must be same as or after the user creation date."]},
        ),
        ({"start_date": "soon"}, {"start_date": ["start_date must be a date (YYYY-MM-DD)."]}),
        ({"end_date": "2026-03-11"}, {"end_date": ["end_date cannot be in the future."]}),
        ({"end_date": "2025-12-31"}, {"end_date": ["end_date must be same as or after the user creation date."]}),
        ({"end_date": "later"}, {"end_date": ["end_date must be a date (YYYY-MM-DD)."]}),
        (
            {"start_date": "soon", "end_date": "later"},
            {
                "start_date": ["start_date must be a date (YYYY-MM-DD)."],
                "end_date": ["end_date must be a date (YYYY-MM-DD)."],
            },
        ),
    ],
)
def test_bad_dates_are_explained(ask, customer, query, body):
    response = ask(**query)

    assert (response.status_code, response.json()) == (400, body)


@pytest.mark.parametrize("name", ["start_date", "end_date"])
@pytest.mark.parametrize("text", ["9" * 30, "99999999999999999999-01-01", "1" * 5000])
def test_o14_an_overflowing_date_is_a_bad_date(ask, customer, name, text):
    """O14: an integer overflow in the date was a 500."""
    response = ask(**{name: text})

    assert (response.status_code, response.json()) == (400, {name: [f"{name} must be a date (YYYY-MM-DD)."]})


def test_the_customer_joined_when_the_earliest_account_was_first_metered(ask, customer):
    for number, day in enumerate((20, 10, 15)):
        CloudAccount.objects.create(
            customer=customer,
            cloud="aws",
            native_id=f"00000000000{number}",
            metered_from=datetime(2025, 12, day, 23, 59, tzinfo=UTC),
            created_at=datetime(2026, 1, 1, tzinfo=UTC),
        )

    assert ask(start_date="2025-12-10").status_code == 425
    assert ask(start_date="2025-12-09").status_code == 400


def test_who_joined_today_gets_a_400_for_the_defaults(ask, customer):
    customer.created_at = datetime(2026, 3, 10, tzinfo=UTC)
    customer.save()

    response = ask()

    assert (response.status_code, response.json()) == (
        400,
        {"start_date": ["start_date must be same as or after the user creation date."]},
    )


def test_today_is_the_day_in_utc(monkeypatch):
    monkeypatch.undo()
    late = datetime(2026, 3, 10, 23, 30, tzinfo=timezone(timedelta(hours=-5)))
    monkeypatch.setattr(django_timezone, "now", lambda: late)

    assert concurrent.today() == date(2026, 3, 11)


def test_each_customer_gets_their_own_days_and_nothing_else(ask, customer, neighbour):
    store_usage(customer, date(2026, 3, 1), *(counts_text(1, "mine") for _ in range(9)))
    store_usage(neighbour, date(2026, 3, 1), *(counts_text(2, "theirs") for _ in range(9)))
    query = {"start_date": "2026-03-01", "limit": 100}

    mine = ask(**query)
    theirs = ask(headers=identities.of(org_id="22"), **query)

    assert b"theirs" not in mine.content
    assert b"mine" not in theirs.content
    assert theirs.content == mine.content.replace(b"mine", b"theirs").replace(b'count":1}', b'count":2}')
    assert mine.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("parameter", ["org_id", "account_number", "user_id", "customer", "customer_id"])
def test_no_parameter_names_the_customer(ask, customer, neighbour, parameter):
    store_usage(customer, date(2026, 3, 9), counts_text(1, "mine"))
    store_usage(neighbour, date(2026, 3, 9), counts_text(2, "theirs"))

    for value in (neighbour.pk, "22", "0022"):
        assert b"theirs" not in ask(**{parameter: value}).content


def test_a_neighbours_days_do_not_stand_in_for_missing_ones(ask, customer, neighbour):
    store_usage(neighbour, date(2026, 3, 9), counts_text(2))

    assert ask().status_code == 425


@pytest.mark.parametrize("days", [1, 40, 100])
def test_two_queries_answer_however_many_days(ask, customer, django_assert_num_queries, days):
    first = TODAY - timedelta(days=days)
    customer.created_at = datetime(2025, 1, 1, tzinfo=UTC)
    customer.save()
    store_usage(customer, first, *(counts_text(number) for number in range(days)))

    for _ in "before and after the counts are known":
        with django_assert_num_queries(2):
            response = ask(start_date=first.isoformat(), limit=100)
        assert [item["maximum_counts"][0]["instances_count"] for item in response.json()["data"]] == [*range(days)]


def test_an_empty_page_needs_no_usage_at_all(ask, customer, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert ask(offset=5).json()["data"] == []


def test_a_recalculated_day_is_answered_at_once(ask, customer):
    store_usage(customer, date(2026, 3, 7), *(counts_text(1) for _ in range(3)))
    usage = ConcurrentUsage.objects.filter(customer=customer)

    def answer() -> list[int]:
        items = ask(start_date="2026-03-07").json()["data"]
        return [item["maximum_counts"][0]["instances_count"] for item in items]

    assert answer() == [1, 1, 1]
    for count in (2, 3):
        usage.filter(day=date(2026, 3, 8)).update(maximum_counts=counts_text(count))
        assert answer() == [1, count, 1]
    usage.filter(day=date(2026, 3, 8)).delete()
    assert ask(start_date="2026-03-07").status_code == 425
    store_usage(customer, date(2026, 3, 8), counts_text(4))
    assert answer() == [1, 4, 1]


def test_an_answer_is_freed_without_the_garbage_collector(customer, rf):
    store_usage(customer, date(2026, 3, 9), counts_text(1))
    view = concurrent.ConcurrentViewSet.as_view({"get": "list"})

    gc.disable()
    try:
        response = view(rf.get(CONCURRENT, headers=identities.of(org_id="11")))
        answer = weakref.ref(response)
        assert response.status_code == 200
        del response
        assert answer() is None
    finally:
        gc.enable()


def test_nothing_is_written(ask, customer):
    store_usage(customer, date(2026, 3, 9), counts_text(1))
    before = list(ConcurrentUsage.objects.values())

    ask()

    assert list(ConcurrentUsage.objects.values()) == before
