"""What operators set going: which rows are marked, what is queued, and the words for bad bodies."""

import base64
import json

import pytest

from cloudigrade.models import CloudAccount, DirtyDay, Instance, InstanceEvent, Run
from cloudigrade.redhat.sources import SourcesUnavailable
from cloudigrade.services import sources
from cloudigrade.tasks import accounts, metering, reconciliation
from tests.api import identities
from tests.api.internal.world import key
from tests.builders import AS_OF, moment

pytestmark = pytest.mark.django_db

RUNS, USAGE = "/internal/recalculate_runs/", "/internal/recalculate_concurrent_usage/"
KAFKA, STATUS, PROBLEMATIC = "/internal/sources_kafka/", "availability_status", "problematic_runs/"
UNREADABLE = "Failed to parse given input."


@pytest.fixture
def queued(monkeypatch):
    """The names of the tasks that are queued."""
    names = []
    for task in (
        metering.rebuild_runs,
        metering.recalculate_usage,
        accounts.check_accounts,
        reconciliation.begin_reconciliation,
        reconciliation.translate_account_numbers,
    ):
        monkeypatch.setattr(task, "delay_on_commit", lambda name=task.name: names.append(name))
    return names


def _dirty():
    return sorted(Instance.objects.filter(runs_dirty_from__isnull=False).values_list("native_id", flat=True))


@pytest.mark.parametrize(
    ("body", "marked"),
    [
        ({}, ["i-mine", "i-theirs"]),
        ({"cloud_account_id": "account"}, ["i-mine"]),
        ({"cloud_account_id": 999999}, []),
        ({"since": "2026-03-02T04:00:01"}, ["i-theirs"]),
        ({"since": "2026-03-02T05:00:01+01:00"}, ["i-theirs"]),
        ({"since": "2026-03-02 04:00"}, ["i-mine", "i-theirs"]),
        ({"since": "2026-03-03"}, ["i-theirs"]),
        ({"since": "2026-03-04", "cloud_account_id": None}, []),
    ],
)
def test_runs_are_recalculated_for_one_account_or_all(ask, world, queued, body, marked):
    if body.get("cloud_account_id") == "account":
        body = {"cloud_account_id": str(world.account)}

    answer = ask(RUNS, "post", body)

    assert (answer.status_code, answer.content) == (202, b"")
    assert _dirty() == marked
    assert queued == ["api.tasks.recalculate_runs_for_all_cloud_accounts"]


@pytest.mark.parametrize(
    ("path", "body", "fault"),
    [
        (RUNS, {"cloud_account_id": "x"}, {"cloud_account_id": UNREADABLE}),
        (RUNS, {"cloud_account_id": True}, {"cloud_account_id": UNREADABLE}),
        (RUNS, {"cloud_account_id": 1.5}, {"cloud_account_id": UNREADABLE}),
        (RUNS, {"cloud_account_id": [1]}, {"cloud_account_id": UNREADABLE}),
        (RUNS, {"cloud_account_id": 2**63}, {"cloud_account_id": UNREADABLE}),
        (RUNS, {"since": "soon"}, {"since": UNREADABLE}),
        (RUNS, {"since": 7}, {"since": UNREADABLE}),
        (RUNS, {"since": "0001-01-01T00:00:00+14:00"}, {"since": UNREADABLE}),
        (RUNS, [1], ["The body must be a JSON object."]),
        (USAGE, {"user_id": "x"}, {"user_id": UNREADABLE}),
        (USAGE, {"since": "2026-02-30"}, {"since": UNREADABLE}),
        (USAGE, {"since": ["2026-02-03"]}, {"since": UNREADABLE}),
        (PROBLEMATIC, {"user_id": "x"}, {"user_id": UNREADABLE}),
    ],
)
def test_o14_a_body_that_cannot_be_read_marks_nothing(ask, world, queued, path, body, fault):
    """O14: bad input was a 500."""
    answer = ask(path, "post", body)

    assert (answer.status_code, answer.json()) == (400, fault)
    assert (_dirty(), DirtyDay.objects.count(), queued) == ([], 0, [])


