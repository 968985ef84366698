"""A Kafka to test against: librdkafka's mock cluster in a process of its own, or a real one.

The real one is that of `make test-kafka`, or the one that KAFKA_SERVERS names. The mock cluster speaks the real
protocol and keeps everything in memory. It has 4 partitions for each topic, and silently drops messages beyond some
5 MiB for each partition.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Self, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from tests import apache_kafka
from tests.apache_kafka import ApacheKafka

_PATIENCE = 30.0
_SOON = {
    KafkaError.NOT_COORDINATOR,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
}
_MOCK = """
import sys
from confluent_kafka import Producer
cluster = Producer({"bootstrap.servers": "none", "test.mock.num.brokers": 1, "log_level": 0})
brokers = cluster.list_topics(timeout=20).brokers.values()
print(",".join(f"127.0.0.1:{broker.port}" for broker in brokers), flush=True)
sys.stdin.read()
"""

_Answer = TypeVar("_Answer")
Headers = Sequence[tuple[str, bytes | None]]


class Servers(str):
    """Bootstrap servers, as `host:port,host:port`."""

    __slots__ = ("_given_pid", "_real")
    _given_pid: int | None
    _real: ApacheKafka | None

    def __new__(cls, addresses: str, pid: int | None, real: ApacheKafka | None = None) -> Self:
        """With the process that is behind them, where it may be stopped, or the broker that may be restarted."""
        made = super().__new__(cls, addresses)
        made._given_pid, made._real = pid, real
        return made

    @property
    def _pid(self) -> int | None:
        return self._real.pid if self._real else self._given_pid

    @property
    def can_be_silenced(self) -> bool:
        return self._pid is not None

    @property
    def can_be_restarted(self) -> bool:
        return self._real is not None

    def restart(self) -> None:
        """The broker was killed, and answers again."""
        assert self._real is not None
        self._real.restart()

    @contextlib.contextmanager
    def silenced(self) -> Iterator[None]:
        """Nothing is answered until the block ends; what was said before is not lost."""
        assert self._pid is not None
        os.kill(self._pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self._pid, signal.SIGCONT)

    def topic(self, name: str = "events") -> str:
        """The name of a new topic, which exists."""
        made = topic(name)
        self.partitions(made)
        return made

    def partitions(self, topic: str) -> list[int]:
        """Those of the topic, which is made where it is missing."""
        producer = self.producer()
        while True:
            found = producer.list_topics(topic, timeout=_PATIENCE).topics[topic]
            if found.error is None and found.partitions:
                return sorted(found.partitions)

    def producer(self, **more: object) -> Producer:
        return Producer({"bootstrap.servers": str(self), "linger.ms": 0, "log_level": 0, **more})

    def send(
        self,
        topic: str,
        value: bytes | None,
        headers: Headers | Mapping[str, bytes | None] = (),
        *,
        key: bytes | None = None,
        partition: int | None = None,
    ) -> None:
        """The message stands in the topic."""
        self.send_all(topic, [(value, headers)], key=key, partition=partition)

    def send_all(
        self,
        topic: str,
        messages: Sequence[tuple[bytes | None, Headers | Mapping[str, bytes | None]]],
        *,
        key: bytes | None = None,
        partition: int | None = None,
    ) -> None:
        """The messages stand in the topic, in this order where they share a partition."""
        producer = self.producer()
        where = {} if partition is None else {"partition": partition}
        for value, headers in messages:
            pairs = list(headers.items()) if isinstance(headers, Mapping) else list(headers)
            producer.produce(topic, value=value, key=key, headers=pairs, on_delivery=_delivered, **where)  # type: ignore[arg-type] # the stubs know of no missing header value
        assert producer.flush(_PATIENCE) == 0

    def read(self, topic: str, number: int) -> list[Message]:
        """The first so many messages of the topic, those of a partition in order; fails where there are fewer."""
        consumer = Consumer({"bootstrap.servers": str(self), "group.id": uuid.uuid4().hex, "log_level": 0})
        with contextlib.closing(consumer):
            consumer.assign([TopicPartition(topic, each, 0) for each in self.partitions(topic)])
            found: list[Message] = []
            while len(found) < number:
                message = consumer.poll(_PATIENCE)
                assert message is not None, f"{len(found)} of {number} messages"
                if message.error() is None:
                    found.append(message)
            return sorted(found, key=lambda message: (message.partition() or 0, message.offset() or 0))

    def read_all(self, topic: str) -> list[Message]:
        """All messages of the topic so far, those of a partition in order, partition by partition."""
        consumer = Consumer({"bootstrap.servers": str(self), "group.id": uuid.uuid4().hex, "log_level": 0})
        with contextlib.closing(consumer):
            ends = [
                consumer.get_watermark_offsets(TopicPartition(topic, each), timeout=_PATIENCE)
                for each in self.partitions(topic)
            ]
        return self.read(topic, sum(end - start for start, end in ends))

    def committed(self, topic: str, group: str) -> dict[int, int]:
        """How far the group has read each partition; partitions of which it said nothing are left out."""
        consumer = Consumer({"bootstrap.servers": str(self), "group.id": group, "log_level": 0})
        with contextlib.closing(consumer):
            wanted = [TopicPartition(topic, each) for each in self.partitions(topic)]
            found = _asked(lambda: consumer.committed(wanted, timeout=_PATIENCE))
        return {each.partition: each.offset for each in found if each.offset >= 0}


def topic(name: str = "events") -> str:
    """The name of a topic that nobody used before."""
    return f"{name}-{uuid.uuid4().hex[:12]}"


@contextlib.contextmanager
def running() -> Iterator[Servers]:
    """Bootstrap servers that answer until the block ends."""
    if real := apache_kafka.current:
        yield Servers(real.address, None, real)
        return
    if given := os.environ.get("KAFKA_SERVERS"):
        pid = os.environ.get("KAFKA_PID")
        yield Servers(given, int(pid) if pid else None)
        return
    process = subprocess.Popen(
        [sys.executable, "-c", _MOCK], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    try:
        addresses = process.stdout.readline().decode().strip()
        assert addresses, "the mock cluster did not start"
        yield Servers(addresses, process.pid)
    finally:
        process.kill()
        process.communicate()


def _asked(question: Callable[[], _Answer]) -> _Answer:
    """What the coordinator of a group answers, which a broker that has just started is not at once."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            return question()
        except KafkaException as fault:
            if fault.args[0].code() not in _SOON or time.monotonic() > deadline:
                raise
        time.sleep(0.2)


def _delivered(error: KafkaError | None, _: Message) -> None:
    if error is not None:
        raise KafkaException(error)
