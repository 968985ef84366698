"""What all tasks have in common."""

import json

import pytest
from celery import Celery

from cloudigrade.redhat import request_ids
from cloudigrade.redhat.request_ids import RequestIds
from cloudigrade.tasks import base

IDS = RequestIds("ours-1", "gateway-7")


@pytest.fixture
def app(tmp_path):
    app = Celery("test", set_as_current=False, broker="memory://")
    app.conf.update(task_ignore_result=True)
    return app


@pytest.fixture
def seen():
    return []


@pytest.fixture
def task(app, seen):
    @app.task(name="t", shared=False, **base.options())
    def look():
        seen.append(request_ids.current())

    return look


def _headers(app, queue="celery"):
    """Those of the message that waits."""
    with app.connection_for_read() as connection, connection.SimpleQueue(queue) as waiting:
        message = waiting.get(block=False)
        message.ack()
        return json.loads(json.dumps(message.headers))


def test_o18_a_task_carries_the_ids_of_the_request_that_queued_it(app, task):
    """O18: no id went on to what a request caused."""
    with request_ids.bound(IDS):
        task.apply_async(headers={"other": "stays"})

    headers = _headers(app)

    assert (headers["cloudigrade_request_id"], headers["platform_request_id"]) == ("ours-1", "gateway-7")
    assert headers["other"] == "stays"


def test_a_task_that_no_request_queued_carries_none(app, task):
    task.delay()

    assert "cloudigrade_request_id" not in _headers(app)


def test_o18_the_ids_are_current_while_the_task_runs_and_gone_with_the_next(task, seen):
    """O18: likewise."""
    task.apply(headers={"cloudigrade_request_id": "ours-1", "platform_request_id": "gateway-7"}, throw=True)
    task.apply(throw=True)

    assert seen == [IDS, RequestIds()]


def test_a_task_may_be_told_to_end_in_time():
    assert base.options(seconds=60)["time_limit"] == 120
    assert "time_limit" not in base.options()
