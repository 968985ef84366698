"""Accounts into what is wanted of them: tried again, cut off, checked, and never inside a transaction."""

from datetime import timedelta

import pytest

from cloudigrade.clouds.protocol import Unavailable
from cloudigrade.domain.problems import Problem
from cloudigrade.models import DueWork, UnmeteredPeriod
from cloudigrade.services import connecting, onboarding, schedules
from cloudigrade.services.connecting import Outcome, Result
from cloudigrade.services.onboarding import PlatformIds
from cloudigrade.services.schedules import Work
from tests import fake_cloud
from tests.builders import ACCOUNT, AS_OF
from tests.services.owners import GOOD, MINUTE, Owner, connect, due, row, state

OTHER = "000000000043"
HOUR = timedelta(hours=1)
APPLICATION = PlatformIds(7, 8, 9)


@pytest.fixture
def cloud(monkeypatch, db):
    return fake_cloud.installed(monkeypatch)


@pytest.fixture
def owner(cloud):
    return Owner(cloud)


def check(account_id, now):
    return onboarding.check(account_id=account_id, now=now)


@pytest.mark.parametrize("method", ["verify", "connect"])
def test_c19_an_outage_is_nobodys_fault(owner, cloud, method):
    """C19: throttling during onboarding became a permanent failure that the customer was blamed for."""
    account_id = owner.claim()
    schedules.claim(work=Work.CONNECT, now=AS_OF)
    cloud.fail(method, Unavailable("throttled"))

    assert connect(account_id) == Outcome(Result.LATER, account_id, reason="throttled")

    assert (row(account_id).problem_code, row(account_id).problem, row(account_id).is_enabled) == ("", "", False)
    assert due(account_id) == {"connect": 1}
    assert connect(account_id, AS_OF + MINUTE).result is Result.DONE


def test_c19_an_outage_leaves_an_enabled_account_as_it_is(owner, cloud):
    account_id = owner.connected()
    cloud.fail("verify", Unavailable("an outage"))

    assert check(account_id, AS_OF + HOUR).result is Result.LATER

    assert state(account_id) == GOOD


def test_what_the_customer_must_solve_is_tried_again_after_growing_pauses(owner, cloud):
    arn = owner.arn(denied=("ec2:DescribeInstances",))
    account_id = owner.claim(arn)
    now, pauses = AS_OF, []
    for _ in range(9):
        refused = connect(account_id, now)
        at = DueWork.objects.get(account_id=account_id).due_at
        pauses.append((at - now) / MINUTE)
        now = at

    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert refused.code == "CG3003"
    assert refused.reason == f"{Problem.POLICY_TOO_NARROW.sentence} (denied: ec2:DescribeInstances)"
    assert (row(account_id).problem_code, row(account_id).problem) == (refused.code, refused.reason)

    cloud.accounts[ACCOUNT].denied = ()
    assert connect(account_id, now).result is Result.DONE
    assert (state(account_id), row(account_id).problem) == (GOOD, "")


@pytest.mark.parametrize("method", ["verify", "connect"])
@pytest.mark.parametrize("after", [False, True])
def test_a_crash_between_any_two_steps_is_completed_by_the_next_attempt(owner, cloud, method, after):
    account_id = owner.claim()
    cloud.fail(method, RuntimeError("killed"), after=after)
    schedules.claim(work=Work.CONNECT, now=AS_OF)

    with pytest.raises(RuntimeError, match="killed"):
        connect(account_id)
    assert not row(account_id).is_enabled

    assert schedules.claim(work=Work.CONNECT, now=AS_OF + schedules.LEASE) == [account_id]
    assert connect(account_id, AS_OF + schedules.LEASE).result is Result.DONE
    assert state(account_id) == GOOD


