"""The ids of requests, from the header to the answer, the log and the queue."""

import logging
import uuid

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from cloudigrade.api.request_id import RequestId
from cloudigrade.config.logs import Ids
from cloudigrade.redhat import request_ids
from cloudigrade.redhat.request_ids import RequestIds

OURS, PLATFORMS = "X-CLOUDIGRADE-REQUEST-ID", "X-RH-INSIGHTS-REQUEST-ID"


def _answered(headers, get_response=lambda _: HttpResponse()):
    return RequestId(get_response)(RequestFactory().get("/", headers=headers))


def test_o18_the_callers_id_comes_back_with_ours():
    """O18: inbound ids were not looked at."""
    first, second = _answered({PLATFORMS: "gateway-7"}), _answered({PLATFORMS: "gateway-7", OURS: "mine"})

    assert [one.headers[PLATFORMS] for one in (first, second)] == ["gateway-7", "gateway-7"]
    ids = [uuid.UUID(one.headers[OURS]) for one in (first, second)]
    assert [one.version for one in ids] == [4, 4]
    assert ids[0] != ids[1]


@pytest.mark.parametrize("sent", ["", "x" * 129, "a\x00b", "\u00e9"])
def test_an_id_that_is_not_fit_is_as_none(sent):
    response = _answered({PLATFORMS: sent})

    assert PLATFORMS not in response.headers
    assert uuid.UUID(response.headers[OURS])


def test_o18_both_are_bound_while_the_request_is_answered_and_no_longer():
    """O18: ids were propagated to nobody."""
    seen = []

    def view(request):
        seen.append((request.request_id, request_ids.current()))
        record = logging.makeLogRecord({"msg": "x"})
        Ids().filter(record)
        seen.append(vars(record)["requestid"])
        return HttpResponse()

    own = _answered({PLATFORMS: "gateway-7"}, view).headers[OURS]

    assert seen == [(own, RequestIds(own, "gateway-7")), f"{own}/gateway-7"]
    assert request_ids.current() == RequestIds()


def test_a_view_that_fails_leaves_no_id_behind():
    def view(_):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        _answered({PLATFORMS: "gateway-7"}, view)
    assert request_ids.current() == RequestIds()
