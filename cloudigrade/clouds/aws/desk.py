"""Messages of our queues in, what the log files and notices say that they lead to out, by customer."""

import logging
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from cloudigrade.clouds.aws import details, keys, notifications, reading, session, trail
from cloudigrade.clouds.aws.notifications import Named, StoredObject
from cloudigrade.clouds.aws.queues import Message
from cloudigrade.clouds.cloud import NOTICES, Delivery, Place, Route, Router
from cloudigrade.clouds.protocol import (
    Absent,
    Batch,
    CustomerProblem,
    InstanceActivity,
    Rejected,
    Unavailable,
    Unreadable,
)

if TYPE_CHECKING:  # type stubs, absent outside development
    from mypy_boto3_s3 import S3Client

PATIENCE: Final = 3
"""Times that a message is received before an object that is not there is passed over: it may be told of too early.

Anybody may write of any key, so that only a digest says that a file is missing."""

_AHEAD: Final = 100  # objects asked for before their turn: as many as a delivery has messages
_MOST: Final = 250_000  # activities of one delivery, some 100 MB; what is beyond comes again
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


class Desk:
    """Reads what messages of one partition lead to; the pool's threads fetch and read the log files."""

    def __init__(
        self,
        access: session.Access,
        router: Router,
        partition: str,
        pool: ThreadPoolExecutor,
        *,
        takes_notices: bool,
    ) -> None:
        self._access = access
        self._router = router
        self._partition = partition
        self._pool = pool
        self._takes_notices = takes_notices

    def open(self, label: str, messages: list[Message]) -> "Reading":
        """The messages, and what they name."""
        times = [message.sent_at for message in messages if message.sent_at is not None]
        delivery = Delivery(label, messages=len(messages), oldest_at=min(times, default=None))
        letters = _opened(delivery, messages)
        return Reading(self, delivery, letters, self._sift(delivery, letters))

    def routes(self, places: Collection[Place]) -> Mapping[Place, Route]:
        """Whose the places are, as of now."""
        return self._router(places)

    def ask(self, stored: StoredObject, route: Route, received: int) -> "_Asked":
        """The object is being fetched and read."""
        return _Asked(route, self._pool.submit(self._outcome, stored, route, received))

    def _sift(self, delivery: Delivery, letters: Iterable[_Letter]) -> dict[StoredObject, Place]:
        """The log files that are named, each once, and whose they are; everything else is counted."""
        places: dict[StoredObject, Place] = {}
        for letter in letters:
            delivery.passed_over += letter.named.passed_over
            if letter.named.notices and not self._takes_notices:  # into the other queue, customers may write
                delivery.foreign += len(letter.named.notices)
                letter.named.notices.clear()
            for stored in (each._replace(writer="") for each in letter.named.objects):  # one object, whoever wrote it
                place = keys.place_of(stored.key)
                if place.skipped:
                    delivery.passed_over += 1
                elif not place.name or stored.bucket == NOTICES:
                    delivery.foreign += 1
                else:
                    letter.objects.add(stored)
                    places[stored] = (stored.bucket, place.account)
        return places

    def _outcome(self, stored: StoredObject, route: Route, received: int) -> tuple[Batch, int] | _Later:
        """What the object holds, with the number of foreign records; whatever is wrong with it costs it alone."""
        batch = Batch()
        try:
            source = _source(self._access, stored, route, self._partition)
            try:
                content = trail.read(source, denied=_Refused)
            except Unreadable as problem:
                return _unread(source, problem, received)
            return batch, reading.add_log(batch, trail.Content(source, content))
        except (Unavailable, CustomerProblem, _Refused) as problem:
            return _Later(keys.printable(str(problem)))
        except Exception:  # noqa: BLE001 - our bug, or one of the SDK: loud, and no other object's loss
            _log.exception("a log file cannot be read")
            return _Later(f"s3://{stored.bucket}/{keys.printable(stored.key)}")


class _Asked(NamedTuple):
    """An object that was asked for, as it was routed then."""

    route: Route
    outcome: "Future[tuple[Batch, int] | _Later]"


