"""Gunicorn's worker with threads, which leaves new connections to the others while it has no thread for them.

One worker would take all connections that a gateway opens at once, and keep them as long as they live, while the
processors of the others idle: whichever is woken first accepts whatever it finds.
"""

from concurrent.futures import Future
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn says nothing of its types
    """Accepts connections only while one of its threads is free."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._most = 0
        self._at_work = 0
        super().__init__(*args, **kwargs)

    @property
    def worker_connections(self) -> int:
        """How many connections there may be for another one to be accepted."""
        return self._most if self._at_work < self.cfg.threads else 0

    @worker_connections.setter
    def worker_connections(self, most: int) -> None:
        self._most = most

    def enqueue_req(self, conn: TConn) -> None:
        """A thread is to see to the connection."""
        self._at_work += 1
        super().enqueue_req(conn)

    def finish_request(self, conn: TConn, fs: "Future[Any]") -> None:
        """The thread has seen to it."""
        self._at_work -= 1
        super().finish_request(conn, fs)
