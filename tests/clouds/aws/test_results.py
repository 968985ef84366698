"""Results of our inspectors, from bucket and queue: read whole, and a bad one costs itself (C29)."""

import json

import pytest
from moto.sqs.models import sqs_backends

from cloudigrade.clouds.aws import queues, results
from cloudigrade.clouds.aws.config import Section
from cloudigrade.clouds.aws.session import Access
from cloudigrade.clouds.protocol import Unavailable
from tests.aws_patches import OWN_ACCOUNT
from tests.clouds.aws.inspecting import HOME, answering, copying, impatient

pytestmark = pytest.mark.enable_socket

BUCKET = "test-cloudigrade-inspections"
QUEUE = "test-cloudigrade-inspections-s3"
FOUND = {"rhel_found": True, "rhel_version": "9.4", "errors": [], "drives": {}}


@pytest.fixture(scope="module")
def access(aws):
    return copying()


@pytest.fixture(autouse=True)
def empty(aws, monkeypatch):
    monkeypatch.setattr(queues, "WAIT", 0)
    queue = sqs_backends[OWN_ACCOUNT][HOME].queues[QUEUE]  # its API empties a queue once a minute
    queue._messages.clear()
    queue.pending_messages.clear()


def key(name):
    return f"InspectionResults/2026-11/28/11.00.00-{name}.json"


def put(aws, content, name="1", *, prefix=""):
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    aws.client("s3", HOME).put_object(Bucket=BUCKET, Key=prefix + key(name), Body=body)


def file(**images):
    return {"cloud": "aws", "errors": [], "images": {name.replace("_", "-"): each for name, each in images.items()}}


def record(name, bucket=BUCKET):
    return {
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": bucket}, "object": {"key": name}},
    }


def taken(access):
    """Everything that was delivered, and acknowledged."""
    found, rejected = [], []
    for block in results.results(access):
        with block as delivery:
            found += delivery.results
            rejected += delivery.rejected
    return found, rejected


def test_what_an_inspector_wrote_is_delivered_once(aws, access):
    put(aws, file(ami_1=FOUND, ami_2=FOUND | {"rhel_found": False}))

    found, rejected = taken(access)

    source = f"s3://{BUCKET}/{key('1')}"
    assert [(each.image, each.content["rhel_found"], each.source) for each in found] == [
        ("ami-1", True, source),
        ("ami-2", False, source),
    ]
    assert rejected == []
    assert aws.waiting(QUEUE) == 0
    assert taken(access) == ([], [])


@pytest.mark.parametrize(
    ("principal", "writer"),
    [
        ("AWS:AROAEXAMPLE:i-0123456789abcdef0", "i-0123456789abcdef0"),
        ("AWS:AIDAEXAMPLE", ""),
        ("AWS:AROAEXAMPLE:somebody", ""),
        (7, ""),
        (None, ""),
    ],
)
def test_s7_who_wrote_a_result_is_told_by_s3_and_not_by_the_result(aws, access, principal, writer):
    put(aws, file(ami_1=FOUND))
    taken(access)
    aws.put_on_queue(QUEUE, {"Records": [record(key("1")) | {"userIdentity": {"principalId": principal}}]})

    ((found,), _) = taken(access)

    assert found.writer == writer


def test_what_is_not_recorded_comes_again(aws, access):
    put(aws, file(ami_1=FOUND))

    with pytest.raises(RuntimeError), next(iter(results.results(access))):
        raise RuntimeError("the database is away")

    assert aws.waiting(QUEUE) == 1


