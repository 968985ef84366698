"""Transitions that nobody dated: where they count, and what voids them."""

from hypothesis import given
from hypothesis import strategies as st

from cloudigrade.domain.events import Event, Feed, Kind, Previous, estimate
from cloudigrade.domain.runs import Described, history

T = 1_000_000
HOUR = 3600


def launch(at):
    return Event("launch", at, Kind.POWER_ON, is_launch=True, instance_type="m5.large")


def stop(at, *, feed=Feed.CLOUDTRAIL, previous=Previous.ON, name="stop"):
    return Event(name, at, Kind.POWER_OFF, feed, previous)


def start(at):
    return Event(f"start-{at}", at, Kind.POWER_ON, previous=Previous.OFF)


def guess(earliest, latest, **more):
    return estimate("i-1", Kind.POWER_OFF, launched_at="L", within=(earliest, latest), **more)


def spans(*events, **more):
    return [run[:2] for run in history(events, metered_from=0, **more).runs]


def test_an_estimate_names_its_launch_and_direction_keeps_its_interval_and_takes_the_middle():
    made = estimate("i-1", Kind.POWER_OFF, launched_at="2026-01-02T03:04:05Z", within=(T, T + 1800))

    assert made.source_id == "estimate:i-1:2026-01-02T03:04:05Z:off"
    assert (made.earliest, made.occurred_at, made.latest) == (T, T + 900, T + 1800)
    assert made.feed is Feed.ESTIMATE


def test_an_estimated_stop_ends_the_run():
    assert spans(launch(T), guess(T + HOUR, T + 2 * HOUR)) == [(T, T + HOUR + HOUR // 2)]


def test_an_exact_stop_inside_the_interval_voids_the_estimate_whenever_it_arrives():
    exact = stop(T + HOUR + 60)
    for feed in (Feed.CLOUDTRAIL, Feed.STATE_NOTICE, Feed.DESCRIPTION):
        told = (launch(T), guess(T + HOUR, T + 2 * HOUR), exact._replace(feed=feed))
        assert spans(*told) == spans(*reversed(told)) == [(T, T + HOUR + 60)]


def test_an_exact_stop_outside_the_interval_does_not():
    told = (launch(T), stop(T + 600), start(T + 1200), guess(T + HOUR, T + 2 * HOUR))

    assert spans(*told) == [(T, T + 600), (T + 1200, T + HOUR + HOUR // 2)]


def test_a_stop_that_changed_nothing_voids_nothing():
    repeated = stop(T + HOUR + 1800 + 60, previous=Previous.OFF)

    assert spans(launch(T), guess(T + HOUR, T + 2 * HOUR), repeated) == [(T, T + HOUR + HOUR // 2)]


def test_an_estimate_explains_the_state_that_a_later_event_testifies_to():
    later = start(T + 5 * HOUR)

    assert spans(launch(T), guess(T + HOUR, T + 2 * HOUR), later) == [
        (T, T + HOUR + HOUR // 2),
        (T + 5 * HOUR, None),
    ]


def test_a_narrower_estimate_of_the_same_transition_takes_its_place_in_either_order():
    wide, narrow = guess(T + HOUR, T + 3 * HOUR), guess(T + HOUR, T + 2 * HOUR)

    for told in ((launch(T), wide, narrow), (launch(T), narrow, wide)):
        assert spans(*told) == [(T, T + HOUR + HOUR // 2)]


def test_a_launch_that_only_descriptions_know_ends_at_the_estimate_and_is_no_drift():
    described = Event("describe:i-1:L", T, Kind.POWER_ON, Feed.DESCRIPTION)
    found = history(
        [described, guess(T + HOUR, T + 2 * HOUR)],
        metered_from=0,
        described=Described(undated_stop_launch=T),
    )

    assert [run[:2] for run in found.runs] == [(T, T + HOUR + HOUR // 2)]
    assert found.drift == []


def test_what_vanished_does_not_start_again():
    described = Event("describe:i-1:L", T + 5 * HOUR, Kind.POWER_ON, Feed.DESCRIPTION)

    assert spans(launch(T), guess(T + HOUR, T + 2 * HOUR, is_gone=True), described) == [(T, T + HOUR + HOUR // 2)]


def test_nothing_counts_while_the_account_is_not_metered():
    told = (launch(T), stop(T + 10 * HOUR))

    assert spans(*told, unmetered=[(T + HOUR, T + 2 * HOUR)]) == [(T, T + HOUR), (T + 2 * HOUR, T + 10 * HOUR)]
    assert spans(*told, unmetered=[(T + HOUR, None)]) == [(T, T + HOUR)]
    assert spans(*told, unmetered=[(0, T + HOUR), (T + 9 * HOUR, None)]) == [(T + HOUR, T + 9 * HOUR)]
    assert spans(*told, unmetered=[(0, None)]) == []
    assert spans(launch(T), unmetered=[(T + HOUR, T + 2 * HOUR)]) == [(T, T + HOUR), (T + 2 * HOUR, None)]


moments = st.integers(0, 40)
holes = st.lists(st.tuples(moments, st.one_of(st.none(), moments)), max_size=3)


@given(st.lists(moments, unique=True, min_size=1, max_size=6).map(sorted), holes)
def test_the_runs_outside_the_holes_are_those_of_every_second(turns, holes):
    events = [
        start(second * HOUR) if place % 2 == 0 else stop(second * HOUR, name=f"s{second}")
        for place, second in enumerate(turns)
    ]
    sound = [(a * HOUR, None if b is None else b * HOUR) for a, b in holes if b is None or a < b]
    made = spans(*events, unmetered=sound)

    for hour in range(45):
        second = hour * HOUR
        on = sum(turn <= hour for turn in turns) % 2 == 1
        metered = not any(a <= second and (b is None or second < b) for a, b in sound)
        assert any(a <= second and (b is None or second < b) for a, b in made) == (on and metered)
