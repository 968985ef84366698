"""Kafka in: messages of Sources are polled, recorded in the inbox, and only then their offsets committed (O3).

A batch is one transaction. Whatever ends this process, at any moment, what stands in the database is taken and the
rest comes again; what comes twice is noticed by where it stood. So several listeners may share the partitions.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from django.db import InterfaceError, OperationalError, connection

from cloudigrade.clouds.protocol import Rejected
from cloudigrade.redhat import brokers, messages
from cloudigrade.redhat.config import Section
from cloudigrade.redhat.messages import MalformedMessage
from cloudigrade.services import inbox
from cloudigrade.services.inbox import Received
from cloudigrade.tasks import platform

BATCH = 500
"""Messages of one transaction at most."""
POLL = 0.5
"""Seconds that a poll waits; a signal is noticed at its end."""
SHORTEST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds before the next attempt where database or brokers fail; each is twice as long as the one before."""
SESSION = 10_000
"""Milliseconds after which the partitions of a listener that died are another's."""

_log = logging.getLogger(__name__)


Place = tuple[str, int]
"""Topic and partition."""


class Taken(NamedTuple):
    """What a batch consisted of."""

    recorded: int
    repeated: int
    """Recorded before."""
    ignored: int
    """Of types that are not acted on."""
    rejected: int


class _Astray(Exception):
    """The consumer did not go on where it was told to."""


