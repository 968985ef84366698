"""Nothing of the internal API opens without a key that fits: tried on every path there is, however it is added."""

import re
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver, resolve

from tests.api import identities
from tests.api.internal.world import key

pytestmark = pytest.mark.django_db

OPEN = {"/internal/healthz/", "/internal/metrics"}
"""The probe, and the scrape, in which nothing is any customer's."""
READ = ("get", "head", "options")
METHODS = (*READ, "post", "put", "patch", "delete")
CHANGES = 21
"""Paths and methods that change something."""
_STRANGER = identities.of(org_id="11", type="User")


def _walk(patterns, before="/"):
    for pattern in patterns:
        text = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, text)
        else:
            assert isinstance(pattern, URLPattern)
            yield _example(text)


def _example(text):
    text = re.sub(r"<drf_format_suffix:format>", ".json", text)
    text = re.sub(r"\(\?P<format>[^)]*\)", "json", text)
    text = re.sub(r"\(\?P<\w+>[^)]*\)", "1", text)
    return text.replace("\\.", ".").replace("^", "").replace("$", "").replace("/?", "")


PATHS = sorted(set(_walk(get_resolver("cloudigrade.config.internal_urls").url_patterns)))
CLOSED = [path for path in PATHS if path not in OPEN]


def _methods(path):
    found: Any = resolve(path, "cloudigrade.config.internal_urls").func
    actions = getattr(found, "actions", None)
    if actions is not None:
        return set(actions)
    return {name for name in METHODS if hasattr(found.view_class, name)}


def test_the_walk_finds_every_path():
    assert len(CLOSED) > 70
    assert {"/internal/openapi.json", "/internal/api/cloudigrade/v1/users/1/"} <= set(CLOSED)
    assert {"/internal/api/cloudigrade/v1/", "/internal/api/cloudigrade/v1/availability_status"} <= set(CLOSED)
    assert "/internal/api/cloudigrade/v1/machineimages/1/reinspect/" in CLOSED
    changes = [(path, method) for path in CLOSED if not path.endswith(".json") for method in _methods(path) - {*READ}]
    assert len(changes) == CHANGES


@pytest.mark.parametrize("path", CLOSED)
def test_s2_nothing_is_open(ask, path):
    """S2: the whole internal API was open to everybody."""
    for method in METHODS:
        answer = ask(path, method, headers={})
        assert (answer.status_code, method) == (403, method)
        wrong = ask(path, method, headers={"X-RH-CLOUDIGRADE-PSK": "key-of-nobody"})
        assert (wrong.status_code, method) == (403, method)


@pytest.mark.parametrize("path", CLOSED)
def test_s2_a_customer_opens_nothing_but_the_check_of_their_own(ask, path):
    """S2: likewise for identities."""
    if path.endswith("/availability_status"):
        assert ask(path, "post", {"source_id": 1}, headers=_STRANGER).status_code == 204
        return
    for method in METHODS:
        assert (ask(path, method, headers=_STRANGER).status_code, method) == (403, method)


@pytest.mark.parametrize("path", CLOSED)
def test_s2_a_key_for_reading_reads_and_changes_nothing(ask, path):
    """S2: likewise for keys."""
    methods = _methods(path)
    if path.endswith("/availability_status"):
        assert ask(path, "post", {"source_id": 1}, headers=key("reader")).status_code == 403
        return
    if "get" in methods and not path.endswith(("/concurrent/", "/concurrent.json")):
        assert ask(path, headers=key("reader")).status_code in (200, 404)
    for method in methods - {*READ}:
        assert ask(path, method, headers=key("reader")).status_code == 403
        assert ask(path, method, headers=key("sources")).status_code == 403


def test_a_key_for_changes_does_not_read(ask):
    assert ask("users/", headers=key("writer")).status_code == 403
    assert ask("users/", "post", {"org_id": "33"}, headers=key("writer")).status_code == 201


def test_an_associate_may_do_everything(ask):
    associate = identities.of(type="Associate", user={"username": "someone"})

    assert ask("users/", headers=associate).status_code == 200
    assert ask("users/", "post", {"org_id": "33"}, headers=associate).status_code == 201


def test_an_associate_is_not_believed_where_the_header_is_not(ask, settings):
    settings.IDENTITY_HEADER_TRUSTED = False

    assert ask("users/", headers=identities.of(type="Associate")).status_code == 403


def test_the_root_lists_what_there_is(ask):
    listed = ask("").json()

    assert listed["users"] == "http://testserver/internal/api/cloudigrade/v1/users/"
    assert len(listed) == 19


@pytest.mark.parametrize("path", sorted(OPEN))
def test_the_probe_and_the_scrape_need_no_key(ask, path):
    assert ask(path, headers={}).status_code == 200
