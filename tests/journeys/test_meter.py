"""Whole stories of the meter: simulated fleets with every fault, metered, against their truth."""

import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from pytest_django import DjangoDbBlocker

from cloudigrade.management.commands.meter import Command
from cloudigrade.simulator import faults, write
from cloudigrade.simulator.plan import Plan
from tests import running
from tests.management import trails

UNTIL = date(2026, 3, 6)
Json = dict[str, Any]
Metered = Callable[..., tuple[Json, str]]


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """A small fleet with every fault for each seed, simulated once."""
    made: dict[int, Path] = {}

    def fleet(seed: int) -> Path:
        if seed not in made:
            made[seed] = tmp_path_factory.mktemp("fleet") / "out"
            write.fleet(made[seed], Plan(until=UNTIL, seed=seed, days=4, instances=12, faults=faults.ALL))
        return made[seed]

    return fleet


@pytest.fixture
def metered(capsys: pytest.CaptureFixture[str], django_db_blocker: DjangoDbBlocker) -> Metered:
    """The report on a fleet, over all of its trail or some paths of it: as values, and as text without the tally."""

    def metered(fleet: Path, trail: Iterable[Path] = (), *more: object) -> tuple[Json, str]:
        paths = [argument for path in trail or [fleet / "trail"] for argument in ("--trail", path)]
        truth = json.loads((fleet / "truth.json").read_text())
        answer = running.command(
            "meter", *paths, *_documents(fleet), "--from", truth["from"], "--to", truth["to"], "--format", "json",
            "--explain", *more, blocker=django_db_blocker, said=capsys,
        )  # fmt: skip
        assert answer.status == 0
        report = json.loads(answer.out)
        return report, json.dumps({key: report[key] for key in report if key not in ("records", "files")})

    return metered


def _documents(fleet: Path) -> Iterator[object]:
    for kind in ("instances", "images", "instance-types", "inspections"):
        yield from (f"--{kind}", fleet / f"{kind}.json")


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_a_fleet_with_every_fault_is_metered_exactly(fleet, metered, seed):
    out = fleet(seed)
    truth = json.loads((out / "truth.json").read_text())

    report, _ = metered(out)

    assert [{key: report[key] for key in ("from", "to", "accounts", "instances")}] == [
        {key: truth[key] for key in ("from", "to", "accounts", "instances")}
    ]
    assert report["days"] == truth["days"]
    assert report["unknown_types"] == []


def test_each_customer_alone_is_metered_exactly(fleet, metered):
    out = fleet(1)

    for customer in json.loads((out / "truth.json").read_text())["customers"]:
        report, _ = metered(out, (), "--account", *customer["accounts"])
        assert report["accounts"] == customer["accounts"]
        assert report["days"] == customer["days"]


def test_the_order_of_the_files_does_not_matter(fleet, metered):
    out = fleet(1)
    files = sorted((out / "trail").rglob("*_CloudTrail_*.json.gz"), reverse=True)

    backwards, text = metered(out, files)

    assert text == metered(out)[1]
    assert backwards["files"]["read"] > 100


def test_files_read_twice_change_nothing(fleet, metered):
    out = fleet(2)
    once, text = metered(out)

    twice, same = metered(out, [out / "trail"] * 2)

    assert same == text
    assert twice["files"]["read"] == 2 * once["files"]["read"]
    assert (
        twice["records"]["duplicate"] - once["records"]["duplicate"]
        == once["records"]["relevant"] - (once["records"]["rejected"])
    )


def test_two_overlapping_halves_kept_in_a_folder_give_what_the_whole_gives(fleet, metered, tmp_path):
    out = fleet(2)
    files = sorted((out / "trail").rglob("*_CloudTrail_*.json.gz"))
    third = len(files) // 3
    kept = ("--data", tmp_path / "data")

    metered(out, files[third:], *kept)
    _, text = metered(out, files[: 2 * third], *kept)
    again, same = metered(out, files[: 2 * third], *kept)

    assert text == same == metered(out)[1]
    assert again["records"]["duplicate"] == again["records"]["relevant"] - again["records"]["rejected"]


FIRST, SECOND = "000000000042", "000000000043"


@pytest.fixture
def pieces(db: None, capsys: pytest.CaptureFixture[str]) -> Callable[..., Json]:
    """Meters one trail after the other into the same data; the last report."""

    def pieces(*given: tuple[Path, str, str], more: Iterable[object] = ()) -> Json:
        for trail, first, end in given:
            capsys.readouterr()
            arguments = ["--trail", trail, "--from", first, "--to", end, "--format", "json", *more]
            call_command(Command(), *map(str, arguments))
        report: Json = json.loads(capsys.readouterr().out)
        return report

    return pieces


def test_a_later_range_extends_the_data_and_an_earlier_one_too(pieces, tmp_path):
    trail = tmp_path / "trail"
    trails.write_log(trail, trails.stop("03:00"), trails.launch("05:00", instance="i-2"))

    report = pieces(
        (trail, "2026-03-02", "2026-03-03"), (trail, "2026-03-02", "2026-03-05"), (trail, "2026-02-28", "2026-03-04")
    )

    hours = [day["all"]["instance_seconds"] / 3600 for day in report["days"]]
    assert hours == [24, 24, 3 + 19, 24]


def test_an_account_found_later_is_metered_since_the_earliest_day_ever_asked_for(pieces, tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    trails.write_log(one, trails.launch("05:00"))
    trails.write_log(other, trails.stop("03:00", account=SECOND, instance="i-2"), account=SECOND)

    report = pieces((one, "2026-03-01", "2026-03-03"), (other, "2026-03-02", "2026-03-03"))

    assert report["days"][0]["all"]["instance_seconds"] == (3 + 19) * 3600
    report = pieces((other, "2026-03-01", "2026-03-03"))
    assert report["days"][0]["all"]["instance_seconds"] == 24 * 3600


def test_a_rejected_file_counts_even_if_its_account_is_found_later(pieces, tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    trails.write_object(one, b"hello", account=SECOND, name="bad")
    trails.write_log(one, trails.launch("05:00"), trails.next_day())
    late = trails.record("DescribeInstances", "00:00", account=SECOND) | {"eventTime": "2026-03-03T01:00:00Z"}
    trails.write_log(other, late, account=SECOND)

    report = pieces((one, "2026-03-02", "2026-03-03"), (other, "2026-03-02", "2026-03-03"))

    assert report["accounts"] == [FIRST, SECOND]
    assert report["days"][0]["complete"] is False


def test_what_could_not_be_read_and_is_whole_later_no_longer_stands_in_the_way(pieces, tmp_path):
    trail, images = tmp_path / "trail", tmp_path / "images.json"
    trails.write_log(trail, trails.launch("05:00"), trails.next_day())
    broken = trails.write_object(trail, b"hello", name="2")
    images.write_text("{")
    given = (trail, "2026-03-02", "2026-03-03")

    report = pieces(given, more=("--images", images))
    assert (report["days"][0]["complete"], report["files"]["rejected"]) == (False, 2)

    trails.write_json(images, trails.IMAGES)
    shutil.copy(next(trail.rglob("*_1.json.gz")), broken)
    report = pieces(given, more=("--images", images))
    assert (report["days"][0]["complete"], report["files"]["rejected"]) == (True, 0)
    assert report["instances"]["rhel"] == 1
