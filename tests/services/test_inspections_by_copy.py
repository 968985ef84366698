"""Inspectors of ours beside copies of disks: capped, in time, and nothing is left of them whatever happens."""

import json
from datetime import timedelta

import pytest

from cloudigrade.clouds.inspecting import Decided, Outcome, Result
from cloudigrade.clouds.protocol import CustomerProblem, Rejected, Unavailable, Unreadable
from cloudigrade.models import CloudAccount, Image, Inspection, Quarantine
from cloudigrade.services import inspections_results, reinspection, removal
from tests.builders import ACCOUNT, IMAGE
from tests.fake_images import COPY, DIRECT, LAUNCH, SHARE
from tests.services.inspected import INCONCLUSIVE, MOUNT_FAILED, NOT_RHEL, OTHER, RHEL, Bench


@pytest.fixture
def bench(monkeypatch, settings):
    bench = Bench(monkeypatch, settings)
    bench.configure(paths=("direct", "copy"))
    return bench


@pytest.fixture
def customer(stored, bench):
    """Its account allows copies only."""
    bench.cloud.add(ACCOUNT, "word", denied=(DIRECT,))
    bench.connect()
    bench.boot(stored)
    return stored


def kinds(bench):
    return sorted(kind for kind, _, _ in bench.cloud.disks.made)


def launched(bench):
    """Until an inspector is at it."""
    for _ in range(20):
        bench.settle()
        if bench.row().state == "inspecting":
            return
        bench.now += timedelta(seconds=60)
    raise AssertionError("none began")


def idle(bench):
    """Nothing of ours is anywhere, and nothing is due."""
    return not bench.cloud.disks.made and not bench.cloud.disks.written and not bench.row().has_leftovers


def test_what_may_not_be_read_directly_is_copied_and_the_result_comes_by_itself(bench, customer):
    bench.settle()
    assert (bench.told()[0], bench.row().path, kinds(bench)) == ("preparing", "copy", [SHARE])
    launched(bench)
    assert kinds(bench) == [COPY, LAUNCH]

    bench.finish_copies()

    assert bench.told() == ("inspected", "inspection found RHEL")
    assert (bench.verdict(customer), json.loads(bench.findings())) == ("rhel", RHEL)
    bench.settle_until_idle()
    assert idle(bench)
    assert (bench.row().attempts, bench.row().due_at, bench.row().state) == (1, None, "inspected")
    assert bench.looked == []


def test_copies_alone_may_be_switched_on(bench, customer):
    bench.configure(paths=("copy",))
    bench.cloud.accounts[ACCOUNT].denied = ()

    bench.settle_until_idle()

    assert (bench.told()[0], bench.row().path, bench.looked) == ("inspected", "copy", [])
    assert idle(bench)


def test_direct_alone_never_copies(bench, customer):
    bench.configure(paths=("direct",))

    bench.settle()

    assert bench.told() == ("error", f"denied: {DIRECT}")
    assert bench.cloud.disks.made == {}


def test_everything_that_is_made_carries_the_attempt_and_a_deadline(bench, customer):
    launched(bench)

    row = bench.row()
    assert {made[1:4] for made in bench.cloud.disks.made.values()} == {(row.pk, row.number, row.subject["deadline"])}


@pytest.mark.parametrize("content", [RHEL, NOT_RHEL, INCONCLUSIVE])
def test_c31_c32_nothing_is_left_behind_after_any_result(bench, customer, content):
    """C31, C32: snapshots stayed shared, and copies stayed in customers' accounts."""
    launched(bench)
    bench.finish_copies(content)

    bench.settle_until_idle()

    assert idle(bench)


@pytest.mark.parametrize("failure", [Unreadable("copy ended in error"), CustomerProblem("no")])
@pytest.mark.parametrize("is_after", [True, False])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_c31_c32_nothing_is_left_behind_after_a_failure_at_any_step(bench, customer, failure, is_after, place):
    """C31, C32: the permission was not revoked when the copy ended in an error."""
    for _ in range(place):
        bench.settle()
        bench.now += timedelta(seconds=60)
    bench.cloud.fail("copy", failure, after=is_after)

    bench.settle_until_idle(hours=1)

    assert idle(bench) or bench.row().state == "error"
    bench.cloud.heal()
    bench.settle_until_idle()
    assert bench.told()[0] == "inspected"
    assert idle(bench)


