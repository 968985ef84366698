"""Workers killed with SIGKILL at random steps of ingest: nothing is lost, nothing counts twice."""

from collections.abc import Iterator

import pytest

from cloudigrade.clouds import registry
from cloudigrade.clouds.aws import queues
from cloudigrade.clouds.aws.config import Section
from cloudigrade.services import clouds
from tests import aws_server
from tests.aws_server import Aws
from tests.journeys import killing

KILLS, SEED = 8, 20260303
"""`python -m benchmarks.kills` kills two hundred."""


@pytest.fixture
def aws(monkeypatch) -> Iterator[Aws]:
    with aws_server.running() as aws:
        for name, value in aws.variables.items():
            monkeypatch.setenv(name, value)
        cloud = registry.build("aws", Section(), environment="test")
        monkeypatch.setattr(clouds, "get", lambda _: cloud)
        monkeypatch.setattr(queues, "WAIT", 0)
        yield aws


@pytest.mark.enable_socket
@pytest.mark.django_db(transaction=True)
def test_o2_workers_killed_at_random_steps_lose_nothing_and_count_nothing_twice(aws):
    """O2: a message is acknowledged after its commit, and all of it is safe to repeat."""
    given = killing.files()
    killing.connect(aws)
    expected = killing.undisturbed(aws, given)
    killing.forget()

    tally = killing.disturbed(aws, given, kills=KILLS, seed=SEED)

    assert tally.deaths == KILLS
    assert killing.everything() == expected
    assert len(expected["files"]) == len(given)
    assert (expected["quarantine"], expected["dirty"]) == ([], [])
    assert len(expected["events"]) > 30
