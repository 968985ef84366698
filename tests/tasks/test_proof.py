"""The task that proves: due work is claimed, outages are tried again soon, and proven files are forgotten."""

import logging
from datetime import datetime, timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from cloudigrade.clouds.cloud import MissingFile, Proof
from cloudigrade.clouds.protocol import CustomerProblem, FileRead, Unavailable
from cloudigrade.config import celery
from cloudigrade.models import CloudAccount, DueWork, FeedPosition, Gap, LogFile
from cloudigrade.services import completeness, removal, schedules
from cloudigrade.services.schedules import Work
from cloudigrade.tasks import proof as tasks
from cloudigrade.tasks.proof import prove_accounts
from tests import fake_accounts, fake_cloud
from tests.builders import ACCOUNT, AS_OF, REGION, batch, clock, launch, moment
from tests.services.owners import Owner, due

INTERVAL = settings.PROOF_INTERVAL / 60


@pytest.fixture(autouse=True)
def now(monkeypatch):
    """The time of the tasks, which a test may move."""
    times = [AS_OF]
    monkeypatch.setattr(timezone, "now", lambda: times[0])
    return times


@pytest.fixture
def cloud(monkeypatch, db):
    return fake_cloud.installed(monkeypatch)


@pytest.fixture
def owner(cloud, monkeypatch):
    """Whose accounts are metered since Monday."""
    made = Owner(cloud)
    connected = made.connected

    def metered(*given):
        account = connected(*given)
        CloudAccount.objects.filter(pk=account).update(metered_from=moment(0))
        return account

    monkeypatch.setattr(made, "connected", metered)
    return made


@pytest.fixture
def queued(django_capture_on_commit_callbacks):
    """Runs the task; how many messages it queues."""

    def run():
        with django_capture_on_commit_callbacks(execute=False) as waiting:
            prove_accounts.delay()
        return len(waiting)

    return run


def proofs(*until: float, files: tuple[MissingFile, ...] = ()) -> list[Proof]:
    return [Proof(REGION, clock(hours), files, {}, begins_at=clock(0)) for hours in until]


def proven(account_id: int) -> datetime | None:
    return completeness.complete_until([account_id])[account_id]


def log_file(cloud, name: str) -> MissingFile:
    """A file in the bucket that nobody told us of."""
    read = batch(launch("i-1", 3), files=[FileRead(ACCOUNT, REGION, name, "aa")], read_sources=[name])
    cloud.accounts[ACCOUNT].log_files.append(fake_accounts.LogFile(REGION, name, clock(3), read))
    return MissingFile(REGION, name, f"s3://{fake_cloud.BUCKET}/{name}", "aa", clock(3), clock(3))


def test_an_account_whose_proof_is_due_is_proven_and_due_again_in_its_time(cloud, owner, queued):
    account = owner.connected()
    cloud.accounts[ACCOUNT].proofs = proofs(4, 6)

    assert queued() == 0
    assert proven(account) == moment(6) - timedelta(seconds=completeness.GRACE)
    assert due(account)["prove"] == INTERVAL
    assert queued() == 0
    assert cloud.called("prove") == [ACCOUNT]


def test_a_file_that_is_read_late_nudges_the_recalculation(cloud, owner, queued):
    account = owner.connected()
    cloud.accounts[ACCOUNT].proofs = proofs(6, files=(log_file(cloud, "AWSLogs/a"),))

    assert queued() == 1
    assert completeness.gaps([account])[account] == []


def test_a_cloud_that_does_not_answer_is_asked_again_soon(cloud, owner, queued):
    account = owner.connected()
    cloud.fail("prove", Unavailable("SlowDown"))

    queued()

    assert due(account)["prove"] == 5
    assert proven(account) is None


def test_what_was_proven_before_an_outage_stays(cloud, owner, queued):
    account = owner.connected()
    cloud.accounts[ACCOUNT].proofs = proofs(4)
    cloud.fail("prove", Unavailable("SlowDown"), after=True)

    queued()

    assert proven(account) == moment(4) - timedelta(seconds=completeness.GRACE)
    assert due(account)["prove"] == 5


def test_an_unexpected_error_costs_no_other_account(cloud, owner, queued, caplog):
    first, second = owner.connected("000000000001"), owner.connected("000000000002")
    cloud.fail("prove", RuntimeError("odd"), account="000000000001")

    queued()

    assert due(first)["prove"] == schedules.LEASE.total_seconds() / 60
    assert due(second)["prove"] == INTERVAL
    assert f"prove of account {first} failed" in caplog.text


def test_an_account_that_does_not_let_us_in_is_checked(cloud, owner, queued):
    account = owner.connected()
    DueWork.objects.filter(work="check").update(due_at=AS_OF + timedelta(hours=1))
    cloud.fail("prove", CustomerProblem("denied"))

    queued()

    assert due(account)["check"] == 0
    assert due(account)["prove"] == INTERVAL


