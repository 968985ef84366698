"""C23: other credentials for an account, of the same account or another, touch nothing before they are proven."""

import pytest

from cloudigrade.clouds.protocol import CustomerProblem, Unavailable
from cloudigrade.domain.problems import Problem
from cloudigrade.models import CloudAccount, InstanceEvent
from cloudigrade.services import onboarding
from cloudigrade.services.connecting import Result
from cloudigrade.services.onboarding import PlatformIds
from tests import fake_cloud
from tests.builders import ACCOUNT, AS_OF, launch
from tests.services.owners import GOOD, MINUTE, Owner, connect, due, row, state
from tests.services.stored import Stored

OTHER = "000000000043"
APPLICATION = PlatformIds(7, 8, 9)


@pytest.fixture
def cloud(monkeypatch, db):
    return fake_cloud.installed(monkeypatch)


@pytest.fixture
def owner(cloud):
    return Owner(cloud)


@pytest.fixture
def account_id(owner):
    """A connected account of the platform's, with something recorded of it."""
    found = owner.connected(platform=APPLICATION)
    Stored("11").record(launch("i-1", 1))
    return found


def update(account_id, arn, now=AS_OF):
    onboarding.update(account_id=account_id, credentials=arn, now=now)


def as_it_was(account_id, arn):
    """Nothing of the account is lost, and it goes on with its old role."""
    account = row(account_id)
    assert (account.native_id, account.credentials, account.is_enabled) == (ACCOUNT, arn, True)
    assert account.platform_application_id == 8
    assert InstanceEvent.objects.filter(instance__account=account_id).count() == 1


def test_c23_another_role_of_the_account_is_taken_once_it_opens_it(account_id, owner, cloud):
    old = row(account_id).credentials
    new = owner.arn(role="newer", denied=("ec2:DescribeImages",))

    update(account_id, new)
    as_it_was(account_id, old)
    refused = connect(account_id)
    assert (refused.result, refused.code) == (Result.PROBLEM, "CG3003")
    as_it_was(account_id, old)
    assert due(account_id)["sweep"] == 0, "the old role is still read with"

    cloud.accounts[ACCOUNT].denied = ()
    assert connect(account_id, AS_OF + MINUTE).result is Result.DONE
    assert (row(account_id).credentials, row(account_id).next_credentials) == (new, "")
    assert (state(account_id), CloudAccount.objects.count()) == (GOOD, 1)
    as_it_was(account_id, new)


def test_c23_another_account_takes_the_place_once_it_is_connected(account_id, owner, cloud):
    old, new = row(account_id).credentials, owner.arn(OTHER)
    update(account_id, new)

    for failing in ("verify", "connect"):
        cloud.fail(failing, Unavailable("an outage"), account=OTHER)
        assert connect(account_id).result is Result.LATER
        as_it_was(account_id, old)
    cloud.fail("connect", CustomerProblem("five trails", Problem.TOO_MANY_TRAILS), account=OTHER)
    assert connect(account_id)[:3:2] == (Result.PROBLEM, "CG3001")
    as_it_was(account_id, old)

    moved = connect(account_id, AS_OF + MINUTE)

    assert moved.result is Result.DONE
    assert moved.account_id != account_id
    assert state(moved.account_id) == GOOD
    successor = row(moved.account_id)
    assert (successor.native_id, successor.metered_from) == (OTHER, AS_OF)
    assert (successor.platform_authentication_id, successor.platform_application_id) == (7, 8)
    assert not successor.is_successor
    assert due(moved.account_id) == {"sweep": 1, "prove": 1, "check": 361}
    assert (row(account_id).wanted, row(account_id).platform_application_id) == ("deleted", None)
    assert due(account_id) == {"connect": 1}
    assert connect(account_id).result is Result.GONE
    assert not cloud.accounts[ACCOUNT].has_our_trail
    assert list(CloudAccount.objects.values_list("native_id", flat=True)) == [OTHER]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("method", ["verify", "connect"])