def test_the_test_message_of_s3_means_nothing(aws, access):
    aws.put_on_queue(QUEUE, {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": BUCKET})

    assert taken(access) == ([], [])
    assert aws.waiting(QUEUE) == 0


def test_c29_a_message_of_several_records_is_gone_only_after_all_of_them(aws, access):
    for name in ("1", "2 ä+"):
        aws.client("s3", HOME).put_object(Bucket=BUCKET, Key=key(name), Body=json.dumps(file(ami_1=FOUND)))
    taken(access)
    records = [record(key("1")), record("InspectionResults%2F2026-11/28/11.00.00-2+%C3%A4%2B.json")]
    aws.put_on_queue(QUEUE, {"Records": records})

    found, rejected = taken(access)

    assert [each.source for each in found] == [f"s3://{BUCKET}/{key(name)}" for name in ("1", "2 ä+")]
    assert rejected == []
    assert aws.waiting(QUEUE) == 0


BAD = {
    "no JSON": b"{",
    "no object": b"[1]",
    "no images": b'{"cloud": "aws"}',
    "another cloud": b'{"cloud": "azure", "images": {}}',
    "no cloud": b'{"images": {}}',
    "deep": b'{"cloud": "aws", "images": {"ami-9": ' + b'{"a":' * 200 + b"1" + b"}" * 200 + b"}}",
    "bytes": b"\xff\xfe\x00",
    "empty": b"",
}


@pytest.mark.parametrize("bad", BAD)
def test_c29_a_file_that_cannot_be_read_costs_no_other(aws, access, bad):
    put(aws, BAD[bad], "bad")
    put(aws, file(ami_1=FOUND), "good")

    found, rejected = taken(access)

    assert [each.image for each in found] == ["ami-1"]
    assert [key("bad") in each.source for each in rejected] == [True]
    assert aws.waiting(QUEUE) == 0


def test_c29_a_record_that_names_nothing_and_a_file_that_is_not_there_cost_no_other(aws, access):
    put(aws, file(ami_1=FOUND))
    taken(access)
    aws.put_on_queue(QUEUE, {"Records": [{"eventName": 1}, record(key("gone")), record(key("1"))]})

    found, rejected = taken(access)

    assert [each.image for each in found] == ["ami-1"]
    assert [each.reason.split(":")[0] for each in rejected] == [
        "record names no event",
        "s3",
    ]
    assert rejected[1].location == f"s3://{BUCKET}/{key('gone')}"


def test_c29_an_image_with_odd_findings_costs_no_other(aws, access):
    odd = {"ami-1": FOUND, "not an image": FOUND, "ami-2": "no object", "ami-3": {"drives": "x" * (1 << 20)}}
    put(aws, {"cloud": "aws", "images": odd})

    found, rejected = taken(access)

    assert [each.image for each in found] == ["ami-1"]
    assert len(rejected) == 3


def test_a_message_that_is_none_of_s3_is_kept_as_rejected(aws, access):
    aws.put_on_queue(QUEUE, {"hello": "world"})

    found, (rejected,) = taken(access)

    assert found == []
    assert json.loads(rejected.content) == {"hello": "world"}
    assert rejected.source.startswith(f"{QUEUE}/")


@pytest.mark.parametrize(
    ("bucket", "name"), [("another-bucket", key("1")), (BUCKET, "elsewhere/1.json")], ids=["bucket", "place"]
)
def test_nothing_is_read_from_elsewhere(aws, access, bucket, name):
    aws.put_on_queue(QUEUE, {"Records": [record(name, bucket)]})
    with answering(access.own("s3", HOME), "GetObject", []) as seen:
        found, rejected = taken(access)

    assert (found, [each.reason for each in rejected], seen) == ([], ["is no result of ours"], [])


def test_a_file_that_is_too_large_is_not_read_to_its_end(aws, access, monkeypatch):
    monkeypatch.setattr(results, "LARGEST", 100)
    put(aws, file(ami_1=FOUND | {"drives": {"x": "y" * 100}}))

    assert [each.reason for each in taken(access)[1]] == ["is larger than 0 MiB"]


def test_a_file_that_cannot_be_fetched_just_now_comes_again(aws, monkeypatch):
    access = impatient(monkeypatch)
    put(aws, file(ami_1=FOUND))
    with (
        answering(access.own("s3", HOME), "GetObject", ["SlowDown"]),
        next(iter(results.results(access))) as delivery,
    ):
        assert (delivery.results, delivery.rejected) == ([], [])

    assert aws.waiting(QUEUE) == 1


def test_a_queue_that_is_missing_is_said_to_be_missing_where_copies_are_made_and_else_nobody_asks():
    with pytest.raises(Unavailable, match=r"queue nowhere-cloudigrade-inspections-s3 .* does not exist"):
        taken(copying("nowhere"))
    assert taken(Access(Section(), "nowhere")) == ([], [])
