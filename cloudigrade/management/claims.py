"""What one service at a time may have: a data folder and a TCP port."""

import contextlib
import errno
import fcntl
import os
import socket
import time
from pathlib import Path

from django.core.management.base import CommandError

HOST = "127.0.0.1"
_PATIENCE = 2.0
"""Seconds in which a service that was killed lets go of its port."""


def claim_folder(folder: Path) -> None:
    """The folder is there and ours as long as this process lives."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / "service.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise CommandError(f"cannot use {folder} as data folder: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.read(lock, 20).decode("ascii", "replace").strip()
        os.close(lock)
        raise CommandError(f"{folder} is in use by another cloudigrade (process {owner or 'unknown'})") from None
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)


def claim_port(port: int, *, option: str = "--port") -> socket.socket:
    """A socket that listens on this machine alone; on any free port if 0 is asked for by the option."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            return _listener(port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise CommandError(f"cannot listen on port {port}: {error.strerror}") from error
            if time.monotonic() > deadline:
                raise CommandError(f"port {port} is in use by another program; choose another with {option}") from None
        time.sleep(0.1)


def _listener(port: int) -> socket.socket:
    with contextlib.ExitStack() as on_failure:
        listener = on_failure.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
        # Connections of an earlier service that are still winding up must not hold up the next one.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(socket.SOMAXCONN)
        on_failure.pop_all()
    return listener
