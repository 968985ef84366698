"""The ids of the request that is answered at the moment, for log lines, outgoing calls and queued tasks."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

HEADER = "X-RH-INSIGHTS-REQUEST-ID"
"""By which the platform's gateway and its services pass on the id of a request."""
LONGEST = 128


class RequestIds(NamedTuple):
    """The ids of a request; both are empty where there is none."""

    own: str = ""
    """Ours, new for each request."""
    platform: str = ""
    """The one that the caller gave, if any."""

    @property
    def outgoing(self) -> str:
        """What other services are told: the id that all of the platform knows, else ours."""
        return self.platform or self.own


_bound: ContextVar[RequestIds] = ContextVar("request_ids", default=RequestIds())  # noqa: B039 - a tuple does not change


def accepted(text: str) -> str:
    """The id that a caller gave, or nothing where it is not fit for a log line and a header."""
    is_fit = len(text) <= LONGEST and text.isascii() and text.isprintable() and text == text.strip()
    return text if is_fit else ""


def current() -> RequestIds:
    """The ids of the request, or the request behind the task, that this code runs for."""
    return _bound.get()


def bind(ids: RequestIds) -> None:
    """They are the current ones until others are."""
    _bound.set(ids)


@contextmanager
def bound(ids: RequestIds) -> Iterator[None]:
    """Within the block, they are the current ones."""
    token = _bound.set(ids)
    try:
        yield
    finally:
        _bound.reset(token)
