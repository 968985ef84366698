"""Nothing counts while an account is disabled or paused, and everything counts again afterwards."""

from datetime import timedelta

import pytest

from cloudigrade.clouds.protocol import CustomerProblem
from cloudigrade.models import CloudAccount, Instance, InstanceEvent, UnmeteredPeriod
from cloudigrade.services import ingest, onboarding, opened, unmetered
from cloudigrade.services.connecting import Result
from tests import fake_cloud
from tests.builders import ACCOUNT, AS_OF, batch, day, launch, moment, red_hat_image, stop
from tests.fake_accounts import Message
from tests.fake_cloud import BUCKET, LOGS
from tests.services.owners import Owner, connect, due, row, state
from tests.services.stored import Stored

ANY = ("_ANY",) * 5


@pytest.fixture
def cloud(monkeypatch, db):
    return fake_cloud.installed(monkeypatch)


@pytest.fixture
def account_id(cloud):
    """A connected account, metered since Monday."""
    Stored("11")
    return Owner(cloud).connected()


@pytest.fixture
def stored(account_id):
    found = Stored("11")
    found.meter(red_hat_image(), launch("i-1", 2), launch("i-2", 3), stop("i-2", 5))
    return found


def periods(account_id):
    """In hours after Monday's beginning."""
    hour = timedelta(hours=1)
    return [
        tuple(None if end is None else (end - moment(0)) / hour for end in (period.lower, period.upper))
        for period in UnmeteredPeriod.objects.filter(account=account_id).values_list("period", flat=True)
    ]


@pytest.mark.parametrize(
    ("off", "on"), [(onboarding.disable, onboarding.enable), (onboarding.pause, onboarding.unpause)]
)
def test_nothing_counts_in_between(stored, account_id, off, on):
    off(account_id=account_id, now=moment(30))
    stored.recalculate()
    assert stored.spans() == [("i-1", 2, 30), ("i-2", 3, 5)]
    assert [stored.counts(day(number)).get(ANY, 0) for number in range(4)] == [2, 1, 0, 0]

    on(account_id=account_id, now=moment(54))
    stored.recalculate()

    assert periods(account_id) == [(30, 54)]
    assert stored.spans() == [("i-1", 2, 30), ("i-1", 54, None), ("i-2", 3, 5)]
    assert [stored.counts(day(number)).get(ANY, 0) for number in range(4)] == [2, 1, 1, 1]


def test_every_instance_of_the_account_is_marked_and_no_other(stored, account_id, cloud):
    Owner(cloud, "22").connected("000000000043")
    other = Stored("22", ["000000000043"])
    other.meter(launch("i-9", 2, account="000000000043"))

    onboarding.disable(account_id=account_id, now=moment(30))

    marked = Instance.objects.filter(runs_dirty_from__isnull=False).values_list("native_id", "runs_dirty_from")
    assert sorted(marked) == [("i-1", moment(30)), ("i-2", moment(30))]


def test_a_disabled_account_is_disconnected_and_keeps_its_owner(account_id, cloud):
    onboarding.disable(account_id=account_id, now=AS_OF)
    assert due(account_id) == {"connect": 0}
    assert state(account_id) == ("disabled", True, True, "")

    assert connect(account_id).result is Result.DONE

    assert state(account_id) == ("disabled", True, False, "")
    assert due(account_id) == {}
    assert (opened.account_of(row(account_id)).details, list(row(account_id).details)) == ({}, [opened.LEFT])
    assert not cloud.accounts[ACCOUNT].has_our_trail

    onboarding.enable(account_id=account_id, now=AS_OF)
    assert connect(account_id).result is Result.DONE
    assert state(account_id) == ("enabled", True, True, "")
    assert cloud.accounts[ACCOUNT].has_our_trail


def test_what_a_disconnected_account_had_is_kept_while_it_is_disabled_and_paused(account_id):
    had = row(account_id).details
    for wish in (onboarding.disable, onboarding.pause):
        wish(account_id=account_id, now=AS_OF)
        connect(account_id)
        assert row(account_id).details == {opened.LEFT: had}

    onboarding.enable(account_id=account_id, now=AS_OF)
    onboarding.unpause(account_id=account_id, now=AS_OF)
    connect(account_id)

    assert row(account_id).details == had


