"""`cloudigrade meter`: what it reads, what it prints, and how it ends."""

import csv
import io
import json
import shutil
from pathlib import Path

import jsonschema
import pytest

from tests.management.trails import (
    ACCOUNT,
    IMAGES,
    INSTANCE_TYPES,
    launch,
    next_day,
    record,
    stop,
    write_json,
    write_log,
    write_object,
)

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "report.schema.json").read_text())
OTHER = "000000000043"


@pytest.fixture
def folder(tmp_path):
    """A trail with two hours of one instance."""
    write_log(tmp_path / "trail", launch("01:00"), stop("03:00"), next_day())
    return tmp_path / "trail"


@pytest.fixture
def explained(folder, tmp_path):
    """The options that say what image and type it had."""
    images = write_json(tmp_path / "images.json", IMAGES)
    types = write_json(tmp_path / "types.json", INSTANCE_TYPES)
    return ("--images", images, "--instance-types", types)


def test_the_report_alone_goes_to_standard_output(meter, folder, explained):
    answer = meter(folder, *explained, "--format", "json")

    assert (answer.status, answer.err) == (0, "")
    report = json.loads(answer.out)
    hours = {
        "instances_peak": 1,
        "vcpu_peak": 2,
        "memory_mib_peak": 8192,
        "instance_seconds": 7200,
        "vcpu_seconds": 14400,
    }
    (day,) = report["days"]
    assert (day["date"], day["complete"], day["all"], day["rhel"]["customer"]) == ("2026-03-02", True, hours, hours)
    assert len(day["maximum_counts"]) == 24
    assert report["accounts"] == [ACCOUNT]
    assert report["instances"] == {"rhel": 1, "not_rhel": 0, "undetermined": 0}
    assert report["records"] == {"read": 3, "relevant": 2, "duplicate": 0, "rejected": 0}
    assert report["files"] == {"read": 1, "rejected": 0}
    assert "images" not in report


def test_json_is_as_its_schema_says(meter, folder, explained):
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    broken = record("StopInstances", "05:00", requestParameters=None, responseElements=None)
    odd = launch("04:00", instance="i-2", image="ami-2") | {"eventID": "odd"}
    write_log(folder, odd, broken, record("StartInstances", "06:00", requestParameters={"instanceId": "i-1"}), name="2")
    restart = {"items": [{"instanceId": "i-2", "previousState": {"name": "stopped"}}]}
    write_log(folder, record("StartInstances", "09:00", responseElements={"instancesSet": restart}), name="3")

    for options in (explained, (*explained, "--explain"), ("--explain",)):
        answer = meter(folder, *options, "--format", "json")
        report = json.loads(answer.out)
        jsonschema.Draft202012Validator(SCHEMA).validate(report)
        assert ("images" in report) == ("--explain" in options)
        assert report["drift"] != []
        assert report["records"]["rejected"] == 1


def _with(report, **changes):
    return {**report, **changes}


def test_the_schema_is_exact(meter, folder, explained):
    report = json.loads(meter(folder, *explained, "--format", "json", "--explain").out)
    day, image = report["days"][0], report["images"][0]
    wrong = [
        _with(report, extra=1),
        {key: value for key, value in report.items() if key != "drift"},
        _with(report, days=[_with(day, extra=1)]),
        _with(report, days=[_with(day, all={**day["all"], "instances_peak": 1.5})]),
        _with(report, images=[{**image, "payer": "nobody"}]),
        _with(report, accounts=[42]),
    ]

    validator = jsonschema.Draft202012Validator(SCHEMA)
    assert validator.is_valid(report)
    assert [validator.is_valid(other) for other in wrong] == [False] * len(wrong)


def test_the_table_has_a_line_for_the_day_and_what_is_needed_to_trust_it(meter, folder, explained):
    answer = meter(folder, *explained)

    assert (answer.status, answer.err) == (0, "")
    (line,) = [
        line for line in answer.out.splitlines() if "2026-03-02" in line and "┃" not in line and "RHEL in" not in line
    ]
    assert [cell.strip() for cell in line.strip("│").split("│")] == [
        "2026-03-02", "1", "0", "0", "1", "2", "2.00", "4.00", "1", "yes",
    ]  # fmt: skip
    assert f"Accounts: {ACCOUNT}" in answer.out
    assert "Instances: 1 RHEL, 0 not RHEL, 0 undetermined" in answer.out
    assert "Records: 3 read, 2 relevant, 0 known already, 0 rejected. Files: 1 read, 0 rejected" in answer.out
    assert max(map(len, answer.out.splitlines())) <= 120


def test_csv_has_a_line_for_each_day_and_scope(meter, folder, explained):
    answer = meter(folder, *explained, "--format", "csv", end="2026-03-04")

    rows = list(csv.DictReader(io.StringIO(answer.out)))
    assert [(row["date"], row["scope"], row["instance_seconds"], row["complete"]) for row in rows] == [
        ("2026-03-02", "rhel_customer", "7200", "true"),
        ("2026-03-02", "rhel_cloud", "0", "true"),
        ("2026-03-02", "rhel_unknown", "0", "true"),
        ("2026-03-02", "rhel_all", "7200", "true"),
        ("2026-03-02", "all", "7200", "true"),
        *[("2026-03-03", scope, "0", "false") for scope in
          ("rhel_customer", "rhel_cloud", "rhel_unknown", "rhel_all", "all")],
    ]  # fmt: skip


