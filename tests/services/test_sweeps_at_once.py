"""Two sweeps of one account at once: they take turns, and the later look counts."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections

from cloudigrade.models import FeedPosition, Instance
from tests.builders import launch, moment
from tests.services.stored import Stored
from tests.services.swept import Sweeper, described, looked
from tests.services.test_concurrency import PATIENCE, await_lock, in_flight

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def stored(transactional_db) -> Stored:
    return Stored()


@pytest.fixture
def elsewhere() -> Iterator[Any]:
    """Calls a function in another thread, with a connection of its own."""

    def call(function):
        try:
            return function()
        finally:
            connections.close_all()

    with ThreadPoolExecutor() as pool:
        yield lambda function: pool.submit(call, function)


@pytest.mark.parametrize("is_first", [True, False])
def test_c27_the_sweep_that_looked_earlier_waits_and_then_changes_nothing(stored, elsewhere, is_first):
    """C27: two at once did the work twice, or undid each other's."""
    sweep = Sweeper(stored)
    stored.meter(launch("i-1", 1))
    if not is_first:
        sweep(looked(8, described("i-1", 1)))

    with in_flight(elsewhere, lambda: sweep.record(looked(10, described("i-1", 1), described("i-2", 9.5)))):
        earlier = elsewhere(lambda: sweep.record(looked(9)))
        await_lock(earlier)

    assert earlier.result(PATIENCE).regions == 0
    stored.recalculate()
    assert stored.spans() == [("i-1", 1, None), ("i-2", 9.5, None)]
    assert FeedPosition.objects.get(feed="sweep").newest_at == moment(10)
    assert Instance.objects.count() == 2
