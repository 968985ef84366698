"""Programs in, processes that run as long as we do: started again if they end, stopped in order, never left behind."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from django.core.management.base import CommandError

Say = Callable[[str], object]
"""Takes one line for the person at the terminal."""

STEADY = 60.0
"""Seconds after which a process counts as one that runs."""
MOST_ENDS = 5
"""Ends one after the other, none after a steady life, that are put up with."""
LARGEST_LOG = 8 << 20

# The program takes the shell's place; beside it, a watch lives in its process group. When our end of the pipe closes,
# which it does in every kind of death, kill -9 included, the watch kills the whole group.
_WATCH = """
exec 3<&0 </dev/null
{ trap '' HUP INT TERM; read -r _; kill -KILL 0; } <&3 3<&- &
exec "$@" 3<&-
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What is to run."""

    name: str
    command: tuple[str, ...]
    patience: float
    """Seconds that it gets to end by itself when told to."""
    files: tuple[int, ...] = ()
    """Open files that it inherits."""


class Processes:
    """The programs' processes, from the start of the `with` block to its end."""

    def __init__(self, programs: Sequence[Program], *, logs: Path, say: Say) -> None:
        logs.mkdir(parents=True, exist_ok=True)
        self._all = [_Process(program, logs / f"{program.name}.log", say) for program in programs]

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as on_failure:
            on_failure.callback(self.stop)
            for process in self._all:
                process.start()
            on_failure.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def check(self) -> None:
        """Whoever has ended is started again, after a growing pause; CommandError if it keeps ending."""
        for process in self._all:
            process.check()

    def stop(self) -> None:
        """None of them runs; each has had its time to end, in the order in which the programs were given."""
        for process in self._all:
            process.stop()


class _Process:
    """A program with its present process, if any."""

    def __init__(self, program: Program, log: Path, say: Say) -> None:
        self._program = program
        self._log = log
        self._say = say
        self._running: subprocess.Popen[bytes] | None = None
        self._since = 0.0
        self._ends = 0
        self._due = 0.0

    def start(self) -> None:
        """The program runs."""
        with self._log.open("ab") as output:
            self._running = subprocess.Popen(  # noqa: S603 our own commands
                ["/bin/sh", "-c", _WATCH, "watch", *self._program.command],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                # Python programs look for modules where they are started.
                cwd="/",
                start_new_session=True,
                pass_fds=self._program.files,
            )
        self._since = time.monotonic()

    def check(self) -> None:
        """It runs, or will after a pause."""
        self._trim_log()
        if self._running is None:
            if time.monotonic() >= self._due:
                self.start()
        elif (status := self._running.poll()) is not None:
            self._bury(self._running)
            self._await_next(f"the {self._program.name} ended with {_reason(status)}")

    def _await_next(self, news: str) -> None:
        now = time.monotonic()
        self._ends = 1 if now - self._since > STEADY else self._ends + 1
        if self._ends > MOST_ENDS:
            raise CommandError(f"{news}, again and again; see {self._log}")
        pause = 2.0 ** (self._ends - 1)
        self._due = now + pause
        self._say(f"{news} and is started again in {pause:.0f} s; see {self._log}")

    def stop(self) -> None:
        """It has ended, by itself if it could in its time."""
        if (running := self._running) is None:
            return
        running.terminate()
        try:
            running.wait(self._program.patience)
        except subprocess.TimeoutExpired:
            self._say(f"the {self._program.name} did not end in {self._program.patience:.0f} s and was killed")
        finally:
            self._bury(running)

    def _bury(self, running: subprocess.Popen[bytes]) -> None:
        """Nothing of the process's group is left."""
        # The watch keeps the group's number from being given to others until here.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(running.pid, signal.SIGKILL)
        if running.stdin is not None:
            running.stdin.close()
        running.wait()
        self._running = None

    def _trim_log(self) -> None:
        if self._log.exists() and self._log.stat().st_size > LARGEST_LOG:
            shutil.copyfile(self._log, self._log.with_suffix(".log.1"))
            os.truncate(self._log, 0)  # its writers append, hence go on from the new end


def _reason(status: int) -> str:
    return f"status {status}" if status >= 0 else signal.Signals(-status).name
