"""The state machine of looking into images: every state with every happening, and attempts counted exactly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudigrade.domain import inspection
from cloudigrade.domain.inspection import DAY, LONGEST_PAUSE, Basis, Happening, Impossible, Standing, State, after

NOW = 1_772_500_000
MOST = 5

ALLOWED = """
asked for                  pending preparing inspecting inspected error unavailable -> pending
begun                      pending preparing inspecting error unavailable           -> preparing
disks are being read       preparing                                                -> inspecting
is copied instead          preparing inspecting                                     -> preparing
decided without a look     pending preparing inspecting error unavailable           -> inspected
found                      pending preparing inspecting error unavailable           -> inspected
looked at without a result pending preparing inspecting error unavailable           -> error
failed                     pending preparing inspecting                             -> pending
not answered just now      preparing inspecting                                     -> pending
not allowed                preparing inspecting                                     -> error
impossible                 preparing inspecting                                     -> error
image gone                 preparing inspecting                                     -> unavailable
nobody asks                preparing inspecting                                     -> pending
"""


def listed():
    for line in ALLOWED.strip().splitlines():
        before, to = line.split("->")
        happening = next(each for each in Happening if line.startswith(each.value))
        for word in before.removeprefix(happening.value).split():
            yield State(word), happening, State(to.strip())


def test_the_table_is_what_is_written_here_and_nothing_else():
    assert dict(inspection.TRANSITIONS) == {(state, happening): to for state, happening, to in listed()}


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("happening", Happening)
def test_whatever_is_not_in_the_table_cannot_happen(state, happening):
    expected = {(one, what): to for one, what, to in listed()}.get((state, happening))
    if expected is None:
        with pytest.raises(Impossible, match=happening.value):
            after(Standing(state), happening, now=NOW, most=MOST)
    else:
        assert after(Standing(state), happening, now=NOW, most=MOST).state is expected


def attempt(standing, happening):
    begun = after(standing, Happening.BEGUN, now=NOW, most=MOST)
    return after(begun, happening, now=NOW, reason="boom", most=MOST)


def test_c33_exactly_so_many_attempts_are_made():
    """C33: a limit of 5 allowed 6."""
    standing, made = Standing(State.PENDING), 0
    while standing.state is State.PENDING:
        standing, made = attempt(standing, Happening.FAILED), made + 1

    assert (made, standing.state, standing.reason) == (5, State.ERROR, "given up after 5 attempts: boom")
    assert standing.due_at is None


def test_pauses_after_failures_grow():
    pauses, standing = [], Standing(State.PENDING)
    for _ in range(4):
        standing = attempt(standing, Happening.FAILED)
        pauses.append(standing.due_at - NOW)

    assert pauses == [60, 240, 960, 3840]


def test_a_cloud_that_does_not_answer_never_makes_an_error():
    standing, pauses = Standing(State.PENDING), []
    for _ in range(1_000):
        standing = attempt(standing, Happening.POSTPONED)
        pauses.append(standing.due_at - NOW)

    assert (standing.state, standing.attempts) == (State.PENDING, 0)
    assert pauses[:8] == [30, 60, 120, 240, 480, 960, 1920, 3600]
    assert max(pauses) == LONGEST_PAUSE


def test_what_is_denied_spends_no_attempt_and_is_looked_at_again_after_a_day():
    standing = attempt(Standing(State.PENDING, attempts=2), Happening.DENIED)

    assert standing == Standing(State.ERROR, attempts=2, due_at=NOW + DAY, reason="boom")


@pytest.mark.parametrize("happening", [Happening.FOUND, Happening.INCONCLUSIVE])
def test_what_was_looked_at_spends_its_attempt_and_is_not_due_again(happening):
    standing = attempt(Standing(State.PENDING, waits=3), happening)

    assert (standing.attempts, standing.waits, standing.due_at) == (1, 0, None)


@pytest.mark.parametrize("happening", [Happening.IMPOSSIBLE, Happening.GONE])
def test_what_could_not_be_looked_at_spends_no_attempt_and_is_not_due_again(happening):
    standing = attempt(Standing(State.PENDING, attempts=1, waits=3), happening)

    assert (standing.attempts, standing.waits, standing.due_at) == (1, 0, None)


def test_an_image_decided_by_facts_spends_no_attempt():
    assert after(Standing(State.PENDING), Happening.DECIDED, now=NOW).attempts == 0
    assert attempt(Standing(State.PENDING, attempts=1), Happening.DECIDED).attempts == 1


def test_asking_again_begins_anew():
    before = Standing(State.ERROR, attempts=5, waits=2, reason="given up", basis=Basis.DISK)

    assert after(before, Happening.ASKED, now=NOW) == Standing(State.PENDING, due_at=NOW)


@given(st.text(max_size=3_000))
def test_any_reason_can_be_stored_in_one_line(text):
    reason = inspection.in_one_line(text)

    assert len(reason) <= 1_000
    assert reason.splitlines() in ([], [reason])
    assert "\0" not in reason
    reason.encode()


@given(st.lists(st.sampled_from(Happening), max_size=40), st.integers(1, 6))
def test_attempts_never_exceed_their_number_however_it_goes(happenings, most):
    standing = Standing(State.PENDING, due_at=NOW)
    for happening in happenings:
        if happening is Happening.BEGUN and inspection.is_beyond(standing, most=most):
            continue
        if (standing.state, happening) not in inspection.TRANSITIONS:
            continue
        standing = after(standing, happening, now=NOW, most=most)
        assert 0 <= standing.attempts <= most
        assert not (standing.state is State.INSPECTED and standing.due_at)
        is_wanted = happening is not Happening.UNUSED
        assert standing.state is not State.PENDING or standing.due_at is not None or not is_wanted
