"""What our queues deliver: messages in, what the log files and notices say that they lead to out, by customer."""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

from botocore import exceptions

from cloudigrade.clouds.aws import details, keys, notifications, packing, queues, reading, session, trail
from cloudigrade.clouds.aws.notifications import Named, StoredObject
from cloudigrade.clouds.aws.queues import Message, Queue
from cloudigrade.clouds.cloud import NOTICES, Delivery, Place, Route, Router
from cloudigrade.clouds.protocol import Batch, CustomerProblem, InstanceActivity, Rejected, Unavailable, Unreadable

if TYPE_CHECKING:  # type stubs, absent outside development
    from mypy_boto3_s3 import S3Client

PATIENCE: Final = 3
"""Times that a message is received before an object that is not there is passed over: it may be told of too early.

Anybody may write of any key, so that only a digest says that a file is missing."""
PAUSES: Final[Mapping[int, int]] = {3: 1800, 4: 7200}
"""Seconds until a message is received again, by how often it was; otherwise the queue's own. An outage of hours must
not make dead letters of everything."""

_PREFIXES: Final = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}
_log = logging.getLogger(__name__)


class _Refused(Exception):
    """We may not read the object."""


@dataclass(slots=True)
class _Later:
    """The object could not be read just now."""

    reason: str


@dataclass(slots=True)
class _Letter:
    """A message, and what it names that is not dealt with yet."""

    message: Message
    named: Named
    objects: set[StoredObject] = field(default_factory=set)


def deliveries(access: session.Access, router: Router) -> Iterator[AbstractContextManager[Delivery]]:
    """What waits in our queues, by turns until none waits; a queue that failed is raised after the others' turns.

    A queue whose delivery failed in the block has no further turn.
    """
    waiting = deque(queues.names(access))
    failed: Exception | None = None
    while waiting:
        partition, name = waiting.popleft()
        try:
            queue = queues.opened(access, partition, name)
            messages = queues.receive(queue)
        except (Unavailable, exceptions.ClientError) as problem:
            failed = failed or problem
            continue
        if messages:
            desk = _Desk(access, router, partition, takes_notices=name == access.notice_queue)
            yield _delivered(desk, queue, messages, partial(waiting.append, (partition, name)))
    if failed:
        raise failed


def reread(access: session.Access, item: Rejected, router: Router, owner: Route | None = None) -> Delivery:
    """What says a file or record of the owner, or a message of whomever; raises Unreadable, Unavailable."""
    if owner is None:
        return _reread_message(access, item, router)
    source, content = _source_of(access, item, owner)
    batch = Batch()
    foreign = reading.add_log(batch, trail.Content(source, content))
    if batch.rejected:
        raise Unreadable(batch.rejected[0].reason)
    if not item.is_file:  # a record does not stand for its file
        batch = Batch(instances=batch.instances, tags=batch.tags, records_relevant=batch.records_relevant)
    return Delivery("", batches={owner.owner: batch}, foreign=foreign)


@contextmanager
def _delivered(desk: "_Desk", queue: Queue, messages: list[Message], go_on: Callable[[], None]) -> Iterator[Delivery]:
    """Messages whose every object was dealt with are gone after the block, and the queue goes on, unless it failed."""
    delivery, left = desk.read(queue.label, messages)
    yield delivery
    queues.delete(queue, [message for message in messages if message.id not in left])
    for received, seconds in PAUSES.items():
        queues.postpone(queue, [each for each in messages if each.id in left and each.received == received], seconds)
    go_on()


