"""`cloudigrade quarantine` as an operator uses it, on the fake cloud."""

import json

import pytest

from cloudigrade.clouds.protocol import Rejected
from cloudigrade.management.commands import quarantine as command
from cloudigrade.models import CloudAccount, Inbox, Quarantine
from cloudigrade.redhat.messages import Headers
from cloudigrade.services import activity, inbox
from tests.builders import ACCOUNT, AS_OF, batch, launch
from tests.fake_cloud import BUCKET, installed
from tests.services.stored import Stored

SOURCE = f"AWSLogs/{ACCOUNT}/CloudTrail/eu-west-1/a.json.gz"


@pytest.fixture
def stored(db):
    return Stored()


@pytest.fixture
def cloud(stored, monkeypatch):
    CloudAccount.objects.update(details={"bucket": BUCKET})
    return installed(monkeypatch)


@pytest.fixture
def quarantine(operator, cloud):
    """The command."""
    return lambda *arguments: operator.run(command.Command(), "quarantine", *arguments)


@pytest.fixture
def ids(stored):
    """A file, a record and a message that could not be read."""
    items = [
        Rejected(SOURCE, "is not JSON", ACCOUNT, location=f"s3://{BUCKET}/{SOURCE}"),
        Rejected(SOURCE, "no time\x1b[2J", ACCOUNT, b'{"eventName":"RunInstances"}'),
    ]
    activity.quarantine(customer_id=stored.customer_id, feed="cloudtrail", rejected=items, as_of=AS_OF)
    message = Rejected("queue/m-1", "message is not JSON", content=b"garb\x1bage")
    activity.quarantine(customer_id=None, feed="message", rejected=[message], as_of=AS_OF)
    kinds = sorted(Quarantine.objects.values_list("reason", "pk"))
    return [dict(kinds)[reason] for reason in ("is not JSON", "no time\x1b[2J", "message is not JSON")]


def test_o8_it_lists_what_could_not_be_read_and_why(quarantine, ids):
    """O8: nobody could see it."""
    told = quarantine("list")

    assert told.status == 0
    assert "is not JSON" in told.out
    assert "queue/m-1" in told.out
    assert "2026-03-12" in told.out
    assert "\x1b" not in told.out


def test_it_lists_what_is_asked_for(quarantine, ids):
    def listed(*arguments):
        return [entry["id"] for entry in json.loads(quarantine("list", "--format", "json", *arguments).out)]

    assert sorted(listed()) == sorted(ids)
    assert listed("--feed", "message") == ids[2:]
    assert sorted(listed("--customer", "11", "--account", ACCOUNT)) == sorted(ids[:2])
    assert len(listed("--limit", "1")) == 1


def test_an_empty_quarantine_says_so(quarantine):
    assert quarantine("list").out == "Nothing is in quarantine.\n"
    assert quarantine("list", "--format", "json").out == "[]\n"


def test_it_shows_an_entry_with_its_content(quarantine, ids):
    told = quarantine("show", ids[1])
    assert "reason:     no time" in told.out
    assert '"eventName": "RunInstances"' in told.out

    assert "garb\N{REPLACEMENT CHARACTER}age" in quarantine("show", ids[2]).out
    assert "s3://" in quarantine("show", ids[0]).out
    (entry,) = json.loads(quarantine("show", ids[1], "--format", "json").out)
    assert (entry["id"], entry["content"]) == (ids[1], '{"eventName":"RunInstances"}')


def test_o8_what_can_be_read_now_leaves(quarantine, cloud, stored, ids):
    """O8: nothing read it again."""
    cloud.readable[SOURCE] = batch(launch("i-1", 1))

    told = quarantine("replay", ids[0], ids[1])

    assert (told.status, told.out.count("recorded")) == (0, 2)
    assert list(Quarantine.objects.values_list("pk", flat=True)) == ids[2:]
    stored.recalculate()
    assert stored.spans() == [("i-1", 1, None)]


def test_what_still_cannot_be_read_is_told_and_the_status_is_1(quarantine, cloud, ids):
    cloud.readable[SOURCE] = batch(launch("i-1", 1))

    told = quarantine("replay", "--all", "--yes", "--format", "json")

    assert (told.status, told.err) == (1, "1 of 3 still cannot be read")
    assert {entry["id"]: entry["reason"] for entry in json.loads(told.out)} == {
        ids[0]: "",
        ids[1]: "",
        ids[2]: "message is not JSON",
    }