class Reading:
    """Messages that were opened; what they lead to is found out when it is their turn."""

    def __init__(
        self, desk: Desk, delivery: Delivery, letters: list[_Letter], places: Mapping[StoredObject, Place]
    ) -> None:
        self._desk = desk
        self._delivery = delivery
        self._letters = letters
        self._places = places
        self._received = _received(letters)
        self._asked: dict[StoredObject, _Asked] = {}

    def fetch(self) -> None:
        """The first objects are being fetched, for whom they seem to be."""
        routes = self._desk.routes(set(self._places.values()))
        self._ask_some(((stored, routes[place]) for stored, place in self._places.items() if place in routes), _AHEAD)

    def finish(self) -> tuple[Delivery, set[str]]:
        """What the messages lead to, and the ids of those that must stay in the queue."""
        delivery = self._delivery
        notices = {(NOTICES, each.account) for each in _notices(self._letters)}
        routes = self._desk.routes({*self._places.values(), *notices})  # anew: some time has passed since the fetching
        _add_notices(delivery, self._letters, routes)
        wanted = {stored: routes[place] for stored, place in self._places.items() if place in routes}
        delivery.foreign += len(self._places) - len(wanted)
        later = self._read(wanted)
        left = {letter.message.id for letter in self._letters if letter.objects & later}
        delivery.left = len(left)
        return delivery, left

    def _read(self, wanted: Mapping[StoredObject, Route]) -> set[StoredObject]:
        """What the objects hold is in the delivery; those that could not be read just now, or are too many."""
        delivery, later = self._delivery, set()
        rest, ahead = deque(wanted), iter(wanted.items())
        self._ask_some(ahead, _AHEAD)
        while rest and _activities(delivery) < _MOST:
            self._ask_some(ahead, 1)
            stored = rest.popleft()
            outcome = self._asked.pop(stored).outcome.result()
            if isinstance(outcome, _Later):
                later.add(stored)
                _log.warning("a log file is read later: %s", outcome.reason)
                continue
            batch, foreign = outcome
            delivery.foreign += foreign
            if batch != Batch():
                delivery.batches.setdefault(wanted[stored].owner, Batch()).add(batch)
        return later | set(rest)

    def _ask_some(self, wanted: Iterator[tuple[StoredObject, Route]], number: int) -> None:
        """The next objects are being fetched, each for whom it is now."""
        for stored, route in islice(wanted, number):
            if stored not in self._asked or self._asked[stored].route != route:
                self._asked[stored] = self._desk.ask(stored, route, self._received[stored])


def client_of(access: session.Access, route: Route, partition: str) -> "S3Client":
    """A client that may read what the route leads to."""
    if route.reader is None:
        return access.own("s3", access.home_region(partition), partition)
    home = access.home_region(access.partition_of(route.reader))
    return access.client(route.reader, "s3", details.parse(route.reader.details).home_region or home)


def _opened(delivery: Delivery, messages: Iterable[Message]) -> list[_Letter]:
    """The messages that can be read; what cannot be is rejected."""
    letters = []
    for message in messages:
        named, reason = _named(message)
        if reason:
            source = f"{delivery.queue}/{message.id}"
            delivery.rejected.append(Rejected(source, reason, content=message.body.encode("utf-8", "replace")))
        letters.append(_Letter(message, named))
    return letters


def _activities(delivery: Delivery) -> int:
    return sum(len(batch.instances) + len(batch.tags) for batch in delivery.batches.values())


def _received(letters: Iterable[_Letter]) -> dict[StoredObject, int]:
    """How often we have heard of each object."""
    received: dict[StoredObject, int] = {}
    for letter in letters:
        for stored in letter.objects:
            received[stored] = max(letter.message.received, received.get(stored, 0))
    return received


def _unread(source: trail.Source, problem: Unreadable, received: int) -> tuple[Batch, int] | _Later:
    """What becomes of an object that there is no content of."""
    reason = keys.printable(str(problem))
    if not isinstance(problem, Absent):
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
    client = client_of(access, route, partition)
    return trail.Source(name, place.account, place.region, 0, stored.key, stored.bucket, client)
