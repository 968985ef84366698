"""The verdict where something was not covered, on several systems, and on disks without any."""

import pytest

from cloudigrade.inspector.reading import Content
from cloudigrade.inspector.verdict import Rhel, Seen, Verdict, judge
from cloudigrade.inspector.volume import Kind, Uncovered, Volume
from tests.inspector.judged import DEBIAN, LOCKED, RELEASE, examined, seen


def test_c28_an_uncovered_part_forbids_to_say_not_rhel():
    """C28: an encrypted volume beside a readable system leaves the image open."""
    verdict = judge(seen(examined(DEBIAN), uncovered=(LOCKED,)))

    assert verdict == Verdict(
        Rhel.INCONCLUSIVE, reasons=("unknown: /dev/sda2 could not be read: encrypted (LUKS)",), conflicts=()
    )


def test_c28_a_mount_of_the_system_that_was_not_found_forbids_to_say_not_rhel():
    """C28: a system whose /var is missing was not seen whole."""
    verdict = judge(seen(examined(DEBIAN, uncovered=(Uncovered("/var", "no volume with this UUID"),))))

    assert verdict.rhel is Rhel.INCONCLUSIVE


def test_an_uncovered_part_does_not_hide_rhel():
    assert judge(seen(examined(RELEASE), uncovered=(LOCKED,))).rhel is Rhel.RHEL


def test_one_system_that_is_rhel_makes_the_image_rhel():
    verdict = judge(seen(examined(DEBIAN, "/dev/sda1"), examined(RELEASE, "/dev/sda2")))

    assert verdict.rhel is Rhel.RHEL
    assert verdict.decided_by is not None
    assert verdict.decided_by.system.root == "/dev/sda2"
    assert verdict.reasons == ("certain: /etc/os-release says ID rhel, version 9.4 (/dev/sda2)",)
    assert verdict.conflicts == ("/dev/sda1 is not RHEL; but /dev/sda2 is",)


def test_one_open_system_leaves_the_image_open():
    verdict = judge(seen(examined(DEBIAN, "/dev/sda1"), examined({"/etc/passwd": b""}, "/dev/sda2")))

    assert verdict.rhel is Rhel.INCONCLUSIVE
    assert verdict.reasons == ("unknown: nothing on it tells what system it is (/dev/sda2)",)


def volume(kind, name="/dev/sda1"):
    return Volume("/dev/sda", name, kind, Content(b""))


@pytest.mark.parametrize(
    ("given", "rhel", "reason"),
    [
        (Seen(), Rhel.INCONCLUSIVE, "unknown: no filesystem"),
        (Seen(volumes=(volume(Kind.EMPTY),)), Rhel.INCONCLUSIVE, "unknown: no filesystem"),
        (Seen(volumes=(volume(Kind.SWAP),)), Rhel.INCONCLUSIVE, "unknown: no filesystem"),
        (Seen(volumes=(volume(Kind.NTFS), volume(Kind.FAT))), Rhel.NOT_RHEL, "strong: no volume can hold"),
        (Seen(volumes=(volume(Kind.NTFS), volume(Kind.XFS)), read=("x",)), Rhel.INCONCLUSIVE, "unknown: no system on"),
        (
            Seen(volumes=(volume(Kind.NTFS),), uncovered=(LOCKED,)),
            Rhel.INCONCLUSIVE,
            "unknown: /dev/sda2 could not be read",
        ),
        (Seen(volumes=(volume(Kind.EXT),), read=("/dev/sda1",)), Rhel.INCONCLUSIVE, "unknown: no system on what could"),
    ],
)
def test_c28_a_disk_without_a_system_is_open_unless_it_is_windows(given, rhel, reason):
    """C28: a blank disk, or one of data, says nothing."""
    verdict = judge(given)

    assert verdict.rhel is rhel
    assert verdict.reasons[0].startswith(reason)
