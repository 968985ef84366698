"""Nudges and the inbox: what one lane meets costs no other, and nothing is lost."""

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import OperationalError

from cloudigrade.clouds.protocol import Unavailable
from cloudigrade.models import Inbox, Quarantine
from cloudigrade.redhat import messages
from cloudigrade.redhat.messages import Event
from cloudigrade.redhat.sources import SourcesUnavailable
from cloudigrade.services import inbox, sources
from cloudigrade.tasks import platform
from cloudigrade.tasks.accounts import connect_accounts
from cloudigrade.tasks.status import deliver
from tests.builders import AS_OF

pytestmark = pytest.mark.django_db


@pytest.fixture
def now(monkeypatch):
    """The hour, which stands still."""
    monkeypatch.setattr(platform, "_now", lambda: AS_OF)


@pytest.fixture
def nudged(monkeypatch):
    """What was queued next."""
    names: list[str] = []
    monkeypatch.setattr(connect_accounts, "delay_on_commit", lambda: names.append("connect"))
    monkeypatch.setattr(deliver, "delay_on_commit", lambda: names.append("deliver"))
    monkeypatch.setattr(platform.act, "delay_on_commit", lambda: names.append("act"))
    return names


@pytest.fixture
def acted(monkeypatch, now, nudged):
    """Applications acted on; what an application's number raises is set here."""

    class Acted(list[str]):
        problems: dict[str, BaseException] = {}

    found = Acted()
    found.problems = {}

    def act(*, claimed, now):
        number = claimed.event.value["id"]
        if number in found.problems:
            raise found.problems[number]
        found.append(number)
        inbox.done(claimed=claimed, now=now)

    monkeypatch.setattr(sources, "act", act)
    return found


def put(*numbers, org_id="11"):
    for number in numbers:
        event = Event(messages.PAUSED, org_id, "", "", {"id": str(number)})
        inbox.record(topic=f"t-{org_id}", partition=0, offset=number, event=event, now=AS_OF)


def test_everything_that_waits_is_acted_on_in_order_and_accounts_are_looked_at(acted, nudged):
    put(1, 2)
    put(3, org_id="22")

    platform.act()

    assert sorted(acted) == ["1", "2", "3"]
    assert acted.index("1") < acted.index("2")
    assert nudged == ["connect", "deliver"]


def test_an_empty_inbox_queues_nothing(acted, nudged):
    platform.act()
    assert nudged == []


def test_one_message_does_its_share_and_queues_the_next(acted, nudged, monkeypatch):
    monkeypatch.setattr(platform, "SHARE", 2)
    put(1, 2, 3)

    platform.act()

    assert (acted, nudged) == (["1", "2"], ["connect", "deliver", "act"])


@pytest.mark.parametrize("flag", ["is_managed", "is_managed_from_kafka"])
def test_where_sources_is_not_managed_messages_are_kept_only(acted, settings, flag):
    settings.PLATFORM = settings.PLATFORM.model_copy(update={flag: False})
    put(1)

    platform.act()

    assert acted == []
    assert Inbox.objects.get().due_at == AS_OF


@pytest.mark.parametrize("problem", [SourcesUnavailable("Sources is out of order"), Unavailable("is being deleted")])
def test_c18_what_is_out_of_order_is_tried_again_and_other_lanes_go_on(acted, problem):
    """C18: the event was lost."""
    acted.problems["1"] = problem
    put(1, 2)
    put(3, org_id="22")

    platform.act()

    assert acted == ["3"]
    first = Inbox.objects.get(offset=1)
    assert (first.due_at, first.problem) == (AS_OF + inbox.SHORTEST_PAUSE, str(problem))


def test_a_fault_of_ours_ends_in_quarantine_and_its_lane_goes_on(acted, monkeypatch, caplog):
    acted.problems["1"] = KeyError("secret")
    put(1, 2)
    for attempt in range(inbox.MOST_FAULTS):
        monkeypatch.setattr(platform, "_now", lambda at=AS_OF + attempt * inbox.LONGEST_PAUSE: at)
        platform.act()

    assert acted == ["2"]
    assert Quarantine.objects.get().reason == "fault of ours: KeyError"
    assert "is in quarantine, and its lane goes on" in caplog.text


@pytest.mark.parametrize("problem", [OperationalError(), SoftTimeLimitExceeded()])
def test_what_is_no_messages_fault_is_the_tasks(acted, problem, monkeypatch):
    acted.problems["1"] = problem
    put(1)
    claimed = inbox.claim(now=AS_OF)
    assert claimed is not None

    with pytest.raises(type(problem)):
        platform._act_apart(claimed)

    assert Inbox.objects.get().problem == ""


def test_a_message_that_another_worker_has_by_now_is_left_to_it(acted, caplog):
    acted.problems["1"] = inbox.Lost()
    put(1)

    platform.act()

    assert Inbox.objects.get().due_at == AS_OF + inbox.LEASE
    assert "was left to another worker" in caplog.text


def test_what_was_done_long_ago_is_forgotten(acted, monkeypatch):
    put(1)
    platform.act()
    monkeypatch.setattr(platform, "_now", lambda: AS_OF + 2 * inbox.KEPT)

    platform.forget()

    assert Inbox.objects.count() == 0
