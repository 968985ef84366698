"""Runs that contradict what the cloud says now are found and mended by a sweep, however many there are."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cloudigrade.clouds.cloud import RegionSweep
from cloudigrade.clouds.protocol import Batch
from cloudigrade.models import CloudAccount
from cloudigrade.services import sweeps
from tests.builders import ACCOUNT, AS_OF, REGION, clock, described, launch


def mended(stored, count):
    """The statements of a sweep that finds so many instances off, whose stops no feed has told of."""
    names = [f"i-{number:04d}" for number in range(count)]
    stored.meter(*(launch(name, 1) for name in names))
    assert stored.spans() == [(name, 1, None) for name in names]

    found = RegionSweep(REGION, clock(9), [described(name, 1, 5) for name in names], Batch())
    account = CloudAccount.objects.get(native_id=ACCOUNT)
    with CaptureQueriesContext(connection) as queries:
        sweeps.record(account_id=account.pk, sweep=[found], now=AS_OF)
        stored.recalculate()

    assert stored.spans() == [(name, 1, 5) for name in names]
    return len(queries)


@pytest.mark.parametrize("count", [20, 200])
def test_p13_any_number_of_missed_stops_is_found_and_mended_with_as_many_statements_as_one(make_stored, count):
    """P13: nothing is asked or written for each wrong run."""
    first = mended(make_stored("11"), 1)
    CloudAccount.objects.all().delete()

    assert mended(make_stored("12"), count) == first
