"""What follows from looking at what is there, now and then: stops that nobody dated, bounded by the last two looks."""

from typing import Final, NamedTuple

from cloudigrade.domain.days import instant
from cloudigrade.domain.events import Event, Kind, estimate

SLACK: Final = 120
"""Seconds by which what is seen may be older or newer than the look: clouds answer page by page, with some delay."""

SETTLED: Final = 600
"""Seconds after its launch from which on what is not seen is gone, and not just not visible yet."""


class Look(NamedTuple):
    """When a region was looked at, and when before that; in seconds since 1970. None: never."""

    at: int
    before: int | None = None


class Belief(NamedTuple):
    """What is known of an instance otherwise, in seconds since 1970; of one that is on, only until its launch."""

    seen_on_at: int = 0
    """When a look found it on last; 0 here and below: never."""
    on_since: int | None = None
    """Of the run that has no end, if there is no doubt about it; None: there is none."""
    last_on: int = 0
    last_off: int = 0
    """Estimates too."""
    last_heard: int = 0
    """Of whatever its feeds told."""


def stop_after_launch(name: str, launched_at: int, look: Look, belief: Belief) -> Event | None:
    """The stop of an instance that is off, where the cloud does not say since when.

    It came after the instance was last seen on, or after its launch if that is news; else it may have been off for long
    before anybody looked, and there is no estimate.
    """
    if not launched_at or belief.last_off >= launched_at:
        return None
    if belief.seen_on_at >= launched_at:
        earliest = max(belief.seen_on_at - SLACK, launched_at)
    elif look.before is not None and look.before < launched_at:
        earliest = launched_at
    else:
        return None
    return _stop(name, launched_at, (max(earliest, belief.last_heard), look.at + SLACK))


def stop_before_launch(name: str, launched_at: int, belief: Belief) -> Event | None:
    """The stop of an instance that is on, but was launched in the midst of what we believe to be one run."""
    if belief.on_since is None or belief.seen_on_at >= launched_at:
        return None
    since = belief.last_on or belief.on_since
    earliest = max(belief.seen_on_at - SLACK, since, belief.on_since, belief.last_heard)
    return _stop(name, since, (earliest, launched_at - 1))


def end(name: str, look: Look, belief: Belief) -> Event | None:
    """The end of an instance that is believed to be on and is not there: clouds forget what was terminated."""
    if belief.on_since is None or belief.on_since >= look.at - SETTLED:
        return None
    since = belief.last_on or belief.on_since
    earliest = max(belief.seen_on_at - SLACK, since, belief.last_heard)
    return _stop(name, since, (earliest, look.at + SLACK), is_gone=True)


def _stop(name: str, launched_at: int, within: tuple[int, int], *, is_gone: bool = False) -> Event | None:
    """The estimate; none where something was heard since."""
    if within[0] >= within[1]:
        return None
    launch = f"{instant(launched_at):%Y-%m-%dT%H:%M:%SZ}"
    return estimate(name, Kind.POWER_OFF, launched_at=launch, within=within, is_gone=is_gone)
