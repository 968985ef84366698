"""The log: one line per fact on standard error, with the request or task it belongs to."""

import logging
from typing import Any

from celery import current_task

from cloudigrade.redhat import request_ids

_LINE = "%(asctime)s %(levelname)s %(process)d %(name)s requestid:%(requestid)s taskid:%(taskid)s %(message)s"


class Ids(logging.Filter):
    """Gives each record the ids of the request and of the task that it came from."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always true: nothing is left out."""
        ids = request_ids.current()
        # Outside of the middleware Django's own records still have the request.
        own = ids.own or getattr(getattr(record, "request", None), "request_id", None) or ""
        record.requestid = "/".join(filter(None, (own, ids.platform))) or "-"
        record.taskid = (current_task.request.id if current_task else None) or "-"
        return True


def configuration(level: str, library_level: str) -> dict[str, Any]:
    """The settings of Python's logging: our own records from one level on, all others from another."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"ids": {"()": Ids}},
        "formatters": {"line": {"format": _LINE}},
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "filters": ["ids"], "formatter": "line"},
        },
        "root": {"handlers": ["stderr"], "level": library_level},
        "loggers": {"cloudigrade": {"level": level}, "django": {"handlers": [], "propagate": True}},
    }
