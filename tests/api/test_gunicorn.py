import gc
from types import SimpleNamespace

import pytest
from gunicorn.config import Config
from gunicorn.http.errors import LimitRequestHeaders
from gunicorn.http.parser import RequestParser

from cloudigrade.config import gunicorn, wsgi
from cloudigrade.redhat.identity import LONGEST_HEADER


def _headers(size: int) -> dict[str, str]:
    """What the server, as set, makes of a request with an identity header of this size."""
    config = Config()
    for name in ("limit_request_line", "limit_request_field_size"):
        config.set(name, getattr(gunicorn, name))
    sent = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-RH-IDENTITY: " + b"e" * size + b"\r\n\r\n"
    return dict(next(RequestParser(config, iter([sent]), ("127.0.0.1", 1))).headers)


def test_the_longest_identity_header_gets_through():
    assert len(_headers(LONGEST_HEADER)["X-RH-IDENTITY"]) == LONGEST_HEADER


def test_a_header_much_longer_does_not():
    with pytest.raises(LimitRequestHeaders):
        _headers(LONGEST_HEADER + 2_000)


def test_every_setting_is_one_of_gunicorns():
    names = {name for name in vars(gunicorn) if not name.startswith("_") and name not in {"gc", "get_resolver"}}

    assert names <= set(Config().settings)
    assert "post_worker_init" in names


@pytest.mark.parametrize("urlconf", ["cloudigrade.config.urls", "cloudigrade.config.internal_urls"])
def test_a_worker_loads_the_paths_of_its_own_side(urlconf, monkeypatch):
    loaded = []

    def load(given):
        loaded.append(given)
        return SimpleNamespace(url_patterns=[])

    monkeypatch.setattr(gunicorn, "get_resolver", load)
    gc.unfreeze()
    try:
        gunicorn.post_worker_init(SimpleNamespace(wsgi=wsgi.Application(urlconf)))
    finally:
        gc.unfreeze()

    assert loaded == [urlconf]


def test_a_worker_starts_with_its_code_out_of_the_collectors_way():
    gc.unfreeze()
    try:
        gunicorn.post_worker_init(None)
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
