"""The Celery app: tasks are nudges in JSON, and losing one loses nothing."""

import importlib
import pkgutil
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from celery import Celery
from celery.schedules import crontab
from django.conf import settings

import cloudigrade.tasks
from cloudigrade.config import env, file_broker
from cloudigrade.config.cluster import DatabaseProblem

env.select_settings()

_MODULES = [
    f"cloudigrade.tasks.{module.name}"
    for module in pkgutil.iter_modules(cloudigrade.tasks.__path__)
    if module.name not in ("apart", "base")  # what they share, and no tasks
]


def _tick(task: str, seconds: int) -> dict[str, Any]:
    """Every so many seconds; a message that nobody read by the next one expires (P1)."""
    return {"task": task, "schedule": float(seconds), "options": {"expires": seconds * 5 // 6}}


# What is due when stands in rows of due work, by account and interval; these ticks only look there.
SCHEDULE: dict[str, dict[str, Any]] = {
    "recalculate_runs_for_all_cloud_accounts": _tick("api.tasks.recalculate_runs_for_all_cloud_accounts", 60),
    "recalculate_concurrent_usage_for_all_users": _tick("api.tasks.recalculate_concurrent_usage_for_all_users", 60),
    # From five seconds past midnight on: a worker whose clock is a little behind must not see yesterday.
    "answer_ended_days": {
        "task": "api.tasks.answer_ended_days",
        "schedule": crontab(minute="*/10"),
        "options": {"countdown": 5, "expires": 500},
    },
    "connect_accounts": _tick("api.tasks.enable_account", 30),
    "check_accounts": _tick("api.tasks.check_accounts", 30),
    "notify_application_availability": _tick("api.tasks.notify_application_availability_task", 5),
    "delete_cloud_accounts_not_in_sources": _tick("api.tasks.delete_cloud_accounts_not_in_sources", 86_400),
    "reconcile_with_sources": _tick("api.tasks.reconcile_with_sources", 600),
    "delete_inactive_users": _tick("api.tasks.delete_inactive_users", 86_400),
    "analyze_log": _tick("api.clouds.aws.tasks.analyze_log", settings.LOG_INTERVAL),
    "poll_trails": _tick("api.tasks.poll_trails", 30),
    "sweep_accounts": _tick("api.tasks.sweep_accounts", 30),
    "describe_unknown": _tick("api.tasks.describe_unknown", 60),
    "inspect_pending_images": _tick("api.tasks.inspect_pending_images", settings.INSPECTIONS.interval),
    "persist_inspection_cluster_results": _tick(
        "api.tasks.persist_inspection_cluster_results_task", settings.INSPECTIONS.results_interval
    ),
    "reap_inspections": _tick("api.tasks.reap_inspections", settings.INSPECTIONS.reap_interval),
    "prove_accounts": _tick("api.tasks.prove_accounts", 60),
    "synthesize_data": _tick("api.tasks.synthesize_data", 60),
    "delete_expired_synthetic_data": _tick("api.tasks.delete_expired_synthetic_data", 3600),
    "act_on_sources_messages": _tick("api.tasks.act_on_sources_messages", 10),
    "forget_sources_messages": _tick("api.tasks.forget_sources_messages", 86_400),
    "repopulate_ec2_instance_mapping": _tick(
        "api.clouds.aws.tasks.repopulate_ec2_instance_mapping", settings.DEFINITIONS_INTERVAL
    ),
}
"""Beat's ticks by name: they find what lost messages left, do nothing where nothing waits, and expire unread (P1)."""


def broker(url: str, data: Path) -> dict[str, Any]:
    """Celery's settings of the broker; without a URL, messages are files in the data folder."""
    if urlsplit(url).scheme in {"redis", "rediss"}:
        return {"broker_url": url, "broker_transport_options": _redelivery(settings.CELERY_VISIBILITY_TIMEOUT)}
    if url:
        return {"broker_url": url}
    return {
        "broker_url": f"{file_broker.SCHEME}://localhost",
        "broker_transport_options": {"folder": str(_messages(data))},
        # Files go to one reader each, so nothing can be told to all workers.
        "worker_enable_remote_control": False,
    }


def _redelivery(seconds: int) -> dict[str, Any]:
    """What a worker on Redis took and did not acknowledge within that time is another's, seconds later."""
    # By default kombu looks only each hundred seconds.
    return {
        "visibility_timeout": seconds,
        "unacked_restore_interval": min(seconds, 10),
        "unacked_restore_throttle": 1,
    }


def _messages(data: Path) -> Path:
    return data / "queue" / "messages"


def use_folder(data: Path) -> None:
    """We, and all processes started from here, keep messages and beat's state in the folder."""
    try:
        _messages(data).mkdir(parents=True, exist_ok=True)
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
    """The queue of a task, whatever its name: the one that its module names in `QUEUE`."""
    app.loader.import_default_modules()
    task = app.tasks.get(name)
    return {"queue": _queue(task.__module__)} if task is not None and task.__module__ in _MODULES else None


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
