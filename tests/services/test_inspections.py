"""Images are looked into where they are, and what that comes to is stored, told and answered anew."""

import json
from datetime import timedelta

import pytest

from cloudigrade.clouds.inspecting import Outcome
from cloudigrade.clouds.protocol import Unavailable, Unreadable
from cloudigrade.models import CloudAccount, DirtyDay, ImageVerdict
from cloudigrade.services import reinspection
from tests.builders import ACCOUNT, IMAGE, REGION, day, launch, stop
from tests.fake_images import BLOCK, DIRECT
from tests.services.inspected import INCONCLUSIVE, MOUNT_FAILED, OTHER, RHEL


def test_an_unknown_image_is_looked_into_and_its_verdict_arrives(bench, customer):
    bench.settle()

    assert bench.told() == ("inspected", "inspection found RHEL")
    row = bench.row()
    assert (row.path, row.basis, row.attempts, row.due_at) == ("direct", "disk", 1, None)
    assert bench.verdict(customer) == "rhel"
    assert json.loads(bench.findings()) == RHEL
    assert bench.looked == [(IMAGE, (f"snap-{IMAGE}",))]


def test_c1_a_late_verdict_marks_exactly_the_days_and_customers_that_it_touches(bench, customer, neighbour):
    """C1: a late inspection left the past unanswered."""
    customer.record(
        launch("i-2", 30), stop("i-2", 50), stop(f"i-{ACCOUNT}-{IMAGE}", 3), launch("i-3", 1, image="ami-x")
    )
    neighbour.meter(launch("i-9", 1, image="ami-9", account=OTHER))
    customer.recalculate()
    assert customer.dirty_days() == []

    bench.settle()

    assert customer.dirty_days() == [day(0), day(1), day(2)]
    assert not DirtyDay.objects.exclude(customer=customer.customer_id).exists()
    before = customer.rhel_seconds(day(1))
    customer.recalculate()
    assert (before, customer.rhel_seconds(day(1))) == (0, 18 * 3600)


def test_c35_all_block_devices_are_looked_at_not_only_the_root(bench, customer):
    """C35: only the root volume's snapshot was inspected."""
    bench.cloud.show(ACCOUNT, REGION, IMAGE, "snap-root", "snap-var", "snap-opt")

    bench.settle()

    assert bench.looked == [(IMAGE, ("snap-root", "snap-var", "snap-opt"))]


def test_it_costs_what_was_fetched_and_no_more_than_its_budget(bench, customer):
    bench.cloud.disks.contents[f"snap-{IMAGE}"] = b"\1" * (4 * BLOCK)
    bench.configure(blocks=100, cost=9, price=3)

    bench.settle()

    row = bench.row()
    assert (row.requests, row.bytes_read) == (4, 3 * BLOCK)


def test_c28_what_could_not_be_read_is_an_error_and_never_not_rhel(bench, customer):
    """C28: an inspection that failed was stored as inspected without RHEL."""
    bench.answers[IMAGE] = INCONCLUSIVE

    bench.settle()

    assert bench.told() == ("error", "inconclusive: /dev/sda1 is encrypted (LUKS)")
    assert bench.verdict(customer) == "undetermined"
    reasons = ImageVerdict.objects.get(customer=customer.customer_id).reasons
    assert reasons[-1] == "unknown: inspection tells nothing (/dev/sda1 is encrypted (LUKS))"
    assert bench.row().due_at is None


def test_c28_a_result_with_errors_of_the_old_inspector_is_tried_again_and_then_an_error(bench, customer):
    """C28: neither a retry nor a flag."""
    bench.answers[IMAGE] = MOUNT_FAILED

    bench.settle_until_idle()

    state, reason = bench.told()
    assert state == "error"
    assert reason.startswith("given up after 5 attempts: the result tells nothing: Mount of /dev/xvdbb1 failed")
    assert bench.verdict(customer) == "undetermined"


def test_c28_a_failed_look_does_not_take_back_what_an_earlier_one_found(bench, customer):
    """C28: a failure is no finding."""
    bench.settle()
    bench.answers[IMAGE] = INCONCLUSIVE
    reinspection.ask_again(image_id=bench.row().image_id, now=bench.now)

    bench.settle()

    assert bench.told()[0] == "error"
    assert (bench.verdict(customer), json.loads(bench.findings())) == ("rhel", RHEL)


def test_c33_exactly_five_attempts_are_made(bench, customer):
    """C33: six were."""
    bench.answers[IMAGE] = Unreadable("the snapshot is gone")

    bench.settle_until_idle()

    assert len(bench.looked) == 5
    assert bench.told() == ("error", "given up after 5 attempts: the snapshot is gone")
    assert (bench.row().attempts, bench.row().due_at) == (5, None)


@pytest.mark.parametrize("most", [1, 2, 7])
def test_c33_the_limit_is_the_number_of_attempts(bench, customer, most):
    """C33: off by one."""
    bench.configure(attempts=most)
    bench.answers[IMAGE] = Unreadable("no")

    bench.settle_until_idle(hours=1000)

    assert len(bench.looked) == most


@pytest.mark.parametrize("method", ["look", "blocks", "page", "get"])
def test_throttling_never_makes_an_error(bench, customer, method):
    bench.cloud.fail(method, Unavailable("slow down"), times=20)

    bench.settle_until_idle()

    assert bench.told() == ("inspected", "inspection found RHEL")
    assert bench.row().attempts == 1


def test_what_is_denied_is_an_error_that_is_looked_at_again_every_day(bench, customer):
    bench.cloud.accounts[ACCOUNT].denied = (DIRECT,)
    bench.settle()

    assert bench.told() == ("error", f"denied: {DIRECT}")
    assert (bench.row().attempts, bench.row().due_at) == (0, bench.now + timedelta(days=1))

    for _ in range(10):
        bench.now += timedelta(days=1)
        bench.settle()
    assert bench.told() == ("error", f"denied: {DIRECT}")
    bench.cloud.accounts[ACCOUNT].denied = ()
    bench.now += timedelta(days=1)
    bench.settle()

    assert bench.told()[0] == "inspected"


def test_what_is_denied_is_looked_at_again_once_the_account_is_enabled_anew(bench, customer):
    bench.cloud.accounts[ACCOUNT].denied = (DIRECT,)
    bench.settle()
    bench.cloud.accounts[ACCOUNT].denied = ()
    bench.now += timedelta(hours=1)
    bench.settle()
    assert bench.told()[0] == "error"

    CloudAccount.objects.update(enabled_at=bench.now)
    bench.now += timedelta(minutes=1)
    bench.settle()

    assert bench.told()[0] == "inspected"


def test_c34_a_vanished_image_is_unavailable(bench, customer):
    """C34: told by kinds, not by words in the cloud's sentences."""
    bench.cloud.disks.seen.clear()

    bench.settle()

    assert bench.told() == ("unavailable", f"{IMAGE} is not there")
    assert bench.row().due_at is None


@pytest.mark.parametrize(
    ("outcome", "state"),
    [(Outcome.SETTLED, "inspected"), (Outcome.IMPOSSIBLE, "error"), (Outcome.GONE, "unavailable")],
)
def test_c34_what_the_cloud_says_of_an_image_decides_by_its_kind(bench, customer, outcome, state):
    """C34: a private image was recognised by a part of a sentence."""
    bench.cloud.say(ACCOUNT, REGION, IMAGE, outcome, "you do not have permission to access the storage of this ami")

    bench.settle()

    assert bench.told() == (state, "you do not have permission to access the storage of this ami")
    assert bench.looked == []
