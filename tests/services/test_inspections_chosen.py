"""Which images are looked into: those whose disks matter to somebody whose account may be read."""

import pytest

from cloudigrade.clouds.protocol import Unreadable
from cloudigrade.models import CloudAccount, Inspection
from cloudigrade.services import reinspection
from tests.builders import ACCOUNT, IMAGE, launch, red_hat_image, tag
from tests.services.inspected import NOT_RHEL


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"platform": "windows"}, "certain: platform windows is not RHEL"),
        ({"billing_code": "RunInstances:0002"}, "certain: usage operation RunInstances:0002 means Windows, not RHEL"),
    ],
)
def test_what_facts_decide_is_inspected_with_the_reason_and_no_attempt(bench, stored, facts, reason):
    bench.cloud.add(ACCOUNT, "word")
    bench.connect()
    bench.boot(stored)
    bench.describe(stored, **facts)

    bench.settle()

    assert bench.told() == ("inspected", reason)
    assert (bench.row().attempts, bench.row().basis) == (0, "facts")
    assert bench.cloud.called("look") == []


def test_cloud_access_images_are_inspected_without_a_look(bench, stored):
    bench.cloud.add(ACCOUNT, "word")
    bench.connect()
    bench.boot(stored)
    image = red_hat_image()
    bench.describe(stored, **{name: getattr(image, name) for name in ("owner", "name", "billing_code")})

    bench.settle()

    assert bench.told()[0] == "inspected"
    assert bench.told()[1].startswith("certain: usage operation RunInstances:00g0")


def test_an_image_that_is_tagged_is_not_looked_into(bench, customer):
    customer.record(tag(2))

    bench.settle()

    assert not Inspection.objects.exists()
    assert bench.verdict(customer) == "rhel"


def test_facts_that_change_let_the_disks_matter_again(bench, customer):
    bench.describe(customer, platform="windows")
    bench.settle()
    assert bench.row().basis == "facts"

    bench.describe(customer)
    bench.settle()

    assert (bench.row().basis, bench.told()[0]) == ("disk", "inspected")


@pytest.mark.parametrize(
    "state",
    [
        {"is_verified": False},
        {"is_enabled": False},
        {"is_paused": True},
        {"wanted": "disabled"},
        {"is_synthetic": True},
    ],
)
def test_accounts_that_are_not_to_be_read_are_not_used(bench, customer, state):
    CloudAccount.objects.update(**state)

    bench.settle()

    assert not Inspection.objects.exists()
    assert bench.cloud.calls == []


def test_an_account_that_is_paused_meanwhile_leaves_its_images_pending_until_it_goes_on(bench, customer):
    bench.plan()
    CloudAccount.objects.update(is_paused=True)
    bench.settle()
    assert bench.told() == ("pending", "no account that may be read boots from it")
    assert (bench.row().attempts, bench.cloud.calls) == (0, [])

    CloudAccount.objects.update(is_paused=False)
    bench.settle()

    assert bench.told()[0] == "inspected"


def test_an_image_that_is_not_described_waits(bench, stored):
    bench.cloud.add(ACCOUNT, "word")
    bench.connect()
    stored.record(launch("i-1", 1))

    bench.settle()

    assert not Inspection.objects.exists()


def test_asking_again_begins_anew_and_spends_nothing_on_what_facts_decide(bench, customer):
    bench.answers[IMAGE] = Unreadable("no")
    bench.settle_until_idle()
    bench.answers[IMAGE] = NOT_RHEL

    reinspection.ask_again(image_id=bench.row().image_id, now=bench.now)
    assert (bench.told()[0], bench.row().attempts) == ("pending", 0)
    bench.describe(customer)
    bench.settle()

    assert bench.told() == ("inspected", "inspection found no RHEL")
    assert bench.verdict(customer) == "not_rhel"
