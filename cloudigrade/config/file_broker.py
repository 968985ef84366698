"""A broker of files for Celery on one machine: a message is a file in a folder, and whoever removes it has taken it.

kombu has a transport of this kind, but a worker can meet its files half written there, and ends over it.
"""

import logging
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from queue import Empty
from typing import Any

import msgspec
from kombu.transport import TRANSPORT_ALIASES, virtual

SCHEME = "files"
"""`files://` is the broker's URL; its folder is the transport option `folder`."""
TRANSPORT_ALIASES[SCHEME] = f"{__name__}:Transport"

_SOON = 0.4
"""Seconds."""

logger = logging.getLogger(__name__)


class Channel(virtual.Channel):
    """Queues of messages as files `<time>_<id>.<queue>.msg`."""

    @property
    def _folder(self) -> Path:
        client: Any = self.connection.client
        return Path(client.transport_options["folder"])

    def _files(self, queue: str) -> Iterator[Path]:
        """The queue's messages, the oldest first; a folder that is gone holds none."""
        try:
            paths = sorted(self._folder.iterdir())
        except FileNotFoundError:
            return
        for path in paths:
            if path.name.partition(".")[2] == f"{queue}.msg":
                yield path

    def _put(self, queue: str, message: dict[str, Any], **_: object) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{time.time_ns():020}_{uuid.uuid4().hex}.{queue}.msg"
        draft = path.with_suffix(".draft")
        draft.write_bytes(msgspec.json.encode(message))
        draft.rename(path)  # workers see it whole or not at all

    def _get(self, queue: str, timeout: float | None = None) -> dict[str, Any]:  # noqa: ARG002 - kombu's signature
        for path in self._files(queue):
            if (message := _taken(path)) is not None:
                return message
        raise Empty

    def _size(self, queue: str) -> int:
        return sum(1 for _ in self._files(queue))

    def _purge(self, queue: str) -> int:
        return sum(1 for path in self._files(queue) if _content(path) is not None)


class Transport(virtual.Transport):
    """Files for messages."""

    Channel = Channel
    driver_type = "files"
    driver_name = "files"
    polling_interval = 0.2

    def drain_events(  # type: ignore[override]  # as in kombu, whose base class names no timeout
        self, connection: Any, timeout: float | None = None
    ) -> None:
        """A message has been delivered, or TimeoutError, perhaps early: a worker that shall stop waits for it."""
        super().drain_events(connection, None if timeout is None else min(timeout, _SOON))

    def driver_version(self) -> str:
        """There is none apart from ours."""
        return "-"


def _taken(path: Path) -> dict[str, Any] | None:
    """The message, which is no other's now; nothing where it was another's already, or is no message."""
    content = _content(path)
    try:
        return None if content is None else msgspec.json.decode(content, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        logger.error("%s is no message and is dropped", path.name)  # noqa: TRY400 - where it came from tells nothing
        return None


def _content(path: Path) -> bytes | None:
    try:
        content = path.read_bytes()
        path.unlink()  # of several workers, one succeeds
    except FileNotFoundError:
        return None
    return content
