"""An answer that takes long and seldom changes: asked for beside the requests, and remembered."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Final, Generic, TypeVar

logger = logging.getLogger(__name__)

T = TypeVar("T")

FRESH: Final = 3600
"""Seconds after which it is asked for again."""
PAUSE: Final = 30
"""Seconds after which it is asked for again where there was no answer."""
PATIENCE: Final = 3.0
"""Seconds that requests wait where there never was an answer."""


class Remembered(Generic[T]):
    """The last answer; an old one stands until there is another, and no request waits long."""

    def __init__(self, ask: Callable[[], T], clock: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._clock = clock
        self._lock = threading.Lock()
        self._answer: T | None = None
        self._asking: threading.Thread | None = None
        self._asked_at = 0.0
        self._due_at = clock()

    def read(self) -> T | None:
        """The last answer; None where there is none yet."""
        with self._lock:
            if self._clock() >= self._due_at and not (self._asking and self._asking.is_alive()):
                self._asked_at = self._clock()
                self._due_at = self._asked_at + PAUSE
                self._asking = threading.Thread(target=self._renew, daemon=True)
                self._asking.start()
            asking, patience = self._asking, self._asked_at + PATIENCE - self._clock()
        if self._answer is None and asking and patience > 0:
            asking.join(patience)
        return self._answer

    def forget(self) -> None:
        """There is no answer yet."""
        with self._lock:
            self._answer, self._due_at = None, self._clock()

    def _renew(self) -> None:
        try:
            self._answer = self._ask()
        except Exception as fault:
            logger.warning("No answer from the cloud: %s", type(fault).__name__, exc_info=fault)
        else:
            self._due_at = self._clock() + FRESH
