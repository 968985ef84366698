from datetime import datetime, timedelta

import pytest

from tests.api.v2.world import BASE, MADE, TIMES, account, image, instance, run

pytestmark = pytest.mark.django_db

INSTANCES = f"{BASE}/instances/"
HOUR = timedelta(hours=1)
BAD_TIME = {"running_since": ["Enter a valid date/time."]}


def _at(moment: datetime) -> str:
    return moment.isoformat()


def test_the_whole_of_an_instance_in_aws(ask, customer):
    owner, booted = account(customer), image()
    made = instance(owner, "i-00000000000000042", booted=booted)
    expected = {
        "cloud_account_id": owner.pk,
        **TIMES,
        "instance_id": made.pk,
        "machine_image_id": booted.pk,
        "cloud_type": "aws",
        "content_object": {
            "aws_instance_id": made.pk,
            **TIMES,
            "ec2_instance_id": "i-00000000000000042",
            "region": "eu-west-1",
        },
    }

    assert ask(INSTANCES).json()["data"] == [expected]
    assert ask(f"{INSTANCES}{made.pk}/").json() == expected


def test_what_is_particular_to_azure(ask, customer):
    made = instance(account(customer, cloud="azure"), "/subscriptions/x/vm", region="westeurope")

    shown = ask(f"{INSTANCES}{made.pk}/").json()

    assert (shown["cloud_type"], shown["machine_image_id"]) == ("azure", None)
    assert shown["content_object"] == {
        "azure_instance_id": made.pk,
        **TIMES,
        "resource_id": "/subscriptions/x/vm",
        "region": "westeurope",
    }


@pytest.mark.parametrize("hidden", [{"wanted": "deleted"}, {"is_successor": True}, {"cloud": "gcp"}])
def test_instances_of_accounts_that_are_not_shown_are_not_shown(ask, customer, hidden):
    made = instance(account(customer, **hidden))

    assert ask(INSTANCES).json()["meta"] == {"count": 0}
    assert ask(f"{INSTANCES}{made.pk}/").status_code == 404


RUNNING_SINCE = [
    ("2026-03-01T12:30:15.250Z", True),
    ("2026-03-01T13:30:15.250+01:00", True),
    ("2026-03-01T12:30:15Z", False),
    ("2026-03-01T12:30:16", True),
    ("2026-03-01 12:30:16", True),
    ("2026-03-01", False),
    ("2026-03-02", True),
    ("03/02/2026", True),
    ("9999-12-31T23:59:59-12:00", True),
    ("0001-01-01T00:00:00+14:00", False),
    ("2026-03-02T00:00:00-23:59", True),
    ("0271-11-23T06:18:55+23:02", False),
    ("", True),
]


@pytest.mark.parametrize(("since", "is_shown"), RUNNING_SINCE)
def test_running_since_wants_a_run_without_end_that_began_by_then(ask, customer, since, is_shown):
    made = instance(account(customer))
    run(made, MADE)

    assert ask(INSTANCES, running_since=since).json()["meta"] == {"count": int(is_shown)}
    assert ask(f"{INSTANCES}{made.pk}/", running_since=since).status_code == (200 if is_shown else 404)


def test_running_since_looks_at_the_latest_run_only(ask, customer):
    owner = account(customer)
    ended, restarted, never = (instance(owner, name) for name in ("i-1", "i-2", "i-3"))
    run(ended, MADE - 9 * HOUR, MADE)
    run(restarted, MADE - 9 * HOUR, MADE - HOUR)
    run(restarted, MADE)

    def found(moment: datetime) -> list[int]:
        return [each["instance_id"] for each in ask(INSTANCES, running_since=_at(moment)).json()["data"]]

    assert found(MADE) == [restarted.pk]
    assert found(MADE - HOUR) == []
    assert [each["instance_id"] for each in ask(INSTANCES).json()["data"]] == [ended.pk, restarted.pk, never.pk]


@pytest.mark.parametrize(
    "since", ["soon", "2026-02-30", "2026-03-01T25:00:00Z", "x" * 5000, "\0", "2026-03-01\0", "\uff11"]
)
@pytest.mark.parametrize("path", [INSTANCES, f"{INSTANCES}1/"])
def test_what_is_no_time_is_refused_in_the_known_words(ask, customer, path, since):
    response = ask(path, running_since=since)

    assert (response.status_code, response.json()) == (400, BAD_TIME)


def test_the_filter_stays_in_the_links_and_counts(ask, customer):
    owner = account(customer)
    for number in range(5):
        each = instance(owner, f"i-{number}")
        if number % 2:
            run(each, MADE)

    page = ask(INSTANCES, running_since="2026-03-02", limit=1).json()

    assert page["meta"] == {"count": 2}
    assert page["links"]["next"] == f"{INSTANCES}?limit=1&offset=1&running_since=2026-03-02"


def test_p12_instances_of_all_accounts_are_in_the_order_of_their_ids_on_every_page(ask, customer):
    """P12: pages were cut from unordered lists."""
    owners = [account(customer, f"{number:012}") for number in range(3)]
    made = [instance(owners[number % 3], f"i-{number}").pk for number in range(11)]

    pages = [ask(INSTANCES, limit=4, offset=offset).json() for offset in (0, 4, 8, 12)]

    assert [each["instance_id"] for page in pages for each in page["data"]] == made
    assert [(page["meta"]["count"], len(page["data"])) for page in pages] == [(11, 4), (11, 4), (11, 3), (11, 0)]


def test_p11_ids_of_the_general_and_the_particular_are_one(ask, customer):
    """P11: each thing was two rows with two ids that a generic foreign key held together."""
    made = instance(account(customer))

    (shown,) = ask(INSTANCES).json()["data"]

    assert shown["instance_id"] == shown["content_object"]["aws_instance_id"] == made.pk
