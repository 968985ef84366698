"""Images and instances known by name only: asked for once, through an account that may, and again after a while."""

from datetime import timedelta

import pytest

from cloudigrade.clouds.cloud import Unknown
from cloudigrade.clouds.protocol import Unavailable
from cloudigrade.domain.events import Event, Feed, Kind
from cloudigrade.models import CloudAccount, Image, Instance
from cloudigrade.services import unknown
from cloudigrade.services.unknown import AGAIN, Question
from tests import fake_cloud
from tests.builders import ACCOUNT, AS_OF, REGION, activity, clock, custom_image, described, launch, moment

NOW = moment(12)


@pytest.fixture
def cloud(monkeypatch):
    cloud = fake_cloud.installed(monkeypatch)
    cloud.add(ACCOUNT, "word")
    return cloud


@pytest.fixture
def account(stored, cloud):
    return connected(ACCOUNT, cloud)


def connected(native_id, cloud):
    row = CloudAccount.objects.get(native_id=native_id)
    row.is_enabled, row.credentials, row.external_id = True, cloud.accounts[native_id].arn, "word"
    row.save()
    return row


def noticed(instance, hours):
    """A notice: no image, no type."""
    return activity(instance, Event(f"notice-{instance}", clock(hours), Kind.POWER_ON, Feed.STATE_NOTICE))


def asked(now=NOW):
    return [question[1:] for question in unknown.claim(now=now)]


def answered(now=NOW):
    for question in unknown.claim(now=now):
        unknown.record(question=question, answer=unknown.ask(question=question), now=now)


def test_an_image_that_is_known_by_name_only_is_asked_for_once(stored, account):
    stored.record(launch("i-1", 1, image="ami-1"), launch("i-2", 1, image="ami-1"), launch("i-3", 1, image="ami-2"))

    assert unknown.claim(now=NOW) == [Question(account.pk, REGION, Unknown([], ["ami-1", "ami-2"]))]
    assert asked() == []


def test_an_image_that_is_described_is_not_asked_for(stored, account):
    stored.record(launch("i-1", 1), custom_image())

    assert asked() == []


def test_c7_what_the_cloud_does_not_know_stays_and_is_asked_for_again_after_a_day(stored, account, cloud):
    """C7: an image or instance that vanished failed everything that came with it."""
    stored.record(launch("i-1", 1, image="ami-1"), launch("i-2", 1, image="ami-gone"), noticed("i-gone", 12))
    cloud.accounts[ACCOUNT].images[REGION, "ami-1"] = custom_image("ami-1", name="found")._replace(region=REGION)

    answered()

    assert dict(Image.objects.values_list("native_id", "is_described")) == {"ami-1": True, "ami-gone": False}
    assert asked(NOW + AGAIN - timedelta(seconds=1)) == []
    assert asked(NOW + AGAIN) == [(REGION, Unknown([], ["ami-gone"]))]


def test_an_instance_of_which_there_is_news_and_no_image_is_described(stored, account, cloud):
    stored.record(noticed("i-1", 12))
    cloud.accounts[ACCOUNT].instances[REGION] = [described("i-1", 12, image="ami-1")]

    assert asked() == [(REGION, Unknown(["i-1"], []))]
    answered()

    assert Instance.objects.values_list("described_type", "image__native_id").get() == ("m5.large", "ami-1")
    assert asked() == [(REGION, Unknown([], ["ami-1"]))]


def test_an_instance_without_recent_news_is_left_to_the_sweeps(stored, account):
    stored.record(noticed("i-1", 11.7))

    assert asked() == []


@pytest.mark.parametrize(
    "state", [{"is_verified": False}, {"is_enabled": False}, {"is_paused": True}, {"wanted": "disabled"}]
)
def test_accounts_that_are_not_to_be_read_are_not_asked(stored, account, state):
    stored.record(launch("i-1", 1), noticed("i-2", 12))
    CloudAccount.objects.update(**state)

    assert asked() == []
    assert Image.objects.get().asked_at is None


@pytest.fixture
def neighbour(make_stored, cloud):
    """Another customer, whose account is 2."""
    cloud.add("2" * 12, "word")
    neighbour = make_stored("22", ["2" * 12])
    connected("2" * 12, cloud)
    return neighbour


def test_an_image_is_asked_for_through_every_customer_who_boots_from_it(stored, account, neighbour, cloud):
    """Whoever says last to boot from an image may not see it, and does not keep others from being asked."""
    stored.record(launch("i-1", 1))
    neighbour.record(launch("i-2", 2, account="2" * 12))
    cloud.accounts[ACCOUNT].images[REGION, "ami-1"] = custom_image()._replace(region=REGION)

    answered()

    assert [call.native_id for call in cloud.calls if call.method == "describe"] == [ACCOUNT, "2" * 12]
    assert Image.objects.get().is_described


def test_no_more_accounts_than_a_few_are_asked_for_an_image(stored, account, neighbour, monkeypatch):
    monkeypatch.setattr(unknown, "ASKED", 1)
    stored.record(launch("i-1", 1))
    neighbour.record(launch("i-2", 2, account="2" * 12))

    assert len(asked()) == 1


def test_customers_take_turns(stored, account, neighbour, monkeypatch):
    """No customer's unknown images and instances keep another's waiting."""
    monkeypatch.setattr(unknown, "LIMIT", 3)
    stored.record(
        *(launch(f"i-{n}", 1, image=f"ami-{n}") for n in range(5)), *(noticed(f"n-{n}", 12) for n in range(5))
    )
    notice = noticed("n-9", 12)._replace(account="2" * 12)
    neighbour.record(launch("i-9", 1, image="ami-9", account="2" * 12), notice)

    assert asked() == [
        (REGION, Unknown(["n-0", "n-1"], ["ami-0", "ami-1"])),
        (REGION, Unknown(["n-9"], ["ami-9"])),
    ]


def test_what_was_released_is_asked_for_again_at_once(stored, account, cloud):
    stored.record(launch("i-1", 1))
    (question,) = unknown.claim(now=NOW)
    cloud.fail("describe", Unavailable("busy"))

    with pytest.raises(Unavailable):
        unknown.ask(question=question)
    unknown.release(question=question)

    assert unknown.claim(now=NOW) == [question]


def test_an_account_that_was_deleted_meanwhile_is_no_failure(stored, account):
    stored.record(launch("i-1", 1))
    (question,) = unknown.claim(now=NOW)
    gone = question._replace(account_id=0)

    unknown.record(question=gone, answer=unknown.ask(question=gone), now=AS_OF)

    assert not Image.objects.get().is_described