@pytest.mark.parametrize(
    ("body", "marked"),
    [
        ({}, {"11": 10, "22": 10}),
        ({"user_id": "customer"}, {"11": 10}),
        ({"since": "2026-03-10"}, {"11": 2, "22": 2}),
        ({"since": "2026-03-12"}, {}),
        ({"since": "1999-01-01", "user_id": "customer"}, {"11": 10}),
    ],
)
def test_days_are_recalculated_for_one_customer_or_all(ask, world, queued, body, marked):
    if "user_id" in body:
        body = body | {"user_id": world.customer}

    answer = ask(USAGE, "post", body)

    found: dict[str | None, int] = {}
    for org_id in DirtyDay.objects.values_list("customer__org_id", flat=True):
        found[org_id] = found.get(org_id, 0) + 1
    assert (answer.status_code, found) == (202, marked)
    assert queued == ["api.tasks.recalculate_concurrent_usage_for_all_users"]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/internal/delete_cloud_accounts_not_in_sources/", "api.tasks.delete_cloud_accounts_not_in_sources"),
        ("/internal/migrate_account_numbers_to_org_ids/", "api.tasks.migrate_account_numbers_to_org_ids"),
    ],
)
def test_work_is_queued(ask, queued, path, name):
    assert ask(path, "post").status_code == 202
    assert queued == [name]


# Problematic runs


@pytest.fixture
def problematic(world):
    """A run that goes on although its instance went off."""
    InstanceEvent.objects.create(
        instance_id=world.other_instance, source_id="late", occurred_at=moment(40), kind=2, feed=1
    )
    return world.other_runs[0]


def test_runs_that_contradict_their_events(ask, world, problematic):
    (row,) = ask(PROBLEMATIC).json()

    assert row == ask(f"runs/{problematic}/").json()
    assert ask(PROBLEMATIC, user_id=world.neighbour).json() == [row]
    assert ask(PROBLEMATIC, user_id=world.customer).json() == []
    assert ask(PROBLEMATIC, user_id="x").json() == {"user_id": UNREADABLE}


def test_runs_that_agree_with_their_events(ask, world):
    assert ask(PROBLEMATIC).json() == []


def test_an_end_of_what_was_off_already_contradicts_nothing(ask, world, problematic):
    InstanceEvent.objects.filter(source_id="late").update(previous=2)

    assert ask(PROBLEMATIC).json() == []


def test_problematic_runs_are_made_anew(ask, world, problematic, queued):
    assert ask(PROBLEMATIC, "post", {"user_id": world.customer}).status_code == 202
    assert _dirty() == []

    assert ask(PROBLEMATIC, "post").status_code == 202

    assert _dirty() == ["i-theirs"]
    assert queued == ["api.tasks.recalculate_runs_for_all_cloud_accounts"] * 2
    metering.rebuild_runs.apply()
    assert ask(PROBLEMATIC).json() == []
    assert Run.objects.get(instance=world.other_instance).period.upper == moment(40)


# Availability


@pytest.fixture
def sourced(world):
    """An account of each customer, of one source."""
    CloudAccount.objects.filter(pk__in=[world.account, world.other_account]).update(
        platform_source_id=9, is_synthetic=False, is_enabled=True, is_paused=False, checked_at=None
    )
    return world


def _asked():
    return sorted(CloudAccount.objects.filter(asked_at=AS_OF).values_list("customer__org_id", flat=True))


CUSTOMER = identities.of(org_id="11", type="User")


@pytest.mark.parametrize(
    ("headers", "asked"),
    [
        (key("sources"), ["11", "22"]),
        (key("sources", org_id="22"), ["22"]),
        (key("sources", org_id="33"), []),
        (CUSTOMER, ["11"]),
        (identities.of(org_id="33", type="User"), []),
    ],
)
@pytest.mark.parametrize("source_id", ["9", 9])
def test_the_accounts_of_a_source_are_checked_within_whoever_asks(ask, sourced, queued, headers, asked, source_id):
    answer = ask(STATUS, "post", {"source_id": source_id}, headers=headers)

    assert (answer.status_code, answer.content) == (204, b"")
    assert _asked() == asked
    assert queued == ["api.tasks.check_accounts"] * bool(asked)


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({}, ["source_id field is required"]),
        ({"source_id": None}, ["source_id field is required"]),
        ({"source_id": ""}, ["source_id field is required"]),
        ({"source_id": "nine"}, ["source_id must be an integer"]),
        ({"source_id": 9.5}, ["source_id must be an integer"]),
        ({"source_id": True}, ["source_id must be an integer"]),
        ({"source_id": {"id": 9}}, ["source_id must be an integer"]),
        ({"source_id": "9" * 5000}, ["source_id must be an integer"]),
        ({"source_id": 2**64}, ["source_id must be an integer"]),
    ],
)
def test_o14_a_source_id_that_is_none(ask, sourced, body, fault):
    """O14: a source_id that was no integer was a 500."""
    answer = ask(STATUS, "post", body, headers=key("sources"))

    assert (answer.status_code, answer.json()) == (400, fault)
    assert _asked() == []


