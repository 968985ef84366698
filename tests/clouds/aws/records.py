"""CloudTrail records of the shapes that AWS writes, to be varied by tests."""

import gzip
import json
from typing import Any

from cloudigrade.clouds.aws import cloudtrail, translate
from cloudigrade.clouds.aws.translate import Translation

ACCOUNT = "012345678901"
REGION = "us-east-1"
TIME = "2026-01-02T03:04:05Z"
SECOND = 1_767_323_045
FOLDER = f"AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/2026/01/02"
KEY = f"{FOLDER}/{ACCOUNT}_CloudTrail_{REGION}_20260102T0305Z_Ab12Cd34Ef56Gh78.json.gz"
EVENT_ID = "11111111-2222-3333-4444-555555555555"
OMITTED = {"omitted": True, "originalSize": 123_456, "reason": "responseElements too large"}
ON = {"code": 16, "name": "running"}
OFF = {"code": 80, "name": "stopped"}


def record(name: str, **changes: Any) -> dict[str, Any]:
    """A record of EC2 with the fields that every record has."""
    return {
        "eventVersion": "1.11",
        "userIdentity": {"type": "AssumedRole", "accountId": "999999999999", "invokedBy": "autoscaling.amazonaws.com"},
        "eventTime": TIME,
        "eventSource": "ec2.amazonaws.com",
        "eventName": name,
        "awsRegion": REGION,
        "requestParameters": None,
        "responseElements": None,
        "eventID": EVENT_ID,
        "eventType": "AwsApiCall",
        "recipientAccountId": ACCOUNT,
    } | changes


def items(*values: Any) -> dict[str, Any]:
    """The items as EC2 nests them."""
    return {"instancesSet": {"items": list(values)}}


def launched(instance: str = "i-0a1", **changes: Any) -> dict[str, Any]:
    """One instance of a RunInstances response."""
    return {
        "instanceId": instance,
        "imageId": "ami-0f1",
        "instanceType": "m6i.large",
        "launchTime": 1_767_323_045_000,
        "placement": {"availabilityZone": "us-east-1a"},
        "instanceState": {"code": 0, "name": "pending"},
    } | changes


def run_instances(*launches: Any, **changes: Any) -> dict[str, Any]:
    """A launch through an Auto Scaling group and its launch template: type and image stand in the response alone."""
    request = {**items({"minCount": 1, "maxCount": 1}), "launchTemplate": {"launchTemplateId": "lt-1", "version": "3"}}
    response = {"reservationId": "r-1", "ownerId": ACCOUNT, **items(*(launches or (launched(),)))}
    return record("RunInstances", **{"requestParameters": request, "responseElements": response} | changes)


def switched(name: str, *instances: str, previous: Any = ON, **changes: Any) -> dict[str, Any]:
    """A Start-, Stop- or TerminateInstances call, of one instance if none is named."""
    names = instances or ("i-0a1",)
    answers = [{"instanceId": each, "currentState": {"code": 64}, "previousState": previous} for each in names]
    request = items(*({"instanceId": each} for each in names))
    return record(name, **{"requestParameters": request, "responseElements": items(*answers)} | changes)


def tagging(name: str, resources: Any, keys: Any, **changes: Any) -> dict[str, Any]:
    """A CreateTags or DeleteTags call."""
    request = {
        "resourcesSet": {"items": [{"resourceId": each} for each in resources]},
        "tagSet": {"items": [{"key": each, "value": "true"} for each in keys]},
    }
    return record(name, **{"requestParameters": request, "responseElements": {"_return": True}} | changes)


def log(*records: Any) -> bytes:
    """The records as a log file."""
    return json.dumps({"Records": list(records)}, separators=(",", ":")).encode()


def packed(*records: Any) -> bytes:
    """The records as a log file, gzipped."""
    return gzip.compress(log(*records), mtime=0)


def translated(value: Any, **origin: str) -> Translation | None:
    """The record's translation, read from a file as any other."""
    parsed = cloudtrail.parse(log(value), **origin)
    return translate.translate(parsed.candidates[0].record) if parsed.candidates else None
