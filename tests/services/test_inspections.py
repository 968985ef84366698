"""Images are looked into where it matters, where they are, once, and for those who see them."""

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cloudigrade.clouds.inspecting import Outcome
from cloudigrade.clouds.protocol import Unavailable, Unreadable
from cloudigrade.models import CloudAccount, DirtyDay, Image, ImageVerdict, Inspection, Sight
from cloudigrade.services import inspections, reinspection
from tests.builders import ACCOUNT, IMAGE, REGION, day, found, launch, moment, red_hat_image, stop, tag
from tests.fake_images import BLOCK, DIRECT
from tests.services.inspected import INCONCLUSIVE, MOUNT_FAILED, NOT_RHEL, OTHER, RHEL, Bench


@pytest.fixture
def bench(monkeypatch, settings):
    return Bench(monkeypatch, settings)


@pytest.fixture
def customer(stored, bench):
    """Its account lets us in, and an instance of an image that may hold anything runs there."""
    bench.cloud.add(ACCOUNT, "word")
    bench.connect()
    bench.boot(stored)
    return stored


@pytest.fixture
def neighbour(make_stored, bench):
    """Another customer, whose account lets us in too."""
    neighbour = make_stored("22", [OTHER])
    bench.cloud.add(OTHER, "word")
    bench.connect(OTHER)
    return neighbour


# What it comes to


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


# Which images


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


# Once per content, and only for those who see it


def test_images_with_the_same_disks_are_looked_into_once(bench, customer):
    bench.boot(customer, "ami-2", snapshots=[f"snap-{IMAGE}"])

    bench.settle()

    assert len(bench.looked) == 1
    states = dict(Inspection.objects.values_list("image__native_id", "basis"))
    assert sorted(states.values()) == ["content", "disk"]
    assert (bench.verdict(customer), bench.verdict(customer, "ami-2")) == ("rhel", "rhel")


def test_what_was_found_for_another_customer_is_not_used_unless_both_see_the_image(bench, customer, neighbour):
    """The same snapshot behind two images, each seen by its own customer only: each is looked into."""
    bench.boot(neighbour, "ami-2", account=OTHER, snapshots=[f"snap-{IMAGE}"])
    bench.settle()
    assert len(bench.looked) == 2

    bench.describe(neighbour, IMAGE)
    bench.boot(neighbour, "ami-3", account=OTHER, snapshots=[f"snap-{IMAGE}"])
    bench.settle()
    assert len(bench.looked) == 2
    assert bench.row("ami-3").basis == "content"


def test_what_was_found_on_a_public_image_is_used_for_everybody(bench, customer, neighbour):
    bench.cloud.show(ACCOUNT, REGION, IMAGE, is_public=True)
    bench.settle()
    bench.boot(neighbour, "ami-2", account=OTHER, snapshots=[f"snap-{IMAGE}"])

    bench.settle()

    assert len(bench.looked) == 1
    assert bench.verdict(neighbour, "ami-2") == "rhel"


def test_whoever_only_claims_an_instance_of_an_image_learns_nothing_of_its_disks(bench, customer, neighbour):
    """A log file can be forged; an account cannot."""
    neighbour.record(launch("i-forged", 1, account=OTHER))

    bench.settle()

    assert (bench.verdict(customer), bench.verdict(neighbour)) == ("rhel", "undetermined")
    evidence = ImageVerdict.objects.get(customer=neighbour.customer_id).evidence
    assert evidence["findings"] is None
    assert list(Sight.objects.values_list("customer", flat=True)) == [customer.customer_id]


def test_whoever_comes_to_see_an_image_has_the_verdict_of_its_disks(bench, customer, neighbour):
    neighbour.record(launch("i-2", 1, account=OTHER))
    bench.settle()
    assert bench.verdict(neighbour) == "undetermined"

    bench.describe(neighbour)

    assert bench.verdict(neighbour) == "rhel"


def test_an_image_that_is_public_tells_everybody_who_boots_from_it(bench, customer, neighbour):
    bench.cloud.show(ACCOUNT, REGION, IMAGE, is_public=True)
    neighbour.record(launch("i-2", 1, account=OTHER))

    bench.settle()

    assert (bench.verdict(customer), bench.verdict(neighbour)) == ("rhel", "rhel")


def test_a_description_that_came_in_a_file_makes_nobody_see_an_image(bench, customer, neighbour):
    bench.settle()

    neighbour.record(launch("i-2", 1, account=OTHER), red_hat_image()._replace(owner="1", billing_code="", name=""))

    assert not Sight.objects.filter(customer=neighbour.customer_id).exists()


def test_findings_that_a_customer_brought_are_that_customers_to_know(bench, customer, neighbour):
    neighbour.record(launch("i-2", 1, image="ami-2", account=OTHER), found("ami-2"))
    customer.record(launch("i-3", 1, image="ami-2"))

    assert (bench.verdict(neighbour, "ami-2"), bench.verdict(customer, "ami-2")) == ("rhel", "undetermined")


def test_another_customers_account_is_asked_where_the_first_does_not_see_the_image(bench, customer, neighbour):
    neighbour.record(launch("i-2", 1, account=OTHER))
    Sight.objects.all().delete()
    bench.cloud.disks.seen[OTHER, REGION, IMAGE] = bench.cloud.disks.seen.pop((ACCOUNT, REGION, IMAGE))

    bench.settle()

    assert bench.told()[0] == "inspected"
    assert bench.row().account_id == CloudAccount.objects.get(native_id=OTHER).pk


