"""Workers killed with SIGKILL while they look into an image, at every step of it: the same verdict, nothing left."""

import itertools
import os
from collections.abc import Iterator
from random import Random

import pytest

from cloudigrade.clouds.aws.policy import Inspection as Way
from cloudigrade.models import Inspection
from tests import aws_server
from tests.aws_server import Aws
from tests.clouds.aws.inspecting import NOTHING
from tests.journeys import killing, looking
from tests.journeys.looking import RHEL, Looking
from tests.journeys.service import Service

IS_WHOLE = bool(os.environ.get("KILL_AT_EVERY_STEP"))
"""Takes an hour; the suite tries a few steps."""
FEW = {"direct": 3, "copy": 4}
MOST_STEPS = 40
"""Of those that a few are drawn from; every work has as many but the shortest."""
LEASE, PAUSE = 1300, 120
"""Seconds after which what a dead worker had claimed is another's; and between two workers that do not die."""
WAYS = {"direct": Way.DIRECT, "copy": Way.COPY}


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
    looked = Looking(Service(server, monkeypatch), WAYS[path], RHEL)
    works, deaths, ended = settle(looked), 0, set()
    with killing.mortals(server, looking.variables(path)) as workers:
        for before, steps in _ends(path, works):
            if before in ended:  # its work has fewer steps
                continue
            looked.forget()
            is_killed = _kill(workers, looked, before, steps)
            deaths += is_killed
            ended |= set() if is_killed or not IS_WHOLE else {before}
            settle(looked)
            assert looked.row().state == "inspected", (before, steps, looked.row().reason)
            assert looked.days() == [(day, 1, 1) for day in ("2026-03-03", "2026-03-04")], (before, steps)
            assert looked.remains() == NOTHING, (before, steps)
    assert deaths >= FEW[path] - 1


def _ends(path: str, works: int) -> Iterator[tuple[int, int]]:
    """How many works end well before the deadly one, and how many steps that one has."""
    if IS_WHOLE:
        yield from itertools.product(range(works), range(1, 1000))
        return
    luck = Random(20260303)
    yield from ((luck.randrange(works), luck.randint(1, MOST_STEPS)) for _ in range(FEW[path]))


def _kill(workers: killing.Mortals, looked: Looking, before: int, steps: int) -> bool:
    """A worker has died at that step; or had fewer, and has done its work."""
    for _ in range(before):
        _work(looked)
    answer = workers.live(steps, "look", looked.service.second)
    assert answer in ("died", "done")
    looked.run_machines()
    killing.time_out(looked.aws)
    looked.service.second += LEASE if answer == "died" else PAUSE
    return answer == "died"


def _work(looked: Looking) -> None:
    looking.live(looked.service)
    looked.run_machines()
    looked.service.second += PAUSE


def settle(looked: Looking) -> int:
    """Nothing is due any more; after how many works."""
    for works in range(1, 60):
        _work(looked)
        row = Inspection.objects.first()
        if row is not None and row.due_at is None:
            return works
    raise AssertionError("it takes no end")
