"""Listeners and workers killed at random steps while messages come in and words go out, and what came of it.

Each round customers do something, then listeners and a worker live at the same time. Some die at a step, some are
killed from outside, some leave in peace, so partitions wander between listeners. Now and then the group's offsets are
gone, Sources does not answer, and a real broker is restarted.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from random import Random
from typing import Any

from cloudigrade.models import Inbox, Quarantine
from tests.fakes import sources as fake
from tests.fakes.sources import FakeSources
from tests.journeys.killing import _pipes
from tests.journeys.wishes import Customer
from tests.kafka_broker import Servers
from tests.running import database_url

ROUND = 1200
"""Seconds between rounds, by the clock of the service: whatever a dead worker had claimed is due again."""
LEAST_ROUNDS = 4
MOST_STEPS = 60
"""Of a life; a message takes some twenty."""
HEARING = 8
"""Seconds for a listener to take over from a dead one and to hear something."""
PATIENCE = 25
"""Seconds for a listener to hear everything."""
_WAIT = 0.05


@dataclass
class Tally:
    """How it went."""

    rounds: int = 0
    messages: int = 0
    poison: int = 0
    listeners: int = 0
    """Lives."""
    listeners_killed: int = 0
    workers: int = 0
    workers_killed: int = 0
    left_in_peace: int = 0
    resets: int = 0
    """Of offsets, to the beginning."""
    restarts: int = 0
    """Of the broker."""
    outages: int = 0
    """Of Sources."""

    @property
    def deaths(self) -> int:
        return self.listeners_killed + self.workers_killed

    def __str__(self) -> str:
        return ", ".join(f"{name} {value}" for name, value in asdict(self).items())


class Lives:
    """Listeners and workers, as the process `mortal_messages` brings them forth."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.journeys.mortal_messages"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **variables},
        )
        self._alive: list[int] = []

    def _ask(self, line: str) -> str:
        given, answers = _pipes(self._process)
        given.write(f"{line}\n")
        given.flush()
        return answers.readline().strip()

    def begin(self, what: str, steps: int, later: int, group: str = "") -> int:
        """The process of a new life."""
        self._alive.append(int(self._ask(f"{what} {steps} {later} {group}")))
        return self._alive[-1]

    def end(self, process: int, how: signal.Signals | None = None) -> str:
        """How the life ended, by itself or so."""
        if how is not None:
            os.kill(process, how)  # it is there, dead or alive, until it is awaited
        self._alive.remove(process)
        return self._ask(f"await {process}")

    def close(self) -> None:
        """Nobody lives any more."""
        for process in list(self._alive):
            self.end(process, signal.SIGKILL)
        for pipe in _pipes(self._process):
            pipe.close()
        self._process.wait()


