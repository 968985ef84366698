"""A command of ours as a real process, with all that it starts."""

import base64
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cloudigrade.management import service

PATIENCE = 60


class Running:
    """`cloudigrade …`, with nothing of ours in its environment."""

    def __init__(self, *arguments: object, output: Path) -> None:
        self.output = output
        ours = re.compile("DATABASE_URL|CLOUDIGRADE_|DJANGO_|CELERY_|IDENTITY_")
        with output.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "cloudigrade", *map(str, arguments)],
                stdout=file,
                stderr=subprocess.STDOUT,
                env={name: value for name, value in os.environ.items() if not ours.match(name)},
            )

    @property
    def text(self) -> str:
        return self.output.read_text()

    def await_ready(self) -> "Running":
        """The line that says so has been printed."""
        await_that(lambda: "cloudigrade is up at " in self.text or self.process.poll() is not None)
        assert "cloudigrade is up at " in self.text, self.text
        return self

    @property
    def port(self) -> int:
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", self.text)
        assert found
        return int(found[1])

    @property
    def internal_port(self) -> int:
        found = re.search(r"internal API: http://127\.0\.0\.1:(\d+)/", self.text)
        assert found
        return int(found[1])

    def ask(self, path: str, *, identity: object = None, port: int | None = None) -> service.Answer:
        header = base64.b64encode(json.dumps({"identity": identity}).encode()).decode()
        return service.ask(port or self.port, path, {"X-RH-IDENTITY": header} if identity else {})

    def family(self) -> dict[int, str]:
        """Every process below it, by number, with its command."""
        listed = subprocess.run(["ps", "-ww", "-eo", "pid=,ppid=,args="], check=True, capture_output=True, text=True)
        rows = [line.split(None, 2) for line in listed.stdout.splitlines()]
        found = {self.process.pid: ""}
        while more := {int(pid): args for pid, parent, args in rows if int(parent) in found and int(pid) not in found}:
            found |= more
        del found[self.process.pid]
        return found

    def programs(self, part: str) -> list[int]:
        """The numbers of the Python processes below it whose commands have this part."""
        return [pid for pid, args in self.family().items() if args.startswith(sys.executable) and part in args]

    def end(self, number: signal.Signals) -> int:
        """Its exit status after the signal."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


def await_that(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def are_gone(pids: dict[int, str]) -> bool:
    """None of them runs; what is dead and only waits for its parent counts as gone."""
    wanted = ",".join(map(str, pids))
    listed = subprocess.run(["ps", "-o", "stat=", "-p", wanted], check=False, capture_output=True, text=True)
    return all(state.startswith("Z") for state in listed.stdout.split())
