"""Our queues against moto in this process; what moto never does (failed entries, outages) comes from Stubber."""

import json

import pytest
from botocore.stub import Stubber

from cloudigrade.clouds.aws import queues
from cloudigrade.clouds.cloud import QueueLength
from cloudigrade.clouds.protocol import Unavailable, Unreadable
from tests.clouds.aws.feeding import LOGS, NOTICES, Feeding


@pytest.fixture
def aws(feeding):
    return Feeding("aws", "aws-cn")


def opened(aws, name=LOGS, partition="aws"):
    return queues.opened(aws.access, partition, name)


def test_many_messages_come_at_once_each_once(aws):
    sent = {aws.send(str(number)) for number in range(45)}

    first = queues.receive(opened(aws))
    second = queues.receive(opened(aws))

    assert len({message.id for message in first}) == len(first)
    assert len(first) > 10
    assert {message.id for message in (*first, *second)} == sent
    assert queues.receive(opened(aws)) == []


def test_a_message_that_two_receives_hand_out_is_one(aws):
    """With Stubber: SQS may do so, moto does it when threads meet."""
    queue = opened(aws)
    with Stubber(queue.client) as stub:
        for handle in "abcdefghij":
            letters = [{"MessageId": str(n), "Body": "x", "ReceiptHandle": handle} for n in range(10)]
            stub.add_response("receive_message", {"Messages": letters})
        messages = queues.receive(queue)
    assert sorted(message.id for message in messages) == [str(n) for n in range(10)]


def test_a_message_says_how_often_it_was_received_and_when_sent(aws):
    aws.send("body")
    (first,) = queues.receive(opened(aws))
    aws.later()

    (again,) = queues.receive(opened(aws))

    assert (first.received, again.received) == (1, 2)
    assert (again.id, again.body, again.sent_at) == (first.id, "body", first.sent_at)
    assert again.sent_at == aws.messages()[0].sent_timestamp // 1000


def test_p1_a_full_queue_is_asked_ten_times_at_once_and_an_empty_one_once(aws):
    """P1: one message was received at a time."""
    queue, calls = opened(aws), []
    queue.client.meta.events.register("before-call.sqs.ReceiveMessage", lambda params, **_: calls.append(params))

    queues.receive(queue)
    assert len(calls) == 1
    for number in range(30):
        aws.send(str(number))
    queues.receive(queue)
    assert len(calls) == 11


@pytest.mark.parametrize("partition", ["aws", "aws-cn"])
def test_o20_a_missing_queue_is_said_to_be_missing_and_never_made(aws, partition):
    """O20: looking a queue up made it, wherever that was."""
    region = aws.regions[partition]
    sqs = aws.sqs(region)
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=LOGS)["QueueUrl"])

    with pytest.raises(Unavailable, match=f"^queue {LOGS} in {region} of partition {partition}: does not exist"):
        opened(aws, partition=partition)

    assert not any(url.endswith(LOGS) for url in sqs.list_queues()["QueueUrls"])


def test_a_queue_is_looked_up_once(aws):
    queue, calls = opened(aws), []
    queue.client.meta.events.register("before-call.sqs.GetQueueUrl", lambda params, **_: calls.append(params))

    assert [opened(aws).url for _ in range(3)] == [queue.url] * 3
    assert calls == []


def test_deleted_messages_are_gone_and_others_stay(aws):
    for number in range(25):
        aws.send(str(number))
    received = queues.receive(opened(aws))

    queues.delete(opened(aws), received[:23])

    assert sorted(message.id for message in aws.messages()) == sorted(message.id for message in received[23:])


def test_entries_that_cannot_be_deleted_are_tried_again(aws, caplog):
    """With Stubber: moto deletes whatever it is asked to."""
    queue = opened(aws)
    messages = [queues.Message(name, "", f"handle-{name}", 1, None) for name in ("a", "b")]
    entries = [{"Id": "0", "ReceiptHandle": "handle-a"}, {"Id": "1", "ReceiptHandle": "handle-b"}]
    failed = {"Id": "1", "SenderFault": False, "Code": "InternalError"}
    with Stubber(queue.client) as stub:
        stub.add_response(
            "delete_message_batch", {"Failed": [failed], "Successful": []}, {"QueueUrl": queue.url, "Entries": entries}
        )
        stub.add_client_error("delete_message_batch", "ServiceUnavailable", "why", 503)
        stub.add_response(
            "delete_message_batch",
            {"Failed": [failed], "Successful": []},
            {"QueueUrl": queue.url, "Entries": entries[1:]},
        )
        queues.delete(queue, messages)
        stub.assert_no_pending_responses()

    assert "1 messages are not deleted and come again" in caplog.text
    assert "InternalError" in caplog.text


