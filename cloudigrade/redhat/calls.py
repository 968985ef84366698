"""Calls to a service of the platform: a path in, JSON out, or a fast failure while the service is out of order.

Every call ends in bounded time and memory (O5). What may pass is tried again after a growing pause with jitter; after
several failures in a row the service is left alone for a while, so that an outage costs one fast failure each.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import msgspec
import pybreaker
import tenacity

LARGEST_ANSWER = 1 << 20
"""Bytes of an answer that are put up with."""
ATTEMPTS = 3
FAILURES = 5
"""In a row, after which the service is left alone."""
REST = 30
"""Seconds for which it is."""

_TOO_MANY = 429


class Unanswered(Exception):
    """The service gave no answer that can be used; try again later. The message never has what was sent or said."""


class _Passing(Unanswered):
    """It may be answered at once when asked again."""


class Calls:
    """One service; of use to many threads at once."""

    def __init__(
        self,
        base_url: str,
        *,
        name: str,
        timeout: float,
        error: type[Unanswered] = Unanswered,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._name = name
        self._error = error
        self._timeout = timeout
        # no proxy, no netrc and no redirect gets to see the keys in the headers
        self._client = httpx.Client(base_url=base_url, timeout=timeout, trust_env=False, follow_redirects=False)
        self._breaker = pybreaker.CircuitBreaker(
            fail_max=FAILURES,
            reset_timeout=REST,
            exclude=[lambda problem: not isinstance(problem, _Passing)],
            throw_new_error_on_trip=False,
        )
        self._retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_Passing),
            # what hung is not asked again in the same call
            stop=tenacity.stop_after_attempt(ATTEMPTS) | tenacity.stop_after_delay(timeout),
            wait=tenacity.wait_exponential(multiplier=0.2, max=2) + tenacity.wait_random(0, 0.3),
            sleep=sleep,
            reraise=True,
        )

    def close(self) -> None:
        """No connection is open any more."""
        self._client.close()

    def get(self, path: str, *, headers: Mapping[str, str], params: Mapping[str, str] | None = None) -> Any | None:
        """The JSON that the path gives; None where there is no such thing (404). Raises the service's error."""
        return self._call("GET", path, headers, params=dict(params or {}))

    def post(self, path: str, *, headers: Mapping[str, str], json: object) -> Any | None:
        """The JSON that is answered; None where there is no such thing (404). Raises the service's error."""
        return self._call(
            "POST", path, {"content-type": "application/json", **headers}, content=msgspec.json.encode(json)
        )

    def _call(self, method: str, path: str, headers: Mapping[str, str], **given: Any) -> Any | None:
        # compressed, a small answer could become a large one
        accepted = {"accept": "application/json", "accept-encoding": "identity", **headers}
        try:
            request = self._client.build_request(method, path, headers=accepted, **given)
            return self._breaker.call(self._retrying, self._ask, request)
        except pybreaker.CircuitBreakerError:
            raise self._error(f"{self._name} is out of order and is asked again in up to {REST} s") from None
        except Unanswered as problem:
            raise self._error(f"{self._name} {problem}") from None
        except (httpx.InvalidURL, UnicodeError):
            raise self._error(f"{self._name} cannot be asked that") from None

    def _ask(self, request: httpx.Request) -> Any | None:
        deadline = time.monotonic() + self._timeout
        try:
            response = self._client.send(request, stream=True)
            try:
                return self._read(response, deadline)
            finally:
                response.close()
        except httpx.HTTPError as problem:
            raise _Passing(f"cannot be reached ({type(problem).__name__})") from None

    def _read(self, response: httpx.Response, deadline: float) -> Any | None:
        status = response.status_code
        if status == httpx.codes.NOT_FOUND:
            return None
        if status >= httpx.codes.INTERNAL_SERVER_ERROR or status == _TOO_MANY:
            raise _Passing(f"answered with status {status}")
        if status != httpx.codes.OK:
            raise Unanswered(f"answered with status {status}")
        if response.headers.get("content-encoding", "identity") != "identity":
            raise Unanswered("answered in an encoding that was not asked for")
        try:
            return msgspec.json.decode(_body(response, deadline))
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            raise _Passing("answered with something that is no JSON") from None


def _body(response: httpx.Response, deadline: float) -> bytes:
    """All of it, unless it is too large or takes too long."""
    content = bytearray()
    for part in response.iter_raw(65_536):
        content += part
        if len(content) > LARGEST_ANSWER:
            raise Unanswered(f"answered with more than {LARGEST_ANSWER} bytes")
        if time.monotonic() > deadline:
            raise _Passing("answers too slowly")
    return bytes(content)
