import logging
from datetime import date

import pytest
from django.core.exceptions import BadRequest, PermissionDenied, TooManyFieldsSent
from django.db import OperationalError
from django.http import Http404
from rest_framework.exceptions import MethodNotAllowed, ValidationError

from cloudigrade.api.errors import ResultUnavailable, answer_to
from cloudigrade.api.v2 import concurrent
from tests.api.conftest import CONCURRENT

FAILED = {"detail": "A server error occurred."}


@pytest.mark.parametrize(
    ("fault", "status", "body"),
    [
        (Http404("No Customer matches the given query."), 404, {"detail": "Not found."}),
        (ValidationError({"field": ["wrong"]}), 400, {"field": ["wrong"]}),
        (PermissionDenied(), 403, {"detail": "You do not have permission to perform this action."}),
        (MethodNotAllowed("POST"), 405, {"detail": 'Method "POST" not allowed.'}),
        (ResultUnavailable(), 425, {"detail": "Results are currently unavailable, try again later."}),
        (TooManyFieldsSent("inner words"), 400, {"detail": "Malformed request."}),
        (BadRequest("inner words"), 400, {"detail": "Malformed request."}),
        (NotImplementedError("inner words"), 501, FAILED),
        (OperationalError("inner words"), 500, FAILED),
        (KeyError("inner words"), 500, FAILED),
    ],
)
def test_each_kind_of_fault_has_its_answer(fault, status, body):
    response = answer_to(fault, {})

    assert (response.status_code, response.data) == (status, body)


def test_too_early_has_its_code():
    assert ResultUnavailable().get_codes() == "result_unavailable"


@pytest.mark.django_db
def test_our_failure_is_logged_with_the_request_and_not_told(ask, customer, monkeypatch, caplog):
    def fail() -> date:
        raise RuntimeError("inner words")

    monkeypatch.setattr(concurrent, "today", fail)

    response = ask()

    assert (response.status_code, response.json()) == (500, FAILED)
    [record] = [record for record in caplog.records if record.name == "cloudigrade.api.errors"]
    assert record.levelno == logging.ERROR
    assert record.getMessage() == f"Request {response['X-CLOUDIGRADE-REQUEST-ID']} failed"
    assert str(record.exc_info[1]) == "inner words"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "query",
    [
        "&".join(f"x{number}" for number in range(1001)),
        "%FF%FE=%00",
        "start_date=%00",
        "limit=%ED%A0%80",
        "a=b;c=d&&&==",
    ],
)
def test_o14_a_hostile_query_is_no_failure_of_ours(ask, customer, query):
    """O14: bad input was answered with a 500."""
    assert ask(f"{CONCURRENT}?{query}").status_code in {400, 425}
