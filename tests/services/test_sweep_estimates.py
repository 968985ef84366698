"""Stops that nobody dated: between the last two sweeps, marked as estimates, and void once the truth is told."""

import pytest

from cloudigrade.domain.events import Feed
from cloudigrade.domain.looks import SLACK
from cloudigrade.models import Instance, InstanceEvent
from tests import builders
from tests.builders import HOUR, LARGE, XLARGE, clock, launch, start, stop
from tests.services.swept import Sweeper, described, looked, off

SLACK_HOURS = SLACK / HOUR


@pytest.fixture
def sweep(stored):
    return Sweeper(stored)


def estimates():
    rows = InstanceEvent.objects.filter(feed=Feed.ESTIMATE).order_by("source_id")
    return [(row.source_id, hours(row.earliest), hours(row.latest)) for row in rows]


def hours(second):
    return (second - clock(0)) / HOUR


def test_c52_an_undated_stop_is_bounded_by_the_last_two_sweeps_and_marked(stored, sweep):
    stored.meter(launch("i-1", 1))
    sweep(looked(8, described("i-1", 1)))

    swept = sweep(looked(9, off("i-1", 1)))

    assert swept.estimates == 1
    assert stored.spans() == [("i-1", 1, 8.5)]
    (made,) = estimates()
    assert made == ("estimate:i-1:2026-03-02T01:00:00Z:off", 8 - SLACK_HOURS, 9 + SLACK_HOURS)


def test_an_exact_stop_that_arrives_later_takes_the_place_of_the_estimate(stored, sweep):
    stored.meter(launch("i-1", 1))
    sweep(looked(8, described("i-1", 1)))
    sweep(looked(9, off("i-1", 1)))

    stored.meter(stop("i-1", 8.1))

    assert stored.spans() == [("i-1", 1, 8.1)]


def test_an_exact_stop_that_was_there_before_leaves_no_room_for_an_estimate(stored, sweep):
    stored.meter(launch("i-1", 1))
    sweep(looked(8, described("i-1", 1)))
    stored.meter(stop("i-1", 8.1))

    assert sweep(looked(9, off("i-1", 1))).estimates == 0
    assert stored.spans() == [("i-1", 1, 8.1)]


def test_a_later_sweep_does_not_widen_an_estimate(stored, sweep):
    stored.meter(launch("i-1", 1))
    for hour in (8, 9):
        sweep(looked(hour, described("i-1", 1) if hour == 8 else off("i-1", 1)))
    known = estimates()

    assert sweep(looked(12, off("i-1", 1))).new == 0
    assert estimates() == known
    assert stored.spans() == [("i-1", 1, 8.5)]


def test_an_instance_that_came_and_stopped_between_two_sweeps_ran_from_its_launch_into_the_interval(stored, sweep):
    sweep(looked(8))

    sweep(looked(10, off("i-1", 9)))

    ((name, began, ended),) = stored.spans()
    assert (name, began) == ("i-1", 9)
    assert ended == pytest.approx(9.5 + SLACK_HOURS / 2)


def test_an_undated_stop_before_the_first_sweep_is_drift_and_no_guess(stored, sweep):
    assert sweep(looked(9, off("i-1", 6))).estimates == 0

    assert stored.spans() == []
    assert Instance.objects.get().drift == ["found off, without a time, after its launch at 2026-03-02T06:00:00Z"]


def test_a_type_change_while_it_was_off_unseen_takes_effect_at_the_launch(stored, sweep):
    stored.meter(launch("i-1", 1), LARGE, XLARGE)
    sweep(looked(8, described("i-1", 1)))

    sweep(looked(10, described("i-1", 9, instance_type="m5.xlarge")))

    (first, second) = stored.runs()
    assert first[:2] == ("i-1", 1)
    assert first[2] == pytest.approx((8 - SLACK_HOURS + 9) / 2, abs=1 / HOUR)
    assert first[3:] == ("m5.large", 2)
    assert second == ("i-1", 9, None, "m5.xlarge", 4)
    assert Instance.objects.get().drift == []


def test_the_late_records_of_such_a_stop_and_start_take_the_place_of_the_estimate(stored, sweep):
    stored.meter(launch("i-1", 1))
    sweep(looked(8, described("i-1", 1)))
    sweep(looked(10, described("i-1", 9)))

    stored.meter(stop("i-1", 8.25), start("i-1", 9))

    assert stored.spans() == [("i-1", 1, 8.25), ("i-1", 9, None)]


def test_a_start_that_a_feed_told_of_without_its_stop_is_explained_by_the_estimate(stored, sweep):
    stored.meter(launch("i-1", 1))
    sweep(looked(8, described("i-1", 1)))
    stored.meter(start("i-1", 9))
    assert stored.spans() == [("i-1", 1, None)]

    sweep(looked(10, described("i-1", 9)))

    assert [(began, ended is None) for _, began, ended in stored.spans()] == [(1, False), (9, True)]
    assert Instance.objects.get().drift == []


def test_a_launch_that_two_tell_minutes_apart_is_one_and_no_stop_lies_between(stored, sweep):
    stored.meter(launch("i-1", 6))

    assert sweep(looked(8, described("i-1", 6 + 180 / HOUR))).estimates == 0
    assert stored.spans() == [("i-1", 6, None)]


def test_a_type_that_was_changed_while_it_is_off_does_not_undo_the_estimate(stored, sweep):
    """A feed told of the change but not of the stop: what it told is no estimate's to contradict."""
    stored.meter(launch("i-1", 1))
    sweep(looked(8, described("i-1", 1)))
    stored.meter(builders.retype("i-1", 8.25, "m5.xlarge"))

    sweep(looked(9, off("i-1", 1, instance_type="m5.xlarge")))

    before, after = stored.runs()
    assert before == ("i-1", 1, 8.25, "m5.large", None)
    assert after[2] == pytest.approx((8.25 + 9 + SLACK_HOURS) / 2, abs=1 / HOUR)


def test_what_is_not_listed_any_more_is_gone_since_it_was_last_seen(stored, sweep):
    stored.meter(launch("i-1", 1), launch("i-2", 1))
    sweep(looked(8, described("i-1", 1), described("i-2", 1)))

    swept = sweep(looked(10, described("i-2", 1)))

    assert swept.estimates == 1
    assert stored.spans() == [("i-1", 1, 9), ("i-2", 1, None)]
    assert InstanceEvent.objects.get(feed=Feed.ESTIMATE).is_termination
    assert sweep(looked(11, described("i-2", 1))).estimates == 0


def test_what_was_never_seen_and_is_not_listed_is_gone_since_its_launch(stored, sweep):
    stored.meter(launch("i-1", 1))

    sweep(looked(9))

    ((_, began, ended),) = stored.spans()
    assert (began, ended) == (1, pytest.approx(5 + SLACK_HOURS / 2))


def test_what_was_launched_just_now_is_not_taken_for_gone(stored, sweep):
    stored.meter(launch("i-1", 8.9))

    assert sweep(looked(9)).estimates == 0
    assert stored.spans() == [("i-1", 8.9, None)]


def test_news_that_is_not_in_the_runs_yet_is_left_to_the_next_sweep(stored, sweep):
    stored.meter(launch("i-1", 1))
    stored.record(stop("i-1", 5))

    swept = sweep.record(looked(9))

    assert swept.estimates == 0
