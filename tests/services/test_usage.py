"""Runs become the answers of exactly those days that they touch."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cloudigrade.clouds.protocol import Findings
from cloudigrade.models import ConcurrentUsage, DirtyDay
from cloudigrade.services import usage
from cloudigrade.services.usage import mark, mark_unanswered, recalculate_claimed
from tests.builders import (
    AS_OF,
    HOUR,
    IMAGE,
    LARGE,
    XLARGE,
    clock,
    custom_image,
    day,
    found,
    launch,
    moment,
    red_hat_image,
    start,
    stop,
    tag,
)

LATER = datetime(2026, 3, 20, tzinfo=UTC)
ANY = ("_ANY",) * 5


@pytest.fixture
def answered(stored):
    """A customer with ten answered days: RHEL on days 1 and 2, and something else on day 5."""
    stored.meter(
        LARGE,
        XLARGE,
        red_hat_image("ami-rhel"),
        custom_image("ami-other"),
        launch("i-1", 30, image="ami-rhel"),
        stop("i-1", 50),
        launch("i-2", 122, image="ami-other"),
        stop("i-2", 130),
    )
    return stored


def remade(stored):
    """The days answered anew, of those that had an answer."""
    before = stored.computed()
    stored.recalculate(as_of=LATER)
    after = stored.computed()
    return [answer for answer in before if after[answer] != before[answer]]


def test_every_day_from_the_start_of_metering_gets_a_row_idle_ones_too(answered):
    assert list(answered.computed()) == [day(number) for number in range(10)]
    assert [answered.rhel_seconds(day(number)) // HOUR for number in range(4)] == [0, 18, 2, 0]
    assert answered.counts(day(0)) == {}
    assert answered.counts(day(1))[ANY] == 1
    assert answered.totals(day(5))["all"] == {
        "instances_peak": 1,
        "vcpu_peak": 2,
        "memory_mib_peak": 8192,
        "instance_seconds": 8 * HOUR,
        "vcpu_seconds": 16 * HOUR,
    }


def test_c1_a_late_event_answers_anew_exactly_the_days_it_touches(answered):
    """C1: however old the day; all others keep their answers and the time they were computed at."""
    answered.record(launch("i-3", 20, image="ami-rhel"), stop("i-3", 26))

    assert remade(answered) == [day(0), day(1)]
    assert [answered.rhel_seconds(day(number)) // HOUR for number in range(4)] == [4, 20, 2, 0]
    assert len(answered.computed()) == 18


def test_c1_a_late_stop_answers_anew_the_days_between(answered):
    """C1: the run becomes shorter, so the days it no longer touches are answered anew as well."""
    answered.record(stop("i-1", 31))

    assert remade(answered) == [day(1), day(2)]
    assert [answered.rhel_seconds(day(number)) // HOUR for number in range(4)] == [0, 1, 0, 0]


def test_c1_late_findings_answer_anew_the_days_on_which_the_image_ran(answered):
    """C1: an inspection that ends late is enough, and needs no operator."""
    answered.record(found("ami-other", syspurpose={"role": "Server"}))

    assert remade(answered) == [day(5)]
    assert answered.counts(day(5))["_ANY", "Server", "_ANY", "_ANY", "_ANY"] == 1


def test_c1_c8_a_late_tag_answers_anew_the_days_on_which_the_image_ran(answered):
    """C1, C8: a tag set today holds for all days on which the image ran."""
    answered.record(tag(200, image="ami-other"))
    assert remade(answered) == [day(5)]
    assert answered.rhel_seconds(day(5)) == 8 * HOUR

    answered.record(tag(201, image="ami-other", is_present=False))
    answered.recalculate()
    assert answered.rhel_seconds(day(5)) == 0


def test_c1_the_old_row_stands_until_the_new_one_replaces_it(answered):
    """C1: dirty days keep their answers, so that readers never see a gap."""
    old = ConcurrentUsage.objects.get(day=day(1))
    answered.record(launch("i-3", 20, image="ami-rhel"), stop("i-3", 26))
    usage.mark_unanswered(as_of=AS_OF)

    still = ConcurrentUsage.objects.get(day=day(1))
    assert (still.pk, still.totals, still.computed_at) == (old.pk, old.totals, AS_OF)

    answered.recalculate(as_of=LATER)
    new = ConcurrentUsage.objects.get(day=day(1))
    assert (new.pk, new.computed_at) == (old.pk, LATER)


def test_p6_findings_that_say_the_same_answer_nothing_anew(answered):
    """P6: an unchanged image leaves all days alone."""
    answered.record(found("ami-other"))
    answered.recalculate()

    answered.record(found("ami-other"), custom_image("ami-other"))

    assert answered.dirty_days() == []


def test_p6_findings_on_an_image_that_never_ran_answer_nothing_anew(answered):
    """P6: only days on which it ran can have another answer."""
    answered.record(found("ami-unused"), tag(3, image="ami-unused"))

    assert answered.dirty_days() == []


def test_c14_a_stop_and_a_start_in_the_same_second_are_not_concurrent(stored):
    """C14: whatever the order of rows."""
    stored.meter(red_hat_image(), launch("i-2", 5), stop("i-2", 9), launch("i-1", 1), stop("i-1", 5))

    assert stored.totals(day(0))["rhel"]["customer"]["instances_peak"] == 1
    assert stored.counts(day(0))[ANY] == 1


def test_c15_a_run_that_ends_at_midnight_does_not_count_on_the_next_day(stored):
    """C15: neither in the counts nor in the days that are marked."""
    stored.recalculate()
    stored.record(red_hat_image(), launch("i-1", 20), stop("i-1", 24))

    assert remade(stored) == [day(0)]
    assert stored.counts(day(0))[ANY] == 1
    assert stored.counts(day(1)) == {}


NONSENSE = [None, [], ["Server"], 7, True, 2.5, {"x": 1}, "\x00", "\ud800", "é" * 65, ""]


@pytest.mark.parametrize("value", NONSENSE, ids=repr)
@pytest.mark.parametrize("field", ["role", "service_level_agreement", "usage", "service_type"])
def test_c16_a_malformed_system_purpose_never_costs_the_day(stored, field, value):
    """C16: nonsense on a customer's disk counts as nothing said, or as the text that can be told."""
    stored.meter(launch("i-1", 1), stop("i-1", 2), found(syspurpose={field: value, "x": value}))

    place = ("role", "service_level_agreement", "usage", "service_type").index(field) + 1
    said = {category[place] for category in stored.counts(day(0))}
    kept = {"\ud800": "?", "é" * 65: "é" * 64}.get(value, "") if isinstance(value, str) else ""
    assert said == {"_ANY", kept}