def test_a_wish_that_changes_meanwhile_is_not_overwritten(owner, cloud, monkeypatch):
    account_id = owner.claim()
    connect_in_cloud = cloud.connect

    def disabled_meanwhile(account, **given):
        onboarding.disable(account_id=account_id, now=AS_OF)
        return connect_in_cloud(account, **given)

    schedules.claim(work=Work.CONNECT, now=AS_OF)
    monkeypatch.setattr(cloud, "connect", disabled_meanwhile)
    assert connect(account_id).result is Result.CHANGED

    assert state(account_id) == ("disabled", True, False, "")
    assert cloud.accounts[ACCOUNT].has_our_trail
    assert due(account_id) == {"connect": 0}
    assert connect(account_id).result is Result.DONE
    assert not cloud.accounts[ACCOUNT].has_our_trail


@pytest.fixture
def meanwhile(cloud, monkeypatch):
    """A step is taken once while the cloud is at that method: before what it changes, or after."""

    def arrange(method, step, *, after=False):
        in_cloud = getattr(cloud, method)

        def overtaken(account, **given):
            monkeypatch.setattr(cloud, method, in_cloud)
            if not after:
                step()
            result = in_cloud(account, **given)
            if after:
                step()
            return result

        monkeypatch.setattr(cloud, method, overtaken)

    return arrange


def connected_again(cloud, account_id):
    assert not cloud.accounts[ACCOUNT].has_our_trail
    assert schedules.claim(work=Work.CONNECT, now=AS_OF) == [account_id]
    assert connect(account_id).result is Result.DONE
    assert (state(account_id), cloud.accounts[ACCOUNT].has_our_trail) == (GOOD, True)


def test_a_pause_that_comes_and_goes_while_it_is_connected_is_noticed(owner, cloud, meanwhile):
    account_id = owner.connected()

    def paused_and_disconnected():
        onboarding.pause(account_id=account_id, now=AS_OF)
        assert connect(account_id).result is Result.DONE
        onboarding.unpause(account_id=account_id, now=AS_OF)

    meanwhile("connect", paused_and_disconnected, after=True)

    assert connect(account_id).result is Result.CHANGED

    connected_again(cloud, account_id)


def test_an_account_that_is_connected_while_it_is_disconnected_is_connected_once_more(owner, cloud, meanwhile):
    account_id = owner.connected()
    onboarding.pause(account_id=account_id, now=AS_OF)

    def unpaused_and_connected():
        onboarding.unpause(account_id=account_id, now=AS_OF)
        assert connect(account_id).result is Result.DONE

    meanwhile("disconnect", unpaused_and_connected)

    assert connect(account_id).result is Result.CHANGED

    connected_again(cloud, account_id)


def test_a_claim_that_is_withdrawn_while_it_is_proven_stays_so(owner, cloud, monkeypatch):
    account_id = owner.claim()
    verify = cloud.verify

    def deleted_meanwhile(account):
        onboarding.delete(account_id=account_id, now=AS_OF)
        verify(account)

    monkeypatch.setattr(cloud, "verify", deleted_meanwhile)

    assert connect(account_id).result is Result.CHANGED

    assert state(account_id) == ("deleted", False, False, "")
    assert cloud.called("connect") == []


def test_nothing_is_left_to_do_for_an_account_that_is_gone(cloud):
    assert (connect(1).result, check(1, AS_OF).result) == (Result.GONE, Result.GONE)
    onboarding.delete(account_id=1, now=AS_OF)
    assert cloud.calls == []


def test_c20_an_account_that_no_longer_lets_us_in_is_not_enabled(owner, cloud):
    """C20: it was reported as unavailable, and stayed enabled."""
    account_id = owner.connected()
    cloud.accounts[ACCOUNT].has_role = False
    later = AS_OF + HOUR

    failed = check(account_id, later)

    assert (failed.result, failed.code) == (Result.PROBLEM, "CG3002")
    assert state(account_id) == ("enabled", True, False, "CG3002")
    assert due(account_id) == {"connect": 61}, "nothing else is read of it until then"
    assert not UnmeteredPeriod.objects.exists(), "what is known goes on to count"

    cloud.accounts[ACCOUNT].has_role = True
    assert connect(account_id, later + MINUTE).result is Result.DONE
    assert state(account_id) == GOOD
    assert row(account_id).enabled_at == later + MINUTE
    assert due(account_id) == {"sweep": 61, "prove": 61, "check": 61 + 360}


