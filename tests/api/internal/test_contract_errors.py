"""What the internal API refuses, in which words; and pages of lists."""

import pytest

from tests.api.internal.world import BASE

pytestmark = pytest.mark.django_db

NUMBER, MOMENT, FLAG = "Enter a number.", "Enter a valid date/time.", "Must be a valid boolean."
NO_CHOICE = "Select a valid choice. That choice is not one of the available choices."
NOT_KEPT = "It is not kept, so nothing can be found by it."
HUGE = "9" * 30

BAD = [
    ("cloudaccounts", "is_enabled", "maybe", FLAG),
    ("cloudaccounts", "object_id", "x", NUMBER),
    ("cloudaccounts", "platform_source_id", "NaN", NUMBER),
    ("cloudaccounts", "platform_source_id", "1e99", NUMBER),
    ("cloudaccounts", "user", "x", NO_CHOICE),
    ("cloudaccounts", "user", HUGE, NO_CHOICE),
    ("cloudaccounts", "org_id", "a\0b", "Null characters are not allowed."),
    ("cloudaccounts", "created_at", "soon", MOMENT),
    ("cloudaccounts", "created_at__lt", "2026-02-30", MOMENT),
    ("cloudaccounts", "updated_at__gt", "0001-01-01T00:00:00+14:00", MOMENT),
    ("instances", "running_since", "then", MOMENT),
    ("instances", "cloud_account", "x", NO_CHOICE),
    ("instanceevents", "event_type", "explode", "Select a valid choice. explode is not one of the available choices."),
    ("instanceevents", "created_at", "2026-03-01", NOT_KEPT),
    ("machineimages", "status", "fine", "Select a valid choice. fine is not one of the available choices."),
    ("runs", "vcpu", "many", NUMBER),
    ("runs", "start_time__lt", "1", MOMENT),
    ("runs", "updated_at__gt", "2026-03-01", NOT_KEPT),
    ("concurrentusages", "date", "2026-13-01", "Enter a valid date."),
    ("concurrentusages", "date__gt", "yesterday", "Enter a valid date."),
    ("concurrentusages", "run", "x", NO_CHOICE),
    ("instancedefinitions", "cloud_type", "gcp", "Select a valid choice. gcp is not one of the available choices."),
    ("instancedefinitions", "updated_at", "2026-03-01", NOT_KEPT),
    ("awsmachineimages", "platform", "linux", "Select a valid choice. linux is not one of the available choices."),
    ("awsmachineimages", "aws_marketplace_image", "perhaps", FLAG),
    ("awsinstanceevents", "subnet", "subnet-1", NOT_KEPT),
    ("users", "uuid", "x", "Enter a valid UUID."),
    ("users", "date_joined__gt", "x", MOMENT),
    ("syntheticdatarequests", "user_id", "x", NUMBER),
    ("syntheticdatarequests", "expires_at", "x", MOMENT),
]


@pytest.mark.parametrize(("path", "name", "value", "words"), BAD)
def test_o14_a_filter_that_cannot_be_read_is_no_failure_of_ours(ask, path, name, value, words):
    """O14: bad input was a 500."""
    answer = ask(f"{path}/", **{name: value})

    assert (answer.status_code, answer.json()) == (400, {name: [words]})


def test_every_bad_filter_is_named(ask):
    answer = ask("cloudaccounts/", is_enabled="x", user="y")

    assert answer.json() == {"is_enabled": [FLAG], "user": [NO_CHOICE]}


def test_include_runs_has_words_of_its_own(ask, world):
    for path in ("concurrentusages/", f"concurrentusages/{world.usage[0]}/"):
        answer = ask(path, include_runs="perhaps")
        assert (answer.status_code, answer.json()) == (400, [FLAG])


@pytest.mark.parametrize(
    "path",
    [
        *("accounts", "cloudaccounts", "instances", "instanceevents", "machineimages", "runs", "concurrentusages"),
        *("instancedefinitions", "users", "syntheticdatarequests", "awscloudaccounts", "awsinstances"),
        *("awsmachineimages", "awsinstanceevents", "azurecloudaccounts", "azureinstances", "azuremachineimages"),
        "azureinstanceevents",
    ],
)
@pytest.mark.parametrize("pk", ["999999", "0", "-1", "x", HUGE, "1.5"])
def test_no_such_row(ask, path, pk):
    answer = ask(f"{path}/{pk}/")

    # a dot is none of an id's: no path of ours
    assert answer.status_code == 404
    if pk != "1.5":
        assert answer.json() == {"detail": "Not found."}


@pytest.mark.parametrize(
    "path",
    [
        *("periodictasks/", "usertasklocks/", "machineimageinspectionstarts/", "awsmachineimagecopies/"),
        *("/internal/redis_raw/", "/internal/cache/x/", "/internal/clear_cache/", "/internal/tasks/"),
        *("/internal/tasks/x/", "/internal/error/", "/internal/cdappconfig.json"),
    ],
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_s3_what_is_not_built_is_not_there(ask, path, method):
    """S3: raw Redis and tasks by name were open to everybody."""
    assert ask(path, method).status_code == 404


def test_pages_are_in_the_order_of_ids_with_links_without_a_host(ask, world):
    first = ask("instances/", limit="1").json()
    second = ask("instances/", limit="1", offset="1").json()

    assert [row["id"] for row in first["data"] + second["data"]] == [world.instance, world.other_instance]
    assert first["meta"] == {"count": 2}
    assert first["links"] == {
        "first": f"{BASE}instances/?limit=1&offset=0",
        "next": f"{BASE}instances/?limit=1&offset=1",
        "previous": None,
        "last": f"{BASE}instances/?limit=1&offset=1",
    }


def test_a_path_without_its_slash_and_one_with_a_suffix(ask, world):
    assert ask("instances").status_code == 301
    assert ask("instances.json").json()["data"] == ask("instances/").json()["data"] != []


LISTS = ["accounts", "cloudaccounts", "instances", "instanceevents", "machineimages", "runs", "concurrentusages"]
LISTS += ["awscloudaccounts", "awsinstances", "awsmachineimages", "awsinstanceevents", "users"]


@pytest.mark.parametrize("path", LISTS)
def test_p12_as_many_statements_for_any_number_of_rows(ask, world, path, django_assert_num_queries):
    """P12: lists had no order, and statements for each row."""
    for limit in ("1", "100"):
        with django_assert_num_queries(2):  # how many there are, and those of the page
            assert ask(f"{path}/", limit=limit).status_code == 200


def test_p12_the_runs_behind_days_are_one_statement_more(ask, world, django_assert_num_queries):
    """P12: likewise."""
    for limit in ("1", "100"):
        with django_assert_num_queries(3):
            ask("concurrentusages/", limit=limit, include_runs="true")
