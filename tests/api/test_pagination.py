import json
from datetime import date
from typing import Any

import pytest

from tests.api.conftest import CONCURRENT, Ask, counts_text, store_usage

pytestmark = pytest.mark.django_db

FIRST = date(2026, 1, 2)


@pytest.fixture
def _days(customer):
    store_usage(customer, FIRST, *(counts_text(number) for number in range(25)))


def _get(ask: Ask, query: str) -> dict[str, Any]:
    response = ask(f"{CONCURRENT}?start_date=2026-01-02&end_date=2026-01-27{query}")
    assert response.status_code == 200
    page: dict[str, Any] = json.loads(response.content)
    return page


def _link(limit: int, offset: int | None) -> str:
    tail = "" if offset is None else f"&offset={offset}"
    return f"{CONCURRENT}?end_date=2026-01-27&limit={limit}{tail}&start_date=2026-01-02"


@pytest.mark.usefixtures("_days")
@pytest.mark.parametrize(
    ("query", "limit", "offset"),
    [
        ("", 10, 0),
        ("&limit=3", 3, 0),
        ("&limit=0", 10, 0),
        ("&limit=-1", 10, 0),
        ("&limit=many", 10, 0),
        ("&limit=", 10, 0),
        ("&limit=100", 100, 0),
        ("&limit=101", 100, 0),
        (f"&limit={'9' * 4000}", 100, 0),
        (f"&limit={'9' * 6000}", 10, 0),
        ("&offset=4", 10, 4),
        ("&offset=-4", 10, 0),
        ("&offset=few", 10, 0),
        ("&offset=", 10, 0),
        (f"&offset={'9' * 6000}", 10, 0),
        ("&limit=3&offset=24", 3, 24),
    ],
)
def test_limit_and_offset_choose_the_page(ask, query, limit, offset):
    page = _get(ask, query)

    expected = range(25)[offset : offset + limit]
    assert [item["maximum_counts"][0]["instances_count"] for item in page["data"]] == list(expected)
    assert page["meta"] == {"count": 25}
    assert list(page) == ["meta", "links", "data"]
    assert page["links"]["first"] == _link(limit, 0)


@pytest.mark.usefixtures("_days")
@pytest.mark.parametrize(
    ("query", "limit", "following", "preceding", "last"),
    [
        ("", 10, 10, "none", 15),
        ("&offset=15", 10, None, 5, 15),
        ("&offset=14", 10, 24, 4, 15),
        ("&offset=10", 10, 20, "start", 15),
        ("&offset=3", 10, 13, "start", 15),
        ("&offset=11", 10, 21, 1, 15),
        ("&limit=25", 25, None, "none", 0),
        ("&limit=100", 100, None, "none", 0),
        ("&limit=24", 24, 24, "none", 1),
        ("&offset=25", 10, None, 15, 15),
        ("&offset=1000", 10, None, 990, 15),
    ],
)
def test_links_lead_to_the_other_pages_without_naming_the_host(ask, query, limit, following, preceding, last):
    links = _get(ask, query)["links"]

    assert links == {
        "first": _link(limit, 0),
        "next": None if following is None else _link(limit, following),
        "previous": {"none": None, "start": _link(limit, None)}.get(preceding, _link(limit, preceding)),
        "last": _link(limit, last),
    }


@pytest.mark.usefixtures("_days")
@pytest.mark.parametrize("query", ["&offset=25", "&offset=26", f"&offset={'9' * 4000}"])
def test_past_the_end_there_is_an_empty_page(ask, query):
    page = _get(ask, query)

    assert page["data"] == []
    assert page["meta"] == {"count": 25}


@pytest.mark.usefixtures("_days")
def test_other_parameters_are_kept_and_encoded_again(ask):
    links = _get(ask, "&x=%C3%A9+%26%00%0D%0A&x=2&empty=&%2F%2Fevil=http://[")["links"]

    assert links["first"] == (
        f"{CONCURRENT}?%2F%2Fevil=http%3A%2F%2F%5B&empty=&end_date=2026-01-27&limit=10&offset=0"
        "&start_date=2026-01-02&x=%C3%A9+%26%00%0D%0A&x=2"
    )


@pytest.mark.usefixtures("_days")
def test_p12_following_the_links_gives_every_day_once_and_in_order(ask):
    """P12: pages were cut from unordered lists."""
    link = f"{CONCURRENT}?start_date=2026-01-02&end_date=2026-01-27&limit=7"
    dates = []
    while link:
        page = ask(link).json()
        dates += [item["date"] for item in page["data"]]
        link = page["links"]["next"]

    assert dates == [date.fromordinal(FIRST.toordinal() + number).isoformat() for number in range(25)]
