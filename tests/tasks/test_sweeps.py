"""The tasks of the sweeps: what is due is looked at, and what cannot be is tried again, by whom it is to be."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from cloudigrade.clouds.protocol import CustomerProblem, Unavailable
from cloudigrade.config import celery
from cloudigrade.domain.problems import Problem
from cloudigrade.models import CloudAccount, DueWork, FeedPosition, Image
from cloudigrade.services import schedules
from cloudigrade.services.schedules import Work
from cloudigrade.tasks import sweeps
from cloudigrade.tasks.sweeps import describe_unknown, refresh_definitions, sweep_accounts
from tests import fake_cloud
from tests.builders import ACCOUNT, AS_OF, LARGE, REGION, XLARGE, clock, custom_image, described, launch
from tests.services.stored import Stored

INTERVAL = timedelta(seconds=settings.SWEEP_INTERVAL)


@pytest.fixture(autouse=True)
def _now(monkeypatch):
    monkeypatch.setattr(timezone, "now", lambda: AS_OF)


@pytest.fixture
def cloud(monkeypatch):
    cloud = fake_cloud.installed(monkeypatch)
    cloud.looked_at = clock(9)
    return cloud


@pytest.fixture
def stored(db):
    return Stored(native_ids=[ACCOUNT, "2" * 12])


@pytest.fixture
def accounts(stored, cloud):
    """Two accounts that let us in, whose sweep is due."""
    rows = list(CloudAccount.objects.order_by("native_id"))
    for row in rows:
        row.credentials = cloud.add(row.native_id, "word").arn
        row.is_enabled, row.external_id = True, "word"
        row.save()
    schedules.plan(account_ids=[row.pk for row in rows], work=[Work.SWEEP], at=AS_OF)
    return rows


@pytest.fixture
def settle(django_capture_on_commit_callbacks):
    """Runs a task and all that it queues."""

    def run(task, **given):
        with django_capture_on_commit_callbacks(execute=True) as queued:
            task.delay(**given)
        return len(queued)

    return run


def due(account, work=Work.SWEEP):
    return DueWork.objects.filter(account=account, work=work).values_list("due_at", flat=True).first()


def test_what_is_due_is_swept_counted_and_due_again_after_the_interval(accounts, stored, cloud, settle):
    cloud.accounts[ACCOUNT].instances[REGION] = [described("i-1", 6)]

    settle(sweep_accounts)

    assert cloud.called("sweep") == [ACCOUNT, "2" * 12]
    assert stored.spans() == [("i-1", 6, None)]
    assert [due(account) for account in accounts] == [AS_OF + INTERVAL] * 2


def test_nothing_due_asks_nobody_and_queues_nothing(accounts, cloud, settle):
    DueWork.objects.update(due_at=AS_OF + timedelta(seconds=1))

    assert settle(sweep_accounts) == 0
    assert cloud.calls == []


def test_p1_a_message_does_its_share_and_the_next_goes_on(accounts, cloud, settle, monkeypatch):
    """P1: one message took a fixed number, and the rest waited for the next tick."""
    monkeypatch.setattr(sweeps, "SHARE", 1)

    settle(sweep_accounts)

    assert cloud.called("sweep") == [ACCOUNT, "2" * 12]


def test_a_cloud_that_does_not_answer_is_asked_again_soon_and_the_other_account_is_swept(
    accounts, cloud, settle, caplog
):
    FeedPosition.objects.create(
        account=accounts[0], region=REGION, feed="sweep", newest_at=AS_OF - timedelta(minutes=12)
    )
    cloud.fail("sweep", Unavailable("busy"), account=ACCOUNT)

    settle(sweep_accounts)

    assert [due(account) for account in accounts] == [AS_OF + timedelta(minutes=3), AS_OF + INTERVAL]
    assert due(accounts[0], Work.CHECK) is None
    assert "cannot be swept just now: busy" in caplog.text


def test_an_unexpected_error_costs_no_other_account(accounts, cloud, settle, caplog):
    cloud.fail("sweep", RuntimeError("odd"), account=ACCOUNT)

    settle(sweep_accounts)

    assert [due(account) for account in accounts] == [AS_OF + schedules.LEASE, AS_OF + INTERVAL]
    assert f"sweep of account {accounts[0].pk} failed" in caplog.text


def test_an_unexpected_error_of_a_description_costs_no_other_account(accounts, stored, cloud, settle, caplog):
    stored.record(launch("i-1", 6), launch("i-2", 6, image="ami-2", account="2" * 12))
    cloud.fail("describe", RuntimeError("odd"), account=ACCOUNT)

    settle(describe_unknown)

    assert sorted(cloud.called("describe")) == [ACCOUNT, "2" * 12]
    assert f"description of account {accounts[0].pk} failed" in caplog.text


def test_an_account_that_does_not_let_us_in_is_checked(accounts, cloud, settle):
    cloud.fail("sweep", CustomerProblem("denied", Problem.NO_ACCESS), account=ACCOUNT)

    settle(sweep_accounts)

    assert due(accounts[0], Work.CHECK) == AS_OF
    assert [due(account) for account in accounts] == [AS_OF + INTERVAL] * 2


def test_o2_a_worker_that_dies_leaves_its_account_due_again(accounts, cloud, settle):
    """O2: a task that was lost with its worker was lost for good."""
    cloud.fail("sweep", SystemExit(), account=ACCOUNT)

    with pytest.raises(SystemExit):
        settle(sweep_accounts)

    assert due(accounts[0]) == AS_OF + schedules.LEASE


def test_a_region_that_cannot_be_looked_at_is_reported(accounts, cloud, settle, caplog):
    cloud.accounts[ACCOUNT].problems[REGION] = "denied by a policy"

    settle(sweep_accounts)

    assert f"{REGION} was not looked at: denied by a policy" in caplog.text
    assert FeedPosition.objects.get(account=accounts[0]).problem == "denied by a policy"


def test_an_account_that_is_paused_by_now_is_not_asked(accounts, cloud, settle):
    CloudAccount.objects.filter(native_id=ACCOUNT).update(is_paused=True)

    settle(sweep_accounts)

    assert cloud.called("sweep") == ["2" * 12]


def test_unknown_images_are_asked_for(accounts, stored, cloud, settle):
    stored.record(launch("i-1", 6))
    cloud.accounts[ACCOUNT].images[REGION, "ami-1"] = custom_image(name="found")._replace(region=REGION)

    settle(describe_unknown)

    assert Image.objects.get().name == "found"
    assert stored.spans() == [("i-1", 6, None)]


def test_unknown_images_of_a_cloud_that_does_not_answer_are_asked_for_again(accounts, stored, cloud, settle):
    stored.record(launch("i-1", 6))
    cloud.fail("describe", Unavailable("busy"))

    settle(describe_unknown)
    settle(describe_unknown)

    assert cloud.called("describe") == [ACCOUNT] * 2


def test_an_account_that_may_not_describe_is_checked(accounts, stored, cloud, settle):
    stored.record(launch("i-1", 6))
    cloud.fail("describe", CustomerProblem("denied", Problem.POLICY_TOO_NARROW))

    settle(describe_unknown)

    assert due(accounts[0], Work.CHECK) == AS_OF
    assert Image.objects.get().asked_at == AS_OF


def test_nothing_unknown_asks_nobody(accounts, cloud, settle):
    assert settle(describe_unknown) == 0
    assert cloud.calls == []


def test_c13_sizes_are_read_again_and_fill_in_what_lacked_them(accounts, stored, cloud, settle):
    """C13: sizes were frozen at what they were when a type was first seen, or empty for good."""
    stored.meter(launch("i-1", 6), launch("i-2", 6, instance_type="m5.xlarge"))
    cloud.types = [LARGE, XLARGE._replace(vcpu=3)]

    settle(refresh_definitions)
    assert [run[3:] for run in stored.runs()] == [("m5.large", 2), ("m5.xlarge", 3)]

    cloud.types = [LARGE, XLARGE]
    settle(refresh_definitions)
    assert [run[3:] for run in stored.runs()] == [("m5.large", 2), ("m5.xlarge", 4)]
    assert settle(refresh_definitions) == 0


def test_sizes_that_cannot_be_read_stay_as_they_are(accounts, stored, cloud, settle, caplog):
    stored.meter(LARGE, launch("i-1", 6))
    cloud.fail("definitions", Unavailable("busy"))

    assert settle(refresh_definitions) == 0
    assert stored.runs() == [("i-1", 6, None, "m5.large", 2)]
    assert "the sizes of aws are not read just now: busy" in caplog.text


def test_they_have_the_names_and_the_queue_that_ticks_and_messages_use():
    names = {task.name for task in (sweep_accounts, describe_unknown, refresh_definitions)}

    assert names == {
        "api.tasks.sweep_accounts",
        "api.tasks.describe_unknown",
        "api.clouds.aws.tasks.repopulate_ec2_instance_mapping",
    }
    assert [celery.route(name) for name in sorted(names)] == [{"queue": "ingest"}] * 3
    assert names <= {tick["task"] for tick in celery.SCHEDULE.values()}
