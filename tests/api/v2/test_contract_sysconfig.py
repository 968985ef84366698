import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from cloudigrade.api.v2 import remembered, sysconfig
from cloudigrade.clouds.cloud import Instructions
from cloudigrade.clouds.protocol import NotSetUp, Unavailable
from cloudigrade.services import clouds
from tests.api import identities
from tests.api.conftest import PSK
from tests.api.v2.world import BASE
from tests.fake_cloud import FakeCloud

pytestmark = pytest.mark.django_db

SYSCONFIG = f"{BASE}/sysconfig/"
SILENT = {"detail": "AWS does not answer just now, try again later."}


@pytest.fixture(autouse=True)
def cloud(monkeypatch) -> Iterator[FakeCloud]:
    made = FakeCloud()
    monkeypatch.setattr(clouds, "get", {"aws": made}.__getitem__)
    sysconfig.instructions.forget()
    yield made
    sysconfig.instructions.forget()


def test_the_whole_answer(ask, customer, settings):
    settings.VERSION = "2.3.4"
    told = FakeCloud().instructions(external_id="")

    assert ask(SYSCONFIG).json() == {
        "aws_account_id": told.principal,
        "aws_policies": {"traditional_inspection": told.policy},
        "azure_offer_template_path": None,
        "version": "2.3.4",
    }


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (identities.of(org_id="11"), 200),
        (identities.of(org_id="unknown"), 200),
        ({"X-RH-CLOUDIGRADE-PSK": PSK, "X-RH-CLOUDIGRADE-ORG-ID": "unknown"}, 200),
        ({}, 403),
        (identities.of(), 403),
        ({"X-RH-CLOUDIGRADE-PSK": "wrong", "X-RH-CLOUDIGRADE-ORG-ID": "11"}, 403),
    ],
)
def test_who_asks_must_be_somebody_but_need_not_be_known(ask, customer, headers, status):
    assert ask(SYSCONFIG, headers=headers).status_code == status


def test_aws_is_not_asked_for_every_answer(ask, customer, cloud, monkeypatch):
    asked: list[dict[str, Any]] = []

    def instructions(**given: Any) -> Instructions:
        asked.append(given)
        return FakeCloud().instructions(**given)

    monkeypatch.setattr(cloud, "instructions", instructions)

    for _ in range(3):
        assert ask(SYSCONFIG).status_code == 200

    assert asked == [{"external_id": ""}]


@pytest.mark.parametrize("fault", [Unavailable("down"), NotSetUp("no credentials"), RuntimeError("bug")])
def test_while_aws_never_answered_it_is_said_when_to_try_again(ask, customer, cloud, monkeypatch, fault, caplog):
    def instructions(**_: str) -> None:
        raise fault

    monkeypatch.setattr(cloud, "instructions", instructions)

    response = ask(SYSCONFIG)

    assert (response.status_code, response.json()) == (503, SILENT)
    assert response.headers["Retry-After"] == "30"
    assert [record.levelno for record in caplog.records if record.name == remembered.__name__] == [logging.WARNING]


def test_aws_that_hangs_holds_no_request_up(ask, customer, cloud, monkeypatch):
    released = threading.Event()
    monkeypatch.setattr(remembered, "PATIENCE", 0.05)
    monkeypatch.setattr(
        cloud, "instructions", lambda **_: released.wait(20) and FakeCloud().instructions(external_id="")
    )

    first, second = ask(SYSCONFIG), ask(SYSCONFIG)
    released.set()

    assert (first.status_code, second.status_code) == (503, 503)
