"""What our inspectors wrote to our bucket: messages in, results out, one bad file costing no other (C29)."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from cloudigrade.clouds.aws import descriptions, notifications, queues, session
from cloudigrade.clouds.aws.descriptions import Document
from cloudigrade.clouds.aws.notifications import StoredObject
from cloudigrade.clouds.aws.queues import Message, Queue
from cloudigrade.clouds.inspecting import Result, ResultDelivery
from cloudigrade.clouds.protocol import Findings, Rejected, Unavailable, Unreadable

if TYPE_CHECKING:  # type stubs, absent outside development
    from mypy_boto3_s3 import S3Client

LARGEST: Final = 16 << 20
"""Bytes of a file of results; one of houndigrade's has some thousands."""
_PREFIX: Final = "InspectionResults/"


class _Head(msgspec.Struct):
    """What a file says of itself."""

    cloud: object = None


class _Shelf(NamedTuple):
    """Where the results of a partition lie."""

    bucket: str
    store: "S3Client"
    label: str
    """Of the queue that tells of them."""


def results(access: session.Access) -> Iterator[AbstractContextManager[ResultDelivery]]:
    """What waits in our queues, until none waits; nothing is asked where no copies are made."""
    if not access.section.inspector_digest:
        return
    for partition in access.section.partitions:
        queue = queues.opened(access, partition, access.results_queue)
        store = access.own("s3", access.home_region(partition), partition)
        shelf = _Shelf(access.results_bucket, store, queue.label)
        while messages := queues.receive(queue):
            yield _delivered(shelf, queue, messages)


@contextmanager
def _delivered(shelf: _Shelf, queue: Queue, messages: list[Message]) -> Iterator[ResultDelivery]:
    """Messages whose every file was read, or never can be, are gone after the block."""
    delivery = ResultDelivery()
    read = [message for message in messages if _is_added(shelf, message, delivery)]
    yield delivery
    queues.delete(queue, read)


def _is_added(shelf: _Shelf, message: Message, delivery: ResultDelivery) -> bool:
    """Whether nothing of what the message names has to be read again later."""
    rejected = Rejected(f"{shelf.label}/{message.id}", "", content=message.body.encode("utf-8", "replace"))
    try:
        named = notifications.parse(message.body)
    except Unreadable as problem:
        delivery.rejected.append(rejected._replace(reason=str(problem)))
        return True
    if named.reason:
        delivery.rejected.append(rejected._replace(reason=named.reason))
    found = ResultDelivery()
    try:
        for stored in named.objects:
            _add(shelf, stored, found)
    except Unavailable:  # the message comes again, with all that it names
        return False
    delivery.results += found.results
    delivery.rejected += found.rejected
    return True


def _add(shelf: _Shelf, stored: StoredObject, found: ResultDelivery) -> None:
    location = f"s3://{stored.bucket}/{stored.key}"
    if stored.bucket != shelf.bucket or not stored.key.startswith(_PREFIX):
        found.rejected.append(Rejected(location, "is no result of ours", location=location))
        return
    try:
        content = _content(shelf, stored.key)
        _add_parts(content, location, stored.writer, found)
    except Unreadable as problem:
        found.rejected.append(Rejected(location, str(problem), location=location))


def _content(shelf: _Shelf, key: str) -> bytes:
    with session.translated(f"s3://{shelf.bucket}/{key}", denied=Unavailable):
        content = shelf.store.get_object(Bucket=shelf.bucket, Key=key)["Body"].read(LARGEST + 1)
    if len(content) > LARGEST:
        raise Unreadable(f"is larger than {LARGEST >> 20} MiB")
    return content


def _add_parts(content: bytes, location: str, writer: str, found: ResultDelivery) -> None:
    """Each image's part; one that cannot be read costs itself."""
    for document in descriptions.documents(content):
        try:
            head = msgspec.json.decode(document, type=_Head)
        except (ValueError, RecursionError) as error:
            raise Unreadable("is not inspection results") from error
        if head.cloud != "aws":
            raise Unreadable("is of another cloud, or does not say of which")
        for part in descriptions.parse(document, Document.INSPECTIONS, source=location):
            if isinstance(part, Findings):
                found.results.append(Result(part.image, part.content, location, writer))
            elif isinstance(part, Rejected):
                found.rejected.append(part)
