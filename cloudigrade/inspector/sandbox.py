"""Disks in, what they say out, with all parsing done by a child that can do nothing but ask for bytes and answer."""

import atexit
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from cloudigrade.inspector import channel, result, zygote
from cloudigrade.inspector.blocks import Cost
from cloudigrade.inspector.channel import Closed, Garbled, Kind
from cloudigrade.inspector.reading import Reader
from cloudigrade.inspector.verdict import Rhel

MIB: Final = 1024 * 1024
_ROOT: Final = Path(__file__).parents[2]
_BIRTH: Final = "import sys; sys.path.append(sys.argv[1]); from {0} import main; main(int(sys.argv[2]), sys.argv[3])"
_FLAGS: Final = 5
"""How many flags an image's part of a result has."""
_PATIENCE: Final = 30.0
"""Seconds for a zygote to be ready, and for it to tell how a child ended."""
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one inspection may take."""

    memory: int = 512 * MIB
    """Bytes of address space of the child; its libraries take about 100 MiB of these."""
    processor_seconds: int = 60
    seconds: float = 600.0
    """From the beginning to the last read that is answered."""
    seconds_to_conclude: float = 15.0
    """After that, to answer with what there is."""
    requests: int = 500_000
    bytes_read: int = 4096 * MIB
    longest_answer: int = 16 * MIB


class Failed(Exception):
    """No child could be had: trouble of this machine, which says nothing of the disks; try again."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What became of one child."""

    answer: Mapping[str, Any] | None
    trouble: str
    """Why there is no answer, in one line; empty where there is one."""
    reads: int
    bytes_read: int
    peak_memory: int
    """Bytes, shared ones included."""
    processor_seconds: float


class _Born(NamedTuple):
    """A zygote, and the way to ask it."""

    connection: socket.socket
    process: subprocess.Popen[bytes]


class Sandbox:
    """Runs one kind of work; safe to use from several threads, and in processes that were forked from this one."""

    def __init__(self, work: str) -> None:
        self._work = work
        self._lock = threading.Lock()
        self._born: _Born | None = None
        os.register_at_fork(after_in_child=self._forget)

    def run(
        self, disks: Mapping[str, Reader], *, limits: Limits | None = None, clock: Callable[[], float] = time.monotonic
    ) -> Ran:
        """The work is done, or has failed, within its limits; what reading a disk raises beyond Damaged, Unsupported
        and Exhausted ends it and is raised.
        """
        born, connection, control = self._child()
        with connection, control:
            served = _Served(connection, list(disks.values()), limits or Limits(), clock)
            job = {
                "disks": [(name, disk.size) for name, disk in disks.items()],
                "memory": served.limits.memory,
                "processor_seconds": served.limits.processor_seconds,
            }
            answer, trouble = served.until_answered(json.dumps(job).encode())
            control.shutdown(socket.SHUT_WR)  # the zygote ends the child, if it has not ended yet
            try:
                status, memory, processor = _end(control)
            except TimeoutError as error:
                self._close(born)
                raise Failed("the process that inspections are born from does not answer") from error
        return Ran(
            answer,
            "" if answer is not None else _told(trouble, status),
            served.reads,
            served.bytes_read,
            memory,
            processor,
        )

    def close(self) -> None:
        """The zygote and all its children have gone; the next run begins a new one."""
        if (born := self._born) is not None:
            self._close(born)

    def _close(self, born: _Born) -> None:
        """That zygote has gone, but not one that took its place."""
        with self._lock:
            if self._born is born:
                self._born = None
        born.connection.close()
        _wait(born.process)

    def _forget(self) -> None:
        """In a process that was forked from ours: the zygote is not its own."""
        if self._born is not None:
            self._born.process.returncode = 0  # nobody may wait for it, nor warn that nobody has
            self._born.connection.close()
        self._born = None
        self._lock = threading.Lock()  # some other thread may have held it

    def _child(self) -> tuple[_Born, socket.socket, socket.socket]:
        for _ in range(2):  # a zygote may have been killed since it was asked last
            born = self._asked()
            connection, given = socket.socketpair()
            control, told = socket.socketpair()
            with given, told:
                try:
                    socket.send_fds(born.connection, [b"child"], [given.fileno(), told.fileno()])
                except OSError:
                    connection.close()
                    control.close()
                    self._close(born)
                    continue
            return born, connection, control
        raise Failed("the process that inspections are born from does not live")

    def _asked(self) -> _Born:
        with self._lock:
            if self._born is not None and self._born.process.poll() is not None:
                self._born.connection.close()
                self._born = None
            if self._born is None:
                self._born = _bear(self._work)
            return self._born


_inspections: Final = Sandbox("cloudigrade.inspector.inspection:inspect")
atexit.register(_inspections.close)


def inspect(
    disks: Mapping[str, Reader], *, image: str, cloud: str, limits: Limits | None = None, cost: Cost | None = None
) -> dict[str, Any]:
    """The image's part of the result, always: whatever goes wrong in the child is an inconclusive one.

    What a disk raises beyond Damaged, Unsupported and Exhausted is raised, and Failed. `cost` is that of its blocks.
    """
    ran = _inspections.run(disks, limits=limits)
    work = result.Work(ran.bytes_read, cost.blocks if cost is not None else 0)
    trouble = ran.trouble if ran.answer is None else _mistake(ran.answer)
    if ran.answer is None or trouble:
        _logger.warning("The inspection of image %s of %s %s", image, cloud, trouble)
        return result.failure(f"the inspection {trouble}", disks=tuple(disks), work=work)
    return {**ran.answer, "verdict": {**ran.answer["verdict"], **work._asdict()}}


