"""What Prometheus scrapes."""

from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from cloudigrade.models import DirtyDay, DueWork, Gap, Inbox, Instance, Outbox, QueueState
from tests.builders import AS_OF

pytestmark = pytest.mark.django_db

METRICS = "/internal/metrics"


def _read(ask):
    answer = ask(METRICS, headers={})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    assert "no-store" in answer.headers["Cache-Control"]
    return {
        (sample.name.removeprefix("cloudigrade_"), *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    }


def test_nothing_waits(ask):
    told = _read(ask)

    names = ("inbox_length", "inbox_age_seconds", "outbox_length", "outbox_age_seconds", "dirty_days", "gaps")
    assert {name: told[name,] for name in names} == dict.fromkeys(names, 0)
    assert not {("newest_event_age_seconds",), ("last_sweep_age_seconds",)} & set(told)  # not known
    assert told["db_table_size", "cloudigrade_customer"] > 0


def test_what_waits_and_for_how_long(ask, world):
    ago = AS_OF - timedelta(minutes=5)
    Inbox.objects.create(topic="t", partition=0, offset=1, lane="11", event_type="x", received_at=ago, due_at=AS_OF)
    Inbox.objects.create(topic="t", partition=0, offset=2, lane="11", event_type="x", received_at=ago, done_at=AS_OF)
    Outbox.objects.create(lane="11", application_id=8, status="available", created_at=ago, due_at=AS_OF)
    QueueState.objects.create(name="trails", waiting=7, dead=2, oldest_at=ago, seen_at=AS_OF)
    DirtyDay.objects.create(customer_id=world.customer, day=AS_OF.date())
    Instance.objects.filter(pk=world.instance).update(runs_dirty_from=AS_OF)
    DueWork.objects.create(account_id=world.account, work="sweep", due_at=ago)
    DueWork.objects.create(account_id=world.account, work="check", due_at=AS_OF + timedelta(1))
    Gap.objects.create(
        account_id=world.account, region="r", feed="cloudtrail", source="s", starts_at=ago, ends_at=ago, reason="",
        found_at=ago,
    )  # fmt: skip

    told = _read(ask)

    expected = {
        ("sqs_queue_length", "trails"): 7, ("sqs_dead_letters", "trails"): 2, ("inbox_length",): 1,
        ("inbox_age_seconds",): 300, ("outbox_length",): 1, ("outbox_age_seconds",): 300, ("dirty_days",): 1,
        ("dirty_instances",): 1, ("work_due", "sweep"): 1, ("work_overdue_seconds", "sweep"): 300,
        ("work_due", "check"): 0, ("work_overdue_seconds", "check"): 0, ("gaps",): 1,
        ("oldest_message_age_seconds",): 300,
    }  # fmt: skip
    assert {name: told[name] for name in expected} == expected


def test_o9_the_numbers_are_those_of_the_scrape_with_bounded_labels(ask, world, django_assert_num_queries):
    """O9: numbers were frozen when the process started."""
    with django_assert_num_queries(6):
        before = _read(ask)
    DirtyDay.objects.create(customer_id=world.customer, day=AS_OF.date())

    after = _read(ask)

    assert (before["dirty_days",], after["dirty_days",]) == (0, 1)
    assert set(before) == set(after)
    assert not any("11" in part or "0011" in part for name in before for part in name[1:])


def test_it_is_read_only(ask):
    assert ask(METRICS, "post", headers={}).status_code == 405
