"""A real Apache Kafka for tests: one node, KRaft, in a process of its own, from what `make test-kafka` has fetched.

As a plugin of pytest, `-p tests.apache_kafka`, it is the Kafka of the whole run.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Generator
from pathlib import Path
from typing import Self

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

LIBRARIES = Path(__file__).parents[1] / ".kafka"
"""Where `make` puts the jars."""
_PATIENCE = 90.0
"""Seconds for the broker to answer, on a machine that has much else to do."""
# The broker takes the shell's place; the watch beside it ends both when our end of the pipe closes, as in every death.
_WATCH = """
exec 3<&0 </dev/null
{ read -r _; kill -KILL 0; } <&3 3<&- &
exec "$@" 3<&-
"""
_JAVA = ("java", "-Xms128m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")

# As many partitions as the mock cluster has. Nothing is flushed for its own sake, as in production: a killed broker
# keeps what it acknowledged, since the system still has it.
_PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={folder}/data
num.partitions=4
auto.create.topics.enable=true
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
"""

current: "ApacheKafka | None" = None
"""That of the run, where pytest was started with this module as a plugin."""


class ApacheKafka:
    """A broker whose data outlives its process; it ends with the `with` block."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="cloudigrade-kafka-"))
        self._properties = self._folder / "server.properties"
        self._log = self._folder / "log"
        port, controller = _free_ports()
        self.address = f"127.0.0.1:{port}"
        text = _PROPERTIES.format(port=port, controller=controller, folder=self._folder)
        self._properties.write_text(text, encoding="ascii")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the process at the moment."""
        assert self._process is not None
        return self._process.pid

    def __enter__(self) -> Self:
        try:
            self._format()
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        """It answers at its address."""
        with self._log.open("ab") as log:
            command = ["/bin/sh", "-c", _WATCH, "watch", *_program("kafka.Kafka", str(self._properties))]
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + _PATIENCE
        while not self._does_answer():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"Kafka does not start:\n{self._log.read_text()[-4000:]}")

    def kill(self) -> None:
        """Its process is gone, as by a power cut."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.communicate()

    def restart(self) -> None:
        """It was killed, and answers again, with all that it had acknowledged."""
        self.kill()
        self.start()

    def _format(self) -> None:
        made = subprocess.run(
            _program(
                *("kafka.tools.StorageTool", "format", "--config", str(self._properties)),
                *("--cluster-id", _cluster_id()),
            ),
            capture_output=True,
            text=True,
            check=False,
        )
        assert made.returncode == 0, made.stdout + made.stderr

    def _does_answer(self) -> bool:
        try:
            client = AdminClient({"bootstrap.servers": self.address, "log_level": 0})
            return bool(client.list_topics(timeout=1).brokers)
        except KafkaException:
            return False


def _program(*arguments: str) -> list[str]:
    return [*_JAVA, "-cp", f"{LIBRARIES}/*", *arguments]


def _cluster_id() -> str:
    """As Kafka writes them: 16 bytes in base64."""
    return uuid.uuid4().hex[:22]


def _free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]


@pytest.hookimpl(wrapper=True)
def pytest_sessionstart() -> Generator[None]:
    """The run has a Kafka of its own."""
    global current  # noqa: PLW0603 - there is one for each run
    yield
    current = ApacheKafka().__enter__()


def pytest_unconfigure() -> None:
    """It is gone, however the run ended."""
    global current  # noqa: PLW0603 - likewise
    if current is not None:
        current.__exit__()
        current = None