class Listener:
    """One consumer of the group; `stop` may be called from anywhere, signal handlers too."""

    def __init__(self, section: Section, *, clock: Callable[[], datetime], poll: float = POLL) -> None:
        self._section = section
        self._clock = clock
        self._poll = poll
        self._stopped = threading.Event()
        self._pause = SHORTEST_PAUSE
        self._pending: dict[Place, int] = {}
        """What is recorded and not committed: the next offset of each partition."""
        self._rewound: dict[Place, int] = {}
        """Where partitions must go on, because what came from there on could not be recorded."""

    def stop(self) -> None:
        """The listener ends within seconds."""
        self._stopped.set()

    def run(self) -> None:
        """Messages have been taken until `stop`; while database or brokers are out of order, nothing is lost."""
        while not self._stopped.is_set():
            try:
                # a new consumer goes on where the last commit stands, so what was not recorded comes again
                with self._consuming() as consumer:
                    while not self._stopped.is_set():
                        self._take(consumer)
            except (KafkaException, _Astray) as problem:
                self._rest("Kafka does not answer", problem)

    def _rest(self, trouble: str, problem: Exception) -> None:
        """A pause is over, twice as long as the one before."""
        _log.warning("%s (%s); the next attempt is in %.1f s", trouble, _name(problem), self._pause)
        self._stopped.wait(self._pause)
        self._pause = min(2 * self._pause, LONGEST_PAUSE)

    @contextmanager
    def _consuming(self) -> Iterator[Consumer]:
        self._pending.clear()
        self._rewound.clear()
        consumer = Consumer(
            {
                **brokers.options(self._section),
                "client.id": "cloudigrade-listener",
                "error_cb": _warn,
                "logger": _log,
                "group.id": self._section.listener_group,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "partition.assignment.strategy": "cooperative-sticky",
                "session.timeout.ms": SESSION,
                "topic.metadata.refresh.interval.ms": 60_000,
            }
        )
        try:
            consumer.subscribe(
                [self._section.listener_topic], on_assign=_note, on_revoke=self._give_up, on_lost=self._forget
            )
            yield consumer
        finally:
            consumer.close()

    def _take(self, consumer: Consumer) -> None:
        """The messages that came are recorded and then committed; while the database is down, they come again."""
        batch = [each for each in consumer.consume(BATCH, self._poll) if _is_message(each)]
        if not batch:
            self._commit(consumer)
            return
        self._look_for_gaps(batch)
        try:
            taken = _record(batch, self._clock())
        except (OperationalError, InterfaceError) as problem:
            connection.close()
            self._rewind(consumer, batch)
            self._rest("the database does not answer, and nothing is committed", problem)
            return
        self._note_recorded(batch)
        _log.info("%d messages recorded, %d again, %d ignored, %d rejected, up to %s", *taken, self._position())
        self._commit(consumer)
        if taken.recorded:
            _nudge()

    def _rewind(self, consumer: Consumer, batch: Sequence[Message]) -> None:
        """The batch comes again; raises KafkaException where that cannot be."""
        for each in reversed(batch):  # so that the first of each partition is the last that is noted
            self._rewound[_place(each)] = _number(each.offset())
        for place, offset in self._rewound.items():
            consumer.seek(TopicPartition(*place, offset))

    def _look_for_gaps(self, batch: Sequence[Message]) -> None:
        for each in batch:
            if self._rewound.pop(_place(each), each.offset()) != each.offset():
                raise _Astray

    def _note_recorded(self, batch: Sequence[Message]) -> None:
        for each in batch:
            self._pending[_place(each)] = _number(each.offset()) + 1
        self._pause = SHORTEST_PAUSE

    def _position(self) -> str:
        return " ".join(f"{partition}@{offset}" for (_, partition), offset in sorted(self._pending.items()))

    def _commit(self, consumer: Consumer, only: Sequence[Place] | None = None) -> None:
        """What stands in the database is committed; where that fails, with the next batch, or it comes again."""
        wanted = {place: at for place, at in self._pending.items() if only is None or place in only}
        if not wanted:
            return
        try:
            consumer.commit(offsets=[TopicPartition(*place, at) for place, at in wanted.items()], asynchronous=False)
        except KafkaException as problem:
            _log.warning("Kafka did not take the offsets (%s); what comes again will be noticed", _name(problem))
            return
        for place in wanted:
            del self._pending[place]

    def _give_up(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Another listener goes on with these partitions, from what stands in the database."""
        places = [(each.topic, each.partition) for each in partitions]
        self._commit(consumer, places)
        self._forget(consumer, partitions)

    def _forget(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        """The partitions are another's already."""
        for each in partitions:
            self._pending.pop((each.topic, each.partition), None)
            self._rewound.pop((each.topic, each.partition), None)
        _log.info("partitions given up: %s", _numbers(partitions))


def _warn(error: KafkaError) -> None:
    """What librdkafka overcomes by itself is known."""
    _log.warning("Kafka: %s", error.str())


def _note(_: Consumer, partitions: list[TopicPartition]) -> None:
    _log.info("partitions taken on: %s", _numbers(partitions))


def _numbers(partitions: Sequence[TopicPartition]) -> str:
    return ", ".join(str(each.partition) for each in partitions) or "none"


def _is_message(message: Message) -> bool:
    """Whether it is one, and no news of the consumer's own troubles, which librdkafka overcomes itself."""
    error = message.error()
    if error is None:
        return True
    if error.fatal():
        raise KafkaException(error)
    _warn(error)
    return False


def _record(batch: Sequence[Message], now: datetime) -> Taken:
    """One transaction: what can be read is in the inbox, what cannot in quarantine."""
    received: list[Received] = []
    rejected: list[Rejected] = []
    for message in batch:
        (topic, partition), offset = _place(message), _number(message.offset())
        value, headers = message.value(), message.headers()
        pairs = headers if isinstance(headers, list) else None
        try:
            event = messages.parse(message.key(), value, pairs)
        except MalformedMessage as problem:
            rejected.append(
                inbox.rejected(
                    topic=topic, partition=partition, offset=offset, value=value, headers=pairs, reason=str(problem)
                )
            )
            continue
        if event is not None:
            received.append(Received(topic, partition, offset, event))
    recorded = inbox.record_all(received=received, rejected=rejected, now=now)
    ignored = len(batch) - len(received) - len(rejected)
    return Taken(recorded, len(received) - recorded, ignored, len(rejected))


def _nudge() -> None:
    """Workers look at the inbox now, not at the next tick; where Celery's broker is down, then."""
    try:
        platform.act.delay()
    except Exception as problem:  # noqa: BLE001 - whatever the broker's client raises
        _log.warning("the workers could not be told (%s); they will look by themselves", type(problem).__name__)


def _name(problem: Exception) -> str:
    """What is wrong, without what the database or the broker says of the data."""
    found = problem.args[0] if problem.args else None
    name = getattr(found, "name", None)
    return str(name()) if callable(name) else type(problem).__name__


def _place(message: Message) -> Place:
    return message.topic() or "", _number(message.partition())


def _number(given: int | None) -> int:
    if given is None:  # only of a message that was never in Kafka
        raise TypeError("a message without a place")
    return given
