"""A bounded part of what `make fuzz` does; the seeds are the numbers, so it is the same part each time."""

import random
from typing import Any

import pytest

from cloudigrade.inspector import inspection
from cloudigrade.inspector.sandbox import MIB, Ran, Sandbox
from tests.inspector import fuzzing
from tests.inspector.corpus.case import Workshop
from tests.inspector.corpus.patchwork import whole


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    workshop = Workshop(tmp_path_factory.mktemp("disks"))
    canary = workshop.folder / "canary"
    canary.write_text(fuzzing.CANARY)
    yield fuzzing.images(workshop, canary)
    workshop.close()


def _inspected(seeds, work, count):
    sandbox = Sandbox(work)
    tally = fuzzing.inspected(seeds, sandbox, range(count), "suite")
    sandbox.close()
    return tally


def test_damaged_images_get_a_verdict_and_nothing_else_happens(images):
    tally = _inspected(images, "cloudigrade.inspector.inspection:inspect", 150)

    assert tally.faults == []
    assert sum(tally.verdicts.values()) == 150
    assert tally.verdicts["inconclusive"] > 5
    assert 0 < tally.peak_memory <= 128 * MIB


def test_damaged_rpm_databases_get_a_verdict_and_nothing_else_happens():
    tally = _inspected(fuzzing.databases(), "tests.inspector.fuzzing:read_database", 150)

    assert tally.faults == []
    assert sum(tally.verdicts.values()) == 150
    assert tally.verdicts["inconclusive"] > 20


def test_links_to_the_outside_lead_to_files_of_the_image_or_nowhere(images):
    seed = next(seed for seed in images if seed.name == "whole disk, plain ext2")

    image: Any = inspection.inspect(seed.disks)

    files = image["drives"]["disk.img"]["disk.img"]["facts"]["rhel_release_files"]["release_files"]
    content = {file["rhel_release_file"]: file["rhel_release_file_contents"] for file in files}
    assert content["/etc/c-release"] == "inside-the-image\n"
    assert content["/etc/b-release"] == content["/etc/os-release"]
    assert "/etc/a-release" not in content


def test_a_mutant_depends_on_its_number_only(images):
    seed = images[0]
    one, same, other = (
        {name: whole(disk) for name, disk in fuzzing.mutated(seed, random.Random(start)).items()}
        for start in ("suite/1", "suite/1", "suite/2")
    )

    assert one == same
    assert one != other
    assert one != {name: whole(disk) for name, disk in seed.disks.items()}


@pytest.mark.parametrize(
    ("ran", "fault"),
    [
        (Ran(None, "was ended by signal 11", 0, 0, 0, 0.0), "was ended by signal 11"),
        (Ran({"verdict": {"verdict": "perhaps"}}, "", 0, 0, 0, 0.0), "perhaps"),
        (Ran({"verdict": {"verdict": "rhel"}, "errors": [fuzzing.CANARY]}, "", 0, 0, 0, 0.0), "content of the host"),
        (Ran({"verdict": {"verdict": "rhel"}}, "", 0, 0, 129 * MIB, 0.0), "129 MiB"),
    ],
)
def test_every_fault_is_noticed(ran, fault):
    tally = fuzzing.Tally()

    fuzzing._count(tally, "mutant 1", ran, 0.1)

    assert len(tally.faults) == 1
    assert fault in tally.faults[0]
