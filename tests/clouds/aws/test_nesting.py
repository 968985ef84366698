"""Deeply nested JSON: decoders give up at some depth, each at its own, and none may take more along than its file."""

import json
from pathlib import Path

import pytest

from cloudigrade.clouds.aws import descriptions, reading, trail
from cloudigrade.clouds.aws.descriptions import MAX_NESTING, Document
from cloudigrade.clouds.protocol import Rejected
from tests.clouds.aws.records import launched, record, run_instances

DEPTHS = [*range(100, 900, 100), *range(900, 1010), 100_000]
PARTS = {
    Document.INSTANCES: '{{"Reservations": [{{"Instances": [{{"x": {}}}]}}]}}',
    Document.IMAGES: '{{"Images": [{{"x": {}}}]}}',
    Document.INSTANCE_TYPES: '{{"InstanceTypes": [{{"x": {}}}]}}',
    Document.INSPECTIONS: '{{"images": {{"ami-1": {{"x": {}}}}}}}',
}


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


def test_a_log_file_costs_at_most_itself_at_every_depth(tmp_path: Path):
    (tmp_path / "good.json").write_text(json.dumps({"Records": [run_instances(launched("i-good"))]}))
    deep = json.dumps({"Records": [run_instances(eventID="2", x="@"), record("RunInstances", eventTime=5)]})
    outcomes = set()
    for depth in DEPTHS:
        (tmp_path / "deep.json").write_text(deep.replace('"@"', nested(depth)))

        [batch] = reading.read_trail(trail.sources(str(tmp_path)))

        assert "i-good" in [activity.instance for activity in batch.instances]
        outcomes.add((len(batch.read_sources), sum(not item.content for item in batch.rejected)))
    assert outcomes == {(2, 0), (1, 1)}


@pytest.mark.parametrize("kind", PARTS)
def test_a_document_costs_at_most_itself_at_every_depth(tmp_path: Path, kind: Document):
    path = tmp_path / "document.json"
    for depth in DEPTHS:
        path.write_text(PARTS[kind].format(nested(depth)))

        batch = reading.read_documents([str(path)], kind)

        assert len(batch.rejected) == 1
        assert not batch.findings


def test_a_part_may_have_so_many_levels_and_no_more():
    def parsed(depth: int) -> list[object]:
        [document] = descriptions.documents(PARTS[Document.INSPECTIONS].format(nested(depth)).encode())
        return [*descriptions.parse(document, Document.INSPECTIONS, source="x")]

    around = 2  # the image and what is found on it
    assert not isinstance(parsed(MAX_NESTING - around)[0], Rejected)
    [refused] = parsed(MAX_NESTING - around + 1)
    assert isinstance(refused, Rejected)
    assert refused.reason == "has a part of more than 100 levels"
