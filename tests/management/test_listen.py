"""`cloudigrade listen` as a process of its own: it ends when it is told to, and killed it loses nothing."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid

import pytest
from django.conf import settings

from cloudigrade.management import service
from cloudigrade.management.commands import listen
from cloudigrade.models import Inbox
from tests import kafka_broker, running
from tests.management.operating import Operator
from tests.management.running import await_that


def test_without_a_kafka_it_says_what_to_set(operator: Operator):
    told = operator.run(listen.Command(), "listen")
    assert (told.status, told.err) == (2, "no Kafka is set; set KAFKA_SERVER_HOST")


def test_up_starts_a_listener_where_there_is_a_kafka(monkeypatch):
    def names():
        return [program.name for program in service._listeners()]

    assert names() == []
    platform = settings.PLATFORM.model_copy(update={"kafka_host": "kafka"})
    monkeypatch.setattr(settings, "PLATFORM", platform)
    assert names() == ["listener"]


@pytest.fixture
def listening(tmp_path):
    """Starts the process on a topic; kills what still runs at the end."""
    started: list[subprocess.Popen[bytes]] = []

    def start(servers, topic):
        environment = {
            **os.environ,
            "DATABASE_URL": running.database_url(),
            "CLOUDIGRADE_DATA": str(tmp_path),
            "KAFKA_SERVER_HOST": str(servers),
            "LISTENER_TOPIC": topic,
            "LISTENER_GROUP_ID": topic,
            "CELERY_BROKER_URL": "memory://",
        }
        command = [sys.executable, "-m", "cloudigrade", "listen"]
        with (tmp_path / "log").open("ab") as log:
            started.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.kafka
@pytest.mark.enable_socket
@pytest.mark.django_db(transaction=True)
def test_o3_killed_or_told_to_end_it_loses_and_doubles_nothing(listening, tmp_path):
    """O3: a listener that was killed had committed what it had not stored."""
    with kafka_broker.running() as kafka:
        topic = kafka.topic(uuid.uuid4().hex[:8])
        headers = {"event_type": b"Application.pause", "x-rh-sources-org-id": b"secret-org"}

        def send(numbers):
            kafka.send_all(topic, [(json.dumps({"id": each}).encode(), headers) for each in numbers], partition=0)

        send(range(1, 2001))
        first = listening(kafka, topic)
        await_that(Inbox.objects.exists)
        first.send_signal(signal.SIGKILL)
        first.wait()

        send(range(2001, 3001))
        second = listening(kafka, topic)
        await_that(lambda: kafka.committed(topic, topic) == {0: 3000})
        begun = time.monotonic()
        second.send_signal(signal.SIGTERM)
        assert second.wait(20) == 0
        assert time.monotonic() - begun < 10

    values = Inbox.objects.order_by("id").values_list("value", flat=True)
    assert [int(json.loads(value)["id"]) for value in values] == list(range(1, 3001))
    assert "secret-org" not in (tmp_path / "log").read_text()