def _mistake(answer: Mapping[str, Any]) -> str:
    """What is wrong with an image's part of a result, as far as those who read it could stumble over."""
    verdict = answer.get("verdict")
    flags = [value for key, value in answer.items() if key.endswith("_found")]
    is_right = (
        isinstance(verdict, dict)
        and verdict.get("verdict") in tuple(Rhel)
        and len(flags) == _FLAGS
        and all(isinstance(value, bool) for value in flags)
        and isinstance(answer.get("rhel_version"), str | None)
        and isinstance(answer.get("errors"), list)
        and isinstance(answer.get("drives"), dict)
    )
    return "" if is_right else "says what it must not say: no result"


def _bear(work: str) -> _Born:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        command = [sys.executable, "-I", "-c", _BIRTH.format(zygote.__name__), str(_ROOT), str(theirs.fileno()), work]
        try:
            process = subprocess.Popen(  # noqa: S603 our own interpreter and code
                command,
                pass_fds=[theirs.fileno()],
                env={},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,  # an interrupt from the terminal is for us, and we end the children
            )
        except OSError as error:
            ours.close()
            raise Failed(f"the process that inspections are born from did not start: {error}") from error
    ours.settimeout(_PATIENCE)
    with suppress(OSError):
        if ours.recv(16) == zygote.READY:
            return _Born(ours, process)
    ours.close()  # which ends it, once it has said on standard error what is wrong
    _wait(process)
    raise Failed("the process that inspections are born from did not start")


def _wait(process: subprocess.Popen[bytes]) -> None:
    """It has ended, as its end of the connection tells it to, or was killed: it may be stopped."""
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _end(control: socket.socket) -> tuple[int, int, float]:
    """How the child ended; raises TimeoutError where nobody says so."""
    control.settimeout(_PATIENCE)
    try:
        content = control.recv(zygote.ENDED.size)
    except ConnectionResetError:
        content = b""
    if len(content) != zygote.ENDED.size:
        raise Failed("the process that inspections are born from could not bear one, or has been killed")
    status, memory, processor = zygote.ENDED.unpack(content)
    return status, memory, processor / 1_000_000


def _told(trouble: str, status: int) -> str:
    if trouble or not os.WIFSIGNALED(status):
        return trouble or "ended without an answer"
    number = os.WTERMSIG(status)
    if number == signal.SIGXCPU:
        return "needs more processor time than it may have"
    return f"was ended by signal {number}"


class _Served:
    """One child's requests, checked and answered."""

    def __init__(
        self, connection: socket.socket, disks: Sequence[Reader], limits: Limits, clock: Callable[[], float]
    ) -> None:
        self.limits = limits
        self.reads = 0
        self.bytes_read = 0
        self._connection = connection
        self._disks = disks
        self._clock = clock
        self._last_read = clock() + limits.seconds

    def until_answered(self, job: bytes) -> tuple[Mapping[str, Any] | None, str]:
        """The answer, or why there is none: empty where only the end of the child can tell."""
        try:
            self._send(Kind.JOB, job)
            while True:
                kind, payload = channel.receive(
                    self._connection, longest=self.limits.longest_answer, remaining=self._remaining
                )
                if kind == Kind.ANSWER:
                    return _object(payload), ""
                if kind == Kind.BROKEN:
                    return None, _line(payload)
                self._send(*self._read(kind, payload))
        except Closed:
            return None, ""
        except TimeoutError:
            return None, "takes more time than it may"
        except Garbled as error:
            return None, f"says what it must not say: {error}"

    def _send(self, kind: Kind, payload: bytes) -> None:
        self._connection.settimeout(max(self._remaining(), 0.001))
        channel.send(self._connection, kind, payload)

    def _remaining(self) -> float:
        return self._last_read + self.limits.seconds_to_conclude - self._clock()

    def _read(self, kind: Kind, payload: bytes) -> tuple[Kind, bytes]:
        disk, offset, length = self._range(kind, payload)
        self.reads += 1
        self.bytes_read += length
        exhausted = self._exhausted()
        if exhausted:
            return Kind.EXHAUSTED, exhausted.encode()
        try:
            content = disk.read(offset, length)
        except tuple(channel.FAILURES.values()) as error:
            return _kind(error), _short(str(error)).encode()
        return Kind.BYTES, content

    def _range(self, kind: Kind, payload: bytes) -> tuple[Reader, int, int]:
        if kind != Kind.READ or len(payload) != channel.RANGE.size:
            raise Garbled(f"a frame of kind {kind.name} and {len(payload)} bytes")
        number, offset, length = channel.RANGE.unpack(payload)
        if number >= len(self._disks) or length > channel.LONGEST_READ:
            raise Garbled(f"disk {number}, {length} bytes")
        disk = self._disks[number]
        if offset + length > disk.size:
            raise Garbled(f"bytes beyond the end of disk {number}")
        return disk, offset, length

    def _exhausted(self) -> str:
        if self.reads > self.limits.requests:
            return f"more than {self.limits.requests} reads"
        if self.bytes_read > self.limits.bytes_read:
            return f"more than {self.limits.bytes_read // MIB} MiB to be read"
        return f"more than {self.limits.seconds:g} seconds" if self._clock() > self._last_read else ""


def _kind(error: Exception) -> Kind:
    return next(kind for kind, failure in channel.FAILURES.items() if isinstance(error, failure))


def _object(payload: bytes) -> Mapping[str, Any]:
    try:
        answer = json.loads(payload, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Garbled("no JSON") from error
    if not isinstance(answer, dict):
        raise Garbled("no JSON object")
    return answer


def _no_number(text: str) -> None:
    raise ValueError(text)


def _line(payload: bytes) -> str:
    return _short(payload.decode("ascii", errors="replace"))


def _short(text: str) -> str:
    return " ".join(text.split())[:200]