def test_an_image_that_came_to_nothing_is_looked_at_again_through_an_account_that_comes_to_see_it(
    bench, customer, neighbour
):
    bench.cloud.disks.seen.clear()
    bench.settle()
    assert bench.told()[0] == "unavailable"
    bench.settle()
    assert len(bench.cloud.called("look")) == 1

    bench.boot(neighbour, account=OTHER)
    bench.settle()

    assert bench.told()[0] == "inspected"


# Claims


def test_o16_the_image_of_a_worker_that_died_is_due_again_after_the_lease(bench, customer):
    """O16: it waited for twelve hours."""
    bench.plan()
    assert inspections.claim(now=bench.now) is not None
    assert (bench.told()[0], bench.advance()) == ("preparing", False)

    bench.now += timedelta(seconds=bench.settings.INSPECTIONS.patience)
    assert bench.settings.INSPECTIONS.patience <= 1200
    bench.settle()

    assert bench.told()[0] == "inspected"
    assert bench.row().attempts == 2


def test_o16_an_image_that_kills_every_worker_is_given_up(bench, customer):
    """O16: and it does not go on for ever."""
    bench.plan()
    for _ in range(5):
        assert inspections.claim(now=bench.now).task is inspections.Task.ATTEMPT
        bench.now += timedelta(seconds=bench.settings.INSPECTIONS.patience)
    bench.settle()

    assert bench.told() == ("error", "given up after 5 attempts: whoever looked into it died")
    assert bench.looked == []


def test_whoever_lost_its_claim_stores_nothing(bench, customer):
    bench.plan()
    slow = inspections.claim(now=bench.now)
    bench.now += timedelta(seconds=bench.settings.INSPECTIONS.patience)
    bench.answers[IMAGE] = NOT_RHEL
    bench.settle()

    from cloudigrade.services import inspections_advancing, inspections_direct  # noqa: PLC0415 - named where it is used

    with pytest.raises(inspections.Lost):
        inspections_direct.record_result(slow, RHEL, now=bench.now)
    inspections_advancing.act(slow, clock=bench.clock)

    assert bench.told() == ("inspected", "inspection found no RHEL")
    assert bench.verdict(customer) == "not_rhel"


def test_what_is_claimed_is_nobody_elses(bench, customer):
    bench.boot(customer, "ami-2")
    bench.plan()

    first, second = inspections.claim(now=bench.now), inspections.claim(now=bench.now)

    assert {first.native_id, second.native_id} == {IMAGE, "ami-2"}
    assert inspections.claim(now=bench.now) is None


def test_p14_customers_take_turns(bench, customer, neighbour):
    """P14: nothing kept one customer's images from taking all there is."""
    bench.boot(customer, *(f"ami-{number}" for number in range(2, 7)))
    bench.plan()
    bench.now += timedelta(minutes=1)
    bench.boot(neighbour, "ami-8", "ami-9", account=OTHER)
    bench.plan()

    order = []
    while claimed := inspections.claim(now=bench.now):
        bench.now += timedelta(seconds=1)
        order.append("theirs" if claimed.native_id in ("ami-8", "ami-9") else "ours")

    assert order == ["ours", "theirs", "ours", "theirs", "ours", "ours", "ours", "ours"]


def test_a_failure_that_nobody_expected_counts_as_an_attempt(bench, customer):
    bench.plan()
    claimed = inspections.claim(now=bench.now)

    inspections.record_failure(claimed=claimed, reason="ValueError: odd", now=bench.now)

    assert bench.told() == ("pending", "ValueError: odd")
    assert (bench.row().attempts, bench.row().due_at) == (1, bench.now + timedelta(seconds=60))


def test_any_number_of_images_and_customers_costs_the_same_statements_a_step(bench, customer, neighbour):
    counts = []
    for number in (1, 30):
        names = [f"ami-{number}-{place}" for place in range(number)]
        bench.boot(customer, *names)
        bench.boot(neighbour, *names, account=OTHER)
        Inspection.objects.all().delete()
        with CaptureQueriesContext(connection) as planned:
            bench.plan()
        with CaptureQueriesContext(connection) as advanced:
            bench.advance(bench.row(names[0]).pk)
        assert bench.told(names[0])[0] == "inspected"
        counts.append((len(planned), len(advanced)))

    assert counts[0] == counts[1]
    assert counts[0][0] == 3


def test_a_cloud_without_the_second_protocol_is_left_alone(bench, customer, monkeypatch):
    from cloudigrade.services import clouds, inspections_advancing  # noqa: PLC0415 - named where it is used

    monkeypatch.setattr(clouds, "get", lambda _: object())

    assert inspections_advancing.inspecting_clouds(["aws"]) == {}


def test_nothing_is_looked_into_where_every_way_is_switched_off(bench, customer):
    bench.configure(paths=())

    bench.settle()

    assert bench.told() == ("pending", "no way of looking into images is switched on")
    assert bench.looked == []


def test_an_image_that_anybody_may_boot_from_stays_known_as_such(bench, customer):
    bench.cloud.show(ACCOUNT, REGION, IMAGE, is_public=True)
    bench.settle()

    assert Image.objects.get().is_public
    assert bench.now == moment(12)
