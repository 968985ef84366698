"""The tasks that read feeds, run where they are queued, against the fake cloud."""

from datetime import timedelta

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import OperationalError
from django.utils import timezone

from cloudigrade.clouds.protocol import CustomerProblem, FileRead, Rejected, Unavailable
from cloudigrade.config import celery
from cloudigrade.domain import days
from cloudigrade.models import CloudAccount, DueWork, Quarantine, QueueState, Run
from cloudigrade.services import activity, schedules
from cloudigrade.services.schedules import Work
from cloudigrade.tasks import feeds
from cloudigrade.tasks.feeds import analyze_log, poll_trails
from tests.builders import ACCOUNT, AS_OF, REGION, batch, launch
from tests.fake_accounts import LogFile, Message
from tests.fake_cloud import BUCKET, LOGS, NOTICES, FakeCloud, installed
from tests.services.owners import Owner, connect

MINUTE = timedelta(minutes=1)
PLACE = (BUCKET, ACCOUNT)


@pytest.fixture
def cloud(db, monkeypatch) -> FakeCloud:
    monkeypatch.setattr(timezone, "now", lambda: AS_OF)
    return installed(monkeypatch)


@pytest.fixture
def account(cloud):
    """Connected; its files go to our bucket."""
    return connected(cloud)


def connected(cloud, native_id=ACCOUNT, **more):
    owner = Owner(cloud)
    account = owner.claim(owner.arn(native_id, **more))
    connect(account)
    CloudAccount.objects.filter(pk=account).update(metered_from=AS_OF - timedelta(days=10))
    return account


@pytest.fixture
def settle(django_capture_on_commit_callbacks):
    """Runs a task and all that it queues."""

    def run(task, **given):
        with django_capture_on_commit_callbacks(execute=True) as queued:
            task.delay(**given)
        return [callback.func.__self__.name for callback in queued]

    return run


def lie(cloud, number=1, native_id=ACCOUNT):
    name = f"AWSLogs/{number}.json.gz"
    held = batch(launch(f"i-{number}", 1), files=[FileRead(native_id, REGION, name, "x")], read_sources=[name])
    cloud.accounts[native_id].log_files.append(LogFile(REGION, name, days.second_of(AS_OF) - 60, held))


def test_what_waits_becomes_runs(cloud, account, settle):
    for number in range(25):
        cloud.send(Message(PLACE, batch(launch(f"i-{number}", 1))), queue=NOTICES if number % 2 else LOGS)

    queued = settle(analyze_log)

    assert Run.objects.count() == 25
    assert not any(cloud.waiting.values())
    assert "api.tasks.describe_unknown" in queued
    assert dict(QueueState.objects.values_list("name", "waiting")) == {LOGS: 0, NOTICES: 0}


def test_p1_a_message_does_its_share_and_queues_the_rest(cloud, account, monkeypatch, settle):
    """P1: a run ended after 25 messages, and the next began half a minute later."""
    monkeypatch.setattr(feeds, "SHARE", 2)
    for number in range(45):  # five deliveries
        cloud.send(Message(PLACE, batch(launch(f"i-{number}", 1))))

    queued = settle(analyze_log)

    assert queued.count(analyze_log.name) == 2
    assert Run.objects.count() == 45


def test_with_nothing_to_read_nothing_is_queued(cloud, account, settle):
    assert settle(analyze_log) == []


def test_queues_are_left_alone_while_nobody_is_connected(cloud, settle):
    assert settle(analyze_log) == []
    assert cloud.called("deliveries") == cloud.called("queues") == []


def test_queues_that_do_not_answer_are_asked_at_the_next_tick(cloud, account, settle, caplog):
    cloud.send(Message(PLACE, batch(launch("i-1", 1))))
    cloud.fail("deliveries", Unavailable("not now"))

    assert settle(analyze_log) == []
    assert "cannot be drained just now: not now" in caplog.text
    settle(analyze_log)
    assert Run.objects.count() == 1


def test_what_was_recorded_before_a_failure_is_nudged_on(cloud, account, settle):
    cloud.send(Message(PLACE, batch(launch("i-1", 1))))
    cloud.fail("deliveries", Unavailable("not now"), after=True)

    settle(analyze_log)

    assert Run.objects.count() == 1


def test_what_cannot_be_read_is_kept(cloud, account, settle):
    cloud.send(Message(PLACE, rejected=(Rejected("q/1", "is not JSON", content=b"x"),)))
    settle(analyze_log)
    assert Quarantine.objects.get().reason == "is not JSON"


