from collections import Counter

import pytest

from cloudigrade.simulator import faults
from tests.simulator import trees
from tests.simulator.conftest import Simulate


@pytest.mark.parametrize("fault", [*sorted(faults.ALL), "all"])
def test_no_fault_changes_the_truth(simulate: Simulate, fault: str) -> None:
    sound = trees.document(simulate(), "truth")
    faulty = trees.document(simulate(faults=faults.parse(fault)), "truth")

    assert trees.without_complete(faulty) == trees.without_complete(sound)


@pytest.mark.parametrize("fault", ["duplicates", "shuffled", "late"])
def test_what_comes_late_or_twice_still_comes(simulate: Simulate, fault: str) -> None:
    sound, faulty = simulate(), simulate(faults=faults.parse(fault))
    wanted = {record["eventID"]: record for record in trees.all_records(sound)}

    assert {record["eventID"]: record for record in trees.all_records(faulty)} == wanted
    assert all(day["complete"] for day in trees.document(faulty, "truth")["days"])


def test_duplicates_repeat_records_and_whole_files(simulate: Simulate) -> None:
    out = simulate(faults=frozenset({"duplicates"}))
    contents = Counter(path.read_bytes() for path in trees.log_paths(out))
    ids = Counter(record["eventID"] for record in trees.all_records(out))
    files_of: dict[str, set[str]] = {}
    for path in trees.log_paths(out):
        for record in trees.log_records(path):
            files_of.setdefault(record["eventID"], set()).add(path.name)

    assert max(contents.values()) > 1
    assert max(ids.values()) > 1
    assert any(len(names) > 1 for names in files_of.values())


def test_late_records_come_hours_or_days_later(simulate: Simulate) -> None:
    def latest(out_faults: frozenset[str]) -> int:
        found = 0
        for path in trees.log_paths(simulate(faults=out_faults)):
            written = path.name.split("_")[3]
            for record in trees.log_records(path):
                if "addendum" not in record:
                    found = max(
                        found, _minute(written) - _minute(record["eventTime"].replace("-", "").replace(":", ""))
                    )
        return found

    assert latest(frozenset()) <= 5
    assert 24 * 60 < latest(frozenset({"late"})) <= 48 * 60 + 5


def _minute(text: str) -> int:
    """Minutes since the year's beginning, as if every month had 31 days."""
    month, day, hour, minute = (int(text[i : i + 2]) for i in (4, 6, 9, 11))
    return ((month - 1) * 31 + day) * 1_440 + hour * 60 + minute


def test_shuffled_files_hold_records_of_other_times(simulate: Simulate) -> None:
    out = simulate(faults=frozenset({"shuffled"}))
    is_late = [
        record["eventTime"][:10].replace("-", "") > path.name.split("_")[3][:8]
        for path in trees.log_paths(out)
        for record in trees.log_records(path)
    ]

    assert sum(is_late) > len(is_late) / 10


def test_truncated_launches_are_told_by_their_descriptions(simulate: Simulate) -> None:
    sound = {record["eventID"]: record for record in trees.all_records(simulate())}
    out = simulate(faults=frozenset({"truncated"}))
    known = {instance["InstanceId"]: instance for instance in trees.described(out)}
    cut = [record for record in trees.all_records(out) if (record["responseElements"] or {}).get("omitted")]

    assert cut
    assert any((record["requestParameters"] or {}).get("omitted") for record in cut)
    for record in cut:
        whole = sound[record["eventID"]]
        assert record["eventName"] == "RunInstances"
        for item in whole["responseElements"]["instancesSet"]["items"]:
            instance = known[item["instanceId"]]
            assert instance["LaunchTime"] == record["eventTime"].replace("Z", "+00:00")
            assert (instance["InstanceType"], instance["ImageId"]) == (item["instanceType"], item["imageId"])
            assert instance["State"]["Name"] == "running" or " GMT)" in instance["StateTransitionReason"]


def test_a_truncated_record_leaves_its_customer_incomplete(simulate: Simulate) -> None:
    out = simulate(faults=frozenset({"truncated"}))
    cut = [record for record in trees.all_records(out) if (record["responseElements"] or {}).get("omitted")]
    accounts = {record["recipientAccountId"] for record in cut}
    truth = trees.document(out, "truth")

    for customer in truth["customers"]:
        is_complete = not accounts & set(customer["accounts"])
        assert [day["complete"] for day in customer["days"]] == [is_complete] * 4
    assert [day["complete"] for day in truth["days"]] == [False] * 4


def test_garbage_is_added_and_replaces_nothing(simulate: Simulate) -> None:
    sound, faulty = simulate(), simulate(faults=frozenset({"garbage"}))
    before, after = trees.content(sound), trees.content(faulty)
    added = {name for name in after if name not in before}
    bad = [record for record in trees.all_records(faulty) if "eventTime" not in record]
    truth = trees.document(faulty, "truth")

    assert {name for name in before if name.startswith("trail/")} <= set(after)
    assert all(after[name] == content for name, content in before.items() if name != "truth.json")
    assert len(added) == 5
    assert [record["eventName"] for record in bad] == ["StopInstances"]
    assert [customer["days"][0]["complete"] for customer in truth["customers"]] == [False, True]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("none", frozenset()),
        ("all", faults.ALL),
        ("late", {"late"}),
        ("late, garbage,late", {"late", "garbage"}),
    ],
)
def test_faults_are_named_in_a_list(text: str, expected: frozenset[str]) -> None:
    assert faults.parse(text) == expected


@pytest.mark.parametrize("text", ["", "lat", "late,", "all,late", "none,late"])
def test_an_unknown_fault_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="unknown fault"):
        faults.parse(text)
