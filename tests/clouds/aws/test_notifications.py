"""Messages of queues: every way in which AWS tells of a log file or an instance, and everything that is neither."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudigrade.clouds.aws import notifications
from cloudigrade.clouds.aws.notifications import Named, StoredObject
from cloudigrade.clouds.protocol import Unreadable
from tests.clouds.aws.messages import (
    BUCKET,
    event,
    notice,
    object_created,
    s3_message,
    s3_record,
    text,
    through_topic,
)
from tests.clouds.aws.records import ACCOUNT, KEY

STORED = StoredObject(BUCKET, KEY)
OTHER = KEY.replace("Ab12", "Zz99")
TEST_EVENT = text({"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "t", "Bucket": BUCKET})
OF_TRAIL = text({"s3Bucket": BUCKET, "s3ObjectKey": [KEY, OTHER]})


@pytest.mark.parametrize(
    ("body", "objects"),
    [
        (s3_message(), [STORED]),
        (s3_message(s3_record(name="s3:ObjectCreated:CompleteMultipartUpload")), [STORED]),
        (s3_message(s3_record(), s3_record(OTHER)), [STORED, StoredObject(BUCKET, OTHER)]),
        (through_topic(s3_message()), [STORED]),
        (text(object_created()), [STORED]),
        (through_topic(text(object_created())), [STORED]),
        (OF_TRAIL, [StoredObject(BUCKET, KEY), StoredObject(BUCKET, OTHER)]),
        (through_topic(OF_TRAIL), [StoredObject(BUCKET, KEY), StoredObject(BUCKET, OTHER)]),
    ],
    ids=["S3", "multipart", "several", "S3 via SNS", "EventBridge", "EventBridge via SNS", "trail", "trail via SNS"],
)
def test_log_files_are_named_by_whatever_tells_of_them(body, objects):
    assert notifications.parse(body) == Named(objects)


def test_c53_keys_of_s3_are_decoded_and_those_of_others_are_plain():
    """C53: keys of S3 notifications are URL-encoded, those of EventBridge and CloudTrail are not."""
    key = "a b+c/%2F/ü.json.gz"

    assert notifications.parse(s3_message(s3_record(key))).objects == [StoredObject(BUCKET, key)]
    assert notifications.parse(text(object_created(key))).objects == [StoredObject(BUCKET, key)]
    assert notifications.parse(text({"s3Bucket": BUCKET, "s3ObjectKey": [key]})).objects == [StoredObject(BUCKET, key)]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (None, "record names no event"),
        ({}, "record names no event"),
        (s3_record(s3=None), "record names no object"),
        (s3_record(s3={"bucket": {"name": BUCKET}}), "record names no object"),
        (s3_record(s3={"bucket": {"name": BUCKET}, "object": {}}), "record names no key"),
        (s3_record(s3={"bucket": {"name": BUCKET}, "object": {"key": 1}}), "record names no key"),
        (s3_record(bucket="a/b"), "record names no bucket"),
        (s3_record("k" * 1025), "record names no key"),
        (s3_record("ü" * 513), "record names no key"),
        (s3_record("AWSLogs/\0.json.gz"), "record names no key"),
    ],
)
def test_c53_one_bad_record_never_costs_the_others(bad, reason):
    """C53: the rest of the message was dropped."""
    named = notifications.parse(s3_message(s3_record(), bad, s3_record(OTHER)))

    assert [stored.key for stored in named.objects] == [KEY, OTHER]
    assert named.reason == reason
    with pytest.raises(Unreadable, match=f"^{reason}$"):
        notifications.parse(s3_message(bad))


@pytest.mark.parametrize(
    ("body", "count"),
    [
        (TEST_EVENT, 1),
        (through_topic(TEST_EVENT), 1),
        (through_topic("CloudTrail validation message."), 1),
        (through_topic("please confirm", kind="SubscriptionConfirmation"), 1),
        (s3_message(s3_record(name="ObjectRemoved:Delete"), s3_record(name="s3:ObjectRestore:Post")), 2),
        (s3_message(s3_record(eventSource="aws:ses")), 1),
        (text({"Records": []}), 1),
        (text({"s3Bucket": BUCKET, "s3ObjectKey": []}), 1),
        (text(object_created(kind="Object Deleted")), 1),
        (text(event("aws.ec2", "EBS Volume Notification", {})), 1),
        (text(notice("running", source="com.example")), 1),
    ],
)
def test_tests_deletions_and_other_events_are_passed_over(body, count):
    assert notifications.parse(body) == Named(passed_over=count)


def test_notices_are_translated_through_a_topic_too():
    for body in (text(notice("stopping")), through_topic(text(notice("stopping")))):
        (found,) = notifications.parse(body).notices
        assert (found.account, found.instance) == (ACCOUNT, "i-0a1")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", "message is not JSON"),
        ("not JSON", "message is not JSON"),
        ("[" * 100_000, "message is not JSON"),
        ("[1]", "message is no JSON object"),
        ("{}", "message is no notification that we know"),
        (text({"Records": "none"}), "message is no notification that we know"),
        (through_topic("not JSON"), "message is not JSON"),
        (text({"Type": "Notification", "TopicArn": "t", "Message": 5}), "message of a topic holds no text"),
        (text(notice("unheard-of")), "notice names no state that we know"),
        (text({"s3Bucket": None, "s3ObjectKey": [KEY]}), "record names no bucket"),
    ],
)
def test_anything_else_is_unreadable(body, reason):
    with pytest.raises(Unreadable, match=f"^{reason}$"):
        notifications.parse(body)


WORDS = st.sampled_from(
    [
        "Records",
        "s3",
        "bucket",
        "name",
        "object",
        "key",
        "eventName",
        "eventSource",
        "aws:s3",
        "ObjectCreated:Put",
        "Type",
        "TopicArn",
        "Message",
        "detail",
        "detail-type",
        "source",
        "aws.s3",
        "s3Bucket",
        "s3ObjectKey",
        "Event",
    ]
)


@pytest.mark.parametrize("key", ["k" * 1025, "ü" * 513, "a\0b", ""])
def test_no_other_kind_of_message_names_keys_that_s3_does_not_know(key):
    for told in (object_created(key), {"s3Bucket": BUCKET, "s3ObjectKey": [key]}):
        with pytest.raises(Unreadable, match=r"^record names no key$"):
            notifications.parse(text(told))


def test_the_longest_key_of_s3_is_one_however_it_is_encoded():
    key = "ü" * 512
    assert notifications.parse(s3_message(s3_record(key))).objects == [StoredObject(BUCKET, key)]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_whatever_comes_is_named_or_unreadable(value):
    try:
        named = notifications.parse(text(value))
    except Unreadable:
        return
    assert named.objects or named.notices or named.passed_over
