"""Messages as AWS puts them into queues, to be varied by tests."""

import json
from typing import Any
from urllib.parse import quote_plus

from tests.clouds.aws.records import ACCOUNT, KEY, REGION, TIME

BUCKET = "test-cloudigrade-trails"
NOTICE_ID = "7bf73129-1428-4cd3-a780-95db273d1602"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:log-files"


def text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def s3_record(key: str = KEY, *, bucket: str = BUCKET, name: str = "ObjectCreated:Put", **changes: Any) -> Any:
    """A record of an S3 notification; its key is encoded as S3 does, and slashes as moto does too."""
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": REGION,
        "eventTime": TIME,
        "eventName": name,
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "logs",
            "bucket": {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"},
            "object": {"key": quote_plus(key), "size": 1024, "eTag": "e", "sequencer": "00"},
        },
    } | changes


def s3_message(*records: Any) -> str:
    return text({"Records": list(records or (s3_record(),))})


def through_topic(body: str, *, kind: str = "Notification") -> str:
    """The message in the envelope of SNS."""
    return text(
        {"Type": kind, "MessageId": "m-1", "TopicArn": TOPIC, "Subject": "s", "Message": body, "Timestamp": TIME}
    )


def event(source: str, kind: str, detail: Any) -> Any:
    """An event of EventBridge."""
    return {
        "version": "0",
        "id": NOTICE_ID,
        "detail-type": kind,
        "source": source,
        "account": ACCOUNT,
        "time": TIME,
        "region": REGION,
        "resources": [],
        "detail": detail,
    }


def object_created(key: str = KEY, *, bucket: str = BUCKET, kind: str = "Object Created") -> Any:
    """What S3 tells through EventBridge; the key is plain."""
    detail = {"version": "0", "bucket": {"name": bucket}, "object": {"key": key, "size": 1024}, "reason": "PutObject"}
    return event("aws.s3", kind, detail)


def notice(state: Any, instance: Any = "i-0a1", **changes: Any) -> Any:
    """EC2's word on the state of an instance."""
    kind = "EC2 Instance State-change Notification"
    return event("aws.ec2", kind, {"instance-id": instance, "state": state}) | changes
