"""How many statements a request takes, whatever the number of rows."""

import pytest

from tests.api.v2.test_contract_paths import LISTS
from tests.api.v2.world import MADE, account, image, instance, judge, run, tag

pytestmark = pytest.mark.django_db


def _fill(customer, number):
    owners = [account(customer, f"{each:012}") for each in range(number)]
    images = [image(f"ami-{each}") for each in range(number)]
    for each, (owner, booted) in enumerate(zip(owners, images, strict=True)):
        run(instance(owner, f"i-{each}", booted=booted), MADE)
        tag(customer, booted)
    judge(*images)


@pytest.mark.parametrize("number", [1, 100])
@pytest.mark.parametrize("query", ["", "&status=inspected&architecture=&running_since=2026-03-02"])
@pytest.mark.parametrize("path", LISTS)
def test_p12_two_statements_answer_any_page(ask, customer, django_assert_num_queries, path, query, number):
    """P12: queries for each row, and indexes were missing."""
    _fill(customer, number)

    with django_assert_num_queries(2):  # who asks, and the page with its count
        page = ask(f"{path}?limit=100{query}").json()

    assert (page["meta"], len(page["data"])) == ({"count": number}, number)
    key = next(
        iter(page["data"][0][name] for name in ("account_id", "instance_id", "image_id") if name in page["data"][0])
    )
    with django_assert_num_queries(2):
        assert ask(f"{path}{key}/").status_code == 200


@pytest.mark.parametrize("number", [1, 100])
@pytest.mark.parametrize("path", LISTS)
def test_p12_past_the_end_it_takes_one_more_for_the_count(ask, customer, django_assert_num_queries, path, number):
    """P12: likewise."""
    _fill(customer, number)

    with django_assert_num_queries(3):
        page = ask(path, offset=500).json()

    assert (page["meta"], page["data"]) == ({"count": number}, [])
