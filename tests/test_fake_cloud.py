"""The fake cloud fails when and only when it is told to, and is never called inside a transaction of ours."""

import pytest
from django.db import transaction

from cloudigrade.clouds.cloud import Route
from cloudigrade.clouds.protocol import CustomerProblem, Unavailable
from cloudigrade.services import clouds
from tests import fake_cloud
from tests.fake_accounts import Message
from tests.fake_cloud import BUCKET, LOGS, FakeCloud

ONE, OTHER = "000000000042", "210987654321"


@pytest.fixture
def cloud(db) -> FakeCloud:
    cloud = FakeCloud()
    cloud.add(ONE, "mine", instances={"eu-west-1": []})
    cloud.add(OTHER, "theirs")
    return cloud


def test_p8_a_call_inside_a_transaction_fails_the_test(cloud):
    account = cloud.accounts[ONE].as_account()

    with transaction.atomic(), pytest.raises(AssertionError, match="inside a database transaction"):
        cloud.verify(account)

    cloud.verify(account)


@pytest.mark.django_db(transaction=True)
def test_p8_also_where_the_test_itself_is_no_transaction():
    cloud = FakeCloud()
    account = cloud.add(ONE, "mine").as_account()
    cloud.verify(account)

    with transaction.atomic(), pytest.raises(AssertionError, match="inside a database transaction"):
        cloud.verify(account)


def test_p8_a_sweep_that_goes_on_inside_a_transaction_fails_the_test(cloud):
    sweep = cloud.sweep(cloud.accounts[ONE].as_account())

    with transaction.atomic(), pytest.raises(AssertionError, match="inside a database transaction"):
        next(sweep)


def test_it_fails_as_often_as_told_and_for_whom(cloud):
    cloud.fail("verify", Unavailable("not now"), times=2, account=ONE)
    one, other = cloud.accounts[ONE].as_account(), cloud.accounts[OTHER].as_account()

    cloud.verify(other)
    for _ in range(2):
        with pytest.raises(Unavailable, match="not now"):
            cloud.verify(one)
    cloud.verify(one)

    assert cloud.called("verify") == [OTHER, ONE, ONE, ONE]


def test_it_can_fail_after_it_took_effect_and_be_healed(cloud):
    account = cloud.accounts[ONE].as_account()
    cloud.fail("connect", Unavailable("died"), times=2, after=True)

    with pytest.raises(Unavailable):
        cloud.connect(account)
    assert cloud.accounts[ONE].has_our_trail
    cloud.heal("connect")

    assert cloud.connect(account)["is_ours"] is True


def test_another_accounts_bucket_is_adopted_only_through_a_reader(cloud):
    cloud.accounts[ONE].bucket, cloud.accounts[ONE].bucket_owner = "organization-trails", OTHER
    account, reader = cloud.accounts[ONE].as_account(), cloud.accounts[OTHER].as_account()

    assert cloud.connect(account, readers=[reader])["reader"] == OTHER
    assert not cloud.accounts[ONE].has_our_trail
    assert cloud.connect(account)["bucket"] == BUCKET
    assert cloud.accounts[ONE].has_our_trail


def test_a_message_that_never_gets_through_is_a_dead_letter(cloud):
    cloud.send(Message((BUCKET, ONE), unavailable=100))

    for _ in range(6):
        for opened in cloud.deliveries(lambda places: {place: Route(1) for place in places}):
            with opened:
                pass

    assert (len(cloud.waiting[LOGS]), len(cloud.dead[LOGS])) == (0, 1)
    assert cloud.redrive(LOGS) == 1
    assert len(cloud.waiting[LOGS]) == 1


def test_it_stands_in_for_aws_and_for_no_other(monkeypatch):
    cloud = fake_cloud.installed(monkeypatch)

    assert clouds.get("aws") is cloud
    with pytest.raises(LookupError):
        clouds.get("nimbus")


def test_a_role_that_is_gone_lets_nobody_in(cloud):
    cloud.accounts[ONE].has_role = False

    with pytest.raises(CustomerProblem):
        cloud.verify(cloud.accounts[ONE].as_account())
