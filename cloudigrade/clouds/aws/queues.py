"""Our queues in SQS: what waits in them, what is taken out, and what comes back from the dead."""

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from botocore import exceptions

from cloudigrade.clouds.aws import session
from cloudigrade.clouds.cloud import QueueLength
from cloudigrade.clouds.protocol import Unavailable, Unreadable

if TYPE_CHECKING:  # type stubs, absent outside development
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

WAIT = 2
"""Seconds that a first receive waits: so it asks all of SQS's servers, and misses nothing that is there."""
AT_ONCE: Final = 10
"""Receives in parallel, once the first one came back full."""
MOST: Final = 10
"""Messages of one request, by SQS's own rule."""

_BYTES: Final = 256 << 10  # of one request that sends; SQS takes them in all regions
_TRIES: Final = 3
_MISSING: Final = frozenset({"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"})

_log = logging.getLogger(__name__)


class Queue(NamedTuple):
    """A queue that is there."""

    label: str
    """Its name, outside of the partition `aws` behind the partition's."""
    client: "SQSClient"
    url: str
    subject: str
    """What an operator needs to find it."""


class Message(NamedTuple):
    """A message that nobody else receives until its time is over."""

    id: str
    body: str
    handle: str
    received: int
    """How often, this time included."""
    sent_at: int | None
    """In whole seconds since 1970."""


def names(access: session.Access) -> list[tuple[str, str]]:
    """Partition and name of each queue that should be there."""
    queues = (access.log_queue, access.notice_queue)
    return [(partition, name) for partition in access.section.partitions for name in queues]


def label(partition: str, name: str) -> str:
    """How the queue is called among those of all partitions."""
    return name if partition == "aws" else f"{partition}/{name}"


def opened(access: session.Access, partition: str, name: str) -> Queue:
    """The queue, which is never made here; raises Unavailable where there is none (O20)."""
    region = access.home_region(partition)
    client = access.own("sqs", region, partition)
    subject = f"queue {name} in {region} of partition {partition}"
    return Queue(label(partition, name), client, _url(access, partition, name), subject)


def receive(queue: Queue, wait: int | None = None) -> list[Message]:
    """The next messages, a hundred at most; none if none waits. Raises Unavailable.

    Without waiting, there may be some and none come.
    """
    first = _received(queue, WAIT if wait is None else wait)
    if len(first) < MOST:
        return first
    rest = _each(lambda _: _received(queue, 0), range(AT_ONCE - 1))
    # SQS may hand the same message to two of them
    return list({message.id: message for messages in (first, *rest) for message in messages}.values())


def delete(queue: Queue, messages: Sequence[Message]) -> None:
    """The messages never come again; those that cannot be deleted do, which harms nothing."""
    _each(lambda ten: _delete_some(queue, ten), _tens(messages))


def postpone(queue: Queue, messages: Sequence[Message], seconds: int) -> None:
    """The messages come again after this time, or if that cannot be asked for, after the queue's own."""
    for ten in _tens(messages):
        entries = [
            {"Id": str(place), "ReceiptHandle": message.handle, "VisibilityTimeout": seconds}
            for place, message in enumerate(ten)
        ]
        try:
            with session.translated(queue.subject, denied=Unavailable):
                queue.client.change_message_visibility_batch(QueueUrl=queue.url, Entries=entries)  # type: ignore[arg-type]  # plain dicts
        except Unavailable as problem:
            _log.warning("messages are not postponed: %s", problem)


def lengths(access: session.Access) -> Iterator[QueueLength]:
    """How much waits in each queue; after all of them, Unavailable if one could not be asked."""
    failed: Unavailable | None = None
    for partition, name in names(access):
        try:
            queue = opened(access, partition, name)
            dead = _dead(access, queue, partition)
            yield QueueLength(queue.label, _waiting(queue), _waiting(dead) if dead else 0)
        except Unavailable as problem:
            failed = failed or problem
    if failed:
        raise failed


def redrive(access: session.Access, name: str) -> int:
    """The dead letters of the queue wait in it again; their number. Raises Unavailable, Unreadable for no queue.

    Each is deleted there only after it was sent here, so that an interruption loses none; twice does no harm.
    """
    found = {label(*each): each for each in names(access)}.get(name)
    if found is None:
        raise Unreadable(f"{name}: no queue of ours")
    queue = opened(access, *found)
    dead = _dead(access, queue, found[0])
    moved = 0
    while dead and (letters := receive(dead)):
        sent = [letter for few in _small(letters) for letter in _sent(queue, few)]
        delete(dead, sent)
        moved += len(sent)
    return moved