@pytest.mark.parametrize("off", [onboarding.disable, onboarding.pause])
@pytest.mark.parametrize("is_disconnected", [True, False])
def test_the_backlog_is_recorded_and_counts_until_the_period_began(account_id, cloud, off, is_disconnected):
    """What happened in the period is recorded too: it says how things stand when it ends."""
    cloud.send(Message((BUCKET, ACCOUNT), batch(red_hat_image(), launch("i-1", 2), launch("i-2", 3), stop("i-2", 31))))
    cloud.send(Message((BUCKET, ACCOUNT), batch(launch("i-3", 40), launch("i-4", 41), stop("i-4", 42))))
    off(account_id=account_id, now=moment(30))
    if is_disconnected:
        connect(account_id)
    before = due(account_id)

    (delivery,) = ingest.drained(cloud=cloud, clock=lambda: AS_OF)

    assert (delivery.foreign, len(cloud.waiting[LOGS])) == (0, 0)
    assert InstanceEvent.objects.count() == 6
    assert (due(account_id), cloud.called("sweep"), cloud.called("log_files")) == (before, [], [])
    found = Stored("11")
    found.recalculate()
    assert found.spans() == [("i-1", 2, 30), ("i-2", 3, 30)]
    assert [found.counts(day(number)).get(ANY, 0) for number in range(3)] == [2, 2, 0]

    unmetered.end(account_id=account_id, at=moment(54))
    found.recalculate()
    assert found.spans() == [("i-1", 2, 30), ("i-1", 54, None), ("i-2", 3, 30), ("i-3", 54, None)]


def test_pausing_twice_is_harmless_and_pauses_and_disablings_overlap(account_id):
    for wish, hours in (
        *((onboarding.pause, 10), (onboarding.pause, 11), (onboarding.disable, 12)),
        (onboarding.unpause, 13),
        *((onboarding.enable, 14), (onboarding.enable, 15), (onboarding.unpause, 16)),
    ):
        wish(account_id=account_id, now=moment(hours))

    assert periods(account_id) == [(10, 14)]
    assert (row(account_id).wanted, row(account_id).is_paused) == ("enabled", False)


def test_enabling_what_is_paused_leaves_it_paused(account_id):
    onboarding.pause(account_id=account_id, now=moment(10))
    onboarding.enable(account_id=account_id, now=moment(11))

    assert (row(account_id).wanted, row(account_id).is_paused) == ("enabled", True)
    assert periods(account_id) == [(10, None)]


def test_a_period_without_length_is_none(account_id):
    onboarding.pause(account_id=account_id, now=moment(10))
    onboarding.unpause(account_id=account_id, now=moment(10))

    assert periods(account_id) == []


def test_clocks_that_differ_make_no_periods_overlap(account_id):
    unmetered.begin(account_id=account_id, at=moment(10))
    unmetered.end(account_id=account_id, at=moment(20))
    unmetered.begin(account_id=account_id, at=moment(19))
    assert sorted(periods(account_id), key=str) == [(10, 20), (20, None)]

    unmetered.end(account_id=account_id, at=moment(18))
    assert periods(account_id) == [(10, 20)]


def test_connecting_ends_what_goes_on(account_id):
    unmetered.begin(account_id=account_id, at=moment(10))

    connect(account_id, moment(12))

    assert periods(account_id) == [(10, 12)]


def test_an_access_that_was_taken_away_does_not_hinder_disabling(account_id, cloud, caplog):

    cloud.fail("disconnect", CustomerProblem("DeleteTrail is denied"))
    onboarding.disable(account_id=account_id, now=AS_OF)

    assert connect(account_id).result is Result.DONE

    assert state(account_id) == ("disabled", True, False, "")
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        f"account {ACCOUNT} could not be disconnected, and is let go: DeleteTrail is denied"
    ]


def test_an_account_is_metered_from_its_beginning_still(stored, account_id):
    onboarding.disable(account_id=account_id, now=moment(30))

    assert CloudAccount.objects.get().metered_from == moment(0)
