"""An instance of an image that nobody knows starts; a verdict arrives, and the days that are past change with it."""

from collections.abc import Iterator

import pytest

from cloudigrade.clouds.aws.policy import Inspection as Way
from tests import aws_server
from tests.aws_server import Aws
from tests.clouds.aws.inspecting import NOTHING
from tests.journeys import looking
from tests.journeys.looking import BLANK, DEBIAN, RHEL, Looking
from tests.journeys.service import Service

pytestmark = [pytest.mark.enable_socket, pytest.mark.django_db]

DAYS = ("2026-03-03", "2026-03-04")
WAYS = {"direct": Way.DIRECT, "copy": Way.COPY}


@pytest.fixture(scope="module")
def server() -> Iterator[Aws]:
    with aws_server.running() as aws:
        yield aws


@pytest.fixture(params=WAYS)
def path(request, monkeypatch) -> str:
    for name, value in looking.variables(request.param).items():
        monkeypatch.setenv(name, value)
    looking.settle_paths(monkeypatch, request.param)
    return str(request.param)


@pytest.fixture
def service(server, path, monkeypatch) -> Service:
    server.begin_anew(["aws"])
    return Service(server, monkeypatch)


def test_c1_a_verdict_that_comes_late_repairs_the_days_that_are_past(service, path):
    """C1, C35: whatever the way, on whichever of the disks the system lies; and nothing of ours stays anywhere."""
    looked = Looking(service, WAYS[path], BLANK, RHEL)
    assert looked.days() == [(day, 0, 1) for day in DAYS]

    looked.look()

    row = looked.row()
    assert (row.state, row.basis, row.attempts) == ("inspected", "disk", 1), row.reason
    assert looked.days() == [(day, 1, 1) for day in DAYS]
    assert looked.remains() == NOTHING


def test_c28_disks_that_tell_nothing_are_no_disks_without_rhel(service, path):
    """C28: what could not be told stays open, after as many attempts as there may be, and nothing of ours stays."""
    looked = Looking(service, WAYS[path], BLANK)

    looked.look()

    assert looked.row().state == "error"
    assert "inconclusive" in looked.row().reason
    assert looked.service.report(looked.customer, looking.FIRST_DAY, looking.FIRST_DAY)["instances"]["not_rhel"] == 0
    assert looked.remains() == NOTHING


def test_another_system_is_said_to_be_none_of_red_hats(service, path):
    looked = Looking(service, WAYS[path], DEBIAN)

    looked.look()

    assert (looked.row().state, looked.row().basis) == ("inspected", "disk")
    assert looked.days() == [(day, 0, 1) for day in DAYS]
    assert [verdict for verdict, _ in looking.outcome()["verdict"]] == ["not_rhel"]
    assert looked.remains() == NOTHING
