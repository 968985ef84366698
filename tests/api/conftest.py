from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from cloudigrade.api import requesters
from cloudigrade.api.v2 import concurrent
from cloudigrade.models import ConcurrentUsage, Customer
from cloudigrade.redhat.psks import Psk
from tests.api import identities

CONCURRENT = "/api/cloudigrade/v2/concurrent/"
TODAY = date(2026, 3, 10)
PSK = "the-key-of-swatch"

Ask = Callable[..., HttpResponse]


@pytest.fixture(autouse=True)
def _known_world(settings, monkeypatch):
    settings.IDENTITY_HEADER_TRUSTED = True
    settings.CLOUDIGRADE_PSKS = {"rhsm": Psk("the-key-of-rhsm"), "swatch": Psk(PSK)}
    settings.RATE_LIMIT_CUSTOMER = settings.RATE_LIMIT_PSK = "none"
    monkeypatch.setattr(concurrent, "today", lambda: TODAY)
    monkeypatch.setattr(requesters, "MOMENT", 0.0)  # what is counted does not depend on when it is asked


@pytest.fixture
def customer(db) -> Customer:
    return Customer.objects.create(
        org_id="11", account_number="0011", created_at=datetime(2026, 1, 1, 23, 59, 59, tzinfo=UTC)
    )


@pytest.fixture
def neighbour(db) -> Customer:
    return Customer.objects.create(org_id="22", account_number="0022", created_at=datetime(2026, 1, 1, tzinfo=UTC))


@pytest.fixture
def ask(client: Client) -> Ask:
    """A GET of a path as org 11, with these query parameters."""

    def ask(path: str = CONCURRENT, headers: dict[str, str] | None = None, **query: Any) -> HttpResponse:
        sent = identities.of(org_id="11") if headers is None else headers
        return client.get(path, query, headers=sent)  # type: ignore[return-value]  # the test client's own class

    return ask


def counts_text(instances: int, arch: str = "x86_64") -> str:
    """A stored answer with one category."""
    return (
        f'[{{"arch":"{arch}","role":"_ANY","sla":"","usage":"Production","service_type":"_ANY",'
        f'"instances_count":{instances}}}]'
    )


def store_usage(customer: Customer, first: date, *texts: str) -> None:
    """The texts as the answers of consecutive days."""
    ConcurrentUsage.objects.bulk_create(
        ConcurrentUsage(
            customer=customer,
            day=first + timedelta(days=number),
            maximum_counts=text,
            totals={},
            computed_at=datetime(2026, 3, 10, tzinfo=UTC),
        )
        for number, text in enumerate(texts)
    )