class _Desk:
    """Reads what messages of one partition lead to."""

    def __init__(self, access: session.Access, router: Router, partition: str, *, takes_notices: bool) -> None:
        self._access = access
        self._router = router
        self._partition = partition
        self._takes_notices = takes_notices

    def read(self, label: str, messages: list[Message]) -> tuple[Delivery, set[str]]:
        """What the messages lead to, and the ids of those that must stay in the queue."""
        times = [message.sent_at for message in messages if message.sent_at is not None]
        delivery = Delivery(label, messages=len(messages), oldest_at=min(times, default=None))
        letters = self._opened(delivery, messages)
        places = self._sift(delivery, letters)
        routes = self._router({*places.values(), *((NOTICES, each.account) for each in _notices(letters))})
        _add_notices(delivery, letters, routes)
        wanted = {stored: routes[place] for stored, place in places.items() if place in routes}
        delivery.foreign += len(places) - len(wanted)
        later = self._add_objects(delivery, letters, wanted)
        left = {letter.message.id for letter in letters if letter.objects & later}
        delivery.left = len(left)
        return delivery, left

    def _opened(self, delivery: Delivery, messages: Iterable[Message]) -> list[_Letter]:
        """The messages that can be read; what cannot be is rejected."""
        letters = []
        for message in messages:
            named, reason = _named(message)
            if reason:
                source = f"{delivery.queue}/{message.id}"
                delivery.rejected.append(Rejected(source, reason, content=message.body.encode("utf-8", "replace")))
            letters.append(_Letter(message, named))
        return letters

    def _sift(self, delivery: Delivery, letters: Iterable[_Letter]) -> dict[StoredObject, Place]:
        """The log files that are named, each once, and whose they are; everything else is counted."""
        places: dict[StoredObject, Place] = {}
        for letter in letters:
            delivery.passed_over += letter.named.passed_over
            if letter.named.notices and not self._takes_notices:  # into the other queue, customers may write
                delivery.foreign += len(letter.named.notices)
                letter.named.notices.clear()
            for stored in letter.named.objects:
                place = keys.place_of(stored.key)
                if place.skipped:
                    delivery.passed_over += 1
                elif not place.name or stored.bucket == NOTICES:
                    delivery.foreign += 1
                else:
                    letter.objects.add(stored)
                    places[stored] = (stored.bucket, place.account)
        return places

    def _add_objects(
        self, delivery: Delivery, letters: Iterable[_Letter], wanted: Mapping[StoredObject, Route]
    ) -> set[StoredObject]:
        """What the objects hold is in the delivery; those that could not be read just now."""
        received: dict[StoredObject, int] = {}
        for letter in letters:
            for stored in letter.objects & wanted.keys():
                received[stored] = max(letter.message.received, received.get(stored, 0))
        later = set()
        for stored, outcome in self._outcomes(received, wanted):
            if isinstance(outcome, _Later):
                later.add(stored)
                _log.warning("a log file is read later: %s", outcome.reason)
            else:
                batch, foreign = outcome
                delivery.foreign += foreign
                if batch != Batch():
                    delivery.batches.setdefault(wanted[stored].owner, Batch()).add(batch)
        return later

    def _outcomes(
        self, received: Mapping[StoredObject, int], wanted: Mapping[StoredObject, Route]
    ) -> Iterator[tuple[StoredObject, tuple[Batch, int] | _Later]]:
        """Each object in its turn; so many are read at the same time, and no more are kept."""
        waiting: deque[tuple[StoredObject, Future[tuple[Batch, int] | _Later]]] = deque()
        with ThreadPoolExecutor(session.CONNECTIONS) as pool:
            for stored, times in received.items():
                waiting.append((stored, pool.submit(self._outcome, stored, wanted[stored], times)))
                if len(waiting) > 2 * session.CONNECTIONS:
                    first, future = waiting.popleft()
                    yield first, future.result()
            for first, future in waiting:
                yield first, future.result()

    def _outcome(self, stored: StoredObject, route: Route, received: int) -> tuple[Batch, int] | _Later:
        """What the object holds, with the number of foreign records; whatever is wrong with it costs it alone."""
        batch = Batch()
        try:
            source = _source(self._access, stored, route, self._partition)
            try:
                content = trail.read(_measured(source), denied=_Refused)
            except Unreadable as problem:
                return _unread(source, problem, received)
            return batch, reading.add_log(batch, trail.Content(source, content))
        except (Unavailable, CustomerProblem, _Refused) as problem:
            return _Later(keys.printable(str(problem)))
        except Exception:  # noqa: BLE001 - our bug, or one of the SDK: loud, and no other object's loss
            _log.exception("a log file cannot be read")
            return _Later(f"s3://{stored.bucket}/{keys.printable(stored.key)}")


