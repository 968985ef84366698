"""Thousands of made-up requests: none fails inside us, and none is answered otherwise than the documents say (O13).

Here are a few of them; `make test-schema` asks many more.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core import signals
from django.db import close_old_connections

from cloudigrade.api import documents
from cloudigrade.api.internal import bodies
from cloudigrade.api.v2 import concurrent
from cloudigrade.api.v3 import accounts, usage
from cloudigrade.models import CloudAccount, ConcurrentUsage, Image, Instance, InstanceEvent, Run
from cloudigrade.redhat.psks import Psk
from cloudigrade.services import sources
from tests import fake_cloud
from tests.api.internal.world import MINE, SCOPES, World
from tests.builders import AS_OF
from tests.schemas import asking

pytestmark = pytest.mark.django_db

WORD = "the-customers-own-word"


class QuietSources:
    """Sources knows nothing of what is asked about."""

    def __getattr__(self, _: str) -> Any:
        return lambda *_: None

    def application_authentications(self, *_: object) -> list[object]:
        return []


@pytest.fixture(autouse=True)
def _ready(settings, monkeypatch) -> None:
    settings.IDENTITY_HEADER_TRUSTED = True
    settings.CLOUDIGRADE_PSKS = {name: Psk(f"key-of-{name}", frozenset(scopes)) for name, scopes in SCOPES.items()}
    settings.RATE_LIMIT_CUSTOMER = settings.RATE_LIMIT_PSK = "none"
    settings.ENABLE_SYNTHETIC_DATA_REQUEST_HTTP_API = True
    for module in (bodies, accounts, usage):
        monkeypatch.setattr(module, "now", lambda: AS_OF)
    monkeypatch.setattr(concurrent, "today", AS_OF.date)
    monkeypatch.setattr("cloudigrade.tasks.accounts.connect_accounts.delay", lambda: None)
    monkeypatch.setattr(sources, "client", QuietSources)
    fake_cloud.installed(monkeypatch).add(MINE, WORD, role="metering")


@pytest.fixture(autouse=True)
def _one_connection() -> Iterator[None]:
    """Requests leave the test's own open."""
    for each in (signals.request_started, signals.request_finished):
        each.disconnect(close_old_connections)
    yield
    for each in (signals.request_started, signals.request_finished):
        each.connect(close_old_connections)


@pytest.fixture
def ids() -> list[int]:
    """Of all kinds and both customers."""
    world = World()
    CloudAccount.objects.filter(is_enabled=True).update(external_id=WORD)
    tables = (CloudAccount, Instance, Image, InstanceEvent, Run, ConcurrentUsage)
    found = {pk for table in tables for pk in table._default_manager.values_list("pk", flat=True)[:20]}
    return sorted(found | {world.customer, world.neighbour})


OPERATIONS = [(name, each) for name in documents.DOCUMENTS for each in asking.operations(name)]


@pytest.mark.parametrize(("name", "operation"), [pytest.param(*each, id=each[1].label) for each in OPERATIONS])
def test_o13_whatever_is_asked_is_answered_as_documented(ids, name, operation):
    assert asking.asked(operation, name, ids) >= asking.CASES // 2


@pytest.mark.parametrize("name", documents.DOCUMENTS)
def test_o13_so_are_requests_that_go_on_with_what_was_answered(ids, name):
    assert asking.told(name) > asking.CASES
