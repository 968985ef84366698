import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from cloudigrade.api.v3 import accounts, usage
from tests import fake_cloud
from tests.api import identities
from tests.api.v3.metered import meter
from tests.builders import AS_OF
from tests.fake_cloud import FakeCloud
from tests.services.stored import Stored

BASE = "/api/cloudigrade/v3/"

Asked = Callable[..., Any]


class Asking:
    """Requests as one organisation, at a time that can be set."""

    def __init__(self, client: Any, org_id: str = "11") -> None:
        self._client = client
        self.headers = identities.of(org_id=org_id)

    def get(self, path: str, *, headers: dict[str, str] | None = None, **query: Any) -> Any:
        return self._client.get(BASE + path, query, headers=self.headers | (headers or {}))

    def post(self, path: str, content: object = None) -> Any:
        body = b"" if content is None else json.dumps(content)
        return self._client.post(BASE + path, body, content_type="application/json", headers=self.headers)

    def delete(self, path: str) -> Any:
        return self._client.delete(BASE + path, headers=self.headers)


@pytest.fixture
def asking(client) -> Asking:
    return Asking(client)


@pytest.fixture
def other(client) -> Asking:
    """Another customer."""
    return Asking(client, "22")


@pytest.fixture
def stored(db) -> Stored:
    """A customer whose one account is metered since Monday."""
    return Stored()


@pytest.fixture
def metered(stored) -> Stored:
    return meter(stored)


@pytest.fixture
def at(monkeypatch) -> Callable[[datetime], None]:
    """Requests are answered at that time from now on."""

    def at(moment: datetime) -> None:
        for module in (accounts, usage):
            monkeypatch.setattr(module, "now", lambda: moment)

    return at


@pytest.fixture(autouse=True)
def _time(at) -> None:
    at(AS_OF)


@pytest.fixture(autouse=True)
def nudges(monkeypatch) -> list[str]:
    """Whoever brings about what is wished for was told so often."""
    told: list[str] = []
    monkeypatch.setattr("cloudigrade.tasks.accounts.connect_accounts.delay", lambda: told.append("connect"))
    return told


@pytest.fixture
def cloud(monkeypatch, db) -> FakeCloud:
    return fake_cloud.installed(monkeypatch)


def problem(response: Any) -> tuple[int, str, Any]:
    """Status, kind and errors of a problem document, which has all that it must have."""
    assert response.headers["Content-Type"] == "application/problem+json"
    document = response.json()
    assert document["status"] == response.status_code
    assert document["instance"] == f"urn:uuid:{response.headers['X-CLOUDIGRADE-REQUEST-ID']}"
    assert document["title"]
    return response.status_code, document["type"].removeprefix("urn:cloudigrade:problem:"), document.get("errors")
