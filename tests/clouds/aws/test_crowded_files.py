"""Files of which too much cannot be read: rejected as a whole, once."""

import pytest

from cloudigrade.clouds.aws import reading
from cloudigrade.clouds.aws.trail import Content, Source
from cloudigrade.clouds.protocol import Batch, Rejected
from tests.clouds.aws.records import ACCOUNT, KEY, REGION, packed, record, run_instances, switched

ODD = run_instances(responseElements=None)


def added(*records) -> Batch:
    stored = packed(*records)
    batch = Batch()
    reading.add_log(batch, Content(Source(KEY, ACCOUNT, REGION, len(stored), "/logs/a.json.gz"), stored))
    return batch


def test_up_to_a_thousand_odd_records_are_kept_each_on_its_own():
    batch = added(switched("StopInstances"), *[ODD] * 1_000)

    assert (len(batch.rejected), len(batch.instances), batch.read_sources) == (1_000, 1, [KEY])
    assert {rejected.is_file for rejected in batch.rejected} == {False}


@pytest.mark.parametrize("odd", [ODD, record("", eventName=5)], ids=["launches", "no names"])
def test_with_more_the_file_is_rejected_and_nothing_of_it_is_recorded(odd):
    batch = added(switched("StopInstances"), *[odd] * 1_001, *[switched("StopInstances")] * 4)

    assert batch == Batch(
        rejected=[Rejected(KEY, "has more than 1000 records that cannot be read", ACCOUNT, location="/logs/a.json.gz")]
    )