@dataclass
class Scene:
    """Kafka, Sources, customers, and what happened to them."""

    kafka: Servers
    events: str
    statuses: str
    shown: FakeSources
    luck: Random
    lives: Lives
    customers: list[Customer]
    tally: Tally = field(default_factory=Tally)
    listeners: list[int] = field(default_factory=list)

    @property
    def _later(self) -> int:
        return ROUND * self.tally.rounds

    def round(self) -> None:
        """Customers do something, and whoever lives looks after it."""
        self.tally.rounds += 1
        for customer in self.customers:
            self._send(customer, self.luck.randint(0, 6))
        self._trouble()
        while len(self.listeners) < self.luck.randint(1, 2):
            self._begin_listener(self.luck.randint(1, MOST_STEPS))
        self._await_messages()
        for _ in range(self.luck.randint(1, 2)):
            self._work()
        self._end_some()

    def has_seen(self, kills: int) -> bool:
        """Whether so many were killed, listeners and workers among them, and enough came, some of it unreadable."""
        killed = (self.tally.listeners_killed, self.tally.workers_killed)
        is_enough = sum(killed) >= kills and min(killed) > 0 and self.tally.rounds >= LEAST_ROUNDS
        return is_enough and any(each.poison for each in self.customers)

    def _send(self, customer: Customer, number: int) -> None:
        given = customer.act(number)
        self.tally.messages += len(given)
        self.kafka.send_all(self.events, given, key=customer.org_id.encode())

    def _trouble(self) -> None:
        """What goes wrong around us, sometimes."""
        if self.luck.random() < 0.2:
            self.shown.fail(503, times=self.luck.randint(1, 6))
            self.tally.outages += 1
        if self.luck.random() < 0.2:
            self.read_anew()
        if self.kafka.can_be_restarted and self.luck.random() < 0.2:
            self.kafka.restart()
            self.tally.restarts += 1

    def _begin_listener(self, steps: int) -> None:
        self.listeners.append(self.lives.begin("listen", steps, self._later, self._group))
        self.tally.listeners += 1

    def _await_messages(self) -> None:
        """Some have been heard, or the listeners that were to hear them have had time to die."""
        before, until = Inbox.objects.count(), time.monotonic() + HEARING
        while Inbox.objects.count() == before and time.monotonic() < until:
            time.sleep(_WAIT)

    def _work(self) -> None:
        """Two workers at a time, as long as they live."""
        workers = [self.lives.begin("work", self.luck.randint(1, 10 * MOST_STEPS), self._later) for _ in range(2)]
        time.sleep(self.luck.random() * 0.3)
        for each in workers:
            answer = self.lives.end(each)
            assert answer in ("died", "drained"), answer
            self.tally.workers += 1
            self.tally.workers_killed += answer == "died"

    def _end_some(self) -> None:
        """Some listeners are killed, some leave, some stay."""
        for each in list(self.listeners):
            match self.luck.choice(["killed", "leaves", "stays", "stays"]):
                case "killed":
                    self._end_listener(each, signal.SIGKILL)
                case "leaves":
                    self._end_listener(each, signal.SIGTERM)

    def _end_listener(self, process: int, how: signal.Signals) -> None:
        answer = self.lives.end(process, how)
        assert answer in ("died", "drained"), answer
        self.listeners.remove(process)
        self.tally.listeners_killed += answer == "died"
        self.tally.left_in_peace += answer == "drained"

    def read_anew(self) -> None:
        """Nobody listens, and all that was read will be read again: the group's offsets are gone."""
        for each in list(self.listeners):
            self._end_listener(each, signal.SIGTERM)
        self._require_recorded()
        self.tally.resets += 1

    def _hear_all(self) -> None:
        """One listener that is let be hears everything; of a real broker, in the group as the dead have left it."""
        for _ in range(4):
            if not self.kafka.can_be_restarted:
                self.tally.resets += 1  # a group of the mock cluster may wait forever for members that were killed
            self._begin_listener(0)
            until = time.monotonic() + PATIENCE
            while not (is_all := self._stored() == self.tally.messages) and time.monotonic() < until:
                time.sleep(_WAIT)
            self._end_listener(self.listeners[0], signal.SIGTERM if is_all else signal.SIGKILL)
            if is_all:
                return
        there = len(self.kafka.read_all(self.events))
        raise AssertionError(f"{self._stored()} of {self.tally.messages} messages were heard, {there} are there")

    @staticmethod
    def _stored() -> int:
        return Inbox.objects.count() + Quarantine.objects.count()

    def _require_recorded(self) -> None:
        """Whatever the group would not read again is recorded, or in quarantine."""
        stored = {f"{each.topic}/{each.partition}/{each.offset}" for each in Inbox.objects.all()}
        stored |= set(Quarantine.objects.values_list("source", flat=True))
        for partition, at in self.kafka.committed(self.events, self._group).items():
            lost = {f"{self.events}/{partition}/{offset}" for offset in range(at)} - stored
            assert not lost, f"committed, but not recorded: {sorted(lost)}"

    @property
    def _group(self) -> str:
        return f"{self.events}-{self.tally.resets}"

    def finish(self) -> None:
        """Everything that was said has been heard and acted on, by those who were let be."""
        for customer in self.customers:
            given = customer.settle()
            self.tally.messages += len(given)
            self.kafka.send_all(self.events, given, key=customer.org_id.encode())
        self.shown.answers.clear()
        for each in list(self.listeners):
            self._end_listener(each, signal.SIGKILL)
        self._require_recorded()
        self._hear_all()
        for _ in range(4):  # what failed before is tried again later
            self.tally.rounds += 1
            self.tally.workers += 1
            assert self.lives.end(self.lives.begin("work", 0, self._later)) == "drained"
        self.tally.poison = sum(each.poison for each in self.customers)


def played(
    kafka: Servers, *, customers: int, kills: int, seed: int, said: Callable[[Tally], None] = lambda _: None
) -> "Scene":
    """So many were killed, whatever luck brought besides, and the last ones were let be."""
    with staged(kafka, customers=customers, seed=seed) as scene:
        while not scene.has_seen(kills):
            scene.round()
            said(scene.tally)
        scene.finish()
    return scene


@contextmanager
def staged(kafka: Servers, *, customers: int, seed: int) -> Iterator[Scene]:
    """Everything is there until the block ends."""
    luck = Random(seed)
    events, statuses = kafka.topic("events"), kafka.topic("status")
    with fake.running() as shown:
        told = [Customer(number, shown, luck) for number in range(customers)]
        lives = Lives(_variables(kafka, shown, events, statuses) | {"MORTAL_CUSTOMERS": str(customers)})
        try:
            yield Scene(kafka, events, statuses, shown, luck, lives, told)
        finally:
            lives.close()


def _variables(kafka: Servers, shown: FakeSources, events: str, statuses: str) -> dict[str, str]:
    found: dict[str, Any] = {
        "DATABASE_URL": database_url(),
        "DJANGO_SETTINGS_MODULE": "cloudigrade.config.settings",
        "CLOUDIGRADE_LOG_LEVEL": "ERROR",
        "KAFKA_SERVER_HOST": str(kafka),
        "LISTENER_TOPIC": events,
        "SOURCES_STATUS_TOPIC": statuses,
        "SOURCES_API_BASE_URL": shown.url,
        "SOURCES_PSK": fake.PSK,
        "SOURCES_ENABLE_DATA_MANAGEMENT": "true",
        "SOURCES_ENABLE_DATA_MANAGEMENT_FROM_KAFKA": "true",
    }
    return found
