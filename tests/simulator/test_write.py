import re
from datetime import date
from pathlib import Path

import pytest

from cloudigrade.simulator import faults, write
from cloudigrade.simulator.plan import Plan, Refused
from tests.simulator import trees
from tests.simulator.conftest import Simulate

_KEY = re.compile(
    r"trail/AWSLogs/(o-[a-z0-9]{10}/)?(?P<account>\d{12})/CloudTrail/(?P<region>[a-z0-9-]+)/\d{4}/\d\d/\d\d/"
    r"(?P=account)_CloudTrail_(?P=region)_\d{8}T\d{4}Z_[A-Za-z0-9]{16}\.json\.gz"
)


def test_same_seed_writes_the_same_bytes(simulate: Simulate, tmp_path: Path) -> None:
    write.fleet(tmp_path, Plan(until=date(2026, 2, 3), days=4, instances=44, faults=faults.ALL))

    assert trees.content(tmp_path) == trees.content(simulate(faults=faults.ALL))


def test_another_seed_writes_another_fleet(simulate: Simulate) -> None:
    one, other = trees.document(simulate(), "truth"), trees.document(simulate(seed=2), "truth")

    assert one["days"] != other["days"]
    assert not set(one["accounts"]) & set(other["accounts"])


def test_log_files_stand_where_cloudtrail_puts_them(simulate: Simulate) -> None:
    out = simulate()
    truth = trees.document(out, "truth")

    keys = [_KEY.fullmatch(str(path.relative_to(out))) for path in trees.log_paths(out)]

    assert None not in keys
    assert {key["account"] for key in keys if key} == set(truth["accounts"])
    assert [account for account in truth["accounts"] if account.startswith("0")]


def test_every_second_customer_has_an_organization_trail(simulate: Simulate) -> None:
    out = simulate(customers=4, instances=5)
    own = {path.parts[-8:-6] for path in trees.log_paths(out)}

    for index, customer in enumerate(trees.document(out, "truth")["customers"]):
        for account in customer["accounts"]:
            folders = [parent for parent, found in own if found == account]
            assert len(folders) == 1
            assert folders[0].startswith("o-") is (index % 2 == 1)


def test_other_objects_share_the_bucket(simulate: Simulate) -> None:
    names = [path.name for path in (simulate() / "trail").rglob("*") if path.is_file()]

    assert any("_CloudTrail-Digest_" in name for name in names)
    assert any("_elasticloadbalancing_" in name for name in names)


def test_every_record_tells_its_recipient_and_its_time(simulate: Simulate) -> None:
    out = simulate()

    for path in trees.log_paths(out):
        account, region = path.name.split("_")[0], path.name.split("_")[2]
        for record in trees.log_records(path):
            assert (record["recipientAccountId"], record["awsRegion"]) == (account, region)
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", record["eventTime"])


def test_most_records_matter_to_nobody_and_some_callers_are_strangers(simulate: Simulate) -> None:
    made = trees.all_records(simulate())
    callers = {(record["userIdentity"]["accountId"], record["recipientAccountId"]) for record in made}
    others = [
        record for record in made if record["eventSource"] not in ("ec2.amazonaws.com", "autoscaling.amazonaws.com")
    ]

    assert len(others) > len(made) * 0.7
    assert any(caller != recipient for caller, recipient in callers)
    assert len({record["eventID"] for record in made}) == len(made)


def test_records_go_on_until_every_day_is_complete(simulate: Simulate) -> None:
    out = simulate()
    truth = trees.document(out, "truth")
    newest: dict[tuple[str, str], str] = {}
    for record in trees.all_records(out):
        place = record["recipientAccountId"], record["awsRegion"]
        newest[place] = max(newest.get(place, ""), record["eventTime"])

    assert all("2026-02-03T00:15:00Z" <= time < "2026-02-03T00:20:00Z" for time in newest.values())
    assert all(day["complete"] for day in truth["days"])


def test_an_addendum_corrects_the_type_of_an_original(simulate: Simulate) -> None:
    made = trees.all_records(simulate())
    originals = {record["eventID"]: record for record in made}
    addenda = [record for record in made if "addendum" in record]

    assert addenda
    for record in addenda:
        original = originals[record["addendum"]["originalEventID"]]
        assert record["addendum"]["reason"] == "UPDATED_DATA"
        assert original["requestID"] == record["addendum"]["originalRequestID"]
        pairs = zip(_launched(original), _launched(record), strict=True)
        assert all(wrong["instanceType"] != right["instanceType"] for wrong, right in pairs)


def _launched(record: trees.Json) -> list[trees.Json]:
    return list(record["responseElements"]["instancesSet"]["items"])


def test_truth_has_its_documented_form(simulate: Simulate) -> None:
    truth = trees.document(simulate(), "truth")
    day = truth["days"][0]
    measures = {"instances_peak", "vcpu_peak", "memory_mib_peak", "instance_seconds", "vcpu_seconds"}

    assert list(truth) == ["seed", "from", "to", "accounts", "days", "instances", "customers"]
    assert (truth["seed"], truth["from"], truth["to"]) == (1, "2026-01-30", "2026-02-03")
    assert [day["date"] for day in truth["days"]] == ["2026-01-30", "2026-01-31", "2026-02-01", "2026-02-02"]
    assert list(day) == ["date", "complete", "maximum_counts", "rhel", "all"]
    assert list(day["rhel"]) == ["customer", "cloud", "unknown", "all"]
    assert all(set(figures) == measures for figures in [day["all"], *day["rhel"].values()])
    assert set(truth["instances"]) == {"rhel", "not_rhel", "undetermined"}
    assert truth["accounts"] == sorted(a for customer in truth["customers"] for a in customer["accounts"])
    assert all(truth["instances"].values())


def test_one_instance_of_one_customer_on_one_day_is_enough(simulate: Simulate) -> None:
    out = simulate(customers=1, instances=1, days=1, faults=faults.ALL)

    assert len(trees.document(out, "truth")["days"]) == 1
    assert trees.log_paths(out)


def test_progress_reaches_its_end(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []

    def note(done: int, total: int) -> None:
        told.append((done, total))

    write.fleet(tmp_path, Plan(until=date(2026, 2, 3), days=1, instances=1), on_progress=note)

    assert [done for done, _ in told] == list(range(len(told)))
    assert {total for _, total in told} == {len(told) - 1}


def test_a_folder_in_use_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("keep")

    with pytest.raises(Refused, match="is not empty"):
        write.fleet(tmp_path, Plan(until=date(2026, 2, 3)))
    with pytest.raises(Refused, match="is not a folder"):
        write.fleet(tmp_path / "mine", Plan(until=date(2026, 2, 3)))

    assert trees.content(tmp_path) == {"mine": b"keep"}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"days": 0}, "days must be from 1 to 3660, not 0"),
        ({"customers": -1}, "customers must be from 1 to 1000, not -1"),
        ({"instances": 0}, "instances must be from 1 to 1000000, not 0"),
        ({"until": date(1980, 1, 15)}, "the days must lie between"),
        ({"until": date(9999, 12, 31)}, "the days must lie between"),
    ],
)
def test_a_plan_that_cannot_be_carried_out_is_refused(changes: trees.Json, reason: str) -> None:
    sound: trees.Json = {"until": date(2026, 2, 3)}

    with pytest.raises(Refused, match=reason):
        Plan(**(sound | changes))