def test_c31_an_inspector_that_never_answers_fails_in_time_and_leaves_nothing(bench, customer, monkeypatch):
    """C31: a copy that took longer than its retries stayed shared."""
    monkeypatch.setattr(bench, "finish_copies", lambda: None)

    bench.settle_until_idle(hours=1000)

    assert bench.told() == ("error", "given up after 5 attempts: no result within 7200 seconds")
    assert idle(bench)
    assert len(bench.cloud.disks.launched) == 5
    assert len({attempt for _, attempt in bench.cloud.disks.launched}) == 5


def test_c30_no_step_that_is_repeated_launches_a_second_inspector(bench, customer):
    """C30: a retry launched instances twice."""
    for _ in range(3):
        bench.cloud.fail("copy", Unavailable("timed out"), after=True)
        bench.settle()
        bench.now += timedelta(seconds=60)
    bench.settle_until_idle()

    assert len(bench.cloud.disks.launched) == 1
    assert bench.told()[0] == "inspected"


def test_throttling_of_copies_and_of_their_removal_never_makes_an_error(bench, customer):
    bench.cloud.fail("copy", Unavailable("slow down"), times=4)
    bench.cloud.fail("abandon", Unavailable("slow down"), times=8)

    bench.settle_until_idle()

    assert bench.told()[0] == "inspected"
    assert bench.row().attempts == 1
    assert idle(bench)


def test_c32_the_rest_is_removed_once_the_account_lets_us_in_again(bench, customer):
    """C32: what was made in a customer's account was never removed."""
    bench.settle()
    bench.cloud.accounts[ACCOUNT].denied = (DIRECT, SHARE)
    bench.settle_until_idle(hours=1)
    assert (kinds(bench), bench.told()[0]) == ([SHARE], "error")

    bench.cloud.accounts[ACCOUNT].denied = (DIRECT,)
    bench.settle_until_idle()

    assert idle(bench)
    assert bench.told()[0] == "inspected"


def test_c32_the_rest_is_removed_when_the_account_is_no_longer_stored(bench, customer):
    """C32: nor when the customer had left."""
    bench.settle()
    assert kinds(bench) == [SHARE]
    removal.remove(account_id=CloudAccount.objects.get().pk, now=bench.now)

    bench.settle_until_idle()

    assert idle(bench)


def test_what_an_account_never_lets_us_remove_is_given_up_after_a_month(bench, customer, caplog):
    bench.settle()
    bench.cloud.accounts[ACCOUNT].denied = (DIRECT, SHARE)
    bench.cloud.write(Result(IMAGE, RHEL, "s3://results/1.json"))
    bench.drain()
    assert (kinds(bench), bench.told()[0]) == ([SHARE], "inspected")

    bench.settle_until_idle(hours=24 * 40, most=1000)

    assert (bench.row().has_leftovers, bench.row().due_at) == (False, None)
    assert "stays there: denied: share" in caplog.text


def test_asking_again_while_a_copy_is_made_removes_it_first(bench, customer):
    launched(bench)
    reinspection.ask_again(image_id=bench.row().image_id, now=bench.now)
    bench.describe(customer)
    assert (bench.told()[0], bench.row().has_leftovers) == ("pending", True)

    bench.settle_until_idle()

    assert bench.told()[0] == "inspected"
    assert len({attempt for _, attempt in bench.cloud.disks.launched}) == 2
    assert idle(bench)


@pytest.mark.parametrize(
    ("outcome", "state"), [(Outcome.SETTLED, "inspected"), (Outcome.IMPOSSIBLE, "error"), (Outcome.GONE, "unavailable")]
)
def test_a_copy_that_is_refused_may_decide_the_image(bench, customer, monkeypatch, outcome, state):
    """As where AWS refuses to copy or launch what its market sells."""
    bench.settle()
    monkeypatch.setattr(bench.cloud, "copy", lambda *_, **__: Decided(outcome, "told so"))

    bench.settle_until_idle()

    assert bench.told() == (state, "told so")
    assert idle(bench)


def test_p14_so_many_copies_are_made_at_one_time_and_no_more(bench, customer):
    """P14: one machine and one copy per image, without a cap."""
    bench.configure(copies=2)
    bench.boot(customer, *(f"ami-{number}" for number in range(2, 8)))

    bench.settle_until_idle(most=2000)

    assert set(Inspection.objects.values_list("state", flat=True)) == {"inspected"}
    assert bench.cloud.disks.most == 2
    assert len(bench.cloud.disks.launched) == 7
    assert idle(bench)


def test_p14_copies_of_a_region_do_not_keep_another_ones_waiting(bench, customer):
    """P14: the cap is of each region."""
    bench.configure(copies=1)
    bench.settle()
    bench.boot(customer, "ami-2")
    bench.settle()
    assert bench.told("ami-2") == ("pending", "waits until fewer than 1 images of its region are copied")
    Inspection.objects.filter(image__native_id="ami-2").update(due_at=bench.now)
    Image.objects.filter(native_id=IMAGE).update(region="us-east-1")

    bench.settle()

    assert bench.row("ami-2").path == "copy"


