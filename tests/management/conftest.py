from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_django import DjangoDbBlocker

from tests import running
from tests.running import Answer

Meter = Callable[..., Answer]


@pytest.fixture
def meter(capsys: pytest.CaptureFixture[str], django_db_blocker: DjangoDbBlocker) -> Meter:
    """`cloudigrade meter` over a trail, for the one day of `tests.management.trails` unless told otherwise."""

    def meter(trail: Path | str, *arguments: object, first: str = "2026-03-02", end: str = "2026-03-03") -> Answer:
        given = ("--trail", trail, "--from", first, "--to", end, *arguments)
        return running.command("meter", *given, blocker=django_db_blocker, said=capsys)

    return meter