def test_explain_adds_the_verdicts_with_their_reasons(meter, folder, explained):
    table = meter(folder, *explained, "--explain").out
    (image,) = json.loads(meter(folder, *explained, "--explain", "--format", "json").out)["images"]

    name = "RHEL-9.4.0_HVM-20240605-x86_64-82-Access2-GP3"
    assert f"Image ami-1 {name}, 1 instance(s): RHEL 9.4.0, paid by customer" in table
    assert image["reasons"][0] == (
        "certain: usage operation RunInstances:00g0 means RHEL on the customer's own subscription"
    )
    assert all(reason in table for reason in image["reasons"])


def test_c36_an_organization_layout_is_read_and_zeros_are_kept(meter, tmp_path):
    """C36: account ids are text from the path to the report."""
    folder = tmp_path / "trail"
    write_log(folder, launch("01:00", account=OTHER), account=OTHER, organization="o-abc123")
    write_log(folder, launch("01:00"))

    report = json.loads(meter(folder, "--format", "json").out)
    assert report["accounts"] == [ACCOUNT, OTHER]
    assert report["days"][0]["all"]["instances_peak"] == 2


def test_only_the_wanted_accounts_are_metered(meter, folder):
    write_log(folder, launch("05:00", account=OTHER, instance="i-2"), account=OTHER)

    answer = meter(folder, "--account", OTHER, "--format", "json")
    report = json.loads(answer.out)

    assert report["accounts"] == [OTHER]
    assert report["days"][0]["all"]["instance_seconds"] == 19 * 3600
    assert report["records"] == {"read": 4, "relevant": 1, "duplicate": 0, "rejected": 0}
    assert answer.err == "2 record(s) of other accounts passed over\n"


def test_one_bad_file_costs_that_file_and_is_reported(meter, folder):
    truncated = write_log(folder, launch("05:00"), name="2")
    truncated.write_bytes(truncated.read_bytes()[:-20])
    write_object(folder, b"hello", name="3")
    write_object(folder, b"[1, 2]", name="4")
    (folder / "notes.txt").write_text("not a log")

    answer = meter(folder, "--format", "json")
    report = json.loads(answer.out)

    assert answer.status == 0
    skipped, *rejected = answer.err.splitlines()
    assert skipped == "1 file(s) skipped that are no CloudTrail logs"
    assert [line.rpartition(": ")[2] for line in rejected] == [
        "is a truncated gzip file", "is not JSON", "has no list of CloudTrail records",
    ]  # fmt: skip
    assert all(line.startswith("rejected: AWSLogs/000000000042/CloudTrail/") for line in rejected)
    assert report["files"] == {"read": 1, "rejected": 3}
    assert report["days"][0]["all"]["instance_seconds"] == 7200
    assert report["days"][0]["complete"] is False


def test_one_bad_record_costs_that_record_and_is_reported(meter, folder):
    write_log(
        folder, record("StopInstances", "05:00", responseElements=None), launch("06:00", instance="i-2"), name="2"
    )

    answer = meter(folder, "--format", "json")

    assert json.loads(answer.out)["records"] == {"read": 5, "relevant": 4, "duplicate": 0, "rejected": 1}
    assert answer.err.endswith("_2.json.gz: StopInstances names no instance\n")


def test_a_document_that_cannot_be_read_is_reported(meter, folder, tmp_path):
    broken = tmp_path / "images.json"
    broken.write_text("{")

    answer = meter(folder, "--images", broken, "--format", "json")

    assert answer.status == 0
    assert answer.err == f"rejected: {broken}: is not JSON\n"
    assert json.loads(answer.out)["days"][0]["complete"] is True  # the logs are all there


def test_what_was_rejected_earlier_is_not_forgotten(meter, folder, tmp_path):
    bad = tmp_path / "bad"
    shutil.copytree(folder, bad)
    write_object(bad, b"hello", name="bad")
    data = tmp_path / "data"

    meter(bad, "--data", data)
    answer = meter(folder, "--data", data, "--format", "json")

    assert answer.err == "1 file(s) or record(s) rejected in earlier runs keep days from being complete\n"
    assert json.loads(answer.out)["days"][0]["complete"] is False


def test_a_range_that_ends_in_the_future_is_said_to(meter, folder):
    answer = meter(folder, first="2998-12-31", end="2999-01-01")

    assert answer.err == "--to 2999-01-01 is in the future: what is on now counts until then\n"


def test_at_most_some_reasons_are_shown(meter, folder):
    for number in range(25):
        write_object(folder, b"hello", name=f"bad{number}")

    lines = meter(folder).err.splitlines()
    assert (len(lines), lines[-1]) == (21, "... and 5 more")
