"""Accounts on their way: claimed, proven to be whose they are, connected."""

from datetime import timedelta

import pytest

from cloudigrade.clouds.protocol import CustomerProblem
from cloudigrade.domain.problems import Problem
from cloudigrade.models import CloudAccount, ExternalId
from cloudigrade.services import onboarding
from cloudigrade.services.connecting import Outcome, Result
from cloudigrade.services.onboarding import PlatformIds
from tests import fake_cloud
from tests.builders import ACCOUNT, AS_OF
from tests.services.owners import GOOD, MINUTE, NEW, Owner, connect, due, row, state
from tests.services.stored import Stored

OTHER = "000000000043"
HOUR = timedelta(hours=1)
APPLICATION = PlatformIds(7, 8, 9)


@pytest.fixture
def cloud(monkeypatch, db):
    return fake_cloud.installed(monkeypatch)


@pytest.fixture
def owner(cloud):
    return Owner(cloud)


@pytest.fixture
def stranger(cloud):
    return Owner(cloud, "22")


def test_a_claim_is_stored_and_nothing_of_it_is_believed(owner, cloud):
    account_id = owner.claim(platform=APPLICATION)

    assert state(account_id) == NEW
    account = row(account_id)
    assert (account.native_id, account.external_id, account.metered_from) == (ACCOUNT, owner.external_id, AS_OF)
    assert account.credentials == cloud.accounts[ACCOUNT].arn
    assert (account.platform_authentication_id, account.platform_application_id, account.platform_source_id) == (
        7,
        8,
        9,
    )
    assert due(account_id) == {"connect": 0}
    assert cloud.calls == []


def test_an_account_is_verified_then_connected_and_its_reading_begins(owner, cloud):
    account_id = owner.claim()

    assert connect(account_id, AS_OF + MINUTE) == Outcome(Result.DONE, account_id)

    assert state(account_id) == GOOD
    account = row(account_id)
    assert (account.enabled_at, account.checked_at) == (AS_OF + MINUTE,) * 2
    assert account.details["bucket"] == fake_cloud.BUCKET
    assert due(account_id) == {"sweep": 1, "prove": 1, "check": 361}
    assert [call.method for call in cloud.calls] == ["verify", "connect"]
    assert {call.external_id for call in cloud.calls} == {owner.external_id}


def test_connecting_again_keeps_since_when_it_is_enabled(owner):
    account_id = owner.connected()

    connect(account_id, AS_OF + MINUTE)

    assert (row(account_id).enabled_at, row(account_id).checked_at) == (AS_OF, AS_OF + MINUTE)


def test_an_account_whose_files_no_queue_tells_of_is_polled(owner, cloud):
    arn = owner.arn(bucket="my-logs")
    account_id = owner.claim(arn)
    connect(account_id)
    assert due(account_id) == {"sweep": 0, "prove": 0, "poll": 0, "check": 360}

    cloud.accounts[ACCOUNT].bucket = ""
    onboarding.enable(account_id=account_id, now=AS_OF)
    connect(account_id)
    assert due(account_id) == {"sweep": 0, "prove": 0, "check": 360}


def test_logs_may_lie_with_another_account_of_the_customer(owner, stranger):
    owner.connected(OTHER)
    stranger.connected("000000000044")
    paying = owner.claim(owner.arn(bucket="the-organizations", bucket_owner=OTHER))
    foreign = owner.claim(owner.arn("000000000045", bucket="a-strangers", bucket_owner="000000000044"))

    assert [connect(account_id).result for account_id in (paying, foreign)] == [Result.DONE] * 2

    assert (row(paying).details["bucket"], row(paying).details["reader"]) == ("the-organizations", OTHER)
    assert row(foreign).details["bucket"] == fake_cloud.BUCKET


def test_c24_the_same_account_again_changes_nothing(owner, cloud):
    """C24: a redelivered creation was told to the platform as a failure."""
    account_id = owner.connected(platform=APPLICATION)
    before, calls, planned = row(account_id), len(cloud.calls), due(account_id)

    again = [
        owner.claim(cloud.accounts[ACCOUNT].arn, now=AS_OF + HOUR, platform=APPLICATION),
        owner.claim(cloud.accounts[ACCOUNT].arn, now=AS_OF + HOUR),
    ]

    assert again == [account_id] * 2
    assert (state(account_id), row(account_id).metered_from, due(account_id)) == (GOOD, before.metered_from, planned)
    assert len(cloud.calls) == calls
    assert connect(account_id).result is Result.DONE


def test_c24_a_problem_is_not_raised_again_by_the_same_claim(owner, cloud):
    arn = owner.arn(denied=("ec2:DescribeInstances",))
    account_id = owner.claim(arn)
    connect(account_id)

    assert owner.claim(arn, now=AS_OF + MINUTE / 2) == account_id

    assert state(account_id) == ("enabled", False, False, "CG3003")
    assert due(account_id) == {"connect": 1}


def test_c25_an_application_has_one_account(owner, stranger):
    """C25: the same pair of authentication and application ended in an IntegrityError that nobody was told of."""
    account_id = owner.claim(platform=APPLICATION)

    for other, native_id in ((owner, OTHER), (stranger, ACCOUNT)):
        with pytest.raises(CustomerProblem, match="the platform's application has another account") as caught:
            other.claim(other.arn(native_id), platform=APPLICATION)
        assert caught.value.problem is Problem.DUPLICATE_CREDENTIALS
    assert list(CloudAccount.objects.values_list("pk", flat=True)) == [account_id]


