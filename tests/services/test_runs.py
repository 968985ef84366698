"""Stored events become stored runs, whatever the order in which they come."""

import random
from functools import reduce

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloudigrade.domain.days import second_of
from cloudigrade.domain.events import Event, Previous, merged
from cloudigrade.models import Instance, InstanceEvent, Run
from cloudigrade.services import runs
from tests.builders import AS_OF, LARGE, XLARGE, activity, described, launch, retype, revised, start, stop
from tests.domain.test_events import TELLINGS
from tests.services.test_any_order import empty


def test_a_launch_and_a_stop_make_a_run_with_the_size_of_its_type(stored):
    stored.meter(LARGE, launch("i-1", 1), stop("i-1", 5))

    assert stored.runs() == [("i-1", 1, 5, "m5.large", 2)]


def test_an_instance_that_was_never_stopped_is_still_on(stored):
    stored.meter(launch("i-1", 1))

    assert stored.spans() == [("i-1", 1, None)]


def test_c2_a_start_recorded_after_its_stop_still_makes_the_run(stored):
    """C2: a power_off that is read before its power_on loses nothing."""
    stored.meter(stop("i-1", 30))
    assert stored.spans() == [("i-1", 0, 30)]

    stored.meter(launch("i-1", 20))
    assert stored.spans() == [("i-1", 20, 30)]


def test_c2_an_event_before_all_others_changes_only_what_it_touches(stored):
    """C2: an earlier event, read later, is considered."""
    stored.meter(launch("i-1", 50), stop("i-1", 60), launch("i-2", 1), stop("i-2", 3))
    before = dict(Run.objects.values_list("instance__native_id", "id"))

    stored.meter(launch("i-1", 10, instance_type="m5.xlarge"), stop("i-1", 20))

    assert stored.spans() == [("i-1", 10, 20), ("i-1", 50, 60), ("i-2", 1, 3)]
    assert set(before.values()) < set(Run.objects.values_list("id", flat=True))


def test_c11_recording_the_same_events_again_adds_nothing(stored):
    """C11: events are idempotent."""
    events = [launch("i-1", 1), stop("i-1", 5), start("i-1", 7)]
    stored.meter(*events)
    once = stored.everything()

    assert stored.record(*events).new == 0
    stored.meter(*events, *events)
    assert stored.everything() == once
    assert Instance.objects.get().events.count() == 3


TYPE_CHANGE = (
    launch("i-1", 1, instance_type="m5.large"),
    stop("i-1", 10),
    retype("i-1", 12, "m5.xlarge"),
    start("i-1", 20),
    stop("i-1", 30),
)


@pytest.mark.parametrize("step", [1, 2, 3, 5])
@pytest.mark.parametrize("direction", [1, -1])
def test_c12_each_run_has_the_type_of_its_time_in_one_pass_or_several(stored, step, direction):
    """C12: the answer does not hang on when tasks run."""
    events = TYPE_CHANGE[::direction]
    for first in range(0, len(events), step):
        stored.meter(LARGE, XLARGE, *events[first : first + step])

    assert stored.runs() == [("i-1", 1, 10, "m5.large", 2), ("i-1", 20, 30, "m5.xlarge", 4)]


def test_c51_an_attribute_change_as_last_event_adds_no_stop(stored):
    """C51: only a stop stops."""
    stored.meter(launch("i-1", 1), retype("i-1", 5, "m5.xlarge"), launch("i-2", 1), stop("i-2", 3))
    stored.meter(retype("i-2", 8, "m5.xlarge"))

    assert stored.spans() == [("i-1", 1, 5), ("i-1", 5, None), ("i-2", 1, 3)]


@pytest.mark.parametrize("direction", [1, -1])
def test_an_addendum_replaces_its_original_in_either_order(stored, direction):
    original = launch("i-1", 1, instance_type="m5.large")
    addenda = [
        revised(original, "2026-03-02T01:20:00Z|b", instance_type="m5.xlarge"),
        revised(original, "2026-03-02T01:10:00Z|a", instance_type="m5.metal"),
    ]

    for told in [original, *addenda][::direction]:
        stored.meter(LARGE, XLARGE, told)

    assert stored.runs() == [("i-1", 1, None, "m5.xlarge", 4)]


def test_an_addendum_in_the_same_batch_counts_once_and_in_its_highest_revision(stored):
    original = launch("i-1", 1)
    recorded = stored.record(original, revised(original, "2|b", instance_type="m5.xlarge"), original)
    stored.recalculate()

    assert (recorded.new, recorded.duplicate) == (1, 2)
    assert stored.runs() == [("i-1", 1, None, "m5.xlarge", None)]