def test_an_account_that_is_to_be_removed_is_not_proven(cloud, owner, queued):
    account = owner.connected()
    CloudAccount.objects.filter(pk=account).update(wanted="deleted")
    queued()
    assert cloud.called("prove") == []


@pytest.fixture
def said(caplog):
    """What the proofs logged, with the level of each line."""
    caplog.set_level(logging.INFO, "cloudigrade")
    return lambda: [(each.levelname, each.getMessage()) for each in caplog.records if "tasks" in each.name]


@pytest.fixture
def removing(cloud, monkeypatch):
    """The account is removed while the cloud says what its digests hold, and then no longer lets us in if told so."""
    prove = cloud.prove

    def arrange(account_id, problem=None):
        def removed(*given, **more):
            for proof in prove(*given, **more):
                assert removal.remove(account_id=account_id, now=AS_OF)
                yield proof
            if problem:
                assert removal.remove(account_id=account_id, now=AS_OF)
                raise problem

        monkeypatch.setattr(cloud, "prove", removed)

    return arrange


def test_an_account_that_is_removed_while_it_is_proven_is_no_error(cloud, owner, queued, removing, said):
    account = owner.connected()
    cloud.accounts[ACCOUNT].proofs = proofs(4, 6, files=(log_file(cloud, "AWSLogs/a"),))
    removing(account)

    assert queued() == 0

    assert said() == [("INFO", f"nothing is left to prove: account {account} is gone")]
    assert not any(model.objects.exists() for model in (CloudAccount, DueWork, FeedPosition, Gap, LogFile))


def test_an_account_that_is_removed_and_refuses_us_is_not_checked(cloud, owner, queued, removing, said):
    account = owner.connected()
    removing(account, CustomerProblem("denied"))

    queued()

    assert said() == [("INFO", f"nothing is left to prove: account {account} is gone")]
    assert not DueWork.objects.exists()


def test_an_account_that_is_gone_before_its_proof_begins_is_no_error(cloud, owner, queued, monkeypatch, said):
    account = owner.connected()
    claim = schedules.claim

    def claimed(**given):
        found = claim(**given)
        removal.remove(account_id=account, now=AS_OF)
        return found

    monkeypatch.setattr(schedules, "claim", claimed)

    queued()

    assert said() == [("INFO", f"nothing is left to prove: account {account} is gone")]
    assert cloud.called("prove") == []


@pytest.mark.parametrize("error", [KeyError("odd"), CloudAccount.DoesNotExist("odd")])
def test_errors_of_our_own_are_not_taken_for_a_removal(cloud, owner, queued, said, error):
    account = owner.connected()
    cloud.fail("prove", error)

    queued()

    assert said() == [("ERROR", f"prove of account {account} failed")]
    assert due(account)["prove"] == schedules.LEASE.total_seconds() / 60


def test_a_cloud_that_is_not_there_is_an_error(cloud, owner, queued, said):
    account = owner.connected()
    CloudAccount.objects.filter(pk=account).update(cloud="gone")

    queued()

    assert said() == [("ERROR", f"prove of account {account} failed")]


def test_an_account_that_is_being_proven_is_nobody_elses(cloud, owner, queued, now):
    """However long it takes: each step renews the claim."""
    account = owner.connected()
    cloud.accounts[ACCOUNT].proofs = proofs(4, 6)
    claims = []
    step = tasks._extend

    def slow(account_id):
        step(account_id)
        now[0] += schedules.LEASE - timedelta(seconds=1)
        claims.append(schedules.claim(work=Work.PROVE, now=now[0]))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tasks, "_extend", slow)
        queued()

    assert claims == [[], []]
    assert proven(account) is not None


def test_one_message_does_its_share_and_queues_the_rest(cloud, owner, queued, monkeypatch):
    monkeypatch.setattr(tasks, "SHARE", 2)
    for number in range(3):
        owner.connected(f"{number:012d}")

    assert queued() == 1
    assert len(cloud.called("prove")) == 2
    assert queued() == 0
    assert len(cloud.called("prove")) == 3


def test_files_are_forgotten_once_they_are_proven(cloud, owner, queued):
    account = owner.connected()
    read_at = AS_OF - timedelta(days=3)
    LogFile.objects.create(account_id=account, region=REGION, source="a", sha256="aa", read_at=read_at)
    FeedPosition.objects.create(account_id=account, region=REGION, feed="cloudtrail", proven_until=AS_OF)

    queued()

    assert LogFile.objects.count() == 0


def test_o2_the_task_is_acknowledged_late_limited_in_time_and_scheduled_under_its_name():
    assert prove_accounts.acks_late
    assert prove_accounts.soft_time_limit < prove_accounts.time_limit
    assert celery.SCHEDULE["prove_accounts"]["task"] == prove_accounts.name
    assert celery.route(prove_accounts.name) == {"queue": "upkeep"}