def test_c23_a_move_that_is_cut_off_goes_on(account_id, owner, cloud, method, after):
    old = row(account_id).credentials
    update(account_id, owner.arn(OTHER))
    cloud.fail(method, RuntimeError("killed"), account=OTHER, after=after)

    with pytest.raises(RuntimeError, match="killed"):
        connect(account_id)
    as_it_was(account_id, old)

    moved = connect(account_id)
    assert (moved.result, state(moved.account_id), row(account_id).wanted) == (Result.DONE, GOOD, "deleted")
    assert CloudAccount.objects.count() == 2


def test_c23_an_account_of_another_customer_is_not_taken(account_id, owner, cloud):
    """C23: on a conflict the customer's data was gone and the account dead."""
    theirs = Owner(cloud, "22").connected(OTHER)
    old, new = row(account_id).credentials, owner.arn(OTHER, role="mine")
    update(account_id, new)

    refused = connect(account_id)

    assert (refused.result, refused.code) == (Result.PROBLEM, "CG1002")
    assert (row(account_id).problem_code, state(theirs)) == ("CG1002", GOOD)
    as_it_was(account_id, old)
    assert CloudAccount.objects.count() == 2


@pytest.mark.parametrize(("role", "problem"), [("metering", "CG1001"), ("another", "CG1002")])
def test_c23_an_account_that_the_customer_has_already_is_not_taken_twice(account_id, owner, cloud, role, problem):
    other = owner.connected(OTHER)
    old, planned = row(account_id).credentials, due(account_id)

    with pytest.raises(CustomerProblem, match=f"account {OTHER} is there already") as caught:
        update(account_id, owner.arn(OTHER, role=role))

    assert caught.value.problem == problem
    assert (row(account_id).problem_code, row(account_id).next_credentials) == (problem, "")
    assert due(account_id) == planned
    as_it_was(account_id, old)
    assert state(other) == GOOD


def test_c23_an_account_that_the_platform_added_meanwhile_is_not_taken(account_id, owner, cloud):
    new = owner.arn(OTHER)
    update(account_id, new)
    other = owner.claim(new, platform=PlatformIds(1, 2, 3))

    refused = connect(account_id)

    assert (refused.result, refused.code) == (Result.PROBLEM, "CG1001")
    as_it_was(account_id, cloud.accounts[ACCOUNT].arn)
    assert row(other).platform_application_id == 2


def test_a_move_waits_for_an_account_that_is_being_deleted(account_id, owner, cloud):
    new = owner.arn(OTHER)
    update(account_id, new)
    other = owner.claim(new)
    onboarding.delete(account_id=other, now=AS_OF)

    with pytest.raises(Unavailable, match=f"account {OTHER} is being deleted"):
        update(account_id, new)
    waiting = connect(account_id)
    assert (waiting.result, waiting.reason) == (Result.LATER, f"account {OTHER} is being deleted")
    as_it_was(account_id, cloud.accounts[ACCOUNT].arn)

    assert connect(other).result is Result.GONE
    assert connect(account_id).result is Result.DONE


def test_a_check_of_the_old_role_leaves_the_problem_of_the_new_one(account_id, owner):
    update(account_id, owner.arn(OTHER, has_role=False))
    connect(account_id)

    assert onboarding.check(account_id=account_id, now=AS_OF + 60 * MINUTE).result is Result.DONE

    assert row(account_id).problem_code == "CG3002"
    update(account_id, row(account_id).credentials)
    connect(account_id, AS_OF + 60 * MINUTE)
    assert row(account_id).problem_code == ""


def test_credentials_that_are_none_change_nothing(account_id):
    planned = due(account_id)

    with pytest.raises(CustomerProblem) as caught:
        update(account_id, "arn:aws:iam::1:user/me")

    assert caught.value.problem is Problem.INVALID_ARN
    assert (row(account_id).next_credentials, due(account_id)) == ("", planned)


