"""Listeners and workers killed with SIGKILL at random steps: each event of Sources takes effect once and in order (O3),
and each word about availability arrives (O4).
"""

from collections.abc import Iterator

import pytest

from tests import kafka_broker
from tests.journeys import effects, judging, messaging
from tests.kafka_broker import Servers

KILLS, CUSTOMERS, SEED = 6, 3, 20260304
"""`python -m benchmarks.messages` kills as many as it is told."""


@pytest.fixture(scope="module")
def kafka() -> Iterator[Servers]:
    with kafka_broker.running() as servers:
        yield servers


@pytest.fixture
def _noted(transactional_db) -> Iterator[None]:
    effects.begin()
    yield
    effects.end()


@pytest.mark.kafka
@pytest.mark.enable_socket
@pytest.mark.usefixtures("_noted")
def test_o3_o4_whoever_dies_events_take_effect_once_and_in_order_and_words_arrive(kafka):
    """O3, O4: nothing is lost, nothing is doubled, nothing overtakes."""
    scene = messaging.played(kafka, customers=CUSTOMERS, kills=KILLS, seed=SEED)

    found = judging.judge(scene)

    assert scene.tally.deaths >= KILLS
    assert min(scene.tally.listeners_killed, scene.tally.workers_killed) > 0
    assert min(found.effects, found.words) > 10
    assert found.poison > 0