def test_a_check_that_holds_is_due_again_after_its_interval(owner, cloud):
    account_id = owner.connected()

    assert check(account_id, AS_OF + HOUR).result is Result.DONE

    assert row(account_id).checked_at == AS_OF + HOUR
    assert due(account_id)["check"] == 60 + 360


def test_once_a_day_a_trail_that_somebody_removed_is_made_again(owner, cloud):
    account_id = owner.connected()
    cloud.accounts[ACCOUNT].has_our_trail = False
    day = 24 * HOUR

    check(account_id, AS_OF + day - MINUTE)
    assert "connect" not in due(account_id)
    check(account_id, AS_OF + day + 4 * MINUTE)
    assert due(account_id)["connect"] == 24 * 60 + 4
    assert connect(account_id, AS_OF + day + 4 * MINUTE).result is Result.DONE

    assert (state(account_id), cloud.accounts[ACCOUNT].has_our_trail) == (GOOD, True)
    assert (row(account_id).enabled_at, row(account_id).connected_at) == (AS_OF, AS_OF + day + 4 * MINUTE)
    assert not UnmeteredPeriod.objects.exists()
    check(account_id, AS_OF + day + HOUR)
    assert "connect" not in due(account_id), "it has just been looked at"


def test_p10_a_check_is_one_call_and_no_more_often_than_every_five_minutes(owner, cloud):
    """P10: each check verified everything, changed the trail and described all regions."""
    account_id = owner.connected()
    del cloud.calls[:]

    results = [check(account_id, AS_OF + seconds * MINUTE / 60).result for seconds in (299, 300, 301, 400, 599, 600)]

    assert results == [Result.LATER, Result.DONE, Result.LATER, Result.LATER, Result.LATER, Result.DONE]
    assert [call.method for call in cloud.calls] == ["verify", "verify"]


def test_p10_who_asks_too_early_is_answered_as_soon_as_it_may_be(owner):
    account_id = owner.connected()

    check(account_id, AS_OF + MINUTE)

    assert due(account_id)["check"] == 5


def test_asking_for_an_account_with_a_problem_connects_it_sooner(owner, cloud):
    account_id = owner.claim(owner.arn(denied=("ec2:DescribeRegions",)))
    now = AS_OF
    for _ in range(6):
        connect(account_id, now)
        now += HOUR
    assert due(account_id) == {"connect": 360}

    asked = check(account_id, now - HOUR / 2)

    assert (asked.result, asked.code) == (Result.LATER, "CG3003")
    assert due(account_id) == {"connect": 330}


def test_a_check_of_what_is_not_metered_asks_nobody(owner, cloud):
    account_id = owner.connected()
    onboarding.pause(account_id=account_id, now=AS_OF)
    del cloud.calls[:]

    assert check(account_id, AS_OF + HOUR).result is Result.CHANGED

    assert cloud.calls == []


def test_p8_no_cloud_is_asked_inside_a_transaction(owner, cloud):
    """P8: onboarding held its locks while AWS was asked; the fake fails whoever still does."""
    account_id = owner.connected()
    onboarding.update(account_id=account_id, credentials=owner.arn(role="newer"), now=AS_OF)
    connect(account_id)
    check(account_id, AS_OF + HOUR)
    onboarding.disable(account_id=account_id, now=AS_OF)
    connect(account_id)
    onboarding.delete(account_id=account_id, now=AS_OF)
    connect(account_id)

    assert [call.method for call in cloud.calls] == [
        *("verify", "connect"),
        *("verify", "connect"),
        "verify",
        "disconnect",
        "disconnect",
    ]


@pytest.mark.parametrize(("since", "pause"), [(30 * HOUR, HOUR), (MINUTE / 12, MINUTE), (3 * MINUTE, 6 * MINUTE)])
def test_a_pause_is_twice_the_last_but_a_minute_at_least_and_an_hour_at_most(owner, since, pause):
    account = row(owner.claim())
    account.problem_code, account.checked_at = "CG3002", AS_OF - since
    assert connecting._pause(account, AS_OF) == pause
