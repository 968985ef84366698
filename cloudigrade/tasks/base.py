"""What all tasks have in common: they may run twice, end in time, and lose nothing when their worker dies."""

from typing import Any

from celery.contrib.django.task import DjangoTask
from celery.result import AsyncResult
from django.db import InterfaceError, OperationalError

from cloudigrade.redhat import request_ids
from cloudigrade.redhat.request_ids import RequestIds

_RESERVE = 60
"""Seconds in which a task that was told to end may do so, before it is made to."""
_OWN, _PLATFORM = "cloudigrade_request_id", "platform_request_id"
"""Headers of a message, with the ids of the request that queued it."""


class Task(DjangoTask[Any, Any]):
    """A task that knows which request it was queued by, if any."""

    abstract = True

    def apply_async(self, *args: Any, headers: dict[str, Any] | None = None, **options: Any) -> AsyncResult[Any]:
        """The message is queued, with the ids of the request that is answered at the moment."""
        ids = request_ids.current()
        ours = {_OWN: ids.own, _PLATFORM: ids.platform} if any(ids) else {}
        return super().apply_async(*args, headers={**ours, **(headers or {})}, **options)

    def before_start(self, *_: Any) -> None:
        """The ids of that request are the current ones while the task runs."""
        headers = self.request.headers or {}
        request_ids.bind(RequestIds(own=headers.get(_OWN, ""), platform=headers.get(_PLATFORM, "")))


def options(*, seconds: int | None = None) -> dict[str, Any]:
    """Options of a task that lasts so long at most; without a number, as long as the app allows any."""
    limits = {"soft_time_limit": seconds, "time_limit": seconds + _RESERVE} if seconds else {}
    return {
        "base": Task,
        # A worker that dies leaves its message to another, and its claims until their lease is over.
        "acks_late": True,
        # Deadlocks, failed serializations and lost connections: the transaction is undone, and the rows still wait.
        "autoretry_for": (OperationalError, InterfaceError),
        "max_retries": 5,
        "retry_backoff": 1,
        "retry_backoff_max": 60,
        **limits,
    }
