"""The log: one line per fact on standard error, with the request or task it belongs to."""

import logging
from typing import Any

from celery import current_task


class Ids(logging.Filter):
    """Gives each record the id of the request or the task that it came from."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always true: nothing is left out."""
        request_id = getattr(getattr(record, "request", None), "request_id", None)
        task_id = current_task.request.id if current_task else None
        record.id = request_id or task_id or "-"
        return True


def configuration(level: str, library_level: str) -> dict[str, Any]:
    """The settings of Python's logging: our own records from one level on, all others from another."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"ids": {"()": Ids}},
        "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(process)d %(name)s %(id)s %(message)s"}},
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "filters": ["ids"], "formatter": "line"},
        },
        "root": {"handlers": ["stderr"], "level": library_level},
        "loggers": {"cloudigrade": {"level": level}, "django": {"handlers": [], "propagate": True}},
    }