def _unread(source: trail.Source, problem: Unreadable, received: int) -> tuple[Batch, int] | _Later:
    """What becomes of an object that there is no content of."""
    reason = keys.printable(str(problem))
    if problem.__cause__ is None:  # our own finding: it is there, and too large
        return Batch(rejected=[Rejected(source.name, reason, source.account, location=source.location)]), 0
    if received < PATIENCE:
        return _Later(reason)
    _log.warning("an object is passed over that is not there: %s", reason)
    return Batch(), 1


def _named(message: Message) -> tuple[Named, str]:
    try:
        named = notifications.parse(message.body)
    except Unreadable as problem:
        return Named(), str(problem)
    return named, named.reason


def _notices(letters: Iterable[_Letter]) -> list[InstanceActivity]:
    return [notice for letter in letters for notice in letter.named.notices]


def _add_notices(delivery: Delivery, letters: Iterable[_Letter], routes: Mapping[Place, Route]) -> None:
    for notice in _notices(letters):
        route = routes.get((NOTICES, notice.account))
        if route is None:
            delivery.foreign += 1
            continue
        batch = delivery.batches.setdefault(route.owner, Batch())
        batch.instances.append(notice)
        batch.accounts.add(notice.account)
        batch.records_relevant += 1


def _source(access: session.Access, stored: StoredObject, route: Route, partition: str) -> trail.Source:
    """The object, and the client that may read it."""
    place = keys.place_of(stored.key)
    name = keys.printable(place.name)
    client = _client(access, route, partition)
    return trail.Source(name, place.account, place.region, stored.size, stored.key, stored.bucket, client)


def _measured(source: trail.Source) -> trail.Source:
    """The same, with the object's own size where what the message says would keep it from being read."""
    if source.store is None or source.size <= packing.MAX_BYTES:
        return source
    with session.translated(f"s3://{source.bucket}/{source.path}", denied=_Refused):
        return source._replace(size=source.store.head_object(Bucket=source.bucket, Key=source.path)["ContentLength"])


def _client(access: session.Access, route: Route, partition: str) -> "S3Client":
    if route.reader is None:
        return access.own("s3", access.home_region(partition), partition)
    home = access.home_region(access.partition_of(route.reader))
    return access.client(route.reader, "s3", details.parse(route.reader.details).home_region or home)


def _partition(region: str) -> str:
    """The partition that the region belongs to, by its name."""
    return next((name for prefix, name in _PREFIXES.items() if region.startswith(prefix)), "aws")


def _reread_message(access: session.Access, item: Rejected, router: Router) -> Delivery:
    label = item.source.rpartition("/")[0]
    found = {queues.label(*each): each for each in queues.names(access)}.get(label)
    if found is None:
        raise Unreadable(f"{label}: no queue of ours")
    partition, name = found
    message = Message("", item.content.decode("utf-8", "replace"), "", PATIENCE, None)
    desk = _Desk(access, router, partition, takes_notices=name == access.notice_queue)
    delivery, left = desk.read(label, [message])
    if left:
        raise Unavailable("what the message names cannot be read just now")
    if delivery.rejected:
        raise Unreadable(delivery.rejected[0].reason)
    return delivery


def _source_of(access: session.Access, item: Rejected, owner: Route) -> tuple[trail.Source, bytes]:
    """The file or record as a log file, and its content; raises Unreadable, Unavailable, CustomerProblem."""
    place = keys.place_of(item.source)
    source = trail.Source(item.source, item.account or place.account, place.region, 0, item.location)
    if not item.is_file:
        return source, b'{"Records":[' + item.content + b"]}"
    if not item.location:
        raise Unreadable("nobody knows where it lies")
    if item.location.startswith("s3://"):
        bucket, _, key = item.location.removeprefix("s3://").partition("/")
        store = _client(access, owner, _partition(place.region))
        source = source._replace(path=key, bucket=bucket, store=store)
    return source, trail.read(source)
