"""Workers killed with SIGKILL while they look into an image, at every step of it: the same verdict, nothing left."""

import os
from collections.abc import Iterator

import pytest

from cloudigrade.clouds.aws.policy import Inspection as Way
from cloudigrade.models import Inspection
from tests import aws_server
from tests.aws_server import Aws
from tests.clouds.aws.inspecting import NOTHING
from tests.journeys import killing, looking
from tests.journeys.looking import RHEL, Looking
from tests.journeys.service import Service

STRIDE = int(os.environ.get("INSPECTION_KILLS_STRIDE", "25"))
"""Every so manieth step is one to die at; 1 in `make kills-inspections`."""
WAYS = {"direct": Way.DIRECT, "copy": Way.COPY}
LEASE = 1300
"""Seconds after which what a dead worker had claimed is another's."""


@pytest.fixture(scope="module")
def server() -> Iterator[Aws]:
    with aws_server.running() as aws:
        yield aws


@pytest.mark.enable_socket
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", WAYS)
def test_o16_a_worker_that_dies_at_any_step_of_a_look_leaves_it_to_another(server, monkeypatch, path):
    """O16, C30, C31, C32: what it had begun is due again after its lease; nothing is made twice, and nothing stays."""
    for name, value in looking.variables(path).items():
        monkeypatch.setenv(name, value)
    looking.settle_paths(monkeypatch, path)
    server.begin_anew(["aws"])
    service = Service(server, monkeypatch)
    looked = Looking(service, WAYS[path], RHEL)
    expected = [(day, 1, 1) for day in ("2026-03-03", "2026-03-04")]
    deaths, steps = 0, 1
    with killing.mortals(server, looking.variables(path)) as workers:
        while True:
            looked.forget()
            killed = _look(workers, looked, steps)
            assert looked.row().state == "inspected", (steps, looked.row().reason)
            assert (looked.days(), looked.remains()) == (expected, NOTHING), steps
            if not killed:
                break
            deaths, steps = deaths + 1, steps + STRIDE
    assert deaths >= {"direct": 2, "copy": 4}[path]


def _look(workers: killing.Mortals, looked: Looking, steps: int) -> bool:
    """The image is looked into by workers of whom the first has so many steps to live; whether they were too few."""
    left, is_killed = steps, False
    for _ in range(60):
        answer = workers.live(left, "look", looked.service.second)
        assert answer in ("died", "done")
        is_killed |= answer == "died"
        looked.run_machines()
        killing.time_out(looked.aws)
        looked.service.second += LEASE if answer == "died" else 120
        left = 0 if is_killed else left
        row = Inspection.objects.first()
        if row is not None and row.due_at is None:
            return is_killed
    raise AssertionError("it takes no end")