@lru_cache(maxsize=64)
def _url(access: session.Access, partition: str, name: str) -> str:
    region = access.home_region(partition)
    subject = f"queue {name} in {region} of partition {partition}"
    with session.translated(subject, denied=Unavailable):
        try:
            return access.own("sqs", region, partition).get_queue_url(QueueName=name)["QueueUrl"]
        except exceptions.ClientError as error:
            if session.code(error) not in _MISSING:
                raise
            raise Unavailable(f"{subject}: does not exist, or its name or region is set wrong") from error


def _received(queue: Queue, wait: int) -> list[Message]:
    with session.translated(queue.subject, denied=Unavailable):
        answer = queue.client.receive_message(
            QueueUrl=queue.url,
            MaxNumberOfMessages=MOST,
            WaitTimeSeconds=wait,
            MessageSystemAttributeNames=["ApproximateReceiveCount", "SentTimestamp"],
        )
    return [_message(each) for each in answer.get("Messages", ())]


def _message(given: "MessageTypeDef") -> Message:
    attributes = given.get("Attributes", {})
    sent = attributes.get("SentTimestamp", "")
    return Message(
        id=given["MessageId"],
        body=given["Body"],
        handle=given["ReceiptHandle"],
        received=int(attributes.get("ApproximateReceiveCount", 1)),
        sent_at=int(sent) // 1000 if sent else None,
    )


def _delete_some(queue: Queue, messages: Sequence[Message]) -> None:
    left = {str(place): message for place, message in enumerate(messages)}
    reason = ""
    for _ in range(_TRIES):
        try:
            with session.translated(queue.subject, denied=Unavailable):
                answer = queue.client.delete_message_batch(
                    QueueUrl=queue.url,
                    Entries=[{"Id": place, "ReceiptHandle": message.handle} for place, message in left.items()],
                )
        except Unavailable as problem:  # what they led to is recorded; to fail here would help nobody
            reason = str(problem)
            continue
        failed = {each["Id"]: each["Code"] for each in answer.get("Failed", ())}
        left = {place: left[place] for place in failed}
        if not left:
            return
        reason = ", ".join(sorted(set(failed.values())))
    _log.warning("%d messages are not deleted and come again: %s: %s", len(left), queue.subject, reason)


def _sent(queue: Queue, messages: Sequence[Message]) -> list[Message]:
    """Those of the messages that wait in the queue now."""
    with session.translated(queue.subject, denied=Unavailable):
        answer = queue.client.send_message_batch(
            QueueUrl=queue.url,
            Entries=[{"Id": str(place), "MessageBody": message.body} for place, message in enumerate(messages)],
        )
    return [messages[int(each["Id"])] for each in answer.get("Successful", ())]


def _attributes(queue: Queue) -> dict[str, str]:
    wanted: list[Any] = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "RedrivePolicy"]
    with session.translated(queue.subject, denied=Unavailable):
        answer = queue.client.get_queue_attributes(QueueUrl=queue.url, AttributeNames=wanted)
    return dict(answer.get("Attributes", {}))  # type: ignore[arg-type]  # names of attributes are text


def _waiting(queue: Queue) -> int:
    """Messages in the queue, those included that somebody reads just now."""
    found = _attributes(queue)
    return sum(int(count) for name, count in found.items() if name.startswith("ApproximateNumber"))


def _dead(access: session.Access, queue: Queue, partition: str) -> Queue | None:
    """The dead-letter queue of the queue; none if it has none."""
    policy = _attributes(queue).get("RedrivePolicy")
    arn = json.loads(policy)["deadLetterTargetArn"] if policy else ""
    return opened(access, partition, arn.rpartition(":")[2]) if arn else None


def _each(function: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(function, items))


def _tens(messages: Sequence[Message]) -> list[Sequence[Message]]:
    return [messages[start : start + MOST] for start in range(0, len(messages), MOST)]


def _small(messages: Iterable[Message]) -> Iterator[list[Message]]:
    """The messages in parts that one request may send."""
    part: list[Message] = []
    for message in messages:
        size = sum(len(each.body.encode()) for each in (*part, message))
        if part and (len(part) == MOST or size > _BYTES):
            yield part
            part = []
        part.append(message)
    if part:
        yield part
