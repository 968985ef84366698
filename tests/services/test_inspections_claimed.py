"""Claims on inspections: in turns, one worker at a time, and lost when their lease is over."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cloudigrade.models import Image, Inspection
from cloudigrade.services import clouds, inspections, inspections_advancing, inspections_direct
from tests.builders import ACCOUNT, IMAGE, REGION, moment
from tests.services.inspected import NOT_RHEL, OTHER, RHEL


def test_o16_the_image_of_a_worker_that_died_is_due_again_after_the_lease(bench, customer):
    """O16: it waited for twelve hours."""
    bench.plan()
    bench.claim()
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
        assert bench.claim().task is inspections.Task.ATTEMPT
        bench.now += timedelta(seconds=bench.settings.INSPECTIONS.patience)
    bench.settle()

    assert bench.told() == ("error", "given up after 5 attempts: whoever looked into it died")
    assert bench.looked == []


def test_whoever_lost_its_claim_stores_nothing(bench, customer):
    bench.plan()
    slow = bench.claim()
    bench.now += timedelta(seconds=bench.settings.INSPECTIONS.patience)
    bench.answers[IMAGE] = NOT_RHEL
    bench.settle()

    with pytest.raises(inspections.Lost):
        inspections_direct.record_result(slow, RHEL, now=bench.now)
    inspections_advancing.act(slow, clock=bench.clock)

    assert bench.told() == ("inspected", "inspection found no RHEL")
    assert bench.verdict(customer) == "not_rhel"


def test_what_is_claimed_is_nobody_elses(bench, customer):
    bench.boot(customer, "ami-2")
    bench.plan()

    first, second = bench.claim(), bench.claim()

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
    claimed = bench.claim()

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
