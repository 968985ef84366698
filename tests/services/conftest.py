from collections.abc import Callable

import pytest

from tests.builders import ACCOUNT
from tests.services.inspected import OTHER, Bench
from tests.services.stored import Stored


@pytest.fixture
def stored(db) -> Stored:
    """A customer whose one account is metered since Monday."""
    return Stored()


@pytest.fixture
def make_stored(db) -> Callable[..., Stored]:
    """More customers."""
    return Stored


@pytest.fixture
def bench(monkeypatch, settings) -> Bench:
    """The fake cloud's images, an inspector, and a clock."""
    return Bench(monkeypatch, settings)


@pytest.fixture
def customer(stored: Stored, bench: Bench) -> Stored:
    """Its account lets us in, and an instance of an image that may hold anything runs there."""
    bench.cloud.add(ACCOUNT, "word")
    bench.connect()
    bench.boot(stored)
    return stored


@pytest.fixture
def neighbour(make_stored: Callable[..., Stored], bench: Bench) -> Stored:
    """Another customer, whose account lets us in too."""
    neighbour: Stored = make_stored("22", [OTHER])
    bench.cloud.add(OTHER, "word")
    bench.connect(OTHER)
    return neighbour
