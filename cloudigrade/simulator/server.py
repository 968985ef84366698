"""One made-up instance: the calls that were made about it, and when it really ran."""

from dataclasses import dataclass, field
from typing import NamedTuple

from cloudigrade.simulator.images import Image
from cloudigrade.simulator.places import Place

RUNNING = "running"
STOPPED = "stopped"
TERMINATED = "terminated"

USER = "user"
AUTOSCALING = "autoscaling"
SPOT = "spot"


class Run(NamedTuple):
    """A period it was on, start included, end not, with the one type it had."""

    start: int
    end: int
    instance_type: str


class Call(NamedTuple):
    """Something that CloudTrail records about it; calls of one time, name and batch share a record."""

    at: int
    name: str
    previous: str = ""
    actor: str = USER
    batch: str = ""
    value: str = ""
    """The instance type that the call sets."""
    error: str = ""
    """Not empty: the call failed and changed nothing."""


@dataclass(slots=True)
class Server:
    """An instance as its script moves it; nothing happens at or after the horizon."""

    place: Place
    native_id: str
    image: Image
    instance_type: str
    horizon: int
    group: str = ""
    is_spot: bool = False
    first_launched_at: int = 0
    """0: it never came to be."""
    started_at: int = 0
    changed_at: int = 0
    state: str = ""
    reason: str = ""
    """Why it went off, without the time; empty if the cloud does not say."""
    calls: list[Call] = field(default_factory=list)
    past_runs: list[Run] = field(default_factory=list)

    @property
    def runs(self) -> list[Run]:
        """Every run, the open one up to the horizon."""
        open_run = [Run(self.started_at, self.horizon, self.instance_type)] if self.state == RUNNING else []
        return self.past_runs + open_run

    @property
    def is_explained(self) -> bool:
        """Whether its description alone tells the whole of its life."""
        names = [call.name for call in sorted(self.calls) if not call.error]
        return names in (["RunInstances"], ["RunInstances", "StopInstances"])

    def launch(self, at: int, *, batch: str = "", actor: str = USER) -> None:
        """It exists and runs from now on."""
        if at < self.horizon:
            self.calls.append(Call(at, "RunInstances", actor=actor, batch=batch, value=self.instance_type))
            self.exist_since(at)

    def exist_since(self, at: int) -> None:
        """It has been running since a time that no record tells."""
        self.first_launched_at = self.started_at = self.changed_at = at
        self.state = RUNNING

    def sleep_since(self, at: int) -> None:
        """It has been off since a time that no record tells."""
        self._go_off(at, STOPPED, "User initiated")

    def start(self, at: int, *, batch: str = "") -> None:
        """It runs again."""
        if at < self.horizon and self.state == STOPPED:
            self.calls.append(Call(at, "StartInstances", STOPPED, batch=batch))
            self.started_at = self.changed_at = at
            self.state = RUNNING

    def stop(self, at: int, *, batch: str = "") -> None:
        """It is off, and can be started again."""
        if at < self.horizon and self.state == RUNNING:
            self.calls.append(Call(at, "StopInstances", RUNNING, batch=batch))
            self._go_off(at, STOPPED, "User initiated")

    def retype(self, at: int, instance_type: str) -> None:
        """It has another type from its next start on."""
        if at < self.horizon and self.state == STOPPED:
            self.calls.append(Call(at, "ModifyInstanceAttribute", value=instance_type))
            self.instance_type = instance_type

    def terminate(self, at: int, *, batch: str = "", actor: str = USER, notice: int | None = None) -> None:
        """It is gone; with a notice, the group said so that many seconds before EC2 was called."""
        if at >= self.horizon or self.state not in (RUNNING, STOPPED):
            return
        delay = notice or 0
        if notice is not None:
            self.calls.append(Call(at, "TerminateInstanceInAutoScalingGroup"))
        if at + delay < self.horizon:
            self.calls.append(Call(at + delay, "TerminateInstances", self.state, actor, batch))
        self._go_off(at, TERMINATED, "User initiated")

    def evict(self, at: int, *, batch: str, is_final: bool) -> None:
        """The cloud took its capacity back."""
        if at < self.horizon and self.state == RUNNING:
            self.calls.append(Call(at, "BidEvictedEvent", actor=SPOT, batch=batch))
            self._go_off(at, TERMINATED if is_final else STOPPED, "")

    def _go_off(self, at: int, state: str, reason: str) -> None:
        if self.state == RUNNING:
            self.past_runs.append(Run(self.started_at, at, self.instance_type))
        self.state, self.reason, self.changed_at = state, reason, at
