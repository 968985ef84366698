"""The process that children are born from: everything imported, one thread, nobody's, and blind to its parent's files.

It is asked through a socket, whose end ends it. With each request come two sockets: the first becomes the child's only
connection; through the second the zygote tells how the child ended, and its end ends the child.
"""

import codecs
import gc
import json
import os
import selectors
import signal
import socket
import struct
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import PurePath
from types import TracebackType
from typing import Any, Final

from cloudigrade.inspector import channel, confinement
from cloudigrade.inspector.channel import Kind
from cloudigrade.inspector.reading import Reader

ENDED: Final = struct.Struct("<iQQ")
"""Status of wait, peak memory in bytes, microseconds of processor time."""
LONGEST_JOB: Final = 1024 * 1024
READY: Final = b"ready"
_CODECS: Final = (
    "ascii",
    "latin-1",
    *(f"utf-{form}" for form in ("8", "8-sig", "16", "16-le", "16-be", "32", "32-le", "32-be")),
)
"""What Python imports when it meets it, which a child cannot."""
_CONNECTION: Final = 3
_LARGEST_DESCRIPTOR: Final = 1 << 20
_SECOND: Final = 1_000_000

Work = Callable[[Mapping[str, Reader]], Mapping[str, Any]]


def main(descriptor: int, work: str) -> None:
    """Serve until the parent has gone; `work` is `module:function`."""
    module, _, function = work.partition(":")
    for name in _CODECS:
        codecs.lookup(name)
    zygote = Zygote(socket.socket(fileno=descriptor), getattr(import_module(module), function))
    confinement.become_nobody()
    gc.collect()
    gc.freeze()  # so that children share what is there already
    zygote.serve()


class Zygote:
    """Its children, and the sockets that they are asked about."""

    def __init__(self, parent: socket.socket, work: Work) -> None:
        self._parent = parent
        self._work = work
        self._children: dict[int, socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        self._woken, waking = socket.socketpair()
        for end in (self._woken, waking):
            end.settimeout(0)
        self._waking = waking  # must outlive this function
        signal.set_wakeup_fd(waking.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._selector.register(parent, selectors.EVENT_READ, self._requested)
        self._selector.register(self._woken, selectors.EVENT_READ, self._ended)

    def serve(self) -> None:
        """Children are born, watched and buried until the parent has gone."""
        self._parent.send(READY)
        while True:
            for key, _ in self._selector.select():
                if not key.data():
                    return

    def _requested(self) -> bool:
        try:
            content, descriptors, _, _ = socket.recv_fds(self._parent, 16, 2)
        except ConnectionResetError:
            content, descriptors = b"", []
        if not content:
            for child in self._children:
                os.kill(child, signal.SIGKILL)
            return False
        if len(descriptors) == len(("connection", "control")):
            self._bear(*descriptors)
        return True

    def _bear(self, connection: int, control: int) -> None:
        try:
            child = os.fork()
        except OSError:  # the parent sees it by both ends being closed
            os.close(connection)
            os.close(control)
            return
        if child == 0:
            _live(connection, self._work)
        os.close(connection)
        end = self._children[child] = socket.socket(fileno=control)
        self._selector.register(end, selectors.EVENT_READ, lambda: self._unwanted(child, end))

    def _unwanted(self, child: int, control: socket.socket) -> bool:
        """The parent has closed its end, as it never says anything there."""
        if self._children.get(child) is control:  # else it has ended meanwhile, and its number may be another's
            self._selector.unregister(control)
            os.kill(child, signal.SIGKILL)
        return True

    def _ended(self) -> bool:
        with suppress(BlockingIOError):
            self._woken.recv(4096)
        for child, status, usage in _reaped():
            control = self._children.pop(child)
            with suppress(KeyError):
                self._selector.unregister(control)
            cost = int((usage.ru_utime + usage.ru_stime) * _SECOND)
            with suppress(OSError):
                control.send(ENDED.pack(status, usage.ru_maxrss * 1024, cost))
            control.close()
        return True


def _reaped() -> Iterator[tuple[int, int, Any]]:
    while True:
        try:
            child, status, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if child == 0:
            return
        yield child, status, usage


def _live(descriptor: int, work: Work) -> None:
    """The whole life of a child; never returns."""
    try:
        connection = _alone(descriptor)
        _, payload = channel.receive(connection, longest=LONGEST_JOB)
        job = json.loads(payload)
        confinement.confine(memory=job["memory"], processor_seconds=job["processor_seconds"])
        channel.send(connection, *_answer(connection, job["disks"], work))
    finally:
        os._exit(0)


def _alone(descriptor: int) -> socket.socket:
    """No descriptor is left but the connection, and the null device where programs write without being asked."""
    os.setsid()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    connection = os.dup(descriptor) if descriptor <= _CONNECTION else descriptor
    os.dup2(connection, _CONNECTION)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    os.closerange(_CONNECTION + 1, _LARGEST_DESCRIPTOR)
    return socket.socket(fileno=_CONNECTION)


def _answer(connection: socket.socket, disks: list[tuple[str, int]], work: Work) -> tuple[Kind, bytes]:
    try:
        remote = {name: channel.Remote(connection, number, size) for number, (name, size) in enumerate(disks)}
        return Kind.ANSWER, json.dumps(work(remote)).encode()
    except MemoryError:
        return Kind.BROKEN, b"needs more memory than it may have"
    except (channel.Closed, channel.Garbled):
        raise
    except Exception as error:  # noqa: BLE001 whatever it is, the parent must hear where, and never what: it may quote the disk
        return Kind.BROKEN, f"met {type(error).__name__} {_place(error.__traceback__)}".encode()


def _place(traceback: TracebackType | None) -> str:
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is None:
        return "nowhere"
    return f"in {PurePath(traceback.tb_frame.f_code.co_filename).name}, line {traceback.tb_lineno}"


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
