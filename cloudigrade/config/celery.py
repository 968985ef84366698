"""The Celery app: tasks are nudges in JSON, and losing one loses nothing."""

import importlib
import pkgutil
from pathlib import Path
from typing import Any

from celery import Celery
from django.conf import settings

import cloudigrade.tasks
from cloudigrade.config import env
from cloudigrade.config.cluster import DatabaseProblem

env.select_settings()

_MODULES = [module.name for module in pkgutil.iter_modules(cloudigrade.tasks.__path__, "cloudigrade.tasks.")]

SCHEDULE: dict[str, dict[str, Any]] = {}
"""Beat's ticks by name."""


def broker(url: str, data: Path) -> dict[str, Any]:
    """Celery's settings of the broker; without a URL, messages are files in the data folder."""
    if url:
        return {"broker_url": url}
    messages, exchanges = data / "queue" / "messages", data / "queue" / "exchanges"
    return {
        "broker_url": "filesystem://",
        "broker_transport_options": {
            "data_folder_in": str(messages),
            "data_folder_out": str(messages),
            "control_folder": str(exchanges),
        },
    }


def use_folder(data: Path) -> None:
    """We, and all processes started from here, keep messages and beat's state in the folder."""
    try:
        for part in ("messages", "exchanges"):
            (data / "queue" / part).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatabaseProblem(f"cannot use {data} as data folder: {error.strerror}") from None
    settings.DATA_FOLDER = data
    env.hand_down(CLOUDIGRADE_DATA=str(data))
    app.conf.update(**_places(data))


def _places(data: Path) -> dict[str, Any]:
    return {**broker(settings.CELERY_BROKER_URL, data), "beat_schedule_filename": str(data / "queue" / "beat")}


def queues() -> tuple[str, ...]:
    """The names of all queues that a worker has to serve."""
    return tuple(sorted({_queue(module) for module in _MODULES}))


def route(name: str, *_: Any, **__: Any) -> dict[str, str] | None:
    """The queue of a task: the one that its module names in `QUEUE`."""
    module = name.rpartition(".")[0]
    return {"queue": _queue(module)} if module in _MODULES else None


def _queue(module: str) -> str:
    return str(importlib.import_module(module).QUEUE)


app = Celery("cloudigrade")
app.conf.update(
    **_places(settings.DATA_FOLDER),
    imports=_MODULES,
    task_routes=(route,),
    task_always_eager=settings.CELERY_TASK_ALWAYS_EAGER,
    task_eager_propagates=True,
    timezone="UTC",
    accept_content=["json"],
    task_serializer="json",
    result_serializer="json",
    task_ignore_result=True,
    # A message is acknowledged only when its work is committed; tasks are safe to repeat.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    task_soft_time_limit=3300,
    task_time_limit=3600,
    task_default_queue="upkeep",
    task_publish_retry_policy={"max_retries": 3, "interval_start": 0, "interval_step": 0.2, "interval_max": 1},
    broker_connection_retry_on_startup=True,
    worker_hijack_root_logger=False,
    worker_redirect_stdouts=False,
    beat_schedule=SCHEDULE,
)
