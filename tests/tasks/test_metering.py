"""The tasks, run where they are queued; what they leave is what the services would have left."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError, transaction
from django.utils import timezone

from cloudigrade.config import celery
from cloudigrade.models import ConcurrentUsage, DirtyDay, Instance
from cloudigrade.services import runs, usage
from cloudigrade.tasks import metering
from cloudigrade.tasks.metering import answer_ended_days, rebuild_runs, recalculate_usage
from tests.builders import AS_OF, MONDAY, day, launch, red_hat_image, stop
from tests.services.stored import Stored

ANY = ("_ANY",) * 5
RECALCULATIONS = (rebuild_runs, recalculate_usage, answer_ended_days)


@pytest.fixture
def stored(db):
    """A customer whose one account is metered since Monday."""
    return Stored()


@pytest.fixture(autouse=True)
def _now(monkeypatch):
    monkeypatch.setattr(timezone, "now", lambda: AS_OF)


@pytest.fixture
def settle(django_capture_on_commit_callbacks):
    """Runs a task and all that it queues."""

    def run(task, **given):
        with django_capture_on_commit_callbacks(execute=True) as queued:
            task.delay(**given)
        return len(queued)

    return run


def _fleet(count):
    return [item for number in range(count) for item in (launch(f"i-{number}", 6), stop(f"i-{number}", 30))]


def test_recorded_activity_becomes_usage(stored, settle):
    stored.record(red_hat_image(), *_fleet(3))

    settle(rebuild_runs)

    assert stored.spans() == [("i-0", 6, 30), ("i-1", 6, 30), ("i-2", 6, 30)]
    assert {number: stored.counts(day(number))[ANY] for number in (0, 1)} == {0: 3, 1: 3}
    assert stored.dirty_days() == []


def test_repeating_them_changes_nothing(stored, settle, monkeypatch):
    stored.record(red_hat_image(), *_fleet(2))
    for task in RECALCULATIONS:
        settle(task)
    before = stored.everything(), stored.computed()
    monkeypatch.setattr(timezone, "now", lambda: AS_OF + timedelta(hours=1))

    assert [settle(task) for task in RECALCULATIONS] == [0, 0, 0]

    assert (stored.everything(), stored.computed()) == before


def test_they_take_arguments_that_a_newer_version_sends(stored, settle):
    for task in RECALCULATIONS:
        settle(task, since="2026-01-01", reason="newer")
    assert len(stored.computed()) == 10


def test_with_nothing_to_do_they_queue_nothing(db, settle, django_assert_max_num_queries):
    with django_assert_max_num_queries(8):  # half of them begin and end transactions
        assert [settle(task) for task in RECALCULATIONS] == [0, 0, 0]


def test_a_message_does_its_share_and_queues_the_rest(stored, django_capture_on_commit_callbacks, monkeypatch):
    monkeypatch.setattr(runs, "CLAIM", 1)
    monkeypatch.setattr(metering, "SHARE", 2)
    stored.record(red_hat_image(), *_fleet(5))

    with django_capture_on_commit_callbacks() as queued:
        rebuild_runs.delay()

    assert [callback.func.__self__.name for callback in queued] == [recalculate_usage.name, rebuild_runs.name]
    assert Instance.objects.filter(runs_dirty_from__isnull=False).count() == 3


def test_the_rest_is_done_as_well(stored, settle, monkeypatch):
    for service, claim in ((runs, 1), (usage, 1)):
        monkeypatch.setattr(service, "CLAIM", claim)
    monkeypatch.setattr(metering, "SHARE", 2)
    stored.record(red_hat_image(), *_fleet(5))

    settle(rebuild_runs)
    settle(answer_ended_days)

    assert len(stored.spans()) == 5
    assert sorted(stored.computed()) == [day(number) for number in range(10)]
    assert stored.counts(MONDAY)[ANY] == 5


def test_ended_days_get_answers_and_today_none(stored, settle):
    settle(answer_ended_days)

    assert sorted(stored.computed()) == [day(number) for number in range(10)]
    assert stored.counts(day(9)) == {}


def test_midnight_brings_the_next_day(stored, settle, monkeypatch):
    settle(answer_ended_days)
    monkeypatch.setattr(timezone, "now", lambda: datetime(2026, 3, 13, 0, 0, 5, tzinfo=UTC))

    settle(answer_ended_days)

    assert sorted(stored.computed()) == [day(number) for number in range(11)]
    assert stored.computed()[day(9)] == AS_OF


@pytest.mark.parametrize("task", RECALCULATIONS, ids=lambda task: task.name)
def test_a_deadlock_is_tried_again(stored, settle, monkeypatch, task):
    monkeypatch.setitem(celery.app.conf, "task_eager_propagates", value=False)
    stored.record(red_hat_image(), *_fleet(1))
    failures = [OperationalError("deadlock detected"), OperationalError("deadlock detected")]
    for service, name in ((runs, "recalculate_claimed"), (usage, "recalculate_claimed"), (usage, "mark_unanswered")):
        monkeypatch.setattr(service, name, _failing_first(getattr(service, name), failures))

    settle(task)

    assert failures == []
    assert stored.dirty_days() == []


def _failing_first(service, failures):
    def call(**given):
        if failures:
            with transaction.atomic():
                raise failures.pop()
        return service(**given)

    return call


def test_losing_every_message_loses_nothing(stored, settle):
    """What was recorded without any message being queued is found by beat's ticks alone."""
    stored.record(red_hat_image(), *_fleet(2))

    ours = {task.name: task for task in RECALCULATIONS}
    for tick in celery.SCHEDULE.values():
        if tick["task"] in ours:
            settle(ours[tick["task"]])

    assert stored.counts(MONDAY)[ANY] == 2
    assert len(stored.computed()) == 10
    assert not DirtyDay.objects.exists()


def test_a_customers_days_are_not_anothers(stored, settle):
    other = Stored("22", ["000000000043"])
    stored.record(red_hat_image(), *_fleet(1))

    settle(rebuild_runs)
    settle(answer_ended_days)

    assert stored.counts(MONDAY)[ANY] == 1
    assert other.counts(MONDAY) == {}
    assert ConcurrentUsage.objects.count() == 20


def test_the_names_that_others_know():
    assert rebuild_runs.name == "api.tasks.recalculate_runs_for_all_cloud_accounts"
    assert recalculate_usage.name == "api.tasks.recalculate_concurrent_usage_for_all_users"


def test_yesterday_is_answered_from_five_seconds_past_midnight_on():
    tick = celery.SCHEDULE["answer_ended_days"]
    assert (0 in tick["schedule"].hour, 0 in tick["schedule"].minute) == (True, True)
    assert tick["options"]["countdown"] == 5


def test_messages_hold_no_more_than_a_name(monkeypatch):
    """Whoever reads the broker learns nothing of a customer."""
    sent = []
    monkeypatch.setattr(rebuild_runs, "apply_async", lambda args, kwargs, **_: sent.append((args, kwargs)))
    rebuild_runs.delay()
    assert sent == [((), {})]
