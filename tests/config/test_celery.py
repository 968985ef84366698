import json
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest
from celery import Celery
from django.conf import settings

import cloudigrade.tasks
from cloudigrade.config import celery, cluster


@pytest.fixture
def own_app(monkeypatch):
    """A Celery app for one test, so that the real one stays as it is."""
    app = Celery("test", set_as_current=False)
    app.conf.update(dict(celery.app.conf.changes or {}))
    monkeypatch.setattr(celery, "app", app)
    monkeypatch.setattr(settings, "CELERY_BROKER_URL", "")
    monkeypatch.setattr(settings, "DATA_FOLDER", settings.DATA_FOLDER)
    monkeypatch.setenv("CLOUDIGRADE_DATA", "")
    return app


def test_messages_are_json_and_acknowledged_after_the_work():
    conf = celery.app.conf
    assert conf.accept_content == ["json"]
    assert (conf.task_serializer, conf.result_serializer) == ("json", "json")
    assert (conf.task_acks_late, conf.task_reject_on_worker_lost, conf.task_ignore_result) == (True, True, True)
    assert conf.worker_prefetch_multiplier == 1
    assert 0 < conf.task_soft_time_limit < conf.task_time_limit
    assert str(conf.timezone) == "UTC"


def test_a_given_broker_is_used():
    assert celery.broker("sqla+postgresql://u@h/n", Path("/data")) == {"broker_url": "sqla+postgresql://u@h/n"}


@pytest.mark.parametrize("url", ["redis://h:6379/0", "rediss://u:p@h:6379/0"])
def test_on_redis_what_a_dead_worker_took_is_anothers_after_the_longest_task(url, monkeypatch):
    assert celery.broker(url, Path("/data")) == {
        "broker_url": url,
        "broker_transport_options": {
            "visibility_timeout": 3720,
            "unacked_restore_interval": 10,
            "unacked_restore_throttle": 1,
        },
    }
    assert celery.app.conf.task_time_limit < 3720
    monkeypatch.setattr(settings, "CELERY_VISIBILITY_TIMEOUT", 2)
    assert celery.broker(url, Path("/data"))["broker_transport_options"]["unacked_restore_interval"] == 2


def test_messages_are_files_in_the_data_folder(own_app, tmp_path):
    celery.use_folder(tmp_path / "data")
    assert own_app.conf.beat_schedule_filename == f"{tmp_path}/data/queue/beat"
    assert tmp_path / "data" == settings.DATA_FOLDER
    assert os.environ["CLOUDIGRADE_DATA"] == str(tmp_path / "data")
    own_app.conf.task_always_eager = False
    own_app.send_task("cloudigrade.nothing", kwargs={"day": "2026-01-01"}, queue="compute")
    (message,) = (tmp_path / "data" / "queue" / "messages").iterdir()
    assert message.name.endswith(".compute.msg")
    assert json.loads(message.read_text())["content-type"] == "application/json"


def test_a_data_folder_that_cannot_be(own_app, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(cluster.DatabaseProblem, match=r"cannot use .*file as data folder: Not a directory"):
        celery.use_folder(tmp_path / "file")


@pytest.fixture
def task_modules(own_app, monkeypatch):
    """Three modules of one task each; a task's name says nothing of its module."""
    for name, queue in {"a": "ingest", "b": "compute", "c": "compute"}.items():
        module = ModuleType(f"cloudigrade.tasks.{name}")
        vars(module)["QUEUE"] = queue
        monkeypatch.setitem(sys.modules, module.__name__, module)

        def nudge():
            """A task."""

        nudge.__module__ = module.__name__
        own_app.task(name=f"api.tasks.{name}", shared=False)(nudge)
    modules = ["cloudigrade.tasks.a", "cloudigrade.tasks.b", "cloudigrade.tasks.c"]
    monkeypatch.setattr(celery, "_MODULES", modules)
    own_app.conf.imports = []


@pytest.mark.usefixtures("task_modules")
def test_a_module_of_tasks_names_their_queue():
    assert celery.queues() == ("compute", "ingest")
    assert celery.route("api.tasks.a", (), {}, {}, task=None) == {"queue": "ingest"}
    assert celery.route("api.tasks.c") == {"queue": "compute"}
    assert celery.route("celery.backend_cleanup") is None
    assert celery.route("api.tasks.nonsense") is None


@pytest.mark.usefixtures("task_modules")
def test_a_message_goes_to_the_queue_of_its_task(own_app, tmp_path):
    celery.use_folder(tmp_path)
    own_app.conf.task_always_eager = False
    own_app.send_task("api.tasks.a")
    (message,) = (tmp_path / "queue" / "messages").iterdir()
    assert message.name.endswith(".ingest.msg")


def test_every_tick_of_beat_names_a_task_that_there_is():
    celery.app.loader.import_default_modules()
    assert {tick["task"] for tick in celery.SCHEDULE.values()} <= set(celery.app.tasks)


def test_every_task_of_the_package_is_known_to_a_worker():
    names = {path.stem for path in Path(cloudigrade.tasks.__path__[0]).glob("[a-z]*.py")} - {"apart", "base"}
    assert set(celery.app.conf.imports) == {f"cloudigrade.tasks.{name}" for name in names}
    assert len(celery.queues()) <= 5
