"""Recurring work: claimed by one, due again after its lease, and never lost."""

from datetime import timedelta

import pytest

from cloudigrade.models import CloudAccount, DueWork
from cloudigrade.services import schedules
from cloudigrade.services.schedules import Work
from cloudigrade.services.staging import execute
from tests.builders import AS_OF

MINUTE = timedelta(minutes=1)


@pytest.fixture
def accounts(make_stored):
    make_stored("11", ["000000000001", "000000000002"])
    return list(CloudAccount.objects.order_by("native_id").values_list("id", flat=True))


def test_work_is_due_at_its_time_and_not_before(accounts):
    schedules.plan(account_ids=accounts[:1], work=[Work.SWEEP], at=AS_OF)

    assert schedules.claim(work=Work.SWEEP, now=AS_OF - MINUTE) == []
    assert schedules.claim(work=Work.PROVE, now=AS_OF) == []
    assert schedules.claim(work=Work.SWEEP, now=AS_OF) == accounts[:1]


def test_the_longest_due_comes_first_and_a_claim_takes_no_more_than_asked(accounts):
    schedules.plan(account_ids=accounts[:1], work=[Work.SWEEP], at=AS_OF)
    schedules.plan(account_ids=accounts[1:], work=[Work.SWEEP], at=AS_OF - MINUTE)

    assert schedules.claim(work=Work.SWEEP, now=AS_OF) == accounts[1:]
    assert schedules.claim(work=Work.SWEEP, now=AS_OF, limit=9) == accounts[:1]


def test_a_claim_takes_no_more_than_asked_whatever_the_planner_believes(accounts):
    """With statistics of an empty table it repeats an inner select for every row."""
    schedules.plan(account_ids=accounts, work=[Work.SWEEP], at=AS_OF)
    execute("UPDATE pg_class SET relpages = 1, reltuples = 0 WHERE relname = 'cloudigrade_duework'")

    assert len(schedules.claim(work=Work.SWEEP, now=AS_OF)) == 1


def test_what_was_claimed_and_never_finished_is_due_again_after_its_lease(accounts):
    schedules.plan(account_ids=accounts[:1], work=[Work.SWEEP], at=AS_OF)
    schedules.claim(work=Work.SWEEP, now=AS_OF, lease=5 * MINUTE)

    assert schedules.claim(work=Work.SWEEP, now=AS_OF + 4 * MINUTE) == []
    assert schedules.claim(work=Work.SWEEP, now=AS_OF + 5 * MINUTE) == accounts[:1]


def test_what_is_done_is_due_next_when_told(accounts):
    schedules.plan(account_ids=accounts[:1], work=[Work.SWEEP], at=AS_OF)
    schedules.claim(work=Work.SWEEP, now=AS_OF)
    schedules.done(account_id=accounts[0], work=Work.SWEEP, next_at=AS_OF + 30 * MINUTE)

    assert schedules.claim(work=Work.SWEEP, now=AS_OF + 29 * MINUTE) == []
    assert schedules.claim(work=Work.SWEEP, now=AS_OF + 30 * MINUTE) == accounts[:1]


def test_planning_again_only_brings_it_forward(accounts):
    schedules.plan(account_ids=accounts, work=[Work.SWEEP, Work.CHECK], at=AS_OF)
    schedules.plan(account_ids=accounts[:1], work=[Work.SWEEP], at=AS_OF + MINUTE)
    schedules.plan(account_ids=accounts[1:], work=[Work.SWEEP], at=AS_OF - MINUTE)

    assert list(DueWork.objects.order_by("work", "account_id").values_list("work", "due_at")) == [
        ("check", AS_OF),
        ("check", AS_OF),
        ("sweep", AS_OF),
        ("sweep", AS_OF - MINUTE),
    ]


def test_cancelled_work_stays_away_even_if_somebody_is_at_it(accounts):
    schedules.plan(account_ids=accounts, work=[Work.SWEEP, Work.CHECK], at=AS_OF)
    schedules.claim(work=Work.SWEEP, now=AS_OF)
    schedules.cancel(account_id=accounts[0])
    schedules.done(account_id=accounts[0], work=Work.SWEEP, next_at=AS_OF)

    assert set(DueWork.objects.values_list("account_id", flat=True)) == {accounts[1]}


def test_nothing_is_planned_for_an_account_that_is_gone(stored):
    account = CloudAccount.objects.get().pk
    schedules.plan(account_ids=[account, account + 1], work=[Work.SWEEP, Work.POLL], at=AS_OF)
    assert sorted(DueWork.objects.values_list("account", "work")) == [(account, "poll"), (account, "sweep")]
