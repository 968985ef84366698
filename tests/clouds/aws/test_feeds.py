"""What our queues deliver, against moto in this process; outages are put in the way of single requests."""

import hashlib
from contextlib import suppress

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ClientError

from cloudigrade.clouds.aws import desk, feeds, packing, queues, reading
from cloudigrade.clouds.protocol import FileRead, Rejected, Unavailable
from tests.clouds.aws.feeding import LOGS, NOTICES, OWNER, ROUTES, counted, drained, refuse, router_of
from tests.clouds.aws.messages import BUCKET, notice, object_created, s3_message, s3_record, text, through_topic
from tests.clouds.aws.records import ACCOUNT, KEY, REGION, launched, log, run_instances, switched

OTHER = KEY.replace("Ab12", "Zz99")
STRANGER = "999999999998"
FOREIGN = KEY.replace(ACCOUNT, STRANGER)
HASH = hashlib.sha256(log(run_instances())).hexdigest()


@pytest.fixture
def router():
    return router_of(ROUTES)


def test_a_log_file_that_is_told_of_is_read_and_its_message_is_gone(feeding, router):
    feeding.tell(feeding.put(run_instances(), switched("StopInstances")))

    (delivery,) = drained(feeding, router)

    batch = delivery.batches[OWNER]
    assert [activity.event.kind.name for activity in batch.instances] == ["POWER_ON", "POWER_OFF"]
    assert (batch.read_sources, batch.accounts) == ([KEY], {ACCOUNT})
    assert list(batch.newest) == [(ACCOUNT, REGION)]
    assert batch.files == [
        FileRead(ACCOUNT, REGION, KEY, hashlib.sha256(log(run_instances(), switched("StopInstances"))).hexdigest())
    ]
    assert (delivery.queue, delivery.messages, delivery.left) == (LOGS, 1, 0)
    assert feeding.messages() == []


@pytest.mark.parametrize(
    "body",
    [
        s3_message(),
        through_topic(s3_message()),
        text(object_created()),
        text({"s3Bucket": BUCKET, "s3ObjectKey": [KEY]}),
    ],
)
def test_however_it_is_told_of(feeding, router, body):
    feeding.put(run_instances())
    feeding.send(body)

    (delivery,) = drained(feeding, router)

    assert delivery.batches[OWNER].read_sources == [KEY]


def test_p1_whatever_waits_is_read_a_hundred_messages_at_a_time(feeding, router):
    """P1: 25 messages every 30 seconds was the most."""
    keys = [KEY.replace("Ab12", f"A{number:03}") for number in range(45)]
    for number, key in enumerate(keys):
        feeding.tell(feeding.put(run_instances(launched(f"i-{number}")), key=key))

    found = drained(feeding, router)

    assert max(delivery.messages for delivery in found) > 10
    assert sum(delivery.messages for delivery in found) == 45
    assert {source for delivery in found for source in delivery.batches[OWNER].read_sources} == set(keys)
    assert all(len(asked) == 1 for asked in router.asked), "one question a batch, for one place"
    assert feeding.messages() == []


def test_an_object_that_several_messages_name_is_read_once(feeding, router):
    feeding.put(run_instances())
    feeding.tell(KEY, KEY)
    feeding.tell(KEY)

    (delivery,) = drained(feeding, router)

    assert delivery.batches[OWNER].read_sources == [KEY]
    assert feeding.messages() == []


