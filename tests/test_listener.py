"""The listener against a Kafka that speaks the real protocol: nothing lost, nothing twice, whatever fails (O3)."""

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException
from django.db import OperationalError, connections

from cloudigrade import listener
from cloudigrade.listener import Listener
from cloudigrade.models import Inbox, Quarantine
from cloudigrade.redhat.config import Section
from cloudigrade.services import inbox
from cloudigrade.tasks import platform
from tests import kafka_broker
from tests.builders import AS_OF
from tests.kafka_broker import Servers

pytestmark = [pytest.mark.kafka, pytest.mark.enable_socket, pytest.mark.django_db(transaction=True)]

PATIENCE = 40


@pytest.fixture(scope="module")
def kafka() -> Iterator[Servers]:
    with kafka_broker.running() as servers:
        yield servers


class Stream:
    """A topic, and the listeners of one group on it."""

    def __init__(self, kafka: Servers) -> None:
        self.kafka = kafka
        self.topic = kafka.topic()
        self.group = f"group-{uuid.uuid4().hex[:8]}"
        self.sent = 0

    @property
    def section(self) -> Section:
        return Section.model_construct(
            **{name: field.get_default() for name, field in Section.model_fields.items()}
            | {"kafka_host": str(self.kafka), "listener_topic": self.topic, "listener_group": self.group}
        )

    def pause(self, *numbers: int, org_id: str = "11", partition: int = 0) -> None:
        """Events of these applications."""
        headers = {"event_type": b"Application.pause", "x-rh-sources-org-id": org_id.encode()}
        messages = [(json.dumps({"id": number}).encode(), headers) for number in numbers]
        self.kafka.send_all(self.topic, messages, partition=partition)

    def put(self, value: bytes | None, headers: Any, partition: int = 0) -> None:
        self.kafka.send(self.topic, value, headers, partition=partition)

    @contextmanager
    def listening(self) -> Iterator[Listener]:
        """A listener runs until the block ends, and then ends in time."""
        one = Listener(self.section, clock=_now, poll=0.05)
        failed: list[BaseException] = []

        def run() -> None:
            try:
                one.run()
            except BaseException as error:
                failed.append(error)
                raise
            finally:
                connections.close_all()

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield one
        finally:
            one.stop()
            thread.join(PATIENCE)
            assert not thread.is_alive()
            assert failed == []

    def committed(self) -> dict[int, int]:
        return self.kafka.committed(self.topic, self.group)


def _now() -> datetime:
    return AS_OF


@pytest.fixture
def stream(kafka) -> Stream:
    return Stream(kafka)


@pytest.fixture(autouse=True)
def nudges(monkeypatch) -> list[bool]:
    """One entry for each time that the workers were told."""
    told: list[bool] = []
    monkeypatch.setattr(platform.act, "delay", lambda: told.append(True))
    monkeypatch.setattr(listener, "SHORTEST_PAUSE", 0.05)
    return told


def recorded() -> list[str]:
    return [json.loads(value)["id"] for value in Inbox.objects.order_by("id").values_list("value", flat=True)]


