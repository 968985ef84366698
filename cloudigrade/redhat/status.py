"""The availability of applications, told to Sources through Kafka: one producer for as long as the process lives.

Each lane has one message on the way at a time: the next is sent when Kafka has acknowledged the one before. So none of
a customer's words overtakes another, whatever is lost or sent again in between; many lanes go side by side.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic
from typing import NamedTuple

import msgspec
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from cloudigrade.redhat import brokers
from cloudigrade.redhat.config import Section

DELIVERY = 20.0
"""Seconds after which a message that was not acknowledged is given up, and never sent by this producer again."""
ROUND = 20.0
"""Seconds in which messages of one call are begun; so it ends after `ROUND` + `DELIVERY` at the latest."""
_GREETING = 3.0
"""Seconds for the brokers to say that they are there."""
_STEP = 0.1
_MARGIN = 5.0

_log = logging.getLogger(__name__)


class Word(NamedTuple):
    """That an application is available, or not."""

    id: int
    """By which the caller knows it."""
    org_id: str
    account_number: str
    application_id: int
    status: str
    error: str


class KafkaUnavailable(Exception):
    """The brokers do not answer, or do not know the topic."""


class Status:
    """Tells Sources; for one process, which must not fork afterwards."""

    def __init__(self, platform: Section, *, delivery: float = DELIVERY) -> None:
        """Not connected before something is told."""
        self._topic = platform.status_topic
        self._event_type = platform.status_event_type
        self._delivery = delivery
        self._producer = Producer(_options(platform, delivery), logger=_log)
        self._lock = Lock()
        self.is_broken = False
        """It has failed for good; another one is needed."""

    def greet(self) -> None:
        """The topic's brokers are there; raises KafkaUnavailable, so that nothing is begun that cannot be told."""
        try:
            error = self._producer.list_topics(self._topic, timeout=_GREETING).topics[self._topic].error
        except KafkaException as fault:
            error = fault.args[0]
        if error is not None:
            raise KafkaUnavailable(error.str())

    def tell(self, lanes: Mapping[str, Iterable[Word]], *, seconds: float = ROUND) -> frozenset[int]:
        """Which words have been acknowledged; those of a lane were sent in order, up to the first that was not."""
        with self._lock:
            going = _Going(monotonic() + seconds)
            for lane, words in lanes.items():
                self._send_next(lane, deque(words), going)
            self._wait(going)
            return frozenset(going.told)

    def _wait(self, going: "_Going") -> None:
        """Nothing of it is under way any more."""
        until = going.until + self._delivery + _MARGIN
        while going.open and monotonic() < until:
            self._producer.poll(_STEP)
        if going.open:  # only when the producer itself is stuck: what it still has must not be sent later
            self._producer.purge()
            self._producer.poll(_STEP)
            self.is_broken = True

    def _send_next(self, lane: str, words: deque[Word], going: "_Going") -> None:
        if not words or self.is_broken or monotonic() >= going.until:
            return
        word = words.popleft()

        def end(error: KafkaError | None, _: Message) -> None:
            going.open -= 1
            if error is not None:
                self._note(error)
                return
            going.told.add(word.id)
            self._send_next(lane, words, going)

        if self._produce(lane, word, end):
            going.open += 1

    def _produce(self, lane: str, word: Word, end: Callable[[KafkaError | None, Message], None]) -> bool:
        """Whether the message is on its way."""
        try:
            self._producer.produce(
                self._topic, key=lane, value=_value(word), headers=self._headers(word), on_delivery=end
            )
        except BufferError:  # the producer's queue is full: the rest is told in the next round
            return False
        except KafkaException as fault:
            self._note(fault.args[0])
            return False
        return True

    def _note(self, error: KafkaError) -> None:
        _log.warning("a message to Sources was not delivered: %s", error.str())
        self.is_broken = self.is_broken or error.fatal()

    def _headers(self, word: Word) -> list[tuple[str, str | bytes | None]]:
        named = {
            "event_type": self._event_type,
            "x-rh-sources-account-number": word.account_number,
            "x-rh-sources-org-id": word.org_id,
        }
        return [(name, value.encode()) for name, value in named.items() if value]


@dataclass
class _Going:
    """What one call has under way."""

    until: float
    open: int = 0
    told: set[int] = field(default_factory=set)


def _value(word: Word) -> bytes:
    return msgspec.json.encode(
        {
            "resource_type": "Application",
            "resource_id": word.application_id,
            "status": word.status,
            "error": word.error,
        }
    )


def _options(platform: Section, delivery: float) -> dict[str, str | int | bool]:
    return {
        **brokers.options(platform),
        "client.id": "cloudigrade",
        "enable.idempotence": True,
        "acks": "all",
        "delivery.timeout.ms": round(delivery * 1000),
        "socket.timeout.ms": 10_000,
        "linger.ms": 0,  # a lane waits for each of its messages; those of other lanes share a request anyway
        "retry.backoff.ms": 100,
        "reconnect.backoff.max.ms": 2_000,
    }
