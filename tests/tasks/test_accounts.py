"""The tasks of accounts, run where they are queued: due work is claimed, and what fails is due again."""

from datetime import timedelta

import pytest
from django.utils import timezone

from cloudigrade.clouds.protocol import Unavailable
from cloudigrade.config import celery
from cloudigrade.models import CloudAccount, DueWork, InstanceDefinition
from cloudigrade.services import onboarding, schedules
from cloudigrade.services.schedules import Work
from cloudigrade.tasks import accounts as tasks
from cloudigrade.tasks.accounts import check_accounts, connect_accounts, delete_account
from tests import fake_cloud
from tests.builders import ACCOUNT, AS_OF, LARGE, launch
from tests.services.owners import GOOD, MINUTE, Owner, due, row, state
from tests.services.stored import Stored

ALL = (connect_accounts, check_accounts, delete_account)


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """The time of the tasks, which a test may move."""
    now = [AS_OF]
    monkeypatch.setattr(timezone, "now", lambda: now[0])
    return now


@pytest.fixture
def cloud(monkeypatch, db):
    return fake_cloud.installed(monkeypatch)


@pytest.fixture
def owner(cloud):
    return Owner(cloud)


@pytest.fixture
def settle(django_capture_on_commit_callbacks):
    """Runs a task and all that it queues."""

    def run(task, *arguments, **given):
        with django_capture_on_commit_callbacks(execute=True) as queued:
            task.delay(*arguments, **given)
        return len(queued)

    return run


def numbered(owner, count):
    return [owner.claim(owner.arn(f"{number:012d}")) for number in range(1, count + 1)]


def test_claims_are_connected_and_nothing_is_left_to_do(owner, settle):
    ids = numbered(owner, 3)

    settle(connect_accounts)

    assert [state(account_id) for account_id in ids] == [GOOD] * 3
    assert not DueWork.objects.filter(work="connect").exists()


def test_repeating_them_changes_nothing(owner, cloud, settle):
    cloud.types = [LARGE]
    numbered(owner, 2)
    settle(connect_accounts)
    before, calls = list(CloudAccount.objects.values().order_by("pk")), len(cloud.calls)

    assert [settle(connect_accounts), settle(check_accounts)] == [0, 0]

    assert list(CloudAccount.objects.values().order_by("pk")) == before
    assert len(cloud.calls) == calls


def test_an_outage_of_one_account_holds_up_no_other(owner, cloud, settle, clock):
    ids = numbered(owner, 3)
    cloud.fail("verify", Unavailable("throttled"), account="000000000001")

    settle(connect_accounts)
    assert [state(account_id)[2] for account_id in ids] == [False, True, True]

    clock[0] += MINUTE
    settle(connect_accounts)
    assert [state(account_id) for account_id in ids] == [GOOD] * 3


def test_an_unexpected_error_of_one_account_holds_up_no_other(owner, cloud, settle, clock, caplog):
    ids = numbered(owner, 2)
    cloud.fail("verify", RuntimeError("odd"), account="000000000001")

    settle(connect_accounts)
    assert [state(account_id)[2] for account_id in ids] == [False, True]
    assert f"connect of account {ids[0]} failed" in caplog.text

    clock[0] += schedules.LEASE
    settle(connect_accounts)
    assert [state(account_id) for account_id in ids] == [GOOD] * 2


def test_o2_a_worker_that_dies_loses_nothing(owner, cloud, settle, clock):
    """O2: messages were acknowledged early, and a killed worker's tasks were lost."""
    account_id = owner.claim()
    cloud.fail("connect", SystemExit("killed"), after=True)
    with pytest.raises(SystemExit, match="killed"):
        settle(connect_accounts)

    settle(connect_accounts)
    assert state(account_id)[2] is False, "its claim is not over"
    clock[0] += schedules.LEASE
    settle(connect_accounts)

    assert state(account_id) == GOOD


def test_o2_they_are_acknowledged_late_and_end_before_their_lease():
    for task in ALL:
        assert task.acks_late
        assert 0 < task.soft_time_limit < task.time_limit < schedules.LEASE.total_seconds()


def test_checks_that_are_due_are_made(owner, cloud, settle, clock):
    good, bad = owner.connected("000000000001"), owner.connected("000000000002")
    cloud.accounts["000000000002"].has_role = False
    settle(check_accounts)
    assert (state(good), state(bad)) == (GOOD, GOOD)

    clock[0] += timedelta(hours=6)
    settle(check_accounts)

    assert (state(good), state(bad)) == (GOOD, ("enabled", True, False, "CG3002"))
    assert due(bad) == {"connect": 361}


def test_a_message_does_its_share_and_queues_the_rest(owner, monkeypatch, django_capture_on_commit_callbacks, settle):
    monkeypatch.setattr(tasks, "SHARE", 2)
    numbered(owner, 5)

    with django_capture_on_commit_callbacks() as queued:
        connect_accounts.delay()
    assert connect_accounts.name in [callback.func.__self__.name for callback in queued]
    assert CloudAccount.objects.filter(is_enabled=True).count() == 2

    settle(connect_accounts)
    assert CloudAccount.objects.filter(is_enabled=True).count() == 5


def test_an_account_is_enabled_by_its_number(owner, settle):
    account_id = owner.connected()
    onboarding.disable(account_id=account_id, now=AS_OF)
    settle(connect_accounts)
    assert state(account_id) == ("disabled", True, False, "")

    settle(connect_accounts, account_id)

    assert state(account_id) == GOOD


def test_an_account_is_deleted_by_its_number_with_what_it_had(owner, cloud, settle):
    account_id = owner.connected()
    Stored("11").meter(launch("i-1", 2))

    settle(delete_account, cloud_account_id=account_id)

    assert not CloudAccount.objects.exists()
    assert not cloud.accounts[ACCOUNT].has_our_trail


def test_the_sizes_of_types_are_read_as_soon_as_they_are_wanted_first(owner, cloud, settle):
    cloud.types = [LARGE]
    settle(connect_accounts)
    assert not InstanceDefinition.objects.exists(), "nobody wants them yet"

    owner.claim()
    settle(connect_accounts)
    settle(connect_accounts)

    assert list(InstanceDefinition.objects.values_list("instance_type", flat=True)) == ["m5.large"]
    assert [call.method for call in cloud.calls].count("definitions") == 1


def test_what_is_gone_is_no_error(cloud, settle):
    for task in (connect_accounts, delete_account):
        settle(task, 42)
    assert cloud.calls == []


def test_what_ceased_to_count_is_counted_anew(owner, settle):
    account_id = owner.connected()
    stored = Stored("11")
    stored.meter(launch("i-1", 2))
    onboarding.disable(account_id=account_id, now=AS_OF)

    settle(connect_accounts)

    assert stored.spans() == [("i-1", 2, 240)]


def test_work_of_others_is_not_claimed(owner, settle):
    account_id = owner.connected()

    settle(connect_accounts)
    settle(check_accounts)

    assert schedules.claim(work=Work.SWEEP, now=AS_OF) == [account_id]


def test_they_take_arguments_that_a_newer_version_sends(owner, settle):
    account_id = owner.claim()
    settle(connect_accounts, reason="newer")
    settle(check_accounts, reason="newer")
    assert row(account_id).is_enabled


def test_the_names_that_others_know():
    assert connect_accounts.name == "api.tasks.enable_account"
    assert delete_account.name == "api.tasks.delete_cloud_account"
    assert [celery.route(task.name) for task in ALL] == [{"queue": "platform"}] * 3
