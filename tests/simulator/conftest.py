from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from cloudigrade.simulator import write
from cloudigrade.simulator.plan import Plan

Simulate = Callable[..., Path]


@pytest.fixture(scope="session")
def simulate(tmp_path_factory: pytest.TempPathFactory) -> Simulate:
    """Folders by plan, each written once."""
    written: dict[Plan, Path] = {}

    def folder(**changes: Any) -> Path:
        usual: dict[str, Any] = {"until": date(2026, 2, 3), "days": 4, "instances": 44}
        plan = Plan(**(usual | changes))
        if plan not in written:
            written[plan] = tmp_path_factory.mktemp("simulated") / "out"
            write.fleet(written[plan], plan)
        return written[plan]

    return folder
