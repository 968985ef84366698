"""Runs agree with a walk through every second, whatever the order of the events and however often they come."""

import random
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from cloudigrade.domain.events import Event, Feed, Kind, Previous, distinct
from cloudigrade.domain.runs import SAME_TRANSITION, Described, Run, history

ON, OFF, CHANGE = Kind.POWER_ON, Kind.POWER_OFF, Kind.ATTRIBUTE_CHANGE
HORIZON = 40


def on(at, previous=Previous.OFF, **more):
    return Event(f"on-{at}", at, ON, previous=previous, **more)


def launch(at, instance_type="t3.large", **more):
    return Event(f"launch-{at}", at, ON, is_launch=True, instance_type=instance_type, **more)


def off(at, previous=Previous.ON, **more):
    return Event(f"off-{at}", at, OFF, previous=previous, **more)


def retype(at, instance_type):
    return Event(f"retype-{at}", at, CHANGE, instance_type=instance_type)


def described_on(at, **more):
    return Event(f"describe:i:{at}", at, ON, Feed.DESCRIPTION, **more)


def described_off(at, **more):
    return Event(f"describe:i:{at}", at, OFF, Feed.DESCRIPTION, **more)


def spans(events, *, metered_from=0, **more):
    return [(run.start, run.end) for run in history(events, metered_from=metered_from, **more).runs]


def drift(events, **more):
    return history(events, metered_from=0, **more).drift


def test_a_run_lasts_from_start_to_stop_and_an_unended_one_is_open():
    assert history([launch(10), off(20), on(30)], metered_from=0).runs == [
        Run(10, 20, "t3.large", ""),
        Run(30, None, "t3.large", ""),
    ]


def test_a_repeated_start_is_ignored():
    assert spans([launch(10), on(15, Previous.UNKNOWN), off(20)]) == [(10, 20)]


def test_c2_a_start_that_arrives_after_its_stop_still_makes_a_run():
    """C2: what counts is when things happened, never when they arrived."""
    assert spans([off(20), launch(10)]) == spans([launch(10), off(20)]) == [(10, 20)]


def test_c11_a_redelivered_event_changes_nothing():
    """C11: events are facts with a name, so that a repetition is the same fact."""
    once = [launch(10), off(20), on(30)]
    assert history(once * 3, metered_from=0) == history(once, metered_from=0)


def test_c12_every_piece_of_a_run_has_the_type_of_its_time():
    """C12: the answer depends neither on the first event's type nor on when tasks ran."""
    events = [launch(10, "t2.micro"), off(20), retype(25, "m5.large"), on(30), off(40)]
    assert history(events, metered_from=0).runs == [Run(10, 20, "t2.micro", ""), Run(30, 40, "m5.large", "")]


def test_a_change_while_it_is_on_splits_the_run_and_the_pieces_abut():
    assert history([launch(10, "a"), retype(15, "b"), off(20)], metered_from=0).runs == [
        Run(10, 15, "a", ""),
        Run(15, 20, "b", ""),
    ]


def test_an_instance_first_seen_stopping_was_on_since_the_metering_began():
    assert spans([off(20)], metered_from=5) == [(5, 20)]
    assert spans([off(20, Previous.UNKNOWN)], metered_from=5) == [(5, 20)]
    assert spans([off(20, Previous.OFF)], metered_from=5) == []


def test_an_instance_first_seen_starting_while_on_was_on_since_the_metering_began():
    assert spans([on(20, Previous.ON), off(30)], metered_from=5) == [(5, 30)]


def test_c52_a_described_launch_tells_since_when_it_was_on():
    """C52: the time is the cloud's, not that of our first look."""
    assert spans([off(20), described_on(10)], metered_from=5) == [(10, 20)]
    assert spans([off(20), described_on(3)], metered_from=5) == [(5, 20)]
    assert spans([off(20), described_on(30)], metered_from=5) == [(5, 20), (30, None)]


def test_a_description_alone_gives_the_run():
    assert spans([described_on(10)]) == [(10, None)]
    assert spans([described_on(10), described_off(25)]) == [(10, 25)]


def test_a_description_counts_only_after_the_last_event():
    assert spans([launch(10), described_on(11), off(20)]) == [(10, 20)]
    assert spans([launch(10), off(20), described_off(22)]) == [(10, 20)]
    assert spans([launch(10), described_on(10), described_off(25)]) == [(10, 25)]