def test_a_description_is_kept_only_where_it_speaks_of_a_later_time(stored):
    newer = described("i-1", 20, 40)._replace(instance_type="m5.xlarge")
    stored.meter(newer)
    stored.meter(described("i-1", 20))

    assert Instance.objects.get().described_type == "m5.xlarge"
    assert stored.runs() == [("i-1", 20, 40, "m5.xlarge", None)]


@pytest.mark.parametrize("direction", [1, -1])
def test_two_descriptions_of_one_launch_give_the_same_run_in_either_order(stored, direction):
    running = described("i-1", 20)
    launched = running.events[0]
    early = running._replace(events=(launched._replace(instance_type="m5.large"),))
    late = described("i-1", 20, 40)._replace(instance_type="m5.xlarge")
    stored.meter(LARGE, XLARGE)
    for description in [early, late][::direction]:
        stored.meter(description)

    assert stored.runs() == [("i-1", 20, 40, "m5.large", 2)]


@pytest.mark.django_db
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TELLINGS, st.randoms(use_true_random=False))
def test_tellings_of_one_event_are_stored_as_the_rule_merges_them(tellings: list[Event], chance: random.Random):
    stored = empty()
    for batch in ([activity("i-1", telling) for telling in tellings], [], []):
        again = [*batch, *(activity("i-1", telling) for telling in chance.choices(tellings, k=2))]
        chance.shuffle(again)
        stored.record(*again)

    row = InstanceEvent.objects.values_list(*(field for field in Event._fields if field != "occurred_at")).get()
    wanted = reduce(merged, tellings)
    assert row == (wanted.source_id, *wanted[2:])
    assert second_of(InstanceEvent.objects.get().occurred_at) == wanted.occurred_at


def test_a_stop_without_a_time_is_reported_as_drift_until_the_stop_is_known(stored):
    stored.meter(described("i-1", 20, is_stop_undated=True))

    assert stored.spans() == []
    assert Instance.objects.get().drift == ["found off, without a time, after its launch at 2026-03-02T20:00:00Z"]

    stored.meter(stop("i-1", 30))

    assert stored.spans() == [("i-1", 20, 30)]
    assert Instance.objects.get().drift == []


def test_a_contradiction_is_reported_until_the_missing_event_arrives(stored):
    stored.meter(launch("i-1", 1), start("i-1", 9, previous=Previous.OFF), stop("i-1", 12))
    assert stored.spans() == [("i-1", 1, 12)]
    assert len(Instance.objects.get().drift) == 1

    stored.meter(stop("i-1", 5))
    assert stored.spans() == [("i-1", 1, 5), ("i-1", 9, 12)]
    assert Instance.objects.get().drift == []


def test_p6_what_is_known_already_marks_nothing_and_recalculates_nothing(stored):
    """P6: no change, no work."""
    told = [LARGE, launch("i-1", 1), stop("i-1", 5), described("i-2", 3)]
    stored.meter(*told)
    computed = stored.computed()
    kept = set(Run.objects.values_list("id", flat=True))

    stored.record(*told)

    assert not Instance.objects.filter(runs_dirty_from__isnull=False).exists()
    assert stored.dirty_days() == []
    assert stored.recalculate() == (0, 0)
    assert stored.computed() == computed
    assert set(Run.objects.values_list("id", flat=True)) == kept


def test_p6_an_event_that_changes_no_run_recalculates_no_day(stored):
    """P6: a repeated start is news, but no run differs."""
    stored.meter(launch("i-1", 1), stop("i-1", 50))
    kept = set(Run.objects.values_list("id", flat=True))

    stored.record(start("i-1", 30, previous=Previous.ON))

    assert stored.recalculate() == (1, 0)
    assert set(Run.objects.values_list("id", flat=True)) == kept


def test_p3_as_many_queries_for_a_thousand_instances_as_for_one(stored):
    """P3: runs are made and stored in bulk."""

    def queries(prefix, size):
        for turn in range(2):  # first new runs, then runs that replace others
            told = [launch(f"i-{prefix}{n}", 1) if turn == 0 else stop(f"i-{prefix}{n}", 9) for n in range(size)]
            stored.record(*told)
            with CaptureQueriesContext(connection) as captured:
                assert runs.recalculate_claimed(as_of=AS_OF, customer_id=stored.customer_id) == size
            yield len(captured)

    one, ten, thousand = (list(queries(prefix, size)) for prefix, size in (("a", 1), ("b", 10), ("c", 1000)))

    assert one == ten == thousand
    assert max(one) <= 15


def test_more_instances_than_one_transaction_takes_are_all_recalculated(stored, monkeypatch):
    monkeypatch.setattr(runs, "CLAIM", 2)
    stored.record(*(launch(f"i-{n}", n) for n in range(5)))

    assert stored.recalculate()[0] == 5
    assert len(stored.runs()) == 5