def test_tests_digests_and_other_objects_are_passed_over(feeding, router):
    feeding.send(text({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": BUCKET}))
    feeding.tell(
        f"AWSLogs/{ACCOUNT}/CloudTrail-Digest/us-east-1/2026/01/02/x.json.gz", f"AWSLogs/{ACCOUNT}/Config/x.json"
    )

    (delivery,) = drained(feeding, router)

    assert (delivery.passed_over, delivery.foreign, delivery.batches) == (3, 0, {})
    assert feeding.messages() == []


@pytest.mark.parametrize(
    ("code", "status"), [("SlowDown", 503), ("InternalError", 500), ("RequestTimeout", 400), ("AccessDenied", 403)]
)
def test_c3_what_s3_does_not_give_just_now_stays_in_the_queue_and_costs_no_other(feeding, router, code, status):
    """C3: it was taken for an empty file, and acknowledged."""
    kept = feeding.tell(feeding.put(run_instances(launched("i-0a1"))))
    feeding.tell(feeding.put(run_instances(launched("i-0a2")), key=OTHER))
    assert not refuse(feeding, "Ab12", code, status)

    (delivery,) = drained(feeding, router)

    assert delivery.batches[OWNER].read_sources == [OTHER]
    assert (delivery.left, delivery.batches[OWNER].rejected) == (1, [])
    assert [message.id for message in feeding.messages()] == [kept]


def test_c3_the_message_comes_again_and_is_read_then(feeding, router, monkeypatch):
    """C3: nothing is lost."""
    feeding.tell(feeding.put(run_instances()), feeding.put(switched("StopInstances"), key=OTHER))
    refused = refuse(feeding, "Ab12", "SlowDown", 503, times=1)
    (first,) = drained(feeding, router)
    feeding.later()

    (second,) = drained(feeding, router)

    assert len(refused) == 1
    assert (first.left, first.batches[OWNER].read_sources) == (1, [OTHER])
    assert (second.left, sorted(second.batches[OWNER].read_sources)) == (0, [KEY, OTHER])
    assert feeding.messages() == []


def test_an_outage_of_hours_makes_no_dead_letters(feeding, router):
    """After the third time the message waits half an hour, then two."""
    feeding.tell(feeding.put(run_instances()))
    refuse(feeding, "Ab12", "SlowDown", 503)
    hidden = []
    for _ in range(4):
        drained(feeding, router)
        (message,) = feeding.messages()
        hidden.append(round((message.visible_at - message.approximate_first_receive_timestamp) / 60_000))
        feeding.later()

    assert hidden == [5, 5, 30, 120]


def test_c7_an_object_that_is_not_there_is_waited_for_and_then_passed_over(feeding, router, caplog):
    """C7: what vanished never fails a batch; a notice may come before its object can be seen.

    Nor does it count as a missing file: whoever may write to the queue can name any key of anybody's.
    """
    feeding.tell(KEY)
    feeding.tell(feeding.put(run_instances(), key=OTHER))
    for expected in ([OTHER], [], []):
        (delivery,) = drained(feeding, router)
        batch = delivery.batches.get(OWNER)
        assert (batch.read_sources if batch else []) == expected
        feeding.later()

    assert (delivery.foreign, delivery.batches, delivery.rejected) == (1, {}, [])
    assert f"an object is passed over that is not there: s3://{BUCKET}/{KEY}" in caplog.text
    assert feeding.messages() == []


def test_a_size_that_is_only_claimed_rejects_nothing(feeding, router):
    """Whoever may write to the queue can say any size of any key."""
    feeding.put(run_instances())
    sized = [
        s3_record(key, s3={"bucket": {"name": BUCKET}, "object": {"key": key, "size": 1 << 40}}) for key in (KEY, OTHER)
    ]
    feeding.send(s3_message(*sized))

    (delivery,) = drained(feeding, router)

    assert delivery.batches[OWNER].read_sources == [KEY]
    assert (delivery.batches[OWNER].rejected, delivery.left) == ([], 1)


def test_an_object_that_is_too_large_is_rejected(feeding, router, monkeypatch):
    monkeypatch.setattr(packing, "MAX_BYTES", 10)
    feeding.tell(feeding.put(content=b"12345678901"))

    (delivery,) = drained(feeding, router)

    assert [(item.source, item.reason) for item in delivery.batches[OWNER].rejected] == [(KEY, "is larger than 0 MiB")]


def test_reasons_are_of_one_line_whatever_the_key(feeding, router, caplog):
    feeding.tell(KEY.replace("Ab12", "\n\x1b[2J"))

    drained(feeding, router)

    assert "\x1b" not in caplog.text
    assert "\N{REPLACEMENT CHARACTER}[2J" in caplog.text


def test_a_file_that_cannot_be_read_is_rejected_with_its_place(feeding, router):
    feeding.tell(feeding.put(content=b"no log"))

    (delivery,) = drained(feeding, router)

    assert delivery.batches[OWNER].rejected == [Rejected(KEY, "is not JSON", ACCOUNT, location=f"s3://{BUCKET}/{KEY}")]
    assert feeding.messages() == []


def test_a_message_that_cannot_be_read_is_rejected_with_its_content(feeding, router):
    name = feeding.send("no notification")

    (delivery,) = drained(feeding, router)

    assert delivery.rejected == [Rejected(f"{LOGS}/{name}", "message is not JSON", content=b"no notification")]
    assert feeding.messages() == []


def test_c53_what_is_good_in_a_message_is_read_and_the_message_is_kept(feeding, router):
    """C53: one bad record short-circuited the others."""
    feeding.put(run_instances(), key="some prefix/" + KEY)
    body = s3_message(s3_record("some prefix/" + KEY), None)
    name = feeding.send(body)

    (delivery,) = drained(feeding, router)

    assert delivery.batches[OWNER].read_sources == [KEY]
    assert delivery.rejected == [Rejected(f"{LOGS}/{name}", "record names no event", content=body.encode())]


def test_an_error_in_the_block_keeps_every_message(feeding, router):
    feeding.tell(feeding.put(run_instances()))
    for waiting in feeds.deliveries(feeding.access, router):
        with pytest.raises(ZeroDivisionError), waiting:
            raise ZeroDivisionError

    assert len(feeding.messages()) == 1


def test_a_queue_whose_block_fails_lets_the_others_have_their_turn(feeding, router, monkeypatch):
    monkeypatch.setattr(queues, "AT_ONCE", 1)
    for number in range(15):
        feeding.send(text(notice("running", id=f"id-{number}")))
        feeding.send(text(notice("running", id=f"id-{number}")), queue=NOTICES)
    seen = []

    for waiting in feeds.deliveries(feeding.access, router):
        with suppress(ZeroDivisionError), waiting as delivery:
            seen.append(delivery.queue)
            if delivery.queue == LOGS:
                raise ZeroDivisionError

    assert seen == [LOGS, NOTICES, NOTICES]
    assert (len(feeding.messages()), feeding.messages(NOTICES)) == (15, [])


def test_what_is_our_fault_with_one_queue_is_raised_after_the_others_were_drained(feeding, router):
    """AWS finds a request of ours wrong: moto never does, so the answer is put in its way."""
    feeding.send(text(notice("running")), queue=NOTICES)
    said = {"Error": {"Code": "InvalidParameterValue", "Message": "why"}, "ResponseMetadata": {"HTTPStatusCode": 400}}

    def answer(params, **_):
        return (AWSResponse("https://x", 400, HTTPHeaders(), None), said) if LOGS in str(params) else None

    feeding.access.own("sqs", "us-east-1").meta.events.register_first("before-call.sqs.ReceiveMessage", answer)

    with pytest.raises(ClientError, match="InvalidParameterValue"):
        drained(feeding, router)

    assert feeding.messages(NOTICES) == []


def test_our_own_bug_costs_its_object_alone_and_is_loud(feeding, router, monkeypatch, caplog):
    kept = feeding.tell(feeding.put(run_instances()))
    feeding.tell(feeding.put(run_instances(), key=OTHER))
    original = reading.add_log

    def broken(batch, content):
        if content.source.name == KEY:
            raise ZeroDivisionError
        return original(batch, content)

    monkeypatch.setattr(reading, "add_log", broken)
    (delivery,) = drained(feeding, router)

    assert delivery.batches[OWNER].read_sources == [OTHER]
    assert [message.id for message in feeding.messages()] == [kept]
    assert "ZeroDivisionError" in caplog.text


def test_o20_a_missing_queue_is_raised_after_the_others_were_drained(feeding, router):
    """O20: an error for the operator, and no customer's loss."""
    sqs = feeding.sqs()
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=LOGS)["QueueUrl"])
    feeding.send(text(notice("running")), queue=NOTICES)
    found = []

    with pytest.raises(Unavailable, match=f"^queue {LOGS} in us-east-1 of partition aws: does not exist"):
        found += drained(feeding, router)

    assert feeding.messages(NOTICES) == []


def test_queues_take_turns(feeding, router, monkeypatch):
    """A long queue does not keep the others waiting."""
    monkeypatch.setattr(queues, "AT_ONCE", 1)
    for number in range(25):
        feeding.send(text(notice("running", id=f"id-{number}")))
        feeding.send(text(notice("running", id=f"id-{number}")), queue=NOTICES)

    assert [delivery.queue for delivery in drained(feeding, router)] == [LOGS, NOTICES] * 3


def test_an_object_is_read_once_however_often_and_large_it_is_told_to_be(feeding, router):
    key = feeding.put(run_instances())
    feeding.send(s3_message(*(s3_record(key, size=size) for size in (1, 2, 1 << 40))))
    fetched = counted(feeding)

    (delivery,) = drained(feeding, router)

    assert fetched == [key]
    assert len(delivery.batches[OWNER].instances) == 1


def test_what_is_too_much_for_one_delivery_comes_again(feeding, router, monkeypatch):
    monkeypatch.setattr(desk, "_MOST", 3)
    kept = [
        feeding.tell(feeding.put(run_instances(id=f"{number:08d}"), key=KEY.replace("Ab12", f"A{number:03d}")))
        for number in range(5)
    ]

    (delivery,) = drained(feeding, router)

    assert (delivery.left, len(delivery.batches[OWNER].instances)) == (2, 3)
    assert {message.id for message in feeding.messages()} < set(kept)
