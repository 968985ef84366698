"""An inspection from the disks to the result: in the sandbox, within its limits, whatever goes wrong."""

import logging
from collections.abc import Mapping
from typing import Any

import pytest

from cloudigrade.inspector import inspection, sandbox
from cloudigrade.inspector.blocks import BlockDisk, Cost
from cloudigrade.inspector.reading import Content, Damaged, Reader
from cloudigrade.inspector.sandbox import MIB, Limits, Sandbox
from tests.inspector.corpus import ext2, packages, systems
from tests.inspector.corpus.layouts import EXTENT, gpt, group, linear
from tests.inspector.corpus.patchwork import laid

GIB = 1024 * MIB
BLOCK = 512 * 1024
UUID = "11111111-2222-3333-4444-555555555555"
RHEL = Content(ext2.written(systems.rhel(), uuid=UUID))
KEYS = {
    "rhel_found",
    "rhel_signed_packages_found",
    "rhel_product_certs_found",
    "rhel_release_files_found",
    "rhel_enabled_repos_found",
    "rhel_version",
    "syspurpose",
    "errors",
    "drives",
    "verdict",
}


def _inspect(disks, **more) -> dict[str, Any]:
    return sandbox.inspect(disks, image="ami-1", cloud="aws", **more)


def test_the_sandbox_changes_nothing_of_the_result():
    disks: dict[str, Reader] = {"/dev/sdf": RHEL}

    assert _inspect(disks) == inspection.inspect(disks)


def test_a_result_has_the_keys_of_its_consumers():
    image = _inspect({"/dev/sdf": RHEL})

    assert set(image) == KEYS
    assert image["rhel_found"] is True
    assert image["rhel_version"] == "9.4"
    assert image["errors"] == []
    assert list(image["drives"]) == ["/dev/sdf"]


class _Snapshot:
    """A disk as a cloud gives it out, with every block written."""

    block_size = BLOCK

    def __init__(self, disk: Reader) -> None:
        self._disk = disk
        self.size = disk.size

    def page(self, start: int) -> tuple[Mapping[int, str], int | None]:
        end = min(start + 10_000, self.size // BLOCK)
        return dict.fromkeys(range(start, end), "token"), end if end < self.size // BLOCK else None

    def get(self, number: int, _token: str) -> bytes:
        return self._disk.read(number * BLOCK, BLOCK)


def test_of_a_large_disk_little_is_read():
    extents = 9 * GIB // EXTENT
    (volume,) = group("rhel", [extents], [linear("root", RHEL, (0, extents - 10, 10))])
    cost = Cost()

    image = _inspect({"/dev/sda1": BlockDisk(_Snapshot(laid(10 * GIB, [(0, gpt(volume))])), cost)}, cost=cost)

    assert image["rhel_found"] is True
    assert image["verdict"]["blocks_fetched"] == cost.blocks <= 20
    assert image["verdict"]["bytes_read"] <= 2 * MIB


def test_an_inspection_needs_little_memory():
    working = Sandbox("cloudigrade.inspector.inspection:inspect")
    ran = working.run({"/dev/sdf": RHEL})
    working.close()

    assert 0 < ran.peak_memory <= 128 * MIB


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(requests=2), "more than 2 reads"),
        (Limits(bytes_read=100_000), "more than 0 MiB to be read"),
        (Limits(seconds=-1), "more than -1 seconds"),
    ],
)
def test_an_inspection_that_reads_too_much_is_inconclusive_and_says_where(limits, reason):
    image = _inspect({"/dev/sdf": RHEL}, limits=limits)

    assert image["verdict"]["verdict"] == "inconclusive"
    assert any(reason in part["reason"] for part in image["verdict"]["coverage"]["uncovered"])
    assert image["errors"] != []


def test_too_many_blocks_are_inconclusive_and_say_so():
    cost = Cost(most_blocks=0)

    image = _inspect({"snap-1": BlockDisk(_Snapshot(Content(RHEL.content.ljust(BLOCK, b"\0"))), cost)}, cost=cost)

    assert image["verdict"]["verdict"] == "inconclusive"
    assert image["errors"] == ["snap-1: more than 0 blocks to be fetched"]


def test_what_goes_wrong_in_the_child_is_an_inconclusive_result_with_every_disk(monkeypatch, caplog):
    crashing = Sandbox("tests.inspector.misbehaving:crash")
    monkeypatch.setattr(sandbox, "_inspections", crashing)

    with caplog.at_level(logging.WARNING):
        image = _inspect({"/dev/sdf": RHEL, "/dev/sdg": RHEL})
    crashing.close()

    assert set(image) == KEYS
    assert image["verdict"]["verdict"] == "inconclusive"
    assert image["errors"] == ["the inspection was ended by signal 11"]
    assert image["drives"] == {"/dev/sdf": {}, "/dev/sdg": {}}
    assert "ami-1 of aws was ended by signal 11" in caplog.text


@pytest.mark.parametrize("work", ["tell", "answer_half"])
def test_what_is_no_result_is_not_taken_for_one(monkeypatch, work):
    lying = Sandbox(f"tests.inspector.misbehaving:{work}")
    monkeypatch.setattr(sandbox, "_inspections", lying)

    image = _inspect({"/dev/sdf": RHEL})
    lying.close()

    assert image["verdict"]["verdict"] == "inconclusive"
    assert image["errors"] == ["the inspection says what it must not say: no result"]


def test_a_damaged_disk_leaves_the_others():
    class _Broken:
        size = GIB

        def read(self, _offset, _length, /):
            raise Damaged("bad sector")

    image = _inspect({"/dev/sdf": _Broken(), "/dev/sdg": RHEL})

    assert image["rhel_found"] is True
    assert image["verdict"]["coverage"]["uncovered"] == [{"place": "/dev/sdf", "reason": "bad sector"}]


def test_what_a_cloud_refuses_is_the_callers():
    class _Away:
        size = GIB

        def read(self, _offset, _length, /):
            raise ConnectionError("the cloud is away")

    with pytest.raises(ConnectionError, match="the cloud is away"):
        _inspect({"/dev/sdf": _Away()})


def test_what_was_guessed_is_noted():
    root = systems.skeleton() | systems.rhel_release()
    var: systems.Tree = {"lib/rpm/rpmdb.sqlite": packages.sqlite(packages.red_hat(60))}
    disks = [Content(ext2.written(tree, uuid=UUID, label="")) for tree in (root, var)]

    image = _inspect({"/dev/sdf": disks[0], "/dev/sdg": disks[1]})

    assert image["verdict"]["notes"] == [
        "/dev/sdg: taken for /var of /dev/sdf by its content: no fstab says so",
    ]


def test_an_image_without_disks_is_inconclusive():
    assert _inspect({})["verdict"]["verdict"] == "inconclusive"
