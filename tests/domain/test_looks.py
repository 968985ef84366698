"""Stops that nobody dated, from looks now and then: within which seconds, and when nothing bounds them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudigrade.domain.events import Event, Feed, Kind, Previous
from cloudigrade.domain.looks import SETTLED, SLACK, Belief, Look, end, stop_after_launch, stop_before_launch
from cloudigrade.domain.runs import Described, history

T = 1_772_409_600  # 2026-03-02T00:00:00Z
HOUR = 3600


def within(event):
    return (event.earliest, event.latest) if event else None


def test_an_undated_stop_lies_between_the_look_that_found_it_on_and_the_one_that_found_it_off():
    found = stop_after_launch("i-1", T, Look(T + 4 * HOUR, T + 3 * HOUR), Belief(seen_on_at=T + 3 * HOUR))

    assert found == Event(
        source_id="estimate:i-1:2026-03-02T00:00:00Z:off",
        occurred_at=T + 3 * HOUR + HOUR // 2,
        kind=Kind.POWER_OFF,
        feed=Feed.ESTIMATE,
        revision=f"{999_999_999_999 - HOUR - 2 * SLACK:012d}",
        earliest=T + 3 * HOUR - SLACK,
        latest=T + 4 * HOUR + SLACK,
    )


def test_a_look_just_after_the_launch_does_not_stretch_the_interval_before_it():
    found = stop_after_launch("i-1", T, Look(T + HOUR, T + 60), Belief(seen_on_at=T + 60))

    assert within(found) == (T, T + HOUR + SLACK)


def test_an_undated_stop_after_a_launch_between_two_looks_lies_after_that_launch():
    found = stop_after_launch("i-1", T + HOUR, Look(T + 2 * HOUR, T), Belief())

    assert within(found) == (T + HOUR, T + 2 * HOUR + SLACK)


@pytest.mark.parametrize(
    ("look", "belief"),
    [
        (Look(T + HOUR), Belief()),
        (Look(T + HOUR, T + 60), Belief()),
        (Look(T + HOUR, T + 60), Belief(seen_on_at=T - HOUR)),
    ],
)
def test_without_a_look_before_it_nothing_bounds_an_undated_stop(look, belief):
    assert stop_after_launch("i-1", T, look, belief) is None


def test_a_stop_that_is_known_needs_no_estimate():
    looked = Look(T + 4 * HOUR, T + 3 * HOUR)

    assert stop_after_launch("i-1", T, looked, Belief(seen_on_at=T + 3 * HOUR, last_off=T + 3 * HOUR + 60)) is None
    assert stop_after_launch("i-1", T, looked, Belief(seen_on_at=T + 3 * HOUR, last_off=T - 60)) is not None


def test_without_a_launch_time_there_is_nothing_to_hold_on_to():
    assert stop_after_launch("i-1", 0, Look(T, T - HOUR), Belief(seen_on_at=T - HOUR)) is None


def test_an_estimate_comes_after_what_its_feeds_told_and_not_at_all_if_they_told_something_since():
    look = Look(T + 4 * HOUR, T + 3 * HOUR)
    heard = Belief(seen_on_at=T + 3 * HOUR, last_heard=T + 3 * HOUR + 600)

    assert within(stop_after_launch("i-1", T, look, heard)) == (T + 3 * HOUR + 600, T + 4 * HOUR + SLACK)
    assert stop_after_launch("i-1", T, look, heard._replace(last_heard=T + 5 * HOUR)) is None


def test_a_launch_in_the_midst_of_a_run_tells_of_a_stop_before_it():
    belief = Belief(seen_on_at=T + 2 * HOUR, on_since=T, last_on=T, last_heard=T)
    found = stop_before_launch("i-1", T + 3 * HOUR, belief)

    assert found is not None
    assert found.source_id == "estimate:i-1:2026-03-02T00:00:00Z:off"
    assert within(found) == (T + 2 * HOUR - SLACK, T + 3 * HOUR - 1)


def test_a_launch_that_was_seen_before_is_no_news():
    for seen in (T + 3 * HOUR, T + 3 * HOUR + 60, T + 4 * HOUR):
        assert stop_before_launch("i-1", T + 3 * HOUR, Belief(seen_on_at=seen, on_since=T)) is None


def test_who_is_believed_to_be_off_was_not_stopped_before_the_launch():
    assert stop_before_launch("i-1", T + 3 * HOUR, Belief(seen_on_at=T)) is None


def test_what_is_not_there_any_more_ended_after_it_was_last_on():
    belief = Belief(seen_on_at=T + 2 * HOUR, on_since=T + 60, last_on=T + 60)
    found = end("i-1", Look(T + 3 * HOUR, T + 2 * HOUR), belief)

    assert found is not None
    assert (found.source_id, found.is_termination) == ("estimate:i-1:2026-03-02T00:01:00Z:off", True)
    assert within(found) == (T + 2 * HOUR - SLACK, T + 3 * HOUR + SLACK)


def test_what_was_never_seen_ended_after_its_launch():
    assert within(end("i-1", Look(T + HOUR), Belief(on_since=T, last_on=T))) == (T, T + HOUR + SLACK)
    assert within(end("i-1", Look(T + HOUR), Belief(on_since=T))) == (T, T + HOUR + SLACK)


def test_what_was_launched_just_now_is_not_gone_but_not_visible_yet():
    assert end("i-1", Look(T + SETTLED), Belief(on_since=T, last_on=T)) is None
    assert end("i-1", Look(T + SETTLED + 1), Belief(on_since=T, last_on=T)) is not None


def test_what_is_not_believed_to_be_on_does_not_end():
    assert end("i-1", Look(T + HOUR), Belief(last_on=T)) is None


times = st.integers(1, 100).map(lambda ten: ten * 600)


@given(launched=times, off=times, looks=st.lists(times, unique=True, min_size=2, max_size=5).map(sorted))
def test_an_estimated_run_ends_between_the_looks_and_the_true_stop_takes_its_place(launched, off, looks):
    """Whatever the looks, the interval holds the truth, and the truth told later is what remains."""
    if off <= launched:
        return
    seen = [at for at in looks if launched <= at < off]
    later = [at for at in looks if at >= off]
    if not later:
        return
    before = max((at for at in looks if at < later[0]), default=None)
    found = stop_after_launch("i-1", launched, Look(later[0], before), Belief(seen_on_at=max(seen, default=0)))
    if found is None:
        assert not seen
        assert before is None or before >= launched
        return
    assert found.earliest <= off <= found.latest
    launch = Event("launch", launched, Kind.POWER_ON, is_launch=True)
    truth = Event("stop", off, Kind.POWER_OFF, previous=Previous.ON)
    described = Described(undated_stop_launch=launched)
    (run,) = history([launch, found], metered_from=0, described=described).runs
    assert (run.start, run.end) == (launched, found.occurred_at)
    (run,) = history([launch, found, truth], metered_from=0, described=described).runs
    assert (run.start, run.end) == (launched, off)
