"""The tasks of reconciliation, run where they are queued, against a made-up Sources and translator."""

import logging
from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone
from pydantic import SecretStr

from cloudigrade.config import celery
from cloudigrade.models import CloudAccount, Customer, DueWork
from cloudigrade.services import accounts
from cloudigrade.tasks import reconciliation as tasks
from cloudigrade.tasks.reconciliation import (
    begin_reconciliation,
    reconcile,
    remove_inactive,
    translate_account_numbers,
)
from tests.builders import AS_OF
from tests.fakes import sources, translator

pytestmark = [pytest.mark.enable_socket, pytest.mark.django_db]

OLD = AS_OF - timedelta(days=2)


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """The time of the tasks."""
    now = [AS_OF]
    monkeypatch.setattr(timezone, "now", lambda: now[0])
    return now


@pytest.fixture
def platform(monkeypatch):
    def use(**more):
        monkeypatch.setattr(settings, "PLATFORM", settings.PLATFORM.model_copy(update=more))

    return use


@pytest.fixture
def fake(platform):
    with sources.running() as made:
        platform(sources_url=made.url, sources_psk=SecretStr(sources.PSK))
        yield made


@pytest.fixture
def run(django_capture_on_commit_callbacks):
    """Runs a task and all that it queues."""

    def run(task):
        with django_capture_on_commit_callbacks(execute=True):
            task.delay()

    return run


def add(number, source_ids):
    customer_id = accounts.ensure_customer(org_id="11", now=OLD)
    for place in range(number):
        CloudAccount.objects.create(
            customer_id=customer_id, cloud="aws", native_id=f"{place:012d}", metered_from=OLD, created_at=OLD,
            platform_source_id=source_ids[place],
        )  # fmt: skip
    CloudAccount.objects.update(updated_at=OLD)


def test_what_neighbours_know():
    names = {task.name for task in (begin_reconciliation, remove_inactive, translate_account_numbers)}

    assert names == {
        "api.tasks.delete_cloud_accounts_not_in_sources",
        "api.tasks.delete_inactive_users",
        "api.tasks.migrate_account_numbers_to_org_ids",
    }
    daily = {entry["task"] for entry in celery.SCHEDULE.values() if entry["schedule"] == 86_400}
    assert {"api.tasks.delete_cloud_accounts_not_in_sources", "api.tasks.delete_inactive_users"} <= daily


def test_accounts_that_sources_does_not_know_are_deleted(fake, run, monkeypatch):
    monkeypatch.setattr(tasks, "SHARE", 1)
    known = int(fake.create("arn").source_id)
    add(2, [known, 1])

    run(begin_reconciliation)

    assert list(CloudAccount.objects.values_list("platform_source_id", flat=True)) == [known]


def test_where_too_many_would_go_nothing_does_and_it_is_said_aloud(fake, run, caplog):
    fake.create("arn")
    add(6, range(1, 7))

    run(begin_reconciliation)

    assert not CloudAccount.objects.filter(wanted="deleted").exists()
    ((_, level, text),) = [each for each in caplog.record_tuples if each[1] >= logging.ERROR]
    assert level == logging.ERROR
    assert text.startswith("6 of 6 accounts are not known to Sources; so many are not deleted at once; look with")


def test_an_outage_changes_nothing_and_the_round_goes_on_afterwards(fake, run, clock):
    known = int(fake.create("arn").source_id)
    add(2, [known, 1])
    fake.fail(400, times=2)

    run(begin_reconciliation)
    assert CloudAccount.objects.count() == 2

    clock[0] = AS_OF + timedelta(minutes=10)
    run(reconcile)
    assert CloudAccount.objects.count() == 1


@pytest.mark.parametrize("missing", [{"is_managed": False}, {"sources_url": ""}, {"sources_psk": SecretStr("")}])
def test_without_sources_nothing_is_compared(fake, platform, run, missing):
    platform(**missing)
    add(1, [1])

    run(begin_reconciliation)
    run(reconcile)

    assert (fake.requests, DueWork.objects.count(), CloudAccount.objects.count()) == ([], 0, 1)


def test_customers_who_came_to_nothing_are_gone(run):
    accounts.ensure_customer(org_id="11", now=OLD)

    run(remove_inactive)

    assert not Customer.objects.exists()


def test_account_numbers_are_translated_and_contradictions_reported(run, platform, caplog):
    for number in ("1", "2", "3"):
        accounts.ensure_customer(org_id="", account_number=number, now=OLD)
    accounts.ensure_customer(org_id="12", now=OLD)

    run(translate_account_numbers)
    assert Customer.objects.filter(org_id=None).count() == 3, "there is no translator"
    with translator.running({"1": "11", "2": "12"}) as service:
        platform(translator_host="127.0.0.1", translator_port=service.port)
        service.answers = [(400, b"")]
        run(translate_account_numbers)
        assert Customer.objects.filter(org_id=None).count() == 3, "it was out of order"
        run(translate_account_numbers)

    assert Customer.objects.get(account_number="1").org_id == "11"
    assert [text for _, level, text in caplog.record_tuples if level >= logging.ERROR] == [
        "1 customers have an account number whose org id is another customer's"
    ]
