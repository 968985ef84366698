import uuid
from datetime import date

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse
from django.urls import reverse

from tests.api import identities
from tests.api.conftest import CONCURRENT, counts_text, store_usage

pytestmark = pytest.mark.django_db

MINE = identities.of(org_id="11")


@pytest.fixture(autouse=True)
def _yesterday(customer):
    store_usage(customer, date(2026, 3, 9), counts_text(1))


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("v2-concurrent-list", CONCURRENT),
        ("openapi-schema", "/api/cloudigrade/v2/openapi.json"),
        ("api-root", "/api/cloudigrade/v2/"),
        ("healthz", "/internal/healthz/"),
    ],
)
def test_routes_have_the_known_names(name, path):
    assert reverse(name) == path


def test_without_its_slash_a_path_leads_to_the_one_with_it(ask):
    response = ask("/api/cloudigrade/v2/concurrent?limit=3")

    assert response.status_code == 301
    assert response.headers["Location"] == f"{CONCURRENT}?limit=3"


@pytest.mark.parametrize("path", ["/api/cloudigrade/v2/concurrent.json", f"{CONCURRENT}?format=json"])
def test_the_form_can_be_asked_for(ask, path):
    response = ask(path)

    assert (response.status_code, response.json()["meta"]) == (200, {"count": 1})


@pytest.mark.parametrize("path", ["/api/cloudigrade/v2/concurrent.xml", f"{CONCURRENT}?format=html"])
def test_there_is_no_other_form(ask, path):
    response = ask(path)

    assert (response.status_code, response.json()) == (404, {"detail": "Not found."})


def test_html_is_not_acceptable(ask):
    assert ask(headers=MINE | {"Accept": "text/html"}).status_code == 406


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
@pytest.mark.parametrize("path", [CONCURRENT, "/api/cloudigrade/v2/", "/api/cloudigrade/v2/openapi.json"])
def test_everything_is_read_only(client, method, path):
    response = getattr(client, method)(path, headers=MINE)

    assert (response.status_code, response.json()) == (405, {"detail": f'Method "{method.upper()}" not allowed.'})
    assert response.headers["Allow"] == "GET, HEAD, OPTIONS"


def test_head_is_get_without_the_body(client, ask):
    response = client.head(CONCURRENT, headers=MINE)

    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["Content-Length"] == ask().headers["Content-Length"]


def test_the_server_gets_no_body_for_head(rf):
    response = WSGIHandler().get_response(rf.head(CONCURRENT, headers=MINE))

    assert isinstance(response, HttpResponse)
    assert (response.status_code, response.content) == (200, b"")
    assert int(response.headers["Content-Length"]) > 200


def test_options_tell_what_is_allowed(client):
    response = client.options(CONCURRENT, headers=MINE)

    assert response.status_code == 200
    assert response.headers["Allow"] == "GET, HEAD, OPTIONS"
    assert response.json()["renders"] == ["application/json"]


def test_an_unknown_path_is_djangos_own_404(ask):
    response = ask("/api/cloudigrade/v2/unknown/")

    assert response.status_code == 404
    assert response.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("path", [CONCURRENT, "/unknown/", "/internal/healthz/", "/api/cloudigrade/v2/concurrent"])
def test_every_answer_has_an_id_of_its_own_and_the_security_headers(ask, path):
    first = ask(path, headers={"X-CLOUDIGRADE-REQUEST-ID": "mine"})
    second = ask(path, headers={"X-CLOUDIGRADE-REQUEST-ID": "mine"})

    ids = [uuid.UUID(response.headers["X-CLOUDIGRADE-REQUEST-ID"]) for response in (first, second)]
    assert [given.version for given in ids] == [4, 4]
    assert ids[0] != ids[1]
    expected = {
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
    assert {name: first.headers[name] for name in expected} == expected
