"""Two workers at once, each with a connection of its own: nothing twice, nothing lost, no gap."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, connections, transaction

from cloudigrade.models import ConcurrentUsage, DirtyDay, ImageVerdict, Instance
from cloudigrade.services import runs, usage
from tests.builders import AS_OF, LARGE, clock, day, launch, red_hat_image, start, stop
from tests.services.stored import Stored

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE = 30
"""Seconds after which a test that hangs fails."""


@pytest.fixture
def stored(transactional_db) -> Stored:
    return Stored()


@pytest.fixture
def elsewhere() -> Iterator[Callable[..., Future[Any]]]:
    """Calls a function in another thread, with a connection of its own."""

    def call(function: Callable[[], Any]) -> Any:
        try:
            return function()
        finally:
            connections.close_all()

    with ThreadPoolExecutor() as pool:
        yield lambda function: pool.submit(call, function)


@contextmanager
def in_flight(elsewhere: Callable[..., Future[Any]], function: Callable[[], Any]) -> Iterator[None]:
    """Inside, another connection has called the function and not committed yet; afterwards it has."""
    called, may_end = threading.Event(), threading.Event()

    def call() -> None:
        with transaction.atomic():
            function()
            called.set()
            assert may_end.wait(PATIENCE)

    done = elsewhere(call)
    try:
        while not called.wait(0.01):
            if done.done():
                done.result()
        yield
    finally:
        may_end.set()
        done.result(PATIENCE)


def await_lock(waiting: Future[Any]) -> None:
    """Return once another connection waits for a lock; fail if the future ends without one."""
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid)"
                " WHERE NOT l.granted AND a.datname = current_database()"
            )
            if cursor.fetchone()[0]:
                return
        assert not waiting.done(), "it did not wait"


def recalculate_runs() -> int:
    return runs.recalculate_claimed(as_of=AS_OF)


def recalculate_usage() -> int:
    return usage.recalculate_claimed(as_of=AS_OF)


def test_c27_many_recalculations_at_once_make_every_run_and_answer_once(stored, elsewhere, monkeypatch):
    """C27: no duplicates and no errors, however the workers share the rows."""
    monkeypatch.setattr(runs, "CLAIM", 7)
    monkeypatch.setattr(usage, "CLAIM", 2)
    stored.record(LARGE, red_hat_image(), *(launch(f"i-{n}", n % 24) for n in range(100)))
    stored.record(*(stop(f"i-{n}", 24 + n % 48) for n in range(100)))
    usage.mark_unanswered(as_of=AS_OF)
    together = threading.Barrier(4)

    def work() -> int:
        together.wait(PATIENCE)
        instances = runs.recalculate_all(as_of=AS_OF)
        usage.recalculate_all(as_of=AS_OF)
        return instances

    shares = [future.result(PATIENCE) for future in [elsewhere(work) for _ in range(4)]]
    usage.recalculate_all(as_of=AS_OF)

    assert sum(shares) == 100
    assert sorted(stored.spans()) == sorted((f"i-{n}", n % 24, 24 + n % 48) for n in range(100))
    assert sorted(stored.computed()) == [day(number) for number in range(10)]
    assert [stored.totals(day(n))["all"]["instances_peak"] for n in (0, 1, 2, 3)] == [100, 97, 46, 0]
    assert not DirtyDay.objects.exists()


def test_c27_claimed_instances_are_passed_over_and_made_once(stored, elsewhere):
    """C27: a second worker neither waits nor repeats the work."""
    stored.record(launch("i-1", 1))

    with in_flight(elsewhere, recalculate_runs):
        assert recalculate_runs() == 0
        assert stored.spans() == []

    assert stored.spans() == [("i-1", 1, None)]
    assert recalculate_runs() == 0


def test_c27_claimed_days_are_passed_over_and_answered_once(stored, elsewhere):
    """C27: nor does it repeat a day."""
    usage.mark_unanswered(as_of=AS_OF)

    with in_flight(elsewhere, recalculate_usage):
        assert recalculate_usage() == 0

    assert ConcurrentUsage.objects.count() == 10
    assert not DirtyDay.objects.exists()


def test_c27_readers_see_the_old_answer_until_the_new_one_is_there(stored, elsewhere):
    """C27: there is no moment without an answer."""
    stored.meter(red_hat_image(), launch("i-1", 1), stop("i-1", 3))
    stored.record(stop("i-1", 2))

    def everything_anew() -> None:
        assert (recalculate_runs(), recalculate_usage()) == (1, 1)

    with in_flight(elsewhere, everything_anew):
        assert stored.spans() == [("i-1", 1, 3)]
        assert stored.rhel_seconds(day(0)) == 7200

    assert stored.spans() == [("i-1", 1, 2)]
    assert stored.rhel_seconds(day(0)) == 3600


def test_c27_a_mark_made_while_the_day_is_answered_survives(stored, elsewhere):
    """C27: it waits for the claim in flight, which cannot swallow it."""
    usage.mark_unanswered(as_of=AS_OF)

    with in_flight(elsewhere, recalculate_usage):
        marked = elsewhere(
            lambda: usage.mark(customer_id=stored.customer_id, spans=[(clock(1), clock(2))], as_of=AS_OF)
        )
        await_lock(marked)
    marked.result(PATIENCE)

    assert stored.dirty_days() == [day(0)]


def test_c27_a_day_whose_mark_is_not_committed_yet_is_answered_after_it(stored, elsewhere):
    """C27: what marked the day must be visible to those who answer it."""
    stored.meter(red_hat_image(), launch("i-1", 1), stop("i-1", 3))
    stored.record(stop("i-1", 2))
    usage.mark(customer_id=stored.customer_id, spans=[(clock(1), clock(2))], as_of=AS_OF)

    with in_flight(elsewhere, recalculate_runs):
        assert recalculate_usage() == 0

    assert recalculate_usage() == 1
    assert stored.rhel_seconds(day(0)) == 3600


def test_c27_an_event_recorded_while_its_instance_is_recalculated_is_not_lost(stored, elsewhere):
    """C27: the recalculation in flight has not seen it, so it must not clear its mark."""
    stored.record(launch("i-1", 1))

    with in_flight(elsewhere, recalculate_runs):
        recorded = elsewhere(lambda: stored.record(stop("i-1", 5)))
        await_lock(recorded)
    assert recorded.result(PATIENCE).new == 1

    assert Instance.objects.get().runs_dirty_from is not None
    stored.recalculate()
    assert stored.spans() == [("i-1", 1, 5)]


def test_c27_an_instance_whose_event_is_not_committed_yet_is_passed_over(stored, elsewhere):
    """C27: it is recalculated once the event is there."""
    stored.record(launch("i-1", 1))

    with in_flight(elsewhere, lambda: stored.record(stop("i-1", 5))):
        assert recalculate_runs() == 0

    assert recalculate_runs() == 1
    assert stored.spans() == [("i-1", 1, 5)]


def test_c11_the_same_batch_recorded_by_two_at_once_is_stored_once(stored, elsewhere):
    """C11: one waits for the other, then finds nothing new."""
    told = [launch("i-1", 1), stop("i-1", 3), start("i-2", 4)]

    with in_flight(elsewhere, lambda: stored.record(*told)):
        again = elsewhere(lambda: stored.record(*told))
        await_lock(again)

    assert again.result(PATIENCE) == (0, 3, 0)


def test_c13_a_size_that_becomes_known_during_a_recalculation_is_not_lost(stored, elsewhere):
    """C13: the recalculation in flight has not seen it, and its runs are not there yet to be found."""
    stored.record(launch("i-1", 1), stop("i-1", 3))

    with in_flight(elsewhere, recalculate_runs):
        recorded = elsewhere(lambda: stored.record(LARGE))
        await_lock(recorded)
    recorded.result(PATIENCE)
    stored.recalculate()

    assert stored.runs() == [("i-1", 1, 3, "m5.large", 2)]


def test_p7_an_unchanged_description_waits_for_nobody(stored, make_stored, elsewhere):
    """P7: customers with the same popular image do not wait for each other."""
    stored.meter(red_hat_image(), launch("i-1", 1))
    neighbour = make_stored("22", ["000000000099"])

    with in_flight(elsewhere, lambda: stored.record(red_hat_image(), launch("i-2", 1))):
        told = [red_hat_image(), launch("i-9", 1, account="000000000099")]
        assert elsewhere(lambda: neighbour.record(*told)).result(PATIENCE).new == 1


def test_c27_a_verdict_rests_on_a_description_that_came_while_the_instance_was_being_recorded(
    stored, make_stored, elsewhere
):
    """C27: another customer's batch that changes the image waits for the instance, and then sees it."""
    stored.meter(launch("i-1", 1))
    neighbour = make_stored("22", ["000000000099"])

    with in_flight(elsewhere, lambda: neighbour.record(launch("i-9", 1, account="000000000099"))):
        told = elsewhere(lambda: stored.record(red_hat_image()))
        await_lock(told)
    told.result(PATIENCE)

    assert set(ImageVerdict.objects.values_list("customer", "rhel")) == {
        (stored.customer_id, "rhel"),
        (neighbour.customer_id, "rhel"),
    }


def test_c27_days_are_not_counted_while_a_verdict_changes(stored, elsewhere):
    """C27: counted before, they would keep the old verdict; so they wait for the next claim."""
    stored.meter(launch("i-1", 1))
    stored.record(stop("i-1", 30))
    runs.recalculate_all(as_of=AS_OF)

    with in_flight(elsewhere, lambda: stored.record(red_hat_image())):
        assert recalculate_usage() == 0

    assert usage.recalculate_all(as_of=AS_OF) > 0
    assert stored.totals(day(0))["rhel"]["all"]["instances_peak"] == 1


def test_p7_an_image_whose_region_two_batches_tell_at_once_is_one_image(stored, elsewhere):
    """P7: the one that comes later waits, and then finds the image with its region there."""
    with in_flight(elsewhere, lambda: stored.record(launch("i-1", 1))):
        stored.record(red_hat_image())  # as yet, no region is known
        late = elsewhere(lambda: stored.record(launch("i-2", 1)))
        await_lock(late)

    assert late.result(PATIENCE).new == 1
    assert Instance.objects.values("image").distinct().count() == 1
