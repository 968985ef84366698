"""A fleet as it is wanted: the truth of it is in its log files."""

from dataclasses import replace

import pytest

from cloudigrade.clouds.aws import reading, trail
from cloudigrade.clouds.aws.descriptions import Document
from cloudigrade.domain.events import Kind
from cloudigrade.simulator import requested
from cloudigrade.simulator.requested import Wanted
from cloudigrade.simulator.timestamps import DAY, HOUR, Window

START = 1_772_500_000
WANTED = Wanted(
    seed="SYNTHETIC-x",
    accounts=("000000000001", "000000000002"),
    window=Window(START, START + 7 * DAY),
    image_count=5,
    rhel_chance=0.5,
    openshift_chance=0.5,
    other_owner_chance=0.5,
    instance_count=40,
    runs_min=2,
    runs_mean=3,
    hours_min=1,
    hours_mean=2,
    hours_between_mean=8,
)


def test_the_same_wish_makes_the_same_fleet():
    assert requested.made_up(WANTED) == requested.made_up(WANTED)
    assert requested.made_up(replace(WANTED, seed="y")) != requested.made_up(WANTED)


def test_as_many_as_are_wanted():
    fleet = requested.made_up(WANTED)

    assert (len(fleet.servers), len(fleet.images)) == (40, 5)
    assert {server.place.account for server in fleet.servers} == set(WANTED.accounts)
    assert {image.native_id for image in fleet.images} == {server.image.native_id for server in fleet.servers}


def test_runs_are_about_as_long_as_wanted_and_lie_in_the_window():
    runs = [run for server in requested.made_up(WANTED).servers for run in server.runs]

    assert all(START <= run.start < run.end <= WANTED.window.end for run in runs)
    ended = [run.end - run.start for run in runs if run.end < WANTED.window.end]
    assert all(HOUR <= length <= 3 * HOUR for length in ended)
    assert len(runs) >= 2 * 40 - 10  # some would begin after the window


@pytest.mark.parametrize("chance", [0.0, 1.0])
def test_a_chance_that_is_certain(chance):
    wish = replace(WANTED, rhel_chance=chance, openshift_chance=chance, other_owner_chance=chance)

    for image in requested.made_up(wish).images:
        assert (image.rhel == "rhel", image.is_openshift, image.owner not in wish.accounts) == (bool(chance),) * 3
        assert any(image.purpose) is bool(chance)


def test_what_cannot_begin_early_begins_at_the_end():
    wish = replace(WANTED, window=Window(START, START + HOUR), hours_between_mean=1_000.0)

    assert len(requested.made_up(wish).servers) == 40


def test_the_log_files_tell_all_of_it(tmp_path):
    fleet = requested.write(tmp_path, WANTED)

    read = list(reading.read_trail(trail.sources(str(tmp_path / "trail"))))
    launches, ends = set(), 0
    for batch in read:
        assert not batch.rejected
        launches |= {each.instance for each in batch.instances if each.event.is_launch}
        ends += sum(each.event.kind is Kind.POWER_OFF for each in batch.instances)
    assert launches == {server.native_id for server in fleet.servers}
    assert ends == sum(len(server.past_runs) for server in fleet.servers)
    assert {batch_end for batch in read for batch_end in batch.newest.values()} >= {WANTED.window.end}
    images = reading.read_documents([str(tmp_path / "images.json")], Document.IMAGES)
    assert {image.image for image in images.described_images} == {image.native_id for image in fleet.images}
