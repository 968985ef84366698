"""Tests that talk to Kafka are found by `make test-kafka`."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CALL = "kafka_broker." + "running()"
USERS = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / "tests").rglob("test_*.py")
    if CALL in path.read_text(encoding="utf-8")
)


def test_there_are_some():
    assert "tests/test_listener.py" in USERS


@pytest.mark.parametrize("path", USERS)
def test_whoever_starts_a_kafka_has_the_mark(path):
    assert "pytest.mark.kafka" in (ROOT / path).read_text(encoding="utf-8")
