"""What could not be read before, read again; against moto in this process."""

import hashlib

import pytest

from cloudigrade.clouds.aws import feeds
from cloudigrade.clouds.cloud import Route
from cloudigrade.clouds.protocol import FileRead, Rejected, Unavailable, Unreadable
from tests.clouds.aws.feeding import LOGS, NOTICES, OWNER, ROUTES, refuse, router_of
from tests.clouds.aws.messages import BUCKET, notice, s3_message, text
from tests.clouds.aws.records import ACCOUNT, KEY, REGION, log, packed, run_instances

OTHER = KEY.replace("Ab12", "Zz99")
STRANGER = "999999999998"
FOREIGN = KEY.replace(ACCOUNT, STRANGER)
HASH = hashlib.sha256(log(run_instances())).hexdigest()


@pytest.fixture
def router():
    return router_of(ROUTES)


def test_a_record_is_read_again_without_standing_for_its_file(feeding, router):
    content = log(run_instances())[len(b'{"Records":[') : -len(b"]}")]
    item = Rejected(KEY, "why", ACCOUNT, content)

    batch = feeds.reread(feeding.access, item, router, Route(OWNER)).batches[OWNER]

    assert [activity.instance for activity in batch.instances] == ["i-0a1"]
    assert (batch.read_sources, batch.files, batch.newest) == ([], [], {})


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b'{"eventName": 5}', "is no object with an event name"), (b"garbage", "is not JSON")],
)
def test_a_record_that_still_cannot_be_read_says_why(feeding, router, content, reason):
    with pytest.raises(Unreadable, match=reason):
        feeds.reread(feeding.access, Rejected(KEY, "why", ACCOUNT, content), router, Route(OWNER))


def test_a_whole_file_is_read_again_where_it_lies(feeding, router, tmp_path):
    feeding.put(run_instances())
    path = tmp_path / "a.json"
    path.write_bytes(packed(run_instances()))
    for location in (f"s3://{BUCKET}/{KEY}", str(path)):
        item = Rejected(KEY, "why", ACCOUNT, location=location)

        batch = feeds.reread(feeding.access, item, router, Route(OWNER)).batches[OWNER]

        assert (batch.read_sources, batch.files) == ([KEY], [FileRead(ACCOUNT, REGION, KEY, HASH)])


@pytest.mark.parametrize("location", ["", "/nowhere/a.json", f"s3://{BUCKET}/{OTHER}"])
def test_a_file_that_is_not_there_cannot_be_read_again(feeding, router, location):
    with pytest.raises(Unreadable):
        feeds.reread(feeding.access, Rejected(KEY, "why", ACCOUNT, location=location), router, Route(OWNER))


def test_a_message_is_read_again_as_if_it_came_from_its_queue(feeding, router):
    feeding.put(run_instances())
    item = Rejected(f"{LOGS}/m-1", "why", content=s3_message().encode())
    assert feeds.reread(feeding.access, item, router).batches[OWNER].read_sources == [KEY]

    told = text(notice("running")).encode()
    of_notices = feeds.reread(feeding.access, Rejected(f"{NOTICES}/m-1", "why", content=told), router)
    of_logs = feeds.reread(feeding.access, Rejected(f"{LOGS}/m-1", "why", content=told), router)
    assert (len(of_notices.batches[OWNER].instances), of_logs.batches, of_logs.foreign) == (1, {}, 1)


@pytest.mark.parametrize(
    ("source", "body", "reason"),
    [(f"{LOGS}/m", b"garbage", "message is not JSON"), ("other/m", s3_message().encode(), "other: no queue of ours")],
)
def test_a_message_that_still_cannot_be_read_says_why(feeding, router, source, body, reason):
    with pytest.raises(Unreadable, match=reason):
        feeds.reread(feeding.access, Rejected(source, "why", content=body), router)


def test_a_message_whose_object_cannot_be_read_just_now_is_no_loss(feeding, router):
    feeding.put(run_instances())
    refuse(feeding, "Ab12", "SlowDown", 503)

    with pytest.raises(Unavailable):
        feeds.reread(feeding.access, Rejected(f"{LOGS}/m", "why", content=s3_message().encode()), router)
