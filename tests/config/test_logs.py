import ast
import logging
import logging.config
from pathlib import Path
from types import SimpleNamespace

import pytest
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


LOGS = {"_log", "log", "_LOG", "logger", "_logger"}
LEVELS = {"debug", "info", "warning", "error", "exception", "critical", "log"}


def _lines_of(text):
    """The format of each line that the code logs, and how many arguments it is given; not where these are a tuple."""
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    for call in calls:
        of = call.func
        if isinstance(of, ast.Attribute) and isinstance(of.value, ast.Name) and of.value.id in LOGS:
            given = call.args[of.attr == "log" :]
            if of.attr in LEVELS and not any(isinstance(each, ast.Starred) for each in given):
                yield ast.literal_eval(given[0]), len(given) - 1


def _can_be_said(line, arguments):
    try:
        return bool(line % ((1,) * arguments)) if arguments else "%" not in line.replace("%%", "")
    except (TypeError, ValueError):
        return False


def test_o17_every_line_takes_the_arguments_that_it_is_given():
    """O17: a line of the pause handler had a placeholder without a conversion, and could not be logged."""
    package = Path(logs.__file__).parents[1]
    lines = [line for path in package.rglob("*.py") for line in _lines_of(path.read_text(encoding="utf-8"))]

    assert len(lines) > 50
    assert [line for line in lines if not _can_be_said(*line)] == []


@pytest.mark.parametrize("line", ['_log.info("of %(org_id)", 1)', '_log.info("%s")', '_log.log(20, "%s %s", 1)'])
def test_a_line_that_cannot_be_logged_is_noticed(line):
    [found] = _lines_of(line)

    assert not _can_be_said(*found)