def test_a_described_stop_before_the_last_event_is_drift_and_moves_no_boundary():
    events = [launch(10), retype(500, "b"), described_off(400)]

    assert spans(events) == [(10, 500), (500, None)]
    assert drift(events) == ["described off since 1970-01-01T00:06:40Z, not counted"]
    assert drift([launch(10), off(20), described_off(21), retype(500, "b")]) == []
    assert drift([launch(10), described_on(11), retype(500, "b")]) == []


def test_a_missed_stop_that_the_description_explains_is_put_in():
    assert spans([launch(10), on(500, Previous.OFF), described_off(30)]) == [(10, 30), (500, None)]
    assert drift([launch(10), on(500, Previous.OFF), described_off(30)]) == []


def test_a_missed_start_that_the_description_explains_is_put_in():
    assert spans([launch(10), off(20), off(500), described_on(30)]) == [(10, 20), (30, 500)]


def test_an_unexplained_contradiction_moves_no_boundary_and_is_reported():
    assert spans([launch(10), on(500, Previous.OFF), off(600)]) == [(10, 600)]
    assert drift([launch(10), on(500, Previous.OFF), off(600)]) == [
        "at 1970-01-01T00:08:20Z it is said to have been off while it was on"
    ]
    assert spans([launch(10), off(20), off(500)]) == [(10, 20)]
    assert len(drift([launch(10), off(20), off(500)])) == 1


def test_a_stop_without_a_time_is_drift_and_not_guessed():
    found_off = Described(undated_stop_launch=10)
    assert spans([launch(10)], described=found_off) == [(10, None)]
    assert len(drift([launch(10)], described=found_off)) == 1
    assert drift([launch(10), off(20)], described=found_off) == []
    assert drift([launch(10), off(20), on(700)], described=found_off) == []
    assert len(drift([], described=found_off)) == 1
    assert spans([described_on(10)], described=found_off) == []
    assert spans([off(20), described_on(10)], described=found_off) == [(10, 20)]


def test_nothing_counts_after_a_termination():
    assert spans([launch(10), off(20, is_termination=True), on(30), off(40), described_on(50)]) == [(10, 20)]


def test_a_termination_is_the_last_thing_of_its_second():
    assert spans([launch(10), off(20, is_termination=True), on(20)]) == [(10, 20)]


def test_a_spot_interruption_may_be_followed_by_a_start():
    evicted = Event("bid", 20, OFF)
    assert spans([launch(10), evicted, on(30)]) == [(10, 20), (30, None)]


def test_within_a_second_an_instance_that_was_on_stops_before_it_starts():
    assert spans([launch(10), on(20), off(20), off(30)]) == [(10, 30)]


def test_within_a_second_an_instance_that_was_off_starts_before_it_stops():
    assert spans([launch(10), off(10), on(30)]) == [(30, None)]


def test_the_best_feed_gives_the_time_of_a_transition_that_several_report():
    pending = Event("p", 8, ON, Feed.TRANSITION_NOTICE)
    running = Event("r", 25, ON, Feed.STATE_NOTICE)
    stopped = Event("s", 90, OFF, Feed.STATE_NOTICE)
    assert spans([pending, launch(10), running]) == [(10, None)]
    assert spans([pending, running, stopped]) == [(8, 90)]
    assert spans([running, stopped]) == [(25, 90)]


def test_a_termination_seen_by_two_feeds_has_the_better_ones_time():
    gone = Event("n", 20, OFF, Feed.TRANSITION_NOTICE, is_termination=True)
    assert spans([launch(10), gone, off(22, is_termination=True)]) == [(10, 22)]


def test_reports_further_apart_than_the_window_are_two():
    early = Event("p", 10, ON, Feed.TRANSITION_NOTICE)
    assert spans([early, on(10 + SAME_TRANSITION)]) == [(10 + SAME_TRANSITION, None)]
    assert spans([early, on(11 + SAME_TRANSITION)]) == [(10, None)]


def test_a_type_before_its_first_known_value_is_the_described_one_if_it_changed_no_later():
    described = Described(instance_type="m5.large")
    assert history([off(20)], metered_from=0, described=described).runs == [Run(0, 20, "m5.large", "")]
    events = [off(20), retype(25, "m5.large"), on(30)]
    assert history(events, metered_from=0, described=described).runs == [
        Run(0, 20, "", ""),
        Run(30, None, "m5.large", ""),
    ]


