"""The tasks of looking into images: one image's trouble costs no other, and messages only nudge."""

import logging
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from cloudigrade.clouds.inspecting import Result
from cloudigrade.clouds.protocol import Unavailable
from cloudigrade.config import celery
from cloudigrade.models import DirtyDay, Inspection
from cloudigrade.services import inspections_deciding
from cloudigrade.tasks import inspections as tasks
from tests.builders import ACCOUNT, AS_OF, IMAGE
from tests.fake_images import DIRECT
from tests.services.inspected import RHEL, Bench
from tests.services.stored import Stored


@pytest.fixture
def bench(db, monkeypatch, settings):
    bench = Bench(monkeypatch, settings)
    monkeypatch.setattr(timezone, "now", bench.clock)
    bench.cloud.add(ACCOUNT, "word")
    return bench


@pytest.fixture
def customer(bench):
    stored = Stored()
    bench.connect()
    bench.boot(stored)
    return stored


@pytest.fixture
def settle(django_capture_on_commit_callbacks):
    """Runs a task and all that it queues; the number of messages."""

    def run(task):
        with django_capture_on_commit_callbacks(execute=True) as queued:
            task.delay()
        return len(queued)

    return run


def test_what_is_pending_is_looked_into_and_the_days_are_answered(bench, customer, settle):
    customer.recalculate()
    bench.now = AS_OF

    settle(tasks.inspect_pending_images)

    assert bench.told()[0] == "inspected"
    assert not DirtyDay.objects.exists()


def test_the_names_and_the_queue_are_those_of_the_wire():
    names = {
        "api.tasks.inspect_pending_images",
        "api.tasks.persist_inspection_cluster_results_task",
        "api.tasks.reap_inspections",
    }

    assert {(celery.route(name) or {})["queue"] for name in names} == {"inspect"}
    assert names <= {tick["task"] for tick in celery.SCHEDULE.values()}


def test_one_image_that_fails_oddly_costs_no_other(bench, customer, settle, caplog):
    bench.boot(customer, "ami-2")
    bench.answers[IMAGE] = ValueError("odd\0 thing")

    with caplog.at_level(logging.ERROR):
        settle(tasks.inspect_pending_images)

    assert bench.told("ami-2")[0] == "inspected"
    assert bench.told() == ("pending", "ValueError: odd thing")
    assert bench.row().attempts == 1
    assert "failed" in caplog.text


def test_a_lost_connection_is_the_tasks_and_no_attempt(bench, customer, settle, monkeypatch):
    monkeypatch.setattr(tasks.inspect_pending_images, "max_retries", 0)
    bench.answers[IMAGE] = OperationalError("gone")

    with pytest.raises(OperationalError):
        settle(tasks.inspect_pending_images)

    assert bench.told()[0] == "inspecting"


def test_a_message_goes_on_with_the_next_one_after_its_share(bench, customer, settle, monkeypatch):
    monkeypatch.setattr(tasks, "STEPS", 2)
    bench.boot(customer, "ami-2", "ami-3", "ami-4", "ami-5")

    settle(tasks.inspect_pending_images)

    assert set(Inspection.objects.values_list("state", flat=True)) == {"inspected"}


def test_c30_a_message_is_queued_only_after_the_commit(bench, customer, django_capture_on_commit_callbacks):
    """C30: tasks were queued inside of open transactions, and ran before what they were about was there."""
    bench.boot(customer, "ami-2")

    with django_capture_on_commit_callbacks() as queued:
        tasks.inspect_pending_images.delay()

    assert len(queued) == 1
    assert DirtyDay.objects.exists() is bool(customer.computed())


def test_results_are_persisted_and_what_was_made_goes(bench, customer, settle):
    bench.configure(paths=("direct", "copy"))
    bench.cloud.accounts[ACCOUNT].denied = (DIRECT,)
    for _ in range(4):
        settle(tasks.inspect_pending_images)
        bench.now += timedelta(seconds=60)
    assert bench.told()[0] == "inspecting"
    bench.cloud.write(Result(IMAGE, RHEL, "s3://results/1.json"), Result("ami-x", RHEL, "s3://results/2.json"))

    settle(tasks.persist_results)
    assert bench.told()[0] == "inspected"
    for _ in range(4):
        bench.now += timedelta(seconds=60)
        settle(tasks.inspect_pending_images)

    assert bench.cloud.disks.made == {}
    assert not bench.row().has_leftovers


def test_whatever_was_left_behind_is_reaped_and_said(bench, customer, settle, caplog):
    bench.configure(paths=("copy",))
    settle(tasks.inspect_pending_images)
    Inspection.objects.update(has_leftovers=False)

    with caplog.at_level(logging.WARNING):
        settle(tasks.reap_inspections)

    assert bench.cloud.disks.made == {}
    assert f"reaped share share-{bench.row().pk}-1 of account {ACCOUNT}" in caplog.text


def test_neither_queue_nor_cloud_is_asked_where_nothing_is_copied(bench, customer, settle):
    settle(tasks.persist_results)
    settle(tasks.reap_inspections)

    assert bench.cloud.calls == []


@pytest.mark.parametrize(("method", "task"), [("results", tasks.persist_results), ("reap", tasks.reap_inspections)])
def test_a_cloud_that_does_not_answer_is_asked_at_the_next_tick(bench, customer, settle, caplog, method, task):
    bench.configure(paths=("copy",))
    bench.cloud.fail(method, Unavailable("slow down"))

    with caplog.at_level(logging.WARNING):
        settle(task)

    assert "slow down" in caplog.text


def test_a_message_of_an_older_version_with_arguments_does_no_harm(bench, customer, settle):
    tasks.inspect_pending_images.delay(account_id=5)

    assert bench.told()[0] == "inspected"
    assert inspections_deciding.plan(clouds=["aws"], now=bench.now) == 0
