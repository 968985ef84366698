"""What else happens in an account: calls of other services and calls that change no run, as records."""

from random import Random
from typing import Any

from cloudigrade.simulator import records
from cloudigrade.simulator.images import TAG
from cloudigrade.simulator.places import Place
from cloudigrade.simulator.records import Json, Record
from cloudigrade.simulator.timestamps import HOUR, MINUTE, Window, zulu

_PER_RELEVANT = 10
_OTHERS = 5
"""How much more often each call of another service comes."""
_EVERY = 3 * HOUR
_BURST = 4 * MINUTE
_LAST_FROM = 16 * MINUTE
_LAST_UNTIL = 20 * MINUTE

_INSTANCE = "i-0%(instance)s"
_FAILED: Json = {"errorCode": "Server.InsufficientInstanceCapacity", "errorMessage": "Not enough capacity."}
_SEVERAL: Json = {"instancesSet": {"items": [{"instanceId": _INSTANCE}]}}


def _tag_request(resource: str, key: str) -> Json:
    return {
        "resourcesSet": {"items": [{"resourceId": resource}]},
        "tagSet": {"items": [{"key": key, "value": "true"}]},
    }


_CALLS: tuple[tuple[str, str, Json | None, Json], ...] = (
    ("s3", "ListBuckets", None, {"readOnly": True}),
    ("s3", "GetBucketAcl", {"bucketName": "made-up-logs", "Host": "s3.amazonaws.com"}, {"readOnly": True}),
    ("sts", "AssumeRole", {"roleSessionName": "deploy", "durationSeconds": 3600}, {"readOnly": True}),
    ("iam", "ListRoles", None, {"readOnly": True}),
    ("iam", "GetRole", {"roleName": "deploy-role"}, {"readOnly": True}),
    ("lambda", "UpdateFunctionCode20150331v2", {"functionName": "resize"}, {}),
    ("kms", "Decrypt", {"encryptionAlgorithm": "SYMMETRIC_DEFAULT"}, {"readOnly": True}),
    ("logs", "CreateLogStream", {"logGroupName": "/aws/lambda/resize", "logStreamName": "a"}, {}),
    ("ssm", "UpdateInstanceInformation", {"instanceId": _INSTANCE, "agentStatus": "Active"}, {}),
    ("monitoring", "DescribeAlarms", None, {"readOnly": True}),
    ("dynamodb", "DescribeTable", {"tableName": "orders"}, {"readOnly": True}),
    ("elasticloadbalancing", "RegisterTargets", {"targets": [{"id": _INSTANCE}]}, {}),
    ("autoscaling", "DescribeAutoScalingGroups", None, {"readOnly": True}),
    ("ec2", "DescribeInstances", _SEVERAL, {"readOnly": True}),
    ("ec2", "DescribeImages", {"imagesSet": {"items": []}}, {"readOnly": True}),
    ("ec2", "RebootInstances", _SEVERAL, {"responseElements": {"_return": True}}),
    ("ec2", "ModifyInstanceAttribute", {"instanceId": _INSTANCE, "disableApiTermination": {"value": True}}, {}),
    ("ec2", "CreateTags", _tag_request(_INSTANCE, TAG), {"responseElements": {"_return": True}}),
    ("ec2", "DeleteTags", _tag_request(_INSTANCE, "owner"), {"responseElements": {"_return": True}}),
    ("ec2", "RunInstances", {"instancesSet": {"items": [{"minCount": 1, "maxCount": 1}]}}, _FAILED),
    ("lightsail", "StopInstance", {"instanceName": "blog", "force": False}, {}),
    ("rds", "StopDBInstance", {"dBInstanceIdentifier": "orders"}, {}),
)


def irrelevant(place: Place, window: Window, relevant: int, rng: Random) -> list[Record]:
    """About ten records for each relevant one, in bursts until twenty minutes after the last day."""
    templates = [_template(place, rng, *call) for call in _CALLS]
    starts = [start + rng.randrange(_EVERY - _BURST) for start in range(window.start, window.end, _EVERY)]
    each = max(1, relevant * _PER_RELEVANT // len(starts))
    times = [start + rng.randrange(_BURST) for start in starts for _ in range(rng.randint(1, 2 * each))]
    weights = [1 if service == "ec2" else _OTHERS for service, *_ in _CALLS]
    chosen = rng.choices(templates, weights, k=len(times))
    made = [_record(template, at, rng) for template, at in zip(chosen, times, strict=True)]
    last = window.end + rng.randrange(_LAST_FROM, _LAST_UNTIL)
    return [*made, _record(templates[0], last, rng)]


def _template(place: Place, rng: Random, service: str, name: str, request: Json | None, more: dict[str, Any]) -> str:
    """A record's text with blanks for what differs each time."""
    fields = {
        "eventTime": "%(time)s",
        "requestID": "%(request)s",
        "eventID": "%(event)s",
        "eventSource": f"{service}.amazonaws.com",
        "eventName": name,
        "requestParameters": request,
    }
    return records.text(records.envelope(place, 0, rng, **fields | more))


def _record(template: str, at: int, rng: Random) -> Record:
    blanks = {
        "time": zulu(at),
        "request": records.uuid(rng),
        "event": records.uuid(rng),
        "instance": f"{rng.getrandbits(64):016x}",
    }
    return Record(at, template % blanks)