def test_a_billing_code_holds_from_its_change_on_and_one_stamped_at_launch_from_the_launch():
    stamped = Event("d", 12, CHANGE, Feed.DESCRIPTION, billing_code="RunInstances:0010")
    assert history([launch(10), stamped], metered_from=0).runs == [Run(10, None, "t3.large", "RunInstances:0010")]
    converted = Event("d", 4000, CHANGE, Feed.DESCRIPTION, billing_code="RunInstances:00g0")
    assert history([launch(10), converted], metered_from=0).runs == [
        Run(10, 4000, "t3.large", ""),
        Run(4000, None, "t3.large", "RunInstances:00g0"),
    ]


def test_an_addendum_replaces_the_original_in_either_order():
    original, addendum = launch(10, "wrong"), launch(10, "right")._replace(revision="2026|x")
    assert distinct([original, addendum]) == distinct([addendum, original]) == [addendum]


EVENTS = st.lists(
    st.builds(
        lambda at, kind, previous, name, ends, kind_of_type: Event(
            f"e{name}",
            at,
            kind,
            previous=previous if kind is not CHANGE else Previous.UNKNOWN,
            is_termination=ends and kind is OFF,
            instance_type=kind_of_type if kind is CHANGE or previous is Previous.UNKNOWN else "",
        ),
        st.integers(0, HORIZON - 1),
        st.sampled_from(Kind),
        st.sampled_from(Previous),
        st.integers(0, 10**6),
        st.integers(0, 9).map(lambda n: n == 0),
        st.sampled_from(["", "a", "b"]),
    ),
    max_size=9,
    unique_by=lambda event: event.source_id,
)


def second_by_second(events, metered_from):
    """The state in each second up to the horizon, by walking through them one by one."""
    state, terminated, states = None, False, {}
    for second in range(HORIZON):
        here = [e for e in events if e.occurred_at == second and e.kind is not CHANGE]
        effective = [e for e in here if changes_something(e)]
        if here and state is None:
            starts = [e for e in here if e.kind is ON and e.previous is not Previous.ON]
            was_on = [
                e for e in here if e.previous is Previous.ON or (e.kind is OFF and e.previous is Previous.UNKNOWN)
            ]
            state = not starts and bool(was_on)
            if state:
                states.update(dict.fromkeys(range(metered_from, second), True))
        if not terminated and effective:
            kinds = {e.kind for e in effective}
            ends = any(e.is_termination for e in effective)
            if ends:
                state, terminated = False, True
            elif kinds == {ON, OFF}:
                pass  # on: off, then on again; off: on, then off again
            else:
                state = kinds == {ON}
        states[second] = states.get(second, False) or bool(state)
    return [states[second] for second in range(HORIZON)]


def changes_something(event):
    if event.kind is ON:
        return event.previous is not Previous.ON
    if event.is_termination:
        return event.previous is not Previous.GONE
    return event.previous in {Previous.ON, Previous.UNKNOWN}


def is_on(runs, second):
    return sum(run.start <= second and (run.end is None or second < run.end) for run in runs)


@given(EVENTS, st.integers(0, HORIZON - 1))
def test_runs_equal_counting_second_by_second(events, metered_from):
    runs = history(events, metered_from=metered_from).runs

    assert [is_on(runs, second) for second in range(HORIZON)] == second_by_second(events, metered_from)


@given(EVENTS, st.randoms(use_true_random=False))
def test_neither_order_nor_repetition_matters(events, chance: random.Random):
    again = events + chance.choices(events, k=5) if events else []
    chance.shuffle(again)

    assert history(again, metered_from=3) == history(events, metered_from=3)


@given(EVENTS)
def test_runs_are_ordered_apart_and_as_few_as_possible(events):
    runs = history(events, metered_from=0).runs

    for run in runs:
        assert run.end is None or run.start < run.end
    for one, other in pairwise(runs):
        assert one.end is not None
        assert one.end <= other.start
        assert one.end < other.start or one[2:] != other[2:]


@given(EVENTS)
def test_the_type_of_every_second_is_the_last_one_given_before_it(events):
    for run in history(events, metered_from=0).runs:
        for second in range(run.start, min(run.end or HORIZON, HORIZON)):
            given_before = [e for e in events if e.instance_type and e.occurred_at <= second]
            last = max(given_before, key=lambda e: (e.occurred_at, e.kind is ON, e.source_id), default=None)
            assert run.instance_type == (last.instance_type if last else "")


def test_a_described_opposite_between_two_reports_makes_them_two_transitions():
    assert spans([launch(10), off(20), described_on(30), off(40)]) == [(10, 20), (30, 40)]
    assert spans([launch(10), described_off(30), on(40)]) == [(10, 30), (40, None)]
    assert spans([launch(10), off(20), described_on(30), off(40, Previous.UNKNOWN)]) == [(10, 20)]
