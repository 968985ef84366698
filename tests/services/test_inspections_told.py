"""What inspectors beside copies may tell, however late, and of which image: whoever looks at a disk may be its prey."""

from datetime import timedelta

import pytest

from cloudigrade.clouds.inspecting import Result
from tests.builders import ACCOUNT, IMAGE
from tests.fake_images import DIRECT
from tests.services.inspected import INCONCLUSIVE, NOT_RHEL, RHEL, Bench


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


def launched(bench):
    """Until an inspector is at it."""
    for _ in range(20):
        bench.settle()
        if bench.row().state == "inspecting":
            return
        bench.now += timedelta(seconds=60)
    raise AssertionError("none began")


def test_s7_an_inspector_cannot_tell_of_images_that_are_not_copied(bench, customer):
    """S7: whatever ran on the machine could write any image's result."""
    bench.configure(paths=("direct",))
    bench.cloud.accounts[ACCOUNT].denied = ()
    bench.answers[IMAGE] = INCONCLUSIVE
    bench.settle()

    bench.cloud.write(Result(IMAGE, NOT_RHEL, "s3://results/forged.json"))
    (recorded,) = bench.drain()

    assert recorded.unawaited == 1
    assert bench.verdict(customer) == "undetermined"


def test_s7_a_machine_cannot_tell_of_an_image_that_another_one_looks_at(bench, customer):
    """S7: a disk that takes over the machine beside it still speaks for its own image only."""
    bench.boot(customer, "ami-2")
    launched(bench)
    other = bench.row("ami-2")
    assert (other.state, other.path) == ("inspecting", "copy")
    theirs, own = other.progress["machine"], bench.row().progress["machine"]
    assert theirs != own

    bench.cloud.write(Result(IMAGE, NOT_RHEL, "s3://results/forged.json", theirs))
    (recorded,) = bench.drain()
    assert (recorded.unawaited, recorded.recorded, bench.told()[0]) == (1, 0, "inspecting")

    bench.cloud.write(Result(IMAGE, RHEL, "s3://results/own.json", own))
    bench.drain()
    assert (bench.told()[0], bench.verdict(customer)) == ("inspected", "rhel")


def test_s7_a_machine_that_had_been_given_up_cannot_tell_of_other_images(bench, customer):
    launched(bench)
    given_up = bench.row().progress["machine"]
    bench.finish_copies(INCONCLUSIVE)
    bench.settle_until_idle()
    bench.boot(customer, "ami-2")
    bench.settle()
    assert bench.row("ami-2").state == "preparing", "its own machine is not known yet"

    bench.cloud.write(Result("ami-2", NOT_RHEL, "s3://results/forged.json", given_up))
    (recorded,) = bench.drain()

    assert recorded.unawaited == 1


def test_a_machine_whose_launch_was_not_stored_is_believed(bench, customer):
    """Whoever launched it died before that was stored; its result is the only one there will be."""
    bench.settle()
    assert "machine" not in bench.row().progress

    bench.cloud.write(Result(IMAGE, RHEL, "s3://results/1.json", "i-unknown"))
    bench.drain()

    assert bench.told()[0] == "inspected"


def test_a_late_result_counts_though_nobody_waited_for_it_any_more(bench, customer):
    launched(bench)
    bench.now += timedelta(seconds=7200)
    bench.settle()
    assert bench.told()[0] == "pending"

    writer = bench.row().progress["machine"]
    bench.cloud.write(Result(IMAGE, RHEL, "s3://results/late.json", writer))
    bench.drain()
    assert bench.told()[0] == "inspected"
    bench.settle_until_idle()

    assert not bench.cloud.disks.made
    assert not bench.row().has_leftovers
    assert (bench.told()[0], bench.row().attempts) == ("inspected", 1)
