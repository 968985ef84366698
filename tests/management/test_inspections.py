"""`cloudigrade inspections` as an operator uses it, on the fake cloud."""

import json

import pytest

from cloudigrade.management.commands import inspections as command
from tests.builders import ACCOUNT, IMAGE
from tests.services.inspected import INCONCLUSIVE, NOT_RHEL, Bench
from tests.services.stored import Stored


@pytest.fixture
def bench(db, monkeypatch, settings):
    """Two images, one of which could not be read."""
    bench = Bench(monkeypatch, settings)
    bench.cloud.add(ACCOUNT, "word")
    stored = Stored()
    bench.connect()
    bench.boot(stored, IMAGE, "ami-2")
    bench.answers["ami-2"] = {"verdict": {**INCONCLUSIVE["verdict"], "reasons": ["odd \x1b[2J"]}}
    bench.settle()
    return bench


@pytest.fixture
def inspections(operator, bench):
    """The command."""
    return lambda *arguments: operator.run(command.Command(), "inspections", *arguments)


def listed(inspections, *arguments):
    return [entry["image"] for entry in json.loads(inspections("list", "--format", "json", *arguments).out)]


def test_it_lists_how_far_images_are_and_why(inspections):
    told = inspections("list")

    assert told.status == 0
    assert "inspection found RHEL" in told.out
    assert "inconclusive: odd" in told.out
    assert "\x1b" not in told.out


def test_it_lists_what_is_asked_for(inspections):
    assert sorted(listed(inspections)) == [IMAGE, "ami-2"]
    assert listed(inspections, "--state", "error") == ["ami-2"]
    assert listed(inspections, "--state", "error", "--state", "pending") == ["ami-2"]
    assert sorted(listed(inspections, "--customer", "11")) == [IMAGE, "ami-2"]
    assert listed(inspections, "--customer", "other") == []
    assert len(listed(inspections, "--limit", "1")) == 1
    assert inspections("list", "--state", "preparing").out == "No image is looked into.\n"


def test_it_shows_an_image_with_what_was_found(inspections):
    told = inspections("show", IMAGE)
    assert "state:         inspected" in told.out
    assert '"version": "9.4"' in told.out

    (shown,) = json.loads(inspections("show", "ami-2", "--format", "json").out)
    assert (shown["state"], shown["reason"]) == ("error", "inconclusive: odd [2J".replace(" [", " \x1b["))
    assert json.loads(shown["findings"])["verdict"]["verdict"] == "inconclusive"


def test_an_image_that_nobody_looks_into_is_bad_usage(inspections):
    for arguments in (("show", "ami-9"), ("retry", "ami-9", IMAGE)):
        told = inspections(*arguments)
        assert (told.status, told.err.count("no inspection of ami-9")) == (2, 1)


def test_retry_looks_into_an_image_once_more(inspections, bench):
    bench.answers["ami-2"] = NOT_RHEL

    told = inspections("retry", "ami-2")

    assert (told.status, bench.told("ami-2")[0]) == (0, "pending")
    assert "pending" in told.out
    bench.now = bench.row("ami-2").due_at
    bench.settle()
    assert bench.told("ami-2") == ("inspected", "inspection found no RHEL")


def test_a_dry_run_only_says_what_would_be_done(inspections, bench):
    told = inspections("retry", "--all", "--dry-run")

    assert (told.status, told.err) == (0, "2 images to be looked into once more\n")
    assert (bench.told()[0], bench.told("ami-2")[0]) == ("inspected", "error")


def test_all_are_looked_into_only_where_somebody_says_so(inspections, operator, bench):
    told = inspections("retry", "--all")
    assert (told.status, bench.told()[0]) == (2, "inspected")

    operator.at_terminal("n\n")
    inspections("retry", "--all")
    assert bench.told()[0] == "inspected"

    inspections("retry", "--all", "--state", "error", "--yes")
    assert (bench.told()[0], bench.told("ami-2")[0]) == ("inspected", "pending")


def test_it_wants_images_or_all_of_them(inspections):
    assert inspections("retry").status == 2
    assert inspections("retry", IMAGE, "--all").status == 2


def test_no_image_is_meant(inspections):
    told = inspections("retry", "--all", "--yes", "--state", "unavailable")

    assert (told.status, told.err) == (0, "no image is meant\n")
