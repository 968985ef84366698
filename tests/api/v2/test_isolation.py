"""Two customers with everything alike: neither sees a byte of the other's."""

from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api import identities
from tests.api.conftest import CONCURRENT, counts_text, store_usage
from tests.api.v2.test_contract_paths import LISTS, NOT_FOUND
from tests.api.v2.world import MADE, account, findings, image, instance, judge, run, tag

pytestmark = pytest.mark.django_db

KEYS = ("account_id", "instance_id", "image_id")


def _fill(owner, mark):
    """Everything of a customer, with the mark in every text."""
    accounts = [account(owner, f"{mark}-account-{number}", credentials=f"{mark}-role-{number}") for number in range(3)]
    images = [
        image(f"{mark}-ami-{number}", name=f"{mark}-name", owner=f"{mark}-owner", architecture=mark, region=mark,
              findings=findings(rhel_product_certs_found=True, rhel_version=mark, syspurpose={"role": mark}))
        for number in range(3)
    ]  # fmt: skip
    for number, (each, booted) in enumerate(zip(accounts, images, strict=True)):
        run(instance(each, f"{mark}-instance-{number}", booted=booted, region=mark), MADE)
        tag(owner, booted)
    judge(*images)
    store_usage(owner, date(2026, 3, 9), counts_text(1, arch=mark))


def _ids(ask, path, headers):
    page = ask(path, headers=headers, limit=100).json()
    return {each[key] for each in page["data"] for key in KEYS[: 1 + LISTS.index(path)] if key in each}


@pytest.fixture
def both(customer, neighbour):
    _fill(customer, "mine")
    _fill(neighbour, "theirs")
    return {"mine": identities.of(org_id="11"), "theirs": identities.of(org_id="22")}


@pytest.mark.parametrize("path", [*LISTS, CONCURRENT])
def test_a_list_holds_nothing_of_the_others(ask, both, path):
    mine, theirs = ask(path, headers=both["mine"]), ask(path, headers=both["theirs"])

    assert (mine.content.count(b"theirs"), theirs.content.count(b"mine")) == (0, 0)
    assert min(mine.content.count(b"mine"), theirs.content.count(b"theirs")) > 0
    assert mine.json()["meta"] == theirs.json()["meta"] == {"count": 3 if path in LISTS else 1}


@pytest.mark.parametrize("path", LISTS)
def test_ids_of_the_others_answer_like_ids_that_do_not_exist(ask, both, path):
    foreign = _ids(ask, path, both["theirs"])
    assert len(foreign) == 3
    assert foreign & _ids(ask, path, both["mine"]) == set()

    for key in foreign:
        answers = [
            ask(f"{path}{each}/{query}", headers=both["mine"]) for each in (key, 10**9) for query in ("", "?limit=1")
        ]
        assert {(each.status_code, each.content) for each in answers} == {(404, answers[0].content)}
        assert answers[0].json() == NOT_FOUND
        assert ask(f"{path}{key}/", headers=both["theirs"]).status_code == 200


QUERIES = st.dictionaries(
    st.sampled_from(
        ["limit", "offset", "running_since", "architecture", "status", "customer", "customer_id", "user_id", "org_id",
         "account_number", "id", "account_id", "start_date", "end_date", "ordering", "search"]
    ),
    st.sampled_from(["1", "2", "22", "0022", "100", "-1", "2026-03-05", "inspected", "%", "' OR 1=1 --", "*"])
    | st.text(max_size=8).filter(lambda text: text < "\ud800" or text > "\udfff"),
    max_size=4,
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(path=st.sampled_from([*LISTS, CONCURRENT]), query=QUERIES)
def test_no_parameter_shows_anything_of_the_others(ask, both, path, query):
    response = ask(path, headers=both["mine"], **query)

    assert response.status_code in (200, 400, 404, 425)
    assert b"theirs" not in response.content