def test_taking_an_update_back_leaves_nothing_of_it(account_id, owner, cloud):
    old = row(account_id).credentials
    update(account_id, owner.arn(OTHER))
    cloud.fail("connect", CustomerProblem("five trails", Problem.TOO_MANY_TRAILS), account=OTHER)
    connect(account_id)
    abandoned = CloudAccount.objects.get(native_id=OTHER)

    update(account_id, old)

    assert row(abandoned.pk).wanted == "deleted"
    assert connect(abandoned.pk).result is Result.GONE
    assert connect(account_id).result is Result.DONE
    assert (state(account_id), CloudAccount.objects.count()) == (GOOD, 1)
    as_it_was(account_id, old)


def test_taking_an_update_back_leaves_what_others_have_added(account_id, owner, cloud):
    old, new = row(account_id).credentials, owner.arn(OTHER)
    update(account_id, new)
    other = owner.claim(new)
    connect(other)

    update(account_id, old)
    assert state(other) == GOOD

    platforms = owner.arn("000000000044")
    update(account_id, platforms)
    third = owner.claim(platforms, platform=PlatformIds(1, 2, 3))
    update(account_id, old)
    assert row(third).wanted == "enabled"


def test_taking_an_update_back_leaves_what_was_claimed_for_itself_since(account_id, owner, cloud):
    old, new = row(account_id).credentials, owner.arn(OTHER)
    update(account_id, new)
    cloud.fail("connect", Unavailable("an outage"), account=OTHER)
    connect(account_id)
    before = CloudAccount.objects.get(native_id=OTHER).revision
    own = owner.claim(new)
    assert (due(own), row(own).revision) == ({"connect": 0}, before + 1)

    update(account_id, old)

    assert row(own).wanted == "enabled"
    assert connect(own).result is Result.DONE
    assert (state(own), state(account_id)) == (GOOD, GOOD)


def test_the_same_update_again_goes_on_with_it(account_id, owner, cloud):
    new = owner.arn(OTHER)
    update(account_id, new)
    cloud.fail("connect", CustomerProblem("five trails", Problem.TOO_MANY_TRAILS), account=OTHER)
    connect(account_id)

    update(account_id, new)

    assert CloudAccount.objects.count() == 2
    assert connect(account_id).result is Result.DONE


def test_deleting_an_account_that_was_to_be_moved_leaves_nothing(account_id, owner, cloud):
    update(account_id, owner.arn(OTHER))
    cloud.fail("connect", Unavailable("an outage"), account=OTHER)
    connect(account_id)

    onboarding.delete(account_id=account_id, now=AS_OF)

    assert [connect(each.pk).result for each in CloudAccount.objects.all()] == [Result.GONE] * 2


def test_what_was_never_proven_is_replaced_at_once(owner, cloud):
    account_id = owner.claim(owner.arn(has_role=False))
    connect(account_id)

    update(account_id, owner.arn(role="right"))

    assert (row(account_id).credentials, row(account_id).next_credentials) == (cloud.accounts[ACCOUNT].arn, "")
    assert connect(account_id).result is Result.DONE


def test_another_role_that_is_claimed_is_proven_first(account_id, owner, cloud):
    old, new = row(account_id).credentials, owner.arn(role="newer")

    assert owner.claim(new, platform=APPLICATION) == account_id

    as_it_was(account_id, old)
    assert row(account_id).next_credentials == new
    assert connect(account_id).result is Result.DONE
    as_it_was(account_id, new)


def test_what_is_being_deleted_is_neither_claimed_nor_changed(account_id, owner, cloud):
    onboarding.delete(account_id=account_id, now=AS_OF)
    arn = cloud.accounts[ACCOUNT].arn

    for wish in (
        lambda: owner.claim(arn),
        lambda: update(account_id, arn),
        lambda: onboarding.enable(account_id=account_id, now=AS_OF),
        lambda: onboarding.unpause(account_id=account_id, now=AS_OF),
    ):
        with pytest.raises(Unavailable, match=f"account {ACCOUNT} is being deleted"):
            wish()
    assert row(account_id).wanted == "deleted"