@pytest.mark.parametrize("value", [*NONSENSE, {}, {"role": None}, "Server", [{"role": "Server"}]], ids=repr)
def test_c16_a_system_purpose_of_any_shape_never_costs_the_day(stored, value):
    """C16: a string, list or number in place of the object says nothing."""
    stored.meter(launch("i-1", 1), stop("i-1", 2), found(syspurpose=value))

    assert stored.counts(day(0))[ANY] == 1
    assert len(stored.counts(day(0))) == 24


@pytest.mark.parametrize("content", [{}, {"errors": [None, 3, {}]}, {"drives": 3}, {"rhel_version": ["9"]}], ids=repr)
def test_c16_findings_of_any_shape_never_cost_the_day(stored, content):
    """C16: the day is answered, whatever the inspector wrote."""
    stored.meter(launch("i-1", 1), stop("i-1", 2), Findings(IMAGE, content))

    assert stored.totals(day(0))["all"]["instances_peak"] == 1


def test_an_open_run_touches_every_day_until_today_and_is_answered_on_new_days(stored):
    stored.meter(red_hat_image(), launch("i-1", 12))
    assert [stored.rhel_seconds(day(number)) // HOUR for number in (0, 1, 9)] == [12, 24, 24]

    stored.recalculate(as_of=AS_OF + timedelta(1))
    assert stored.rhel_seconds(day(10)) == 24 * HOUR


def test_a_day_that_has_not_ended_is_marked_but_not_answered(stored):
    stored.meter(red_hat_image(), launch("i-1", 1))
    assert recalculate_claimed(as_of=moment(25), customer_id=stored.customer_id) == 0

    mark(customer_id=stored.customer_id, spans=[(clock(1), None)], as_of=AS_OF)

    assert usage.recalculate_all(as_of=moment(47.9), customer_id=stored.customer_id) == 1
    assert stored.dirty_days() == [day(number) for number in range(1, 10)]


def test_nothing_before_the_start_of_metering_is_marked(stored):
    mark(customer_id=stored.customer_id, spans=[(clock(-50), clock(30))], as_of=AS_OF)

    assert stored.dirty_days() == [day(0), day(1)]


def test_mark_counts_on_so_that_it_waits_for_a_claim(stored):
    for _ in range(2):
        mark(customer_id=stored.customer_id, spans=[(clock(1), clock(2))], as_of=AS_OF)

    assert DirtyDay.objects.get().marks == 2


def test_mark_unanswered_leaves_answered_days_alone(answered):
    assert mark_unanswered(as_of=AS_OF) == 0
    assert mark_unanswered(as_of=AS_OF + timedelta(2), customer_id=answered.customer_id) == 2
    assert answered.dirty_days() == [day(10), day(11)]


def test_more_days_than_one_transaction_takes_are_all_answered(stored, monkeypatch):
    monkeypatch.setattr(usage, "CLAIM", 3)

    assert stored.recalculate() == (0, 10)
    assert stored.dirty_days() == []


def test_p3_as_many_queries_for_ninety_days_and_many_instances_as_for_one(stored):
    """P3: days are answered in bulk."""

    def queries(instances, days):
        stored.record(*(launch(f"i-{instances}-{n}", n % 24) for n in range(instances)))
        stored.recalculate(as_of=moment(0))
        DirtyDay.objects.all().delete()
        mark(customer_id=stored.customer_id, spans=[(clock(0), clock(24 * days))], as_of=moment(24 * days))
        with CaptureQueriesContext(connection) as captured:
            assert recalculate_claimed(as_of=moment(24 * days), customer_id=stored.customer_id) == days
        return len(captured)

    assert queries(1, 1) == queries(10, 10) == queries(1000, 90) <= 14


def test_customers_are_answered_apart(stored, make_stored):
    neighbour = make_stored("22", ["000000000099"])
    stored.meter(red_hat_image(), launch("i-1", 1))
    neighbour.recalculate()

    assert stored.counts(day(1))[ANY] == 1
    assert neighbour.counts(day(1)) == {}


def test_a_restart_at_midnight_counts_on_both_days(stored):
    stored.meter(red_hat_image(), launch("i-1", 20), stop("i-1", 24), start("i-1", 24.5), stop("i-1", 25))

    assert [stored.rhel_seconds(day(number)) for number in range(3)] == [4 * HOUR, HOUR // 2, 0]
