"""Two ports with paths of their own: what belongs to the one is not there on the other."""

import io
import json
import re
from typing import NamedTuple

import pytest
from django.core.cache import cache
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.urls import URLPattern, URLResolver, get_resolver

from cloudigrade.config import internal_urls, urls, wsgi
from cloudigrade.redhat.psks import SCOPES, Psk
from tests.api import identities

pytestmark = pytest.mark.django_db

PROBE = "/internal/healthz/"
KEY = "the-key-that-opens-everything"
EVERYTHING = {"X-RH-CLOUDIGRADE-PSK": KEY, "X-RH-CLOUDIGRADE-ORG-ID": "11"}
BOTH = pytest.mark.parametrize("side", ["application", "internal"])


@pytest.fixture(autouse=True)
def _key(settings):
    settings.CLOUDIGRADE_PSKS = {"operator": Psk(KEY, frozenset(SCOPES))}


@pytest.fixture(autouse=True)
def _connection_of_the_test():
    """Requests leave the test's connection open, whose transaction nobody else sees."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


class _Told(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


def _ask(side, path, method="GET", headers=EVERYTHING):
    """What the WSGI application itself answers, the way a server asks it."""
    said = []
    path, _, query = path.partition("?")
    environ = {
        "REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query, "SERVER_NAME": "localhost",
        "SERVER_PORT": "1", "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.input": io.BytesIO(b"{}"), "CONTENT_LENGTH": "2",
        "CONTENT_TYPE": "application/json", "wsgi.url_scheme": "http", "wsgi.errors": io.StringIO(),
        **{f"HTTP_{name.upper().replace('-', '_')}": text for name, text in headers.items()},
    }  # fmt: skip
    answer = getattr(wsgi, side)(environ, lambda status, given: said.append((status, given)))
    body = b"".join(answer)
    answer.close()
    status, given = said[0]
    return _Told(int(status.split()[0]), dict(given), body)


def _paths(patterns, before="/"):
    """An example of every path of the patterns."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from _paths(pattern.url_patterns, before + _example(pattern))
        elif isinstance(pattern, URLPattern):
            yield before + _example(pattern)


def _example(pattern):
    text = str(pattern.pattern)
    text = re.sub(r"<drf_format_suffix:format>", ".json", text)
    text = re.sub(r"<[^>]*>", "1", re.sub(r"\(\?P<format>[^)]*\)", "json", text))
    text = re.sub(r"\(\?P1[^)]*\)|\(\?P<\w+>[^)]*\)", "1", text)
    return text.replace(r"\.", ".").replace("/?", "/").strip("^$").replace("\\Z", "")


PUBLIC = sorted({path for path in _paths(urls.urlpatterns) if path != PROBE})
INTERNAL = sorted({path for path in _paths(internal_urls.urlpatterns) if path != PROBE})


def test_the_examples_are_paths_of_their_side():
    for urlconf, paths in (("urls", PUBLIC), ("internal_urls", INTERNAL)):
        resolver = get_resolver(f"cloudigrade.config.{urlconf}")
        assert paths
        assert [path for path in paths if not resolver.resolve(path)] == []
    assert "/api/cloudigrade/v2/concurrent/" in PUBLIC


@pytest.mark.parametrize("path", INTERNAL)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_s2_no_internal_path_answers_on_the_public_port(customer, path, method):
    """S2: both APIs shared a port, and the internal one was open."""
    assert _ask("application", path, method).status == 404


@pytest.mark.parametrize("path", PUBLIC)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_s2_no_public_path_answers_on_the_internal_port(customer, path, method):
    """S2: likewise; a gateway that believes in one side's rules never meets the other's paths."""
    assert _ask("internal", path, method).status == 404


@BOTH
def test_the_probe_answers_on_both_ports_without_credentials(side):
    told = _ask(side, PROBE, headers={})

    assert (told.status, json.loads(told.body)) == (200, {"status": "ok"})
    assert told.headers["X-CLOUDIGRADE-REQUEST-ID"]


@pytest.mark.parametrize(
    "path",
    [
        "/internal/cdappconfig.json",
        "/internal/cdappconfig/",
        "/internal/redis_raw/",
        "/internal/clear_cache/",
        "/internal/cache/a-key/",
        "/internal/error/",
        "/internal/tasks/",
        "/internal/tasks/8d6c7e5c-65e5-4dc1-8a3a-0f9c1b5f6a57/",
        "/admin/",
        "/api-auth/login/",
    ],
)
@pytest.mark.parametrize("headers", [EVERYTHING, {}, identities.of(type="Associate")], ids=["key", "none", "associate"])
@pytest.mark.parametrize("method", ["GET", "POST"])
@BOTH
def test_s4_o1_what_gave_away_or_wiped_everything_is_not_there(side, path, headers, method):
    """S3, S4, O1: raw Redis, its cache, tasks by name and the file with all secrets were served."""
    cache.set("a-key", "kept", timeout=60)

    assert _ask(side, path, method, headers).status == 404
    assert cache.get("a-key") == "kept"


@BOTH
@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", ""])
def test_s11_a_host_that_is_not_ours_is_refused(side, host):
    """S11: every host name was taken."""
    assert _ask(side, PROBE, headers={"Host": host} if host else {"Host": " "}).status == 400


def test_links_lead_to_their_own_side(customer):
    told = _ask("application", "/api/cloudigrade/v2/", headers=EVERYTHING)

    assert told.status == 200
    assert all("/api/cloudigrade/v2/" in link for link in json.loads(told.body).values())
    assert (
        _ask("application", "/api/cloudigrade/v2/concurrent").headers["Location"] == "/api/cloudigrade/v2/concurrent/"
    )
