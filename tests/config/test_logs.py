import logging
import logging.config
from types import SimpleNamespace

from celery import Celery

from cloudigrade.config import logs
from cloudigrade.redhat import request_ids
from cloudigrade.redhat.request_ids import RequestIds


def _line(record):
    logs.Ids().filter(record)
    given = logs.configuration("INFO", "WARNING")["formatters"]["line"]["format"]
    return logging.Formatter(given).format(record).split(" ", 2)[2]


def _record(**more):
    record = logging.makeLogRecord({"name": "cloudigrade.x", "levelname": "INFO", "process": 7, "msg": "read"})
    record.__dict__.update(more)
    return record


def test_a_line_without_request_or_task():
    assert _line(_record()) == "INFO 7 cloudigrade.x requestid:- taskid:- read"


def test_a_line_names_its_request():
    assert (
        _line(_record(request=SimpleNamespace(request_id="r-1"))) == "INFO 7 cloudigrade.x requestid:r-1 taskid:- read"
    )


def test_a_line_names_its_task():
    app = Celery("test", set_as_current=False)
    lines = []

    @app.task(name="t", shared=False)
    def log():
        lines.append(_line(_record()))

    log.apply(task_id="t-1", throw=True)
    assert lines == ["INFO 7 cloudigrade.x requestid:- taskid:t-1 read"]


def test_o18_a_line_names_the_platforms_id_too():
    """O18: what a caller reported could not be found in the log."""
    with request_ids.bound(RequestIds(own="r-1", platform="gateway-7")):
        assert _line(_record()) == "INFO 7 cloudigrade.x requestid:r-1/gateway-7 taskid:- read"


def test_our_level_and_that_of_the_rest():
    configuration = logs.configuration("DEBUG", "ERROR")
    assert configuration["loggers"]["cloudigrade"]["level"] == "DEBUG"
    assert configuration["root"] == {"handlers": ["stderr"], "level": "ERROR"}