def test_postponed_messages_stay_hidden_as_long_as_asked(aws):
    aws.send("body")
    (message,) = queues.receive(opened(aws))
    before = aws.messages()[0].visible_at

    queues.postpone(opened(aws), [message], 1800)

    assert 1_490_000 < aws.messages()[0].visible_at - before < 1_510_000  # 300 s was the queue's own


def test_what_cannot_be_postponed_comes_again_all_the_same(aws, caplog):
    queue = opened(aws)
    with Stubber(queue.client) as stub:
        stub.add_client_error("change_message_visibility_batch", "ServiceUnavailable", "why", 503)
        queues.postpone(queue, [queues.Message("a", "", "handle", 1, None)], 1800)
    assert "messages are not postponed" in caplog.text


def test_lengths_count_what_is_being_read_and_the_dead(aws):
    for number in range(3):
        aws.send(str(number))
    aws.send("x", queue=f"{LOGS}-dlq")
    aws.send("x", queue=NOTICES, region="cn-north-1")
    opened(aws).client.receive_message(QueueUrl=opened(aws).url)

    assert list(queues.lengths(aws.access)) == [
        QueueLength(LOGS, 3, 1),
        QueueLength(NOTICES, 0, 0),
        QueueLength(f"aws-cn/{LOGS}", 0, 0),
        QueueLength(f"aws-cn/{NOTICES}", 1, 0),
    ]


def test_a_queue_that_cannot_be_asked_costs_no_other_its_length(aws):
    sqs = aws.sqs()
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=LOGS)["QueueUrl"])
    lengths = queues.lengths(aws.access)

    assert [next(lengths).name for _ in range(3)] == [NOTICES, f"aws-cn/{LOGS}", f"aws-cn/{NOTICES}"]
    with pytest.raises(Unavailable, match=LOGS):
        next(lengths)


def test_o8_dead_letters_wait_again(aws):
    """O8: nothing brought them back."""
    bodies = [f"{number}" for number in range(23)]
    for body in bodies:
        aws.send(body, queue=f"{LOGS}-dlq")

    assert queues.redrive(aws.access, LOGS) == 23

    assert sorted(message.body for message in aws.messages()) == sorted(bodies)
    assert aws.messages(f"{LOGS}-dlq") == []
    assert queues.redrive(aws.access, LOGS) == 0


def test_o8_a_letter_that_cannot_be_sent_stays_dead(aws):
    """O8, with Stubber: moto takes every message."""
    for body in ("a", "b"):
        aws.send(body, queue=f"{LOGS}-dlq")
    client = opened(aws).client
    attributes = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": f"arn:aws:sqs:us-east-1:1:{LOGS}-dlq"})}
    letters = [{"MessageId": name, "Body": name, "ReceiptHandle": name} for name in ("a", "b")]
    refused = {"Id": "1", "SenderFault": False, "Code": "InternalError"}
    opened(aws, f"{LOGS}-dlq")  # its address is known from here on
    with Stubber(client) as stub:
        stub.add_response("get_queue_attributes", {"Attributes": attributes})
        stub.add_response("receive_message", {"Messages": letters})
        sent = {"Id": "0", "MessageId": "x", "MD5OfMessageBody": "0cc175b9c0f1b6a831c399e269772661"}
        stub.add_response("send_message_batch", {"Successful": [sent], "Failed": [refused]})
        stub.add_response("delete_message_batch", {"Successful": [], "Failed": []})
        stub.add_response("receive_message", {})
        assert queues.redrive(aws.access, LOGS) == 1
        stub.assert_no_pending_responses()


def test_messages_are_sent_in_parts_that_sqs_takes():
    bodies = ["x" * size for size in (100, 200 << 10, 60 << 10, 10)]
    messages = [queues.Message(str(place), body, "", 1, None) for place, body in enumerate(bodies)]

    assert [[len(each.body) for each in part] for part in queues._small(messages)] == [[100, 200 << 10], [60 << 10, 10]]
    assert [len(part) for part in queues._small(messages[:1] * 23)] == [10, 10, 3]


@pytest.mark.parametrize("name", ["other", f"aws-us-gov/{LOGS}", f"{LOGS}-dlq", ""])
def test_only_our_queues_are_redriven(aws, name):
    with pytest.raises(Unreadable, match="no queue of ours"):
        queues.redrive(aws.access, name)


def test_refused_access_to_our_own_queue_is_nobody_elses_problem(aws):
    queue = opened(aws)
    with Stubber(queue.client) as stub:
        stub.add_client_error("receive_message", "AccessDenied", "why", 403)
        with pytest.raises(Unavailable, match=r"^queue .*AccessDenied"):
            queues.receive(queue)
