"""A tenant translator in memory: a list of account numbers in, an object of org ids out, and failures on demand."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import urlsplit


class FakeTranslator:
    """The service; `running` gives one that answers."""

    def __init__(self, org_ids: Mapping[str, object]) -> None:
        self.org_ids = org_ids
        self.url = ""
        self.asked: list[tuple[str, list[str], Mapping[str, str]]] = []
        """Path, account numbers and headers of each call."""
        self.answers: list[tuple[int, bytes]] = []
        """What the next calls are answered instead of the truth."""

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 0

    def answer(self, numbers: list[str]) -> tuple[int, bytes]:
        if self.answers:
            return self.answers.pop(0)
        return 200, json.dumps({number: self.org_ids.get(number) for number in numbers}).encode()


class _Handler(BaseHTTPRequestHandler):
    service: ClassVar[FakeTranslator]

    def do_POST(self) -> None:
        numbers = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.service.asked.append((self.path, numbers, dict(self.headers)))
        status, content = self.service.answer(numbers)
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Nothing is written."""


@contextmanager
def running(org_ids: Mapping[str, object]) -> Iterator[FakeTranslator]:
    """The service answers on the loopback address until the block ends."""
    made = FakeTranslator(org_ids)
    handler = type("Handler", (_Handler,), {"service": made})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        made.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()
