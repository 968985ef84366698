"""What CloudTrail and EventBridge both tell, from their bytes into the store: the same runs in any order."""

import random
from datetime import UTC, datetime

import pytest

from cloudigrade.clouds.aws import notifications, reading
from cloudigrade.clouds.aws.trail import Content, Source
from cloudigrade.clouds.cloud import Delivery
from cloudigrade.clouds.protocol import Batch
from cloudigrade.models import FeedPosition
from cloudigrade.services import ingest
from tests.builders import ACCOUNT, AS_OF, REGION, clock
from tests.clouds.aws.messages import notice, text
from tests.clouds.aws.records import log, run_instances, switched
from tests.services.stored import Stored

LAUNCH, STOP, START, END = (clock(hours) for hours in (6, 30, 40, 50))


def at(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def logged(record, second: int, name: str) -> Batch:
    """One call as CloudTrail logs it."""
    stamp = {"eventTime": at(second), "eventID": name, "recipientAccountId": ACCOUNT, "awsRegion": REGION}
    batch = Batch()
    source = Source(f"AWSLogs/{name}", ACCOUNT, REGION, 0, name)
    reading.add_log(batch, Content(source, log(record | stamp)))
    return batch


def noticed(state: str, second: int) -> Batch:
    """One state as EventBridge tells of it."""
    body = text(notice(state, account=ACCOUNT, region=REGION, time=at(second), id=f"{state}-{second}"))
    return Batch(instances=notifications.parse(body).notices, records_relevant=1)


CALLS = [
    logged(run_instances(), LAUNCH, "launch"),
    logged(switched("StopInstances"), STOP, "stop"),
    logged(switched("StartInstances", previous={"code": 80, "name": "stopped"}), START, "start"),
    logged(switched("TerminateInstances"), END, "end"),
]
NOTICES = [
    *(noticed("pending", LAUNCH + 1), noticed("running", LAUNCH + 15)),
    *(noticed("stopping", STOP + 1), noticed("stopped", STOP + 70)),
    *(noticed("pending", START + 1), noticed("running", START + 20)),
    *(noticed("shutting-down", END + 1), noticed("terminated", END + 200)),
]


def take(stored: Stored, batch: Batch) -> None:
    ingest.record(cloud="aws", delivery=Delivery("q", batches={stored.customer_id: batch}), now=AS_OF)


@pytest.mark.parametrize("seed", range(12))
def test_the_two_feeds_agree_in_any_order_late_and_twice(stored, seed):
    shuffled = random.Random(seed)
    told = [*CALLS, *NOTICES]
    told += shuffled.choices(told, k=6)
    shuffled.shuffle(told)
    for number, batch in enumerate(told):
        take(stored, batch)
        if number in (4, 9):  # what comes after that comes late
            stored.recalculate()
    stored.recalculate()

    assert stored.spans() == [("i-0a1", 6, 30), ("i-0a1", 40, 50)]


def test_notices_alone_make_the_same_runs_a_second_later(stored):
    for batch in NOTICES:
        take(stored, batch)
    stored.recalculate()

    second = 1 / 3600
    assert stored.spans() == [("i-0a1", 6 + second, 30 + second), ("i-0a1", 40 + second, 50 + second)]


def test_each_feed_has_a_position_of_its_own(stored):
    for batch in (*NOTICES, *CALLS[:1]):
        take(stored, batch)

    assert sorted(FeedPosition.objects.values_list("feed", "region", "newest_at")) == [
        ("cloudtrail", REGION, datetime.fromtimestamp(LAUNCH, UTC)),
        ("eventbridge", REGION, datetime.fromtimestamp(END + 200, UTC)),
    ]
