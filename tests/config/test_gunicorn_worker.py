"""Workers of gunicorn share what comes: real processes, and connections that are opened at once and kept."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudigrade.config import gunicorn

# Each request says that it is at work, and ends when all may.
_APPLICATION = """
import os
import threading
import time
from pathlib import Path

def application(environ, start_response):
    Path(f"at-work-{os.getpid()}-{threading.get_ident()}").touch()
    while not Path("go").exists():
        time.sleep(0.01)
    body = str(os.getpid()).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""
_PATIENCE = 60.0
_REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture
def address(tmp_path):
    """Two workers with two threads each, which may still be starting."""
    (tmp_path / "shared_work.py").write_text(_APPLICATION, encoding="utf-8")
    where = tmp_path / "socket"
    server = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "--worker-class", gunicorn.worker_class, "--threads", "2", "--workers", "2",
         "--bind", f"unix:{where}", "--no-control-socket", "shared_work:application"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[2]}"},
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _await(lambda: _listens(where), server)
        yield where
    finally:
        (tmp_path / "go").touch()
        server.send_signal(signal.SIGTERM)
        server.wait(_PATIENCE)


def _await(condition, server=None):
    deadline = time.monotonic() + _PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        assert server is None or server.poll() is None
        time.sleep(0.01)


def _listens(where: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as line:
        return line.connect_ex(str(where)) == 0


@contextlib.contextmanager
def _lines(where: Path, number: int) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        lines = [stack.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(number)]
        for line in lines:
            line.settimeout(_PATIENCE)
            line.connect(str(where))
            line.sendall(_REQUEST)
        yield lines


def _answer(line: socket.socket) -> int:
    text = b""
    while not text.partition(b"\r\n\r\n")[2]:
        text += line.recv(4096)
    return int(text.rpartition(b"\r\n")[2])


def test_a_worker_leaves_to_the_other_what_it_has_no_thread_for(address):
    with _lines(address, 4) as lines:
        _await(lambda: len([*address.parent.glob("at-work-*")]) == 4)
        (address.parent / "go").touch()

        assert sorted(Counter(map(_answer, lines)).values()) == [2, 2]
        for line in lines:
            line.sendall(_REQUEST)
        assert sorted(Counter(map(_answer, lines)).values()) == [2, 2]


def test_more_than_there_are_threads_for_wait_and_are_answered(address):
    with _lines(address, 12) as lines:
        _await(lambda: len([*address.parent.glob("at-work-*")]) == 4)
        (address.parent / "go").touch()

        assert len([_answer(line) for line in lines]) == 12
