"""How often each customer and each pre-shared key may ask: counted in a process, and now and then in all of them."""

import time
from functools import lru_cache
from threading import Lock
from typing import NamedTuple, Protocol, cast

from django.conf import settings
from django.core.cache import cache
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from cloudigrade.api.authentication import Credential
from cloudigrade.api.requesters import Requester

_SECONDS = {"s": 1, "min": 60, "h": 3600, "day": 86_400}
_SHARE = 50
"""A process tells the others once for so many parts of what is allowed: what it costs is spread, and so little is
allowed too much."""
MOST_COUNTS = 10_000


class Rate(NamedTuple):
    """So many requests in each window of so many seconds."""

    requests: int
    seconds: int


@lru_cache(maxsize=16)
def parse(text: str) -> Rate | None:
    """The rate that a setting says, as `600/min`; nothing for `none`."""
    if text == "none":
        return None
    number, _, unit = text.partition("/")
    return Rate(int(number), _SECONDS[unit])


class SharedCounts(Protocol):
    """What our caches offer for counting: see `cloudigrade.config.cache`."""

    def count(self, key: str, number: int, timeout: float) -> int | None:
        """The number at the key, that much higher; None where it cannot be known."""


def _shared() -> SharedCounts:
    return cast("SharedCounts", cache)


class _Count:
    """Requests of one asker in one window."""

    __slots__ = ("shared", "untold", "window")

    def __init__(self, window: int) -> None:
        self.window = window
        self.shared = 0
        self.untold = 0


class Counts:
    """How often each asker has asked in its present window, as far as this process knows."""

    def __init__(self) -> None:
        self._counts: dict[str, _Count] = {}
        self._lock = Lock()

    def allows(self, asker: str, rate: Rate, now: float) -> bool:
        """Whether one more request is within the rate; it is counted if so."""
        window = int(now // rate.seconds)
        with self._lock:
            count = self._count(asker, window)
            if count.shared + count.untold >= rate.requests:
                return False
            count.untold += 1
            if count.untold < max(rate.requests // _SHARE, 1):
                return True
            told, count.untold = count.untold, 0
            count.shared += told
        # The others are told without the lock, which all requests of this process wait for.
        total = _shared().count(f"limit:{asker}:{window}", told, timeout=2 * rate.seconds)
        with self._lock:
            # Without the cache each process counts for itself.
            count.shared = max(count.shared, total or 0)
            return count.shared <= rate.requests

    def _count(self, asker: str, window: int) -> _Count:
        count = self._counts.get(asker)
        if count is None or count.window != window:
            if len(self._counts) >= MOST_COUNTS:
                self._counts.clear()  # all are counted anew: nobody is refused for others
            count = self._counts[asker] = _Count(window)
        return count


_counts = Counts()


class RequestLimit(BaseThrottle):
    """429 with `Retry-After` for whoever asks more often than allowed; windows begin at full minutes, hours, days."""

    def __init__(self) -> None:
        self._wait = 0.0

    def allow_request(self, request: Request, view: object) -> bool:  # noqa: ARG002 - the framework's signature
        """Whether the request is within its asker's limit."""
        requester: Requester | None = request.user  # type: ignore[assignment]  # what our authentication gives
        credential: Credential | None = request.auth  # type: ignore[assignment]  # likewise
        asker, rate = _limit_of(requester, credential)
        if rate is None:
            return True
        now = time.time()  # noqa: TID251 - a request's time begins here
        self._wait = rate.seconds - now % rate.seconds
        return _counts.allows(asker, rate, now)

    def wait(self) -> float:
        """Seconds until the next window."""
        return self._wait


def _limit_of(requester: Requester | None, credential: Credential | None) -> tuple[str, Rate | None]:
    """Who is counted, and what is allowed; nothing bounds who is no customer and has no key."""
    if credential is not None and credential.kind == "psk":
        return f"psk:{credential.name}", parse(settings.RATE_LIMIT_PSK)
    if requester is not None:
        return f"customer:{requester.customer_id}", parse(settings.RATE_LIMIT_CUSTOMER)
    return "", None