def test_o2_a_worker_that_dies_loses_nothing(cloud, account, settle, monkeypatch):
    """O2: tasks were acknowledged first, without limits of time."""
    original = activity.record

    class Killed(BaseException):
        pass

    def killed(**given):
        original(**given)
        raise Killed

    cloud.send(Message(PLACE, batch(launch("i-1", 1))))
    monkeypatch.setattr(activity, "record", killed)
    with pytest.raises(Killed):
        analyze_log.apply()
    assert (len(cloud.waiting[LOGS]), Run.objects.count()) == (1, 0)

    monkeypatch.setattr(activity, "record", original)
    settle(analyze_log)
    assert (len(cloud.waiting[LOGS]), Run.objects.count()) == (0, 1)


@pytest.mark.parametrize("task", [analyze_log, poll_trails], ids=lambda task: task.name)
def test_o2_tasks_are_acknowledged_late_and_end_in_time(task):
    """O2: tasks were acknowledged first, without limits of time."""
    assert task.acks_late
    assert 0 < task.soft_time_limit < task.time_limit < 3600  # kombu's visibility timeout of Redis
    assert (celery.route(task.name) or {})["queue"] == "ingest"


def test_a_deadlock_that_lasts_is_tried_again_later(cloud, account, settle, monkeypatch):
    monkeypatch.setitem(celery.app.conf, "task_eager_propagates", value=False)
    cloud.send(Message(PLACE, batch(launch("i-1", 1))))
    failures, original = [1, 2], activity.record

    def failing(**given):
        if failures:
            failures.pop()
            raise OperationalError("connection lost")
        return original(**given)

    monkeypatch.setattr(activity, "record", failing)

    settle(analyze_log)

    assert failures == []
    assert Run.objects.count() == 1


def test_files_that_no_queue_tells_of_are_looked_for_when_due(cloud, settle):
    account = connected(cloud, bucket="own")
    lie(cloud)

    queued = settle(poll_trails)

    assert Run.objects.count() == 1
    assert "api.tasks.describe_unknown" in queued
    assert DueWork.objects.get(account=account, work="poll").due_at == AS_OF + 5 * MINUTE
    assert settle(poll_trails) == []


def test_accounts_whose_files_a_queue_tells_of_are_not_looked_at(cloud, account, settle):
    settle(poll_trails)
    assert cloud.called("log_files") == []


def test_polling_does_its_share_and_queues_the_rest(cloud, settle, monkeypatch):
    monkeypatch.setattr(feeds, "SHARE", 2)
    for number in range(5):
        connected(cloud, f"{number:012d}", bucket="own")

    queued = settle(poll_trails)

    assert queued.count(poll_trails.name) == 2
    assert len(cloud.called("log_files")) == 5


def test_an_outage_is_tried_again_soon_and_costs_no_other_account(cloud, settle, caplog):
    first, second = connected(cloud, bucket="own"), connected(cloud, "000000000043", bucket="own")
    cloud.fail("log_files", Unavailable("not now"), account=ACCOUNT)

    settle(poll_trails)

    assert DueWork.objects.get(account=first, work="poll").due_at == AS_OF + MINUTE
    assert DueWork.objects.get(account=second, work="poll").due_at == AS_OF + 5 * MINUTE
    assert "log files cannot be read just now: not now" in caplog.text


def test_an_unexpected_error_costs_no_other_account(cloud, settle, caplog):
    first, second = connected(cloud, bucket="own"), connected(cloud, "000000000043", bucket="own")
    cloud.fail("log_files", RuntimeError("odd"), account=ACCOUNT)

    settle(poll_trails)

    assert DueWork.objects.get(account=first, work="poll").due_at == AS_OF + schedules.LEASE
    assert DueWork.objects.get(account=second, work="poll").due_at == AS_OF + 5 * MINUTE
    assert f"poll of account {first} failed" in caplog.text


def test_the_end_of_its_time_ends_the_task(cloud, settle):
    connected(cloud, bucket="own")
    cloud.fail("log_files", SoftTimeLimitExceeded())

    with pytest.raises(SoftTimeLimitExceeded):
        settle(poll_trails)


def test_denied_access_is_looked_into_at_once(cloud, settle):
    account = connected(cloud, bucket="own")
    schedules.done(account_id=account, work=Work.CHECK, next_at=AS_OF + 60 * MINUTE)
    cloud.fail("log_files", CustomerProblem("denied"))

    settle(poll_trails)

    assert DueWork.objects.get(account=account, work="check").due_at == AS_OF
    assert DueWork.objects.get(account=account, work="poll").due_at == AS_OF + 5 * MINUTE


def test_they_take_arguments_that_another_version_sends(cloud, settle):
    for task in (analyze_log, poll_trails):
        settle(task, queue_url="x")


def test_the_name_that_others_know():
    assert analyze_log.name == "api.clouds.aws.tasks.analyze_log"
