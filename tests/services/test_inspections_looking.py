"""The real inspector, in its sandbox, behind the fake cloud: its limits and failures are ours."""

import json

import pytest

from cloudigrade.clouds.protocol import CustomerProblem, Unavailable
from cloudigrade.inspector import sandbox
from cloudigrade.services import inspections_looking
from tests.builders import ACCOUNT, IMAGE
from tests.services.inspected import Bench


@pytest.fixture
def bench(monkeypatch, settings, stored):
    real = inspections_looking.look_into
    bench = Bench(monkeypatch, settings)
    monkeypatch.setattr(inspections_looking, "look_into", real)
    bench.cloud.add(ACCOUNT, "word")
    bench.connect()
    bench.boot(stored)
    return bench


def test_c28_a_disk_of_garbage_is_inconclusive_with_what_was_read(bench):
    """C28: nothing could be read, and that is what is said."""
    bench.settle()

    state, reason = bench.told()
    assert state == "error"
    assert reason.startswith("inconclusive: ")
    content = json.loads(bench.findings())
    assert content["verdict"]["verdict"] == "inconclusive"
    assert list(content["drives"]) == [f"/dev/sda (snap-{IMAGE})"]
    assert bench.row().requests > 0


@pytest.mark.parametrize("method", ["page", "get"])
@pytest.mark.parametrize(
    ("failure", "state"), [(Unavailable("slow down"), "pending"), (CustomerProblem("kms:Decrypt denied"), "error")]
)
def test_what_the_cloud_refuses_midway_is_no_verdict(bench, method, failure, state):
    bench.cloud.fail(method, failure)

    bench.settle()

    assert bench.told() == (state, str(failure))
    assert bench.findings() == ""
    assert bench.row().attempts == 0


def test_trouble_of_this_machine_is_no_verdict_either(bench, monkeypatch):
    def fail(*_, **__):
        raise sandbox.Failed("no child")

    monkeypatch.setattr(sandbox, "inspect", fail)

    bench.settle()

    assert bench.told() == ("pending", "the inspection could not be started: no child")


def test_blocks_beyond_the_budget_leave_it_open(bench):
    bench.configure(blocks=1, cost=1)

    bench.settle()

    assert bench.told()[0] == "error"
    assert bench.row().bytes_read <= 512 * 1024
