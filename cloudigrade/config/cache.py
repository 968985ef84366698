"""What processes share for a while: in Redis, without which everything goes on, or in each one's own memory."""

import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from redis import RedisError

logger = logging.getLogger(__name__)

_Answer = TypeVar("_Answer")

_TIMEOUT = 0.25
"""Seconds for an answer of Redis: nobody should wait longer for what can be done without."""
_PAUSE = 5.0
"""Seconds for which a Redis that did not answer is not asked again."""


def entry(url: str, *, broker_url: str) -> dict[str, Any]:
    """Django's settings of the cache: the Redis named, else the broker's, else memory."""
    place = url or (broker_url if urlsplit(broker_url).scheme in {"redis", "rediss"} else "")
    if not place:
        return {"BACKEND": "cloudigrade.config.cache.Memory"}
    return {
        "BACKEND": "cloudigrade.config.cache.DispensableRedis",
        "LOCATION": place,
        "KEY_PREFIX": "cloudigrade",
        "OPTIONS": {
            "serializer": "cloudigrade.config.cache.Json",
            "socket_timeout": _TIMEOUT,
            "socket_connect_timeout": _TIMEOUT,
        },
    }


class Json:
    """Values as JSON: what others write into Redis must never be run as a pickle would be (S3)."""

    def dumps(self, value: object) -> int | bytes:
        """A number as it is, so that Redis can count on it; all else as JSON."""
        return value if type(value) is int else msgspec.json.encode(value)

    def loads(self, data: bytes) -> Any:
        """The value again; tuples have become lists, and what is no JSON is nothing."""
        try:
            return msgspec.json.decode(data)
        except msgspec.DecodeError:
            return None


class _Silence:
    """Whether Redis is known not to answer, in this process."""

    def __init__(self) -> None:
        self._until = 0.0

    def lasts(self) -> bool:
        """Whether it is too early to ask again."""
        return time.monotonic() < self._until

    def begin(self, fault: Exception) -> None:
        """Redis has not answered; the first time in a row, the log says so."""
        if not self._until:
            # without the words of the exception, which may have the password of the URL in them
            logger.warning("The cache does not answer (%s); we go on without", type(fault).__name__)
        self._until = time.monotonic() + _PAUSE

    def end(self) -> None:
        """Redis has answered."""
        if self._until:
            logger.warning("The cache answers again")
        self._until = 0.0


_silence = _Silence()


class Memory(LocMemCache):
    """Each process's own."""

    def count(self, key: str, number: int, timeout: float) -> int | None:
        """The number at the key, that much higher; it is gone at the latest so many seconds after the last call."""
        self.add(key, 0, timeout)
        return int(self.incr(key, number))


class DispensableRedis(RedisCache):
    """Redis that counts as empty while it does not answer."""

    def add(self, *args: Any, **kwargs: Any) -> bool:
        """Whether the key was new and stands there now."""
        return _answer(lambda: bool(super(DispensableRedis, self).add(*args, **kwargs)), otherwise=False)

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        """What stands at the key."""
        return _answer(lambda: super(DispensableRedis, self).get(key, default, version), otherwise=default)

    def set(self, *args: Any, **kwargs: Any) -> None:
        """The value stands at the key."""
        _answer(lambda: super(DispensableRedis, self).set(*args, **kwargs), otherwise=None)

    def delete(self, *args: Any, **kwargs: Any) -> bool:
        """Whether there was anything at the key; now nothing is."""
        return _answer(lambda: bool(super(DispensableRedis, self).delete(*args, **kwargs)), otherwise=False)

    def incr(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        """The number at the key, that much higher; ValueError where none is."""
        number = _answer(lambda: super(DispensableRedis, self).incr(key, delta, version), otherwise=None)
        if number is None:
            raise ValueError("There is no such number.")
        return int(number)

    def count(self, key: str, number: int, timeout: float) -> int | None:
        """As in memory, in one exchange; None while Redis does not answer."""
        return _answer(lambda: self._count(self.make_and_validate_key(key), number, timeout), otherwise=None)

    def _count(self, place: str, number: int, timeout: float) -> int | None:
        with self._cache.get_client(place, write=True).pipeline(transaction=False) as exchange:
            exchange.incrby(place, number)
            exchange.expire(place, int(timeout))
            return int(exchange.execute()[0])


def _answer(question: Callable[[], _Answer], *, otherwise: _Answer) -> _Answer:
    """What Redis answers, or the other where it does not."""
    if _silence.lasts():
        return otherwise
    try:
        answer = question()
    except (RedisError, OSError) as fault:
        _silence.begin(fault)
        return otherwise
    _silence.end()
    return answer