def test_dropping_asks_first(quarantine, operator, ids):
    assert quarantine("drop", ids[0]).status == 2
    assert quarantine("replay", "--all").status == 2
    operator.at_terminal("n\n")
    told = quarantine("drop", ids[0])
    assert told.status == 0
    assert "1 entry to be given up, and with them all that they say. Go on?" in told.out
    assert Quarantine.objects.count() == 3

    operator.at_terminal("yes\n")
    assert "dropped: 1 entry" in quarantine("drop", ids[0]).err
    assert sorted(Quarantine.objects.values_list("pk", flat=True)) == sorted(ids[1:])


def test_a_dry_run_changes_nothing(quarantine, cloud, ids):
    cloud.readable[SOURCE] = batch(launch("i-1", 1))
    for action in ("replay", "drop"):
        told = quarantine(action, "--all", "--dry-run")
        assert told.status == 0
        assert "is not JSON" in told.out
        assert "3 entries to be" in told.err
    assert Quarantine.objects.count() == 3


def test_dropping_all_of_an_account_leaves_the_others(quarantine, ids):
    assert quarantine("drop", "--all", "--account", ACCOUNT, "--yes").status == 0
    assert list(Quarantine.objects.values_list("pk", flat=True)) == ids[2:]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("replay",), "name entries by their ids, or say --all"),
        (("drop", "1", "--all", "--yes"), "name entries by their ids, or say --all"),
        (("show", "999999"), "no entry 999999"),
        (("drop", "999999", "--yes"), "no entry 999999"),
        (("replay", "999999"), "no entry 999999"),
        (("list", "--customer", "\udcff"), r"'\udcff' is not UTF-8 text"),
        (("list", "--account", "\udcff"), r"'\udcff' is not UTF-8 text"),
        (("list", "--feed", "\udcff"), r"'\udcff' is not UTF-8 text"),
    ],
)
def test_wrong_usage_is_said_in_a_line(quarantine, arguments, reason):
    assert quarantine(*arguments)[::2] == (2, reason)


def test_an_unknown_action_shows_the_usage(quarantine):
    told = quarantine("heal")
    assert (told.status, told.err.startswith("usage: cloudigrade quarantine")) == (2, True)


def test_o3_a_poison_message_of_sources_is_shown_and_acted_on_once_it_can_be_read(quarantine):
    """O3: such a message ended the listener, and was lost."""
    headers: Headers = [("event_type", b"Application.pause"), ("x-rh-sources-org-id", b"11")]
    kept = [
        inbox.rejected(topic="events", partition=1, offset=5, headers=headers, value=value, reason="was broken")
        for value in (b'{"id": 8}', b"[]")
    ]
    inbox.record_all(received=[], rejected=kept, now=AS_OF)

    told = quarantine("list", "--feed", "sources")
    assert (told.out.count("events/1/5"), told.out.count("message")) == (2, 2)
    replayed = quarantine("replay", "--all", "--yes", "--feed", "sources")

    assert (replayed.status, replayed.err) == (1, "1 of 2 still cannot be read")
    assert "its value is no JSON object" in replayed.out
    assert Inbox.objects.get().lane == "11"


@pytest.mark.parametrize("arguments", [("list", "--limit"), ("show",), ("replay",), ("drop", "--yes")])
@pytest.mark.parametrize("number", ["-1", "0", "x", "1.5", "1" * 5000])
def test_a_number_that_is_none_is_bad_usage(quarantine, arguments, number):
    told = quarantine(*arguments, number)

    assert told.status == 2
    assert told.err.startswith("usage: cloudigrade quarantine ")


def test_a_number_may_be_larger_than_any_there_is(quarantine, ids):
    many = "9" * 20
    assert "is not JSON" in quarantine("list", "--limit", many).out
    for arguments in (("show", many), ("replay", many), ("drop", "--yes", many)):
        assert quarantine(*arguments)[::2] == (2, f"no entry {2**63 - 1}")