def test_c25_an_application_that_is_taken_is_not_given_to_a_known_account(owner):
    owner.claim(platform=APPLICATION)
    other = owner.claim(owner.arn(OTHER))

    with pytest.raises(CustomerProblem, match="the platform's application has another account"):
        owner.claim(owner.cloud.accounts[OTHER].arn, platform=APPLICATION)

    assert row(other).platform_application_id is None


def test_c25_an_account_has_one_application(owner, cloud):
    account_id = owner.claim(platform=APPLICATION)

    with pytest.raises(CustomerProblem, match=f"account {ACCOUNT} belongs to another application") as same:
        owner.claim(cloud.accounts[ACCOUNT].arn, platform=PlatformIds(1, 2, 3))
    with pytest.raises(CustomerProblem) as different:
        owner.claim(owner.arn(role="another"), platform=PlatformIds(1, 2, 3))

    assert same.value.problem is Problem.DUPLICATE_CREDENTIALS
    assert different.value.problem is Problem.DUPLICATE_ACCOUNT
    assert row(account_id).platform_application_id == 8


def test_an_account_that_an_operator_added_takes_the_platforms_names(owner, cloud):
    account_id = owner.connected()

    assert owner.claim(cloud.accounts[ACCOUNT].arn, platform=APPLICATION) == account_id

    assert row(account_id).platform_application_id == 8


def test_an_external_id_that_the_platform_brings_is_bound_to_its_customer(owner, stranger, cloud):
    arn = cloud.add(ACCOUNT, "brought-along").arn
    account_id = owner.claim(arn, external_id="brought-along")

    assert connect(account_id).result is Result.DONE
    with pytest.raises(CustomerProblem) as caught:
        stranger.claim(arn, external_id="brought-along")
    assert caught.value.problem is Problem.EXTERNAL_ID_TAKEN
    assert ExternalId.objects.get(value="brought-along").customer_id == owner.customer_id


def test_s1_a_claim_on_anothers_role_opens_nothing_and_blocks_nobody(owner, stranger, cloud):
    """S1: an ARN alone opened an account, whoever named it."""
    arn = owner.arn()
    claimed = stranger.claim(arn)
    own = owner.claim(arn)

    refused = connect(claimed)
    assert (refused.result, refused.code) == (Result.PROBLEM, "CG3002")
    assert connect(own).result is Result.DONE
    assert connect(claimed, AS_OF + MINUTE).result is Result.PROBLEM

    assert state(claimed) == ("enabled", False, False, "CG3002")
    assert state(own) == GOOD
    assert {call.external_id for call in cloud.calls if call.method == "connect"} == {owner.external_id}


def test_s1_a_role_that_lets_in_anybody_is_nobodys(stranger, cloud):
    arn = cloud.add(ACCOUNT, "").arn

    refused = connect(stranger.claim(arn))

    assert (refused.result, refused.code) == (Result.PROBLEM, "CG3004")
    assert cloud.called("connect") == []


def test_s1_an_account_that_two_customers_can_open_stays_with_the_first(owner, stranger, cloud):
    """S1: the second is told when its own proof holds, and not before; the first notices nothing."""
    own = owner.connected()
    cloud.add(ACCOUNT, stranger.external_id, role="theirs", has_our_trail=True)
    claimed = stranger.claim(cloud.accounts[ACCOUNT].arn)
    assert state(claimed) == NEW

    refused = connect(claimed)

    assert (refused.result, refused.code) == (Result.PROBLEM, "CG1002")
    assert (state(own), state(claimed)) == (GOOD, ("enabled", False, False, "CG1002"))
    assert cloud.called("connect") == [ACCOUNT]

    onboarding.delete(account_id=claimed, now=AS_OF)
    assert connect(claimed).result is Result.GONE
    assert cloud.called("disconnect") == [], "the trail is the owner's"


def test_what_was_taken_is_free_once_its_owner_has_let_it_go(owner, stranger, cloud):
    own = owner.connected()
    cloud.add(ACCOUNT, stranger.external_id)
    claimed = stranger.claim(cloud.accounts[ACCOUNT].arn)
    connect(claimed)

    onboarding.delete(account_id=own, now=AS_OF)
    connect(own)

    assert connect(claimed, AS_OF + HOUR).result is Result.DONE
    assert state(claimed) == GOOD


def test_an_account_of_files_alone_becomes_a_connected_one(cloud):
    stored = Stored("11")
    owner = Owner(cloud)

    account_id = owner.connected()

    assert (owner.customer_id, CloudAccount.objects.count()) == (stored.customer_id, 1)
    assert state(account_id) == GOOD
    assert row(account_id).next_credentials == ""


def test_an_account_of_files_alone_is_never_disconnected(cloud):
    Stored("11")
    account_id = CloudAccount.objects.get().pk
    onboarding.disable(account_id=account_id, now=AS_OF)
    assert due(account_id) == {}
    onboarding.delete(account_id=account_id, now=AS_OF)

    assert connect(account_id).result is Result.GONE
    assert cloud.calls == []
