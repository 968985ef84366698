"""What needs no reading is answered as what is read: compared with the framework's own negotiation."""

import pytest
from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BrowsableAPIRenderer, JSONRenderer
from rest_framework.request import Request

from cloudigrade.api.negotiation import Negotiation

ACCEPTED = [
    "*/*",
    "application/json",
    "application/*",
    "text/html",
    "text/html, */*;q=0.1",
    "application/json; indent=4",
    "",
    ",",
]


def _chosen(negotiation, request, renderers):
    try:
        renderer, media_type = negotiation.select_renderer(request, renderers)
    except NotAcceptable:
        return None
    return type(renderer), media_type


@pytest.mark.parametrize("accepted", [None, *ACCEPTED])
@pytest.mark.parametrize(
    "renderers", [[JSONRenderer()], [BrowsableAPIRenderer()], [BrowsableAPIRenderer(), JSONRenderer()]]
)
def test_the_choice_is_the_frameworks(rf, accepted, renderers):
    request = Request(rf.get("/", **({} if accepted is None else {"HTTP_ACCEPT": accepted})))

    assert _chosen(Negotiation(), request, renderers) == _chosen(DefaultContentNegotiation(), request, renderers)


def test_what_most_accept_is_not_read(rf, monkeypatch):
    monkeypatch.setattr(DefaultContentNegotiation, "select_renderer", None)
    only = JSONRenderer()

    for sent in ({}, {"HTTP_ACCEPT": "*/*"}, {"HTTP_ACCEPT": "application/json"}):
        assert Negotiation().select_renderer(Request(rf.get("/", **sent)), [only]) == (only, "application/json")
