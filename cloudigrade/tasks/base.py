"""What all tasks have in common: they may run twice, end in time, and lose nothing when their worker dies."""

from typing import Any

from celery.contrib.django.task import DjangoTask
from django.db import InterfaceError, OperationalError

_RESERVE = 60
"""Seconds in which a task that was told to end may do so, before it is made to."""


def options(*, seconds: int | None = None) -> dict[str, Any]:
    """Options of a task that lasts so long at most; without a number, as long as the app allows any."""
    limits = {"soft_time_limit": seconds, "time_limit": seconds + _RESERVE} if seconds else {}
    return {
        "base": DjangoTask,
        # A worker that dies leaves its message to another, and its claims until their lease is over.
        "acks_late": True,
        # Deadlocks, failed serializations and lost connections: the transaction is undone, and the rows still wait.
        "autoretry_for": (OperationalError, InterfaceError),
        "max_retries": 5,
        "retry_backoff": 1,
        "retry_backoff_max": 60,
        **limits,
    }