# Results


def test_c29_one_bad_result_costs_itself(bench, customer):
    """C29: a message was gone after its first record, and one bad record ended the whole batch."""
    bench.boot(customer, "ami-2")
    for _ in range(4):
        bench.settle()
        bench.now += timedelta(seconds=60)
    bad = Rejected("s3://results/2.json", "is not JSON", content=b"garbage")
    bench.cloud.write(
        Result(IMAGE, MOUNT_FAILED, "s3://results/1.json"),
        Result("ami-unknown", RHEL, "s3://results/3.json"),
        Result("ami-2", {"verdict": {"verdict": "rhel", "version": "9\0\ud800"}}, "s3://results/4.json"),
        rejected=[bad],
    )

    (recorded,) = bench.drain()

    assert recorded == inspections_results.Recorded(recorded=2, unknown=1, rejected=1)
    assert bench.told("ami-2")[0] == "inspected"
    assert bench.told()[0] == "pending"
    assert Quarantine.objects.values_list("feed", "source", "reason").get() == (
        "inspection",
        "s3://results/2.json",
        "is not JSON",
    )
    assert not bench.cloud.disks.written


def test_c29_a_message_is_acknowledged_only_after_all_its_records_are_committed(bench, customer, monkeypatch):
    """C29: it was deleted after the first one."""
    launched(bench)
    bench.cloud.write(Result(IMAGE, RHEL, "1"), Result(IMAGE, RHEL, "2"))
    with monkeypatch.context() as broken:
        broken.setattr(inspections_results, "_record", lambda *_: (_ for _ in ()).throw(RuntimeError("crash")))
        with pytest.raises(RuntimeError):
            bench.drain()
    assert len(bench.cloud.disks.written) == 1

    (recorded,) = bench.drain()

    assert (recorded.recorded, recorded.unawaited) == (1, 1)
    assert not bench.cloud.disks.written


def test_a_result_that_is_delivered_again_changes_nothing(bench, customer):
    launched(bench)
    bench.finish_copies()
    before = Inspection.objects.values().get()
    bench.now += timedelta(minutes=1)

    bench.cloud.write(Result(IMAGE, NOT_RHEL, "s3://results/again.json"))
    (recorded,) = bench.drain()

    assert recorded.unawaited == 1
    assert Inspection.objects.values().get() == before
    assert bench.verdict(customer) == "rhel"


def test_c16_any_system_purpose_in_a_result_leaves_the_days_answered(bench, customer):
    """C16: a system purpose of another shape ended the calculation of the customer's days."""
    purposes = ["text", {"role": None, "usage": 5, "service_level_agreement": ["Premium"]}, {"role": "\ud800"}]
    for purpose in purposes:
        bench.cloud.disks.written.clear()
        launched(bench)
        bench.finish_copies({**RHEL, "syspurpose": purpose})
        customer.recalculate()
        assert len(customer.computed()) == 10
        assert customer.dirty_days() == []
        assert bench.verdict(customer) == "rhel"
        reinspection.ask_again(image_id=bench.row().image_id, now=bench.now)
        bench.describe(customer)


def test_whatever_no_row_knows_of_is_reaped(bench, customer):
    launched(bench)
    row = bench.row()
    lost = [made._replace(inspection=row.pk + 1) for made in bench.cloud.disks.made.values()]
    bench.cloud.disks.made |= {(made.kind, made.inspection, made.attempt): made for made in lost}

    reaped = list(inspections_results.reap(cloud="aws", source=bench.cloud, now=bench.now))

    assert sorted(item.native_id for item in reaped) == sorted(made.native_id for made in lost)
    assert kinds(bench) == [COPY, LAUNCH]
    bench.now += timedelta(days=1)
    assert len(list(inspections_results.reap(cloud="aws", source=bench.cloud, now=bench.now))) == 2


def test_other_accounts_are_not_searched(bench, customer, make_stored):
    make_stored("22", [OTHER])
    bench.cloud.add(OTHER, "word")
    bench.connect(OTHER)
    launched(bench)
    searched: list[str] = []

    def reap(accounts, **_):
        searched.extend(account.native_id for account in accounts)
        return []

    bench.cloud.reap = reap
    assert list(inspections_results.reap(cloud="aws", source=bench.cloud, now=bench.now)) == []
    assert searched == [ACCOUNT]
