import threading

import pytest

from cloudigrade.api.v2 import remembered
from cloudigrade.api.v2.remembered import FRESH, PAUSE, Remembered


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


class Oracle:
    """Gives numbers, or fails, and can be waited for."""

    def __init__(self) -> None:
        self.asked = 0
        self.fails = False
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self) -> int:
        self.asked += 1
        self.gate.wait(20)
        if self.fails:
            raise RuntimeError
        return self.asked


def _settled(kept: Remembered[int]) -> int | None:
    """The answer when nobody is asking any more."""
    kept.read()
    if kept._asking:
        kept._asking.join(20)
    return kept.read()


def test_it_asks_once_and_again_after_an_hour(clock):
    oracle = Oracle()
    kept = Remembered(oracle, clock)

    assert [kept.read(), kept.read()] == [1, 1]
    clock.now += FRESH - 1
    assert _settled(kept) == 1
    clock.now += 1
    assert _settled(kept) == 2


def test_an_old_answer_stands_while_there_is_no_other(clock):
    oracle = Oracle()
    kept = Remembered(oracle, clock)
    assert kept.read() == 1
    oracle.fails = True
    clock.now += FRESH

    assert (_settled(kept), oracle.asked) == (1, 2)


def test_after_a_failure_it_asks_again_after_a_pause(clock):
    oracle = Oracle()
    oracle.fails = True
    kept = Remembered(oracle, clock)

    assert [kept.read(), kept.read(), oracle.asked] == [None, None, 1]
    oracle.fails = False
    clock.now += PAUSE - 1
    assert (_settled(kept), oracle.asked) == (None, 1)
    clock.now += 1
    assert (_settled(kept), oracle.asked) == (2, 2)


def test_one_asks_at_a_time_and_only_the_first_requests_wait(clock, monkeypatch):
    oracle = Oracle()
    oracle.gate.clear()
    monkeypatch.setattr(remembered, "PATIENCE", 0.05)
    kept = Remembered(oracle, clock)

    assert kept.read() is None
    clock.now += FRESH
    assert (kept.read(), oracle.asked) == (None, 1)
    oracle.gate.set()
    assert _settled(kept) == 1
