"""Beat's ticks: each finds a task of ours in a queue that is served, and none of them pile up."""

import shelve
import subprocess
import sys

import pytest
from celery.beat import PersistentScheduler
from celery.schedules import crontab
from django.conf import settings

from cloudigrade.config import celery


@pytest.fixture(autouse=True)
def _tasks():
    celery.app.loader.import_default_modules()


TICKS = pytest.mark.parametrize("name", sorted(celery.SCHEDULE))


def period(tick):
    """In seconds."""
    return 600 if isinstance(tick["schedule"], crontab) else tick["schedule"]


@TICKS
def test_every_tick_is_a_task_of_ours_in_a_queue_that_a_worker_serves(name):
    """O2: whoever is nudged acknowledges late, so that a worker that dies loses nothing."""
    task = celery.app.tasks[celery.SCHEDULE[name]["task"]]

    assert task.__module__.startswith("cloudigrade.tasks.")
    assert (celery.route(task.name) or {})["queue"] in celery.queues()
    assert task.acks_late


@TICKS
def test_p1_a_tick_expires_before_the_next_one(name):
    """P1: beat's messages had no expiry, and backlogs of identical ones piled up."""
    tick = celery.SCHEDULE[name]

    assert 0 < tick["options"]["expires"] < period(tick)


def test_o19_what_is_no_longer_in_the_code_is_forgotten_when_beat_starts(tmp_path):
    """O19: the schedule stood in tables, and a task that was removed went on until a migration removed it too."""
    kept = str(tmp_path / "beat")
    older = PersistentScheduler(celery.app, schedule_filename=kept)
    older.update_from_dict({"forgotten": {"task": "gone", "schedule": 60}})
    older.close()
    with shelve.open(kept) as stored:  # noqa: S301 - Celery's own format, written two lines above
        assert "forgotten" in stored["entries"]

    newer = PersistentScheduler(celery.app, schedule_filename=kept)
    left = set(newer.schedule)
    newer.close()

    assert left - {"celery.backend_cleanup"} == set(celery.SCHEDULE)  # that one is Celery's own
    assert celery.app.conf.beat_scheduler == "celery.beat:PersistentScheduler"


def test_every_module_of_tasks_is_nudged():
    nudged = {celery.app.tasks[tick["task"]].__module__ for tick in celery.SCHEDULE.values()}

    assert nudged == set(celery.app.conf.imports)


def test_due_work_is_looked_for_more_often_than_it_comes_up():
    for name, interval in {
        "check_accounts": settings.CHECK_INTERVAL,
        "poll_trails": settings.POLL_INTERVAL,
        "sweep_accounts": settings.SWEEP_INTERVAL,
        "prove_accounts": settings.PROOF_INTERVAL,
    }.items():
        assert period(celery.SCHEDULE[name]) * 2 < interval


def test_the_names_that_others_know():
    assert {celery.SCHEDULE[name]["task"] for name in ("connect_accounts", "analyze_log")} == {
        "api.tasks.enable_account",
        "api.clouds.aws.tasks.analyze_log",
    }
    assert celery.SCHEDULE["repopulate_ec2_instance_mapping"]["task"] == (
        "api.clouds.aws.tasks.repopulate_ec2_instance_mapping"
    )


def test_intervals_are_those_that_are_set(monkeypatch):
    shown = (
        "from cloudigrade.config.celery import SCHEDULE as s;"
        "print(*((s[n]['schedule'], s[n]['options']['expires'])"
        " for n in ('analyze_log', 'repopulate_ec2_instance_mapping')))"
    )
    monkeypatch.setenv("ANALYZE_LOG_SCHEDULE", "5")
    monkeypatch.setenv("AWS_REPOPULATE_EC2_INSTANCE_MAPPING_SCHEDULE", "3600")

    said = subprocess.run([sys.executable, "-c", shown], check=True, capture_output=True, text=True)

    assert said.stdout == "(5.0, 4) (3600.0, 3000)\n"
