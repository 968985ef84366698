from collections.abc import Callable

import pytest

from tests.services.stored import Stored


@pytest.fixture
def stored(db) -> Stored:
    """A customer whose one account is metered since Monday."""
    return Stored()


@pytest.fixture
def make_stored(db) -> Callable[..., Stored]:
    """More customers."""
    return Stored
