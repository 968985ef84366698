"""Messages of our queues in, what they name out: log files that were written, and notices of instances."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import msgspec

from cloudigrade.clouds.aws import eventbridge, identifiers, keys
from cloudigrade.clouds.protocol import InstanceActivity, Unreadable

_BUCKET: Final = re.compile(r"[A-Za-z0-9._-]{3,255}")
_MAX_KEY: Final = 1024  # bytes, by S3's own rule
_CREATED: Final = "ObjectCreated:"
_TRAIL_TEST: Final = "CloudTrail validation message."
"""What CloudTrail sends to a topic when a trail begins to use it."""


class StoredObject(NamedTuple):
    """An object that was written."""

    bucket: str
    key: str
    writer: str = ""
    """The instance that wrote it, by the name that its role's sessions have; empty for anybody else."""


@dataclass(slots=True)
class Named:
    """What one message names."""

    objects: list[StoredObject] = field(default_factory=list)
    notices: list[InstanceActivity] = field(default_factory=list)
    passed_over: int = 0
    """Tests, deletions and other events that mean nothing here."""
    reason: str = ""
    """Why a part of it cannot be read; the other parts can."""


def parse(body: str | bytes) -> Named:
    """What the message names, be it from S3, SNS, EventBridge or CloudTrail; raises Unreadable for anything else."""
    message = _decoded(body)
    if "TopicArn" in message and "Type" in message:
        return _of_topic(message)
    return _named(message)


def _of_topic(envelope: Mapping[str, Any]) -> Named:
    if envelope["Type"] != "Notification" or envelope.get("Message") == _TRAIL_TEST:
        return Named(passed_over=1)
    inner = envelope.get("Message")
    if not isinstance(inner, str):
        raise Unreadable("message of a topic holds no text")
    return _named(_decoded(inner))


def _decoded(text: str | bytes) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(text)
    except (ValueError, RecursionError) as error:
        raise Unreadable("message is not JSON") from error
    if not isinstance(value, dict):
        raise Unreadable("message is no JSON object")
    return value


def _named(message: Mapping[str, Any]) -> Named:
    if message.get("Event") == "s3:TestEvent":
        return Named(passed_over=1)
    if isinstance(message.get("Records"), list):
        return _each(message["Records"], _of_record)
    if isinstance(message.get("s3ObjectKey"), list):
        return _each(message["s3ObjectKey"], lambda key: StoredObject(_bucket(message.get("s3Bucket")), _key(key)))
    if "detail-type" in message and "source" in message:
        return _each([message], _of_event)
    raise Unreadable("message is no notification that we know")


_Part = StoredObject | InstanceActivity | None


def _each(parts: Iterable[Any], read: Callable[[Any], _Part]) -> Named:
    """What the parts name; one that cannot be read costs itself, and all of them the message."""
    named = Named()
    reasons = list(_added(named, parts, read))
    if reasons:
        named.reason = reasons[0]
        if not (named.objects or named.notices or named.passed_over):
            raise Unreadable(named.reason)
    named.passed_over += not (reasons or named.objects or named.notices or named.passed_over)
    return named


def _added(named: Named, parts: Iterable[Any], read: Callable[[Any], _Part]) -> Iterator[str]:
    """The reasons why parts cannot be read; the others are added."""
    for part in parts:
        try:
            match read(part):
                case StoredObject() as stored:
                    named.objects.append(stored)
                case InstanceActivity() as activity:
                    named.notices.append(activity)
                case None:
                    named.passed_over += 1
        except Unreadable as problem:
            yield str(problem)


def _of_record(record: object) -> StoredObject | None:
    """The object that a record of S3 says was created; its key is URL-encoded."""
    if not isinstance(record, dict) or not isinstance(record.get("eventName"), str):
        raise Unreadable("record names no event")
    if record.get("eventSource") != "aws:s3" or not record["eventName"].removeprefix("s3:").startswith(_CREATED):
        return None
    bucket, stored = _bucket_and_object(record.get("s3"))
    written = StoredObject(_bucket(bucket.get("name")), _key(stored.get("key"), keys.decoded_key))
    return written._replace(writer=_instance(record.get("userIdentity")))


def _instance(identity: object) -> str:
    """Whose session it was: EC2 gives a role's credentials to an instance in the instance's own name."""
    principal = identity.get("principalId") if isinstance(identity, dict) else None
    session = principal.rpartition(":")[2] if isinstance(principal, str) else ""
    return identifiers.checked(session, identifiers.INSTANCE)


def _of_event(event: Mapping[str, Any]) -> _Part:
    """What an event of EventBridge tells; the keys in it are plain."""
    if eventbridge.is_notice(event):
        return eventbridge.translate(event)
    if event["source"] != "aws.s3" or event["detail-type"] != "Object Created":
        return None
    bucket, stored = _bucket_and_object(event.get("detail"))
    return StoredObject(_bucket(bucket.get("name")), _key(stored.get("key")))


def _bucket_and_object(value: object) -> tuple[dict[str, Any], dict[str, Any]]:
    match value:
        case {"bucket": dict() as bucket, "object": dict() as stored}:
            return bucket, stored
    raise Unreadable("record names no object")


def _bucket(name: object) -> str:
    bucket = identifiers.checked(name, _BUCKET)
    if not bucket:
        raise Unreadable("record names no bucket")
    return bucket


def _key(value: object, decoded: Callable[[str], str] = str) -> str:
    """The object's own key; what S3 would not take for one is none."""
    key = decoded(value) if isinstance(value, str) else ""
    if not 0 < len(key.encode("utf-8", "replace")) <= _MAX_KEY or "\0" in key:
        raise Unreadable("record names no key")
    return key