def test_its_path_has_no_slash_at_its_end(ask):
    assert ask(f"{STATUS}/", "post", {"source_id": 9}).status_code == 404


# Messages of Sources


IDENTITY = ["x-rh-identity", base64.b64encode(json.dumps({"identity": {"org_id": "11"}}).encode()).decode()]


def _message(event_type, headers=(IDENTITY,), **value):
    return {"event_type": event_type, "value": value, "headers": list(headers)}


@pytest.mark.parametrize(
    ("event_type", "value", "function"),
    [
        ("ApplicationAuthentication.create", {"application_id": 8, "authentication_id": "7"}, "create"),
        ("ApplicationAuthentication.destroy", {"application_id": 8, "authentication_id": 7}, "delete"),
        ("Authentication.update", {"id": 7}, "update"),
        ("Application.pause", {"id": 8}, "pause"),
        ("Application.unpause", {"id": 8}, "unpause"),
        ("Application.destroy", {"id": 8}, "delete"),
        ("Source.destroy", {"id": 9}, "delete"),
        ("Records.update", {"id": 9}, None),
    ],
)
def test_a_message_is_acted_on_at_once(ask, monkeypatch, event_type, value, function):
    acted = []
    monkeypatch.setattr(sources, "act_now", lambda *, event, now: acted.append((event, now)))
    message = _message(event_type, **value)

    answer = ask(KAFKA, "post", message)

    name = function and f"{function}_from_sources_kafka_message"
    assert (answer.status_code, answer.json()) == (200, {"request": message, "function": name})
    assert [(event.event_type, event.org_id, now) for event, now in acted] == [(event_type, "11", AS_OF)] * bool(
        function
    )
    assert [dict(event.value) for event, _ in acted] == [{k: str(v) for k, v in value.items()}] * bool(function)


def test_a_message_takes_effect(ask, world):
    answer = ask(KAFKA, "post", _message("Application.pause", id=8))

    assert answer.status_code == 200
    assert CloudAccount.objects.get(pk=world.account).is_paused


def test_the_type_is_that_of_the_body(ask, world):
    headers = [IDENTITY, ["event_type", "Application.pause"]]

    assert ask(KAFKA, "post", _message("Records.update", headers, id=8)).status_code == 200
    assert not CloudAccount.objects.get(pk=world.account).is_paused


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (
            {},
            {
                "event_type": ["This field is required."],
                "value": ["It must be a JSON object."],
                "headers": ["It must be a list of pairs of texts."],
            },
        ),
        (_message("Application.pause", [["a"]], id=8), {"headers": ["It must be a list of pairs of texts."]}),
        (_message("Application.pause", [], id=8), {"headers": "headers is not valid base64 encoded json"}),
        (
            _message("Application.pause", [["x-rh-identity", "%%%"]], id=8),
            {"headers": "headers is not valid base64 encoded json"},
        ),
        (
            _message("Application.pause", [["x-rh-identity", "W10="]], id=8),
            {"headers": "headers is not valid base64 encoded json"},
        ),
        (_message("Application.pause", id="x"), {"non_field_errors": ["The message its id is no id."]}),
    ],
)
def test_a_message_that_cannot_be_read(ask, body, fault):
    answer = ask(KAFKA, "post", body)

    assert (answer.status_code, answer.json()) == (400, fault)


def test_sources_does_not_answer(ask, monkeypatch):
    def act_now(**_):
        raise SourcesUnavailable("down")

    monkeypatch.setattr(sources, "act_now", act_now)

    answer = ask(KAFKA, "post", _message("Application.pause", id=8))

    assert (answer.status_code, answer.json()) == (503, {"detail": "Sources does not answer, try again later."})
