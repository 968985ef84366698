"""Details that somebody wrote into the store by hand: they cost their own account, and nobody else."""

import pytest

from cloudigrade.clouds.aws.cloud import build
from cloudigrade.clouds.aws.config import Section
from cloudigrade.clouds.cloud import NOTICES, Route
from cloudigrade.models import CloudAccount
from cloudigrade.services import clouds, feeds, onboarding, statuses
from cloudigrade.services.connecting import Result
from tests import fake_cloud
from tests.builders import ACCOUNT, AS_OF
from tests.fake_cloud import BUCKET
from tests.services.owners import Owner, connect
from tests.services.test_feeds import OTHER, PLACE, connected

OF_ANY_CLOUD = [
    [],
    ["left"],
    "left",
    5,
    {"left": None},
    {"left": "x"},
    {"left": []},
    {"bucket": BUCKET, "reader": {"a": 1}},
]
OF_AWS = [{"bucket": 5}, {"bucket": None}, {"left": {"bucket": 7}}]


@pytest.mark.parametrize("details", [*OF_ANY_CLOUD, *OF_AWS], ids=str)
def test_they_lead_nowhere_and_are_logged_once(db, caplog, details):
    owner = connected("22", OTHER)
    connected("11", details=details, wanted="disabled")
    router = feeds.router(build(Section(), environment="test"))
    places = [PLACE, (NOTICES, ACCOUNT), (BUCKET, OTHER)]

    assert [router(places) for _ in range(2)] == [{(BUCKET, OTHER): Route(owner)}] * 2

    malformed = CloudAccount.objects.get(native_id=ACCOUNT).pk
    (line,) = [entry.getMessage() for entry in caplog.records]
    assert line.startswith(f"account {malformed}: its details are malformed")


@pytest.mark.parametrize("details", [*OF_ANY_CLOUD, *OF_AWS], ids=str)
def test_statuses_survive_them(db, monkeypatch, details):
    cloud = build(Section(), environment="test")
    monkeypatch.setattr(clouds, "get", lambda _: cloud)
    connected(details=details)
    connected("22", OTHER)

    assert [(found.native_id, bool(found.trail)) for found in statuses.statuses()] == [(ACCOUNT, False), (OTHER, True)]


@pytest.mark.parametrize("details", OF_ANY_CLOUD, ids=str)
def test_connecting_and_disconnecting_make_them_whole(db, monkeypatch, details):
    account = Owner(fake_cloud.installed(monkeypatch)).connected()
    CloudAccount.objects.update(details=details)
    assert connect(account).result is Result.DONE
    assert CloudAccount.objects.get().details["bucket"] == BUCKET

    CloudAccount.objects.update(details=details)
    onboarding.disable(account_id=account, now=AS_OF)
    assert connect(account).result is Result.DONE
    assert CloudAccount.objects.get().details == {}


def test_log_files_whose_reader_is_gone_lead_nowhere_and_notices_do(db):
    """Nor are they read by our own identity, which the customer has let read nothing."""
    owner = connected(reader=OTHER)
    connected("22", OTHER)  # another customer's
    assert feeds.router(fake_cloud.FakeCloud())([PLACE, (NOTICES, ACCOUNT)]) == {(NOTICES, ACCOUNT): Route(owner)}
