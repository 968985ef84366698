from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_django import DjangoDbBlocker

from cloudigrade.models import CloudAccount
from cloudigrade.services import accounts, external_ids
from tests import fake_cloud, running
from tests.builders import ACCOUNT, AS_OF, REGION, described, red_hat_image
from tests.management.operating import Operator
from tests.management.shell import Shell
from tests.running import Answer

Meter = Callable[..., Answer]


@pytest.fixture
def meter(capsys: pytest.CaptureFixture[str], django_db_blocker: DjangoDbBlocker) -> Meter:
    """`cloudigrade meter` over a trail, for the one day of `tests.management.trails` unless told otherwise."""

    def meter(trail: Path | str, *arguments: object, first: str = "2026-03-02", end: str = "2026-03-03") -> Answer:
        given = ("--trail", trail, "--from", first, "--to", end, *arguments)
        return running.command("meter", *given, blocker=django_db_blocker, said=capsys)

    return meter


@pytest.fixture
def cloud(monkeypatch, db):
    """A fake cloud."""
    return fake_cloud.installed(monkeypatch)


@pytest.fixture
def operator(monkeypatch, capsys):
    """Runs any command."""
    return Operator(monkeypatch, capsys)


@pytest.fixture
def shell(cloud, capsys, monkeypatch):
    """Runs `cloudigrade accounts`."""
    return Shell(capsys, monkeypatch)


@pytest.fixture
def external_id(cloud):
    """Of the operator's accounts."""
    customer_id = accounts.ensure_customer(org_id="local", now=AS_OF)
    return external_ids.for_customer(customer_id=customer_id, now=AS_OF)


@pytest.fixture
def arn(cloud, external_id):
    """Of a role in an account with one instance that runs."""
    account = cloud.add(ACCOUNT, external_id, instances={REGION: [described("i-1", 2)], "us-east-1": []})
    account.images[REGION, "ami-1"] = red_hat_image()._replace(region=REGION)
    return account.arn


@pytest.fixture
def added(shell, arn):
    """The operator's account is connected."""
    shell.run("add", "--arn", arn)
    return CloudAccount.objects.get(native_id=ACCOUNT)
