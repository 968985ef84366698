"""What log files and descriptions tell, read naively, is the truth; and the simulator leans on nothing it checks."""

import ast
import sys
from collections import defaultdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

import cloudigrade.simulator
from tests.simulator import trees
from tests.simulator.conftest import Simulate

_DAY = 86_400
_ON = {("RunInstances", ""), ("StartInstances", "stopped")}
_OFF = {
    ("StopInstances", "running"),
    ("TerminateInstances", "running"),
    ("TerminateInstanceInAutoScalingGroup", ""),
    ("BidEvictedEvent", ""),
}


class _Fact(NamedTuple):
    at: int
    is_on: bool | None
    instance_type: str = ""


def _second(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def _opening(text: str) -> int:
    return int(datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC).timestamp())


def _facts(records: list[trees.Json]) -> dict[str, list[_Fact]]:
    told: dict[str, list[_Fact]] = defaultdict(list)
    for record in sorted(records, key=lambda record: str(record["eventTime"])):
        at, name = _second(record["eventTime"]), record["eventName"]
        request, response = record["requestParameters"] or {}, record["responseElements"] or {}
        if "errorCode" in record:
            continue
        for item in response.get("instancesSet", {}).get("items", []):
            step = name, item.get("previousState", {}).get("name", "")
            if step in _ON | _OFF:
                told[item["instanceId"]].append(_Fact(at, step in _ON, item.get("instanceType", "")))
        ids = record.get("serviceEventDetails", {}).get("instanceIdSet", [])
        for instance in ids or ([request["instanceId"]] if (name, "") in _OFF else []):
            told[instance].append(_Fact(at, is_on=False))
        if name == "ModifyInstanceAttribute" and "instanceType" in request:
            told[request["instanceId"]].append(_Fact(at, None, request["instanceType"]["value"]))
    return told


def _runs(facts: list[_Fact], described: trees.Json, window: tuple[int, int]) -> list[tuple[int, int, str]]:
    """Periods with their type; an undescribed instance tells its own launch."""
    runs, instance_type = [], str(described.get("InstanceType", ""))
    first = next((fact for fact in facts if fact.is_on is not None), None)
    since = window[0] if first is not None and not first.is_on else None
    if first is None:
        since = _second(described["LaunchTime"])
        if described["State"]["Name"] == "stopped":
            said = described["StateTransitionReason"].partition("(")[2].removesuffix(" GMT)")
            return [(since, _second(f"{said}+00:00"), instance_type)]
    for fact in facts:
        if fact.is_on and since is None:
            since = fact.at
        if fact.is_on is False and since is not None:
            runs.append((since, fact.at, instance_type))
            since = None
        instance_type = fact.instance_type or instance_type
    return runs if since is None else [*runs, (since, window[1], instance_type)]


@pytest.mark.parametrize("seed", [1, 2])
def test_records_and_descriptions_tell_the_truth(simulate: Simulate, seed: int) -> None:
    out = simulate(seed=seed)
    truth = trees.document(out, "truth")
    vcpus = {
        one["InstanceType"]: one["VCpuInfo"]["DefaultVCpus"]
        for one in trees.document(out, "instance-types")["InstanceTypes"]
    }
    records = trees.all_records(out)
    corrected = {record["addendum"]["originalEventID"] for record in records if "addendum" in record}
    facts = _facts([record for record in records if record["eventID"] not in corrected])
    described = {instance["InstanceId"]: instance for instance in trees.described(out)}
    window = _opening(truth["from"]), _opening(truth["to"])
    runs = [run for one in facts.keys() | described for run in _runs(facts[one], described.get(one, {}), window)]

    for day in truth["days"]:
        opening = _opening(day["date"])
        spans = [(max(0, min(end, opening + _DAY) - max(start, opening)), name) for start, end, name in runs]
        assert day["all"]["instance_seconds"] == sum(seconds for seconds, _ in spans)
        assert day["all"]["vcpu_seconds"] == sum(seconds * vcpus[name] for seconds, name in spans if seconds)


def test_the_simulator_shares_nothing_with_what_it_checks() -> None:
    allowed = sys.stdlib_module_names | {"numpy", "isal", "cryptography"}
    for path in Path(cloudigrade.simulator.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            strangers = [name for name in names if name.partition(".")[0] not in allowed]
            assert all(name.startswith("cloudigrade.simulator") for name in strangers), path