def await_that(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_what_was_there_before_the_first_listener_is_recorded_in_order(stream, nudges, caplog):
    caplog.set_level("INFO", "cloudigrade.listener")
    stream.pause(*range(1, 8), org_id="secret-org")

    with stream.listening():
        await_that(lambda: stream.committed() == {0: 7})

    assert recorded() == [str(number) for number in range(1, 8)]
    row = Inbox.objects.order_by("id")[0]
    assert (row.topic, row.partition, row.offset, row.lane) == (stream.topic, 0, 0, "secret-org")
    assert nudges
    assert "messages recorded, 0 again, 0 ignored, 0 rejected, up to 0@7" in caplog.text
    assert "secret-org" not in caplog.text


def test_o3_poison_is_kept_apart_and_the_rest_goes_on(stream):
    """O3: a message without headers ended the listener."""
    stream.put(b"{}", ())
    stream.put(None, [("event_type", b"Source.destroy"), ("x-rh-sources-org-id", b"11")])
    stream.put(b"\xff", [("event_type", b"\xff")])
    stream.put(b"[]", [("event_type", b"Records.update")])
    stream.pause(5)

    with stream.listening():
        await_that(lambda: stream.committed() == {0: 5})

    assert recorded() == ["5"]
    kept = sorted(Quarantine.objects.values_list("feed", "source", "reason"))
    assert kept == [
        ("sources", f"{stream.topic}/0/0", "has no event type"),
        ("sources", f"{stream.topic}/0/1", "its value is no JSON object"),
        ("sources", f"{stream.topic}/0/2", "header event_type is not UTF-8"),
    ]


def test_o3_while_the_database_is_down_nothing_is_committed_and_then_nothing_is_missing(stream, monkeypatch, caplog):
    """O3: offsets were committed before anything was stored."""
    seen: list[dict[int, int]] = []
    record = inbox.record_all

    def broken(**given: Any) -> int:
        if len(seen) < 2:
            seen.append(stream.committed())
            raise OperationalError("the connection is closed")
        return record(**given)

    monkeypatch.setattr(inbox, "record_all", broken)
    stream.pause(1, 2, 3)

    with stream.listening():
        await_that(lambda: stream.committed() == {0: 3})

    assert seen == [{}, {}]
    assert caplog.text.count("the database does not answer, and nothing is committed (OperationalError)") == 2
    assert recorded() == ["1", "2", "3"]


def test_o3_what_was_recorded_and_not_committed_comes_again_and_is_noticed(stream, monkeypatch, caplog):
    caplog.set_level("INFO", "cloudigrade.listener")
    stream.pause(1, 2)
    with monkeypatch.context() as broken:
        broken.setattr(Listener, "_commit", lambda *_: None)  # as if it was killed just before
        with stream.listening():
            await_that(lambda: len(recorded()) == 2)
    assert stream.committed() == {}
    stream.pause(3)

    with stream.listening():
        await_that(lambda: stream.committed() == {0: 3})

    assert recorded() == ["1", "2", "3"]
    assert ", 2 again," in caplog.text


def test_offsets_that_kafka_does_not_take_are_committed_later(stream, monkeypatch, caplog):
    real = Consumer.commit
    refused: list[bool] = []

    class Refusing(Consumer):
        def commit(self, *given: Any, **named: Any) -> Any:
            if not refused:
                refused.append(True)
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
            return real(self, *given, **named)

    monkeypatch.setattr(listener, "Consumer", Refusing)
    stream.pause(1)

    with stream.listening():
        await_that(lambda: stream.committed() == {0: 1})

    assert "Kafka did not take the offsets (_TIMED_OUT)" in caplog.text


def test_o3_workers_that_cannot_be_told_find_it_by_themselves(stream, monkeypatch, caplog):
    """O3: a broker of Celery's that was down ended the listener."""

    def down() -> None:
        raise ConnectionRefusedError("no broker")

    monkeypatch.setattr(platform.act, "delay", down)
    stream.pause(1)

    with stream.listening():
        await_that(lambda: stream.committed() == {0: 1})

    assert "the workers could not be told (ConnectionRefusedError)" in caplog.text


def test_o3_listeners_share_partitions_and_a_rebalance_loses_and_doubles_nothing(stream):
    """O3: there could be but one."""
    partitions = stream.kafka.partitions(stream.topic)
    expected = 0

    def send(number: int) -> int:
        for partition in partitions:
            stream.pause(*range(1, number + 1), org_id=f"org-{partition}", partition=partition)
        return number * len(partitions)

    with stream.listening():
        expected += send(30)
        await_that(lambda: Inbox.objects.count() == expected)
        with stream.listening():
            expected += send(30)
            with stream.listening():
                expected += send(30)
                await_that(lambda: Inbox.objects.count() == expected)
            expected += send(30)
        await_that(lambda: Inbox.objects.count() == expected)
        await_that(lambda: stream.committed() == dict.fromkeys(partitions, 120))

    for partition in partitions:
        rows = Inbox.objects.filter(lane=f"org-{partition}").order_by("id")
        assert list(rows.values_list("offset", flat=True)) == list(range(120))


def test_o3_brokers_that_are_silent_for_a_while_cost_nothing(stream):
    if not stream.kafka.can_be_silenced:
        pytest.skip("the brokers' process is not known (KAFKA_PID)")
    stream.pause(1)
    with stream.listening():
        await_that(lambda: stream.committed() == {0: 1})
        with stream.kafka.silenced():
            time.sleep(1)
        stream.pause(2)
        await_that(lambda: recorded() == ["1", "2"])
        await_that(lambda: stream.committed() == {0: 2})


def test_o3_a_broker_that_is_killed_and_comes_back_costs_nothing(stream):
    if not stream.kafka.can_be_restarted:
        pytest.skip("the mock cluster forgets everything: see `make test-kafka`")
    stream.pause(*range(1, 501))
    with stream.listening():
        await_that(Inbox.objects.exists)
        stream.kafka.restart()
        stream.pause(*range(501, 1001))
        await_that(lambda: stream.committed() == {0: 1000})
    assert recorded() == [str(number) for number in range(1, 1001)]


def test_it_ends_within_seconds_even_while_the_brokers_are_silent(stream):
    if not stream.kafka.can_be_silenced:
        pytest.skip("the brokers' process is not known (KAFKA_PID)")
    stream.pause(1)
    with stream.kafka.silenced():
        begun = time.monotonic()
        with stream.listening():
            time.sleep(0.3)
        assert time.monotonic() - begun < 15
    with stream.listening():
        await_that(lambda: recorded() == ["1"])


def test_a_consumer_that_goes_astray_is_replaced_by_one_that_begins_at_the_last_commit(stream, monkeypatch):
    record, failures = inbox.record_all, [True]

    def broken(**given: Any) -> int:
        if failures.pop() if failures else False:
            raise OperationalError
        return record(**given)

    class Straying(Consumer):
        def seek(self, *_: Any) -> None:
            """Nothing comes again."""

    monkeypatch.setattr(inbox, "record_all", broken)
    monkeypatch.setattr(listener, "Consumer", Straying)
    stream.pause(1)
    with stream.listening():
        await_that(lambda: not failures)
        stream.pause(2)
        await_that(lambda: recorded() == ["1", "2"])


def test_partitions_that_were_lost_are_not_committed(stream):
    one = Listener(stream.section, clock=_now)
    one._pending = {(stream.topic, 0): 5, (stream.topic, 1): 6}
    one._forget(None, [kafka_place(stream.topic, 0)])  # type: ignore[arg-type] # the consumer is not looked at
    assert one._pending == {(stream.topic, 1): 6}


def kafka_place(topic: str, partition: int) -> Any:
    from confluent_kafka import TopicPartition  # noqa: PLC0415 - for one test

    return TopicPartition(topic, partition)
