"""Tellings of one fact come to the same, whichever is heard first."""

from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from cloudigrade.domain.events import Event, Feed, Kind, Previous, distinct, merged

TELLINGS = st.lists(
    st.builds(
        Event,
        st.just("e"),
        st.integers(0, 3),
        st.sampled_from(Kind),
        st.sampled_from(Feed),
        st.sampled_from(Previous),
        st.booleans(),
        st.booleans(),
        st.sampled_from(["", "a", "b"]),
        st.sampled_from(["", "x", "\xe9"]),
        st.sampled_from(["", "1", "2"]),
        st.integers(0, 2),
        st.integers(0, 2),
    ),
    min_size=1,
    max_size=5,
)


@given(TELLINGS, st.randoms(use_true_random=False))
def test_neither_order_nor_repetition_of_tellings_matters(tellings, chance):
    again = tellings + chance.choices(tellings, k=3)
    chance.shuffle(again)

    assert reduce(merged, again) == reduce(merged, tellings)
    assert distinct(again) == distinct(tellings) == [reduce(merged, tellings)]


@given(TELLINGS)
def test_the_highest_revision_is_what_counts(tellings):
    highest = max(telling.revision for telling in tellings)

    assert distinct(tellings) == distinct(telling for telling in tellings if telling.revision == highest)


def test_two_descriptions_of_one_launch_say_what_either_knows():
    running = Event("d", 5, Kind.POWER_ON, Feed.DESCRIPTION, instance_type="m5.large")
    stopped = Event("d", 5, Kind.POWER_ON, Feed.DESCRIPTION, billing_code="RunInstances:0010")

    assert merged(running, stopped) == running._replace(billing_code="RunInstances:0010")
