"""From the outbox to Kafka over the real protocol: broker down and back, two workers, a worker that dies."""

import json
import threading
from collections import defaultdict

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from cloudigrade.config import celery
from cloudigrade.models import Outbox
from cloudigrade.redhat import status
from cloudigrade.services import outbox
from cloudigrade.tasks import status as tasks
from cloudigrade.tasks.status import deliver
from tests import kafka_broker
from tests.builders import AS_OF

pytestmark = [pytest.mark.kafka, pytest.mark.enable_socket]


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """The time of the tasks, which a test may move."""
    now = [AS_OF]
    monkeypatch.setattr(timezone, "now", lambda: now[0])
    return now


@pytest.fixture(scope="module")
def servers():
    with kafka_broker.running() as running:
        yield running


@pytest.fixture
def platform(monkeypatch):
    """Says where Kafka is from now on."""

    def use(address, topic):
        made = settings.PLATFORM.model_copy(
            update={"kafka_host": address, "status_topic": topic, "kafka_address_family": "v4"}
        )
        monkeypatch.setattr(settings, "PLATFORM", made)

    monkeypatch.setattr(tasks, "_status", None)
    return use


@pytest.fixture
def topic(servers, platform):
    made = servers.topic("status")
    platform(str(servers), made)
    return made


def add(count, *, lanes=1):
    Outbox.objects.bulk_create(
        Outbox(
            lane=str(number % lanes), org_id=str(number % lanes), application_id=number,
            status="available", created_at=AS_OF, due_at=AS_OF,
        )
        for number in range(count)
    )  # fmt: skip


def heard(servers, topic, count):
    """The applications that Sources heard of, in order by customer."""
    found = defaultdict(list)
    for message in servers.read(topic, count):
        found[message.key().decode()].append(json.loads(message.value())["resource_id"])
    return found


def in_order(count, lanes):
    return {str(lane): list(range(lane, count, lanes)) for lane in range(lanes)}


def test_what_neighbours_know():
    assert deliver.name == "api.tasks.notify_application_availability_task"
    assert celery.route(deliver.name) == {"queue": "platform"}


def test_o4_a_thousand_changes_arrive_in_order(db, servers, topic):
    add(1000, lanes=7)

    deliver()

    assert heard(servers, topic, 1000) == in_order(1000, 7)
    assert not Outbox.objects.exists()


def test_one_producer_serves_as_long_as_it_is_good(db, servers, topic, monkeypatch):
    made = []

    def make(platform):
        made.append(status.Status(platform))
        return made[-1]

    monkeypatch.setattr(tasks, "Status", make)
    for _ in range(3):
        add(1)
        deliver()
    assert len(made) == 1

    made[0].is_broken = True
    add(1)
    deliver()

    assert (len(made), heard(servers, topic, 4)) == (2, {"0": [0, 0, 0, 0]})


def test_o4_while_the_broker_is_down_everything_waits_and_then_arrives(db, servers, topic, platform, monkeypatch):
    monkeypatch.setattr(status, "_GREETING", 0.2)
    add(20, lanes=2)
    platform("127.0.0.1:9", topic)

    deliver()
    assert Outbox.objects.filter(attempts=0, due_at=AS_OF).count() == 20, "it is due as soon as the broker is back"

    platform(str(servers), topic)
    deliver()
    assert heard(servers, topic, 20) == in_order(20, 2)
    assert not Outbox.objects.exists()


def test_o4_a_broker_that_falls_silent_in_between_costs_a_pause_and_no_word(db, servers, topic, clock, monkeypatch):
    if not servers.can_be_silenced:
        pytest.skip("this broker cannot be silenced")
    monkeypatch.setattr(tasks, "Status", lambda platform: status.Status(platform, delivery=1.0))
    monkeypatch.setattr(outbox, "LANES", 1)
    add(3)
    greet = status.Status.greet
    silence = servers.silenced()

    def fall_silent(self):
        greet(self)
        silence.__enter__()

    monkeypatch.setattr(status.Status, "greet", fall_silent)
    try:
        deliver()
    finally:
        silence.__exit__(None, None, None)
    monkeypatch.setattr(status.Status, "greet", greet)
    assert sorted(Outbox.objects.values_list("attempts", flat=True)) == [0, 0, 1]

    deliver()
    assert Outbox.objects.count() == 3, "its pause is not over"
    clock[0] = AS_OF + outbox.SHORTEST_PAUSE
    deliver()

    assert not Outbox.objects.exists()
    # the first word may have arrived although it did not count as told
    told = heard(servers, topic, len(servers.read_all(topic)))["0"]
    assert list(dict.fromkeys(told)) == [0, 1, 2]


def test_a_worker_that_dies_before_it_could_note_what_it_told_repeats_it(db, servers, topic, clock, monkeypatch):
    add(3)
    finish = outbox.finish
    monkeypatch.setattr(outbox, "finish", lambda **_: pytest.fail("killed"))
    with pytest.raises(pytest.fail.Exception, match="killed"):
        deliver()
    monkeypatch.setattr(outbox, "finish", finish)

    deliver()
    assert Outbox.objects.count() == 3, "the dead worker's lease holds"
    clock[0] = AS_OF + outbox.LEASE
    deliver()

    assert heard(servers, topic, 6) == {"0": [0, 1, 2, 0, 1, 2]}, "again, from the first word to the last"
    assert not Outbox.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_tell_everything_once_and_in_order(servers, topic, monkeypatch):
    monkeypatch.setattr(outbox, "LANES", 5)
    add(600, lanes=40)

    def work():
        try:
            deliver()
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)

    assert heard(servers, topic, 600) == in_order(600, 40)
    assert not Outbox.objects.exists()


def test_without_kafka_nothing_is_told_and_nothing_is_lost(db, platform):
    platform("", "status")
    add(1)

    deliver()

    assert Outbox.objects.count() == 1


def test_what_does_not_fit_one_message_goes_on_with_the_next(db, servers, topic, monkeypatch):
    monkeypatch.setattr(tasks, "SHARE", 0.0)
    queued = []
    monkeypatch.setattr(deliver, "delay_on_commit", lambda: queued.append(1))
    add(1)

    deliver()

    assert (queued, Outbox.objects.count()) == ([1], 1)
