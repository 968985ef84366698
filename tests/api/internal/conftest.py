import json
from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from cloudigrade.api.internal import bodies
from cloudigrade.redhat.psks import Psk
from tests import fake_cloud
from tests.api.internal.world import BASE, SCOPES, World, key
from tests.builders import AS_OF
from tests.fake_cloud import FakeCloud

Ask = Callable[..., Any]


@pytest.fixture(autouse=True)
def _internal(settings, monkeypatch):
    settings.ROOT_URLCONF = "cloudigrade.config.internal_urls"
    settings.CLOUDIGRADE_PSKS = {name: Psk(f"key-of-{name}", frozenset(scopes)) for name, scopes in SCOPES.items()}
    settings.ENABLE_SYNTHETIC_DATA_REQUEST_HTTP_API = True
    monkeypatch.setattr(bodies, "now", lambda: AS_OF)


@pytest.fixture
def ask(client: Client) -> Ask:
    """The answer to a request as an operator, to a path below the base unless it begins with a slash."""

    def ask(
        path: str, method: str = "get", body: Any = None, headers: dict[str, str] | None = None, **query: Any
    ) -> HttpResponse:
        whole = path if path.startswith("/") else BASE + path
        sent = key() if headers is None else headers
        if method == "get":
            return client.get(whole, query, headers=sent)  # type: ignore[return-value]  # the test client's own class
        content = b"" if body is None else json.dumps(body).encode()
        return client.generic(method.upper(), whole, content, "application/json", headers=sent)  # type: ignore[return-value]  # likewise

    return ask


@pytest.fixture
def world(db) -> World:
    """Two customers with an instance each and what follows from them."""
    return World()


@pytest.fixture
def cloud(monkeypatch, db) -> FakeCloud:
    return fake_cloud.installed(monkeypatch)
