"""The same transitions, told by CloudTrail, EventBridge or both: one run boundary each, at the best time known."""

from hypothesis import given
from hypothesis import strategies as st

from cloudigrade.domain.events import Event, Feed, Kind, Previous, distinct
from cloudigrade.domain.runs import history

HOUR = 3600
TELLERS = (Feed.CLOUDTRAIL, Feed.TRANSITION_NOTICE, Feed.STATE_NOTICE)
DELAYS = {Feed.CLOUDTRAIL: 0, Feed.TRANSITION_NOTICE: 1, Feed.STATE_NOTICE: 40}
"""Seconds after the call at which each feed dates the transition."""


def told(place: int, feed: Feed) -> Event:
    """The transition of that place: on at even hours, off at odd ones."""
    is_on = place % 2 == 0
    at = place * HOUR + DELAYS[feed]
    kind = Kind.POWER_ON if is_on else Kind.POWER_OFF
    previous = Previous.UNKNOWN if feed != Feed.CLOUDTRAIL else Previous.OFF if is_on else Previous.ON
    return Event(f"{feed.name}-{place}", at, kind, feed, previous)


TOLD = st.lists(st.sets(st.sampled_from(TELLERS), min_size=1), min_size=1, max_size=6)


@given(TOLD, st.randoms(use_true_random=False))
def test_each_transition_is_one_boundary_at_the_time_that_the_best_feed_gives(tellers, random):
    events = [told(place, feed) for place, feeds in enumerate(tellers, 1) for feed in sorted(feeds)]
    events += random.choices(events, k=len(events))
    random.shuffle(events)

    runs = history(distinct(events), metered_from=0).runs

    times = [place * HOUR + DELAYS[min(feeds)] for place, feeds in enumerate(tellers, 1)]
    boundaries = [boundary for run in runs for boundary in (run.start, run.end) if boundary is not None]
    assert boundaries == [0, *times]  # it was on when the metering began: the first told is a stop
