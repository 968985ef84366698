"""What our queues deliver: messages in, what the log files and notices say that they lead to out, by customer."""

import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Final, NamedTuple

from botocore import exceptions

from cloudigrade.clouds.aws import keys, queues, reading, session, trail
from cloudigrade.clouds.aws.desk import PATIENCE, Desk, Reading, client_of
from cloudigrade.clouds.aws.queues import Message, Queue
from cloudigrade.clouds.cloud import Delivery, Route, Router
from cloudigrade.clouds.protocol import Batch, Rejected, Unavailable, Unreadable

PAUSES: Final[Mapping[int, int]] = {3: 1800, 4: 7200}
"""Seconds until a message is received again, by how often it was; otherwise the queue's own. An outage of hours must
not make dead letters of everything."""

_PREFIXES: Final = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}
_log = logging.getLogger(__name__)
_Place = tuple[str, str]
"""Partition and name of a queue."""


class _Taken(NamedTuple):
    """Messages of a queue, which nobody else receives for a while."""

    place: _Place
    queue: Queue
    messages: list[Message]


class _Begun(NamedTuple):
    """Messages, and what is read of them."""

    taken: _Taken
    reading: Reading


def deliveries(
    access: session.Access, router: Router, *, most: int | None = None
) -> Iterator[AbstractContextManager[Delivery]]:
    """What waits in our queues, by turns until none waits, or so often at most.

    A queue that failed is raised after the others' turns. One whose delivery failed in the block has no further turn,
    beyond what was taken from it by then: behind a delivery that is full, the objects of the next are fetched while it
    is recorded.
    """
    turns = _Turns(access)
    pool = ThreadPoolExecutor(session.CONNECTIONS)
    begin = partial(_begun, access, router, pool)
    left = most
    ahead = None
    try:
        while left != 0 and (begun := ahead or begin(turns.take())):
            left = None if left is None else left - 1
            is_full = len(begun.taken.messages) > queues.MOST
            ahead = begin(turns.take_ahead(), is_ahead=True) if is_full and left != 0 else None
            yield _delivered(begun, partial(turns.drop, begun.taken.place))
    finally:
        pool.shutdown(cancel_futures=True)
    if turns.failed:
        raise turns.failed


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


class _Turns:
    """The queues, each in its turn."""

    def __init__(self, access: session.Access) -> None:
        self.failed: Exception | None = None
        self._access = access
        self._waiting = deque(queues.names(access))

    def take(self) -> _Taken | None:
        """The next messages of whichever queue; one in which none waits has no further turn."""
        while self._waiting:
            taken = self._taken(self._waiting.popleft(), queues.WAIT)
            if taken and taken.messages:
                self._waiting.append(taken.place)
                return taken
        return None

    def take_ahead(self) -> _Taken | None:
        """The next messages that are to be had at once; no queue counts as empty for that."""
        for _ in range(len(self._waiting)):
            taken = self._tried(self._waiting.popleft())
            if taken:
                self._waiting.append(taken.place)
                if taken.messages:
                    return taken
        return None

    def drop(self, place: _Place) -> None:
        """The queue has no further turn."""
        if place in self._waiting:
            self._waiting.remove(place)

    def _tried(self, place: _Place) -> _Taken | None:
        """What the queue gives at once; whatever is wrong with it is raised later, as something else is in hand."""
        try:
            return self._taken(place, 0)
        except Exception as error:  # noqa: BLE001 - raised after the others' turns
            self.failed = self.failed or error
            return None

    def _taken(self, place: _Place, wait: int) -> _Taken | None:
        """What the queue gives, if it does not fail."""
        try:
            queue = queues.opened(self._access, *place)
            return _Taken(place, queue, queues.receive(queue, wait))
        except (Unavailable, exceptions.ClientError) as problem:
            self.failed = self.failed or problem
            return None


def _begun(
    access: session.Access, router: Router, pool: ThreadPoolExecutor, taken: _Taken | None, *, is_ahead: bool = False
) -> _Begun | None:
    """The messages, opened; ahead of their turn, their objects are being fetched."""
    if taken is None:
        return None
    partition, name = taken.place
    desk = Desk(access, router, partition, pool, takes_notices=name == access.notice_queue)
    opened = desk.open(taken.queue.label, taken.messages)
    if is_ahead:
        try:
            opened.fetch()
        except Exception:  # noqa: BLE001 - of the router: in their turn it is asked again
            _log.exception("log files cannot be fetched ahead, and are fetched in their turn")
    return _Begun(taken, opened)


@contextmanager
def _delivered(begun: _Begun, drop: Callable[[], None]) -> Iterator[Delivery]:
    """Messages whose every object was dealt with are gone after the block; the queue is dropped if it failed."""
    _, queue, messages = begun.taken
    try:
        delivery, left = begun.reading.finish()
        yield delivery
    except BaseException:
        drop()
        raise
    queues.delete(queue, [message for message in messages if message.id not in left])
    for received, seconds in PAUSES.items():
        queues.postpone(queue, [each for each in messages if each.id in left and each.received == received], seconds)


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
    with ThreadPoolExecutor(session.CONNECTIONS) as pool:
        desk = Desk(access, router, partition, pool, takes_notices=name == access.notice_queue)
        delivery, left = desk.open(label, [message]).finish()
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
        store = client_of(access, owner, _partition(place.region))
        source = source._replace(path=key, bucket=bucket, store=store)
    return source, trail.read(source)
