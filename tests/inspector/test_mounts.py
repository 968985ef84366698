"""fstab: how its lines are read, what they matter, and which volume they name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudigrade.inspector import mounts
from cloudigrade.inspector.mounts import Mount
from cloudigrade.inspector.reading import Content
from cloudigrade.inspector.volume import Kind, Volume

UUID = "0a1b2c3d-1111-2222-3333-444455556666"


def volume(name: str, disk: str = "/dev/sdf", **names: str) -> Volume:
    return Volume(disk, name, Kind.EXT, Content(b""), **names)


def mount(point: str, kind: str = "xfs", options: str = "defaults") -> Mount:
    return Mount("/dev/sda1", point, kind, frozenset(options.split(",")))


def test_lines_are_read_as_mount_reads_them():
    fstab = b"""
# a comment
   # another one
UUID=abc  /     xfs  defaults,ro  0 0
/dev/sda2\t/with\\040blank\text4
LABEL=x /var/./lib//rpm/ ext3 noatime
too few
/dev/sda3 none swap sw 0 0"""

    assert mounts.parse(fstab) == (
        Mount("UUID=abc", "/", "xfs", frozenset({"defaults", "ro"})),
        Mount("/dev/sda2", "/with blank", "ext4", frozenset({""})),
        Mount("LABEL=x", "/var/lib/rpm", "ext3", frozenset({"noatime"})),
        Mount("/dev/sda3", "none", "swap", frozenset({"sw"})),
    )


def test_a_name_that_is_no_utf_8_is_kept():
    assert mounts.parse(b"LABEL=\xff /var xfs")[0].source == "LABEL=\udcff"


@given(st.binary(max_size=300))
def test_it_reads_anything_without_a_failure(content):
    for line in mounts.parse(content):
        assert mounts.volume(line.source, [volume("/dev/sdf1")]) is None or line.source
        assert isinstance(line.matters, bool)
        assert isinstance(line.of_a_volume, bool)


@pytest.mark.parametrize(
    ("point", "expected"),
    [
        ("/", True),
        ("/usr", True),
        ("/usr/lib", True),
        ("/usr/share", True),
        ("/usr/lib/sysimage/rpm", True),
        ("/etc", True),
        ("/etc/pki", True),
        ("/var", True),
        ("/var/lib", True),
        ("/var/lib/rpm", True),
        ("/var/log", False),
        ("/var/library", False),
        ("/usr/local", False),
        ("/opt", False),
        ("/home", False),
        ("/boot", False),
    ],
)
def test_a_mount_matters_where_evidence_may_lie(point, expected):
    assert mount(point).matters is expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (mount("/var"), True),
        (mount("/var", options="noauto"), False),
        (mount("/var", options="noauto,x-systemd.automount"), True),
        (mount("/var", "nfs4"), False),
        (mount("/var", "tmpfs"), False),
        (mount("/var", "fuse.sshfs"), False),
        (mount("none", "swap"), False),
    ],
)
def test_only_what_is_mounted_from_a_disk_is_of_a_volume(line, expected):
    assert line.of_a_volume is expected


def test_nothing_of_the_content_is_shown_but_known_points():
    assert mount("/var").shown == "/var"
    assert mount("/etc/secret").shown == "/etc"
    assert mount("/home/somebody").shown == ""


VOLUMES = [
    volume("/dev/sdf1", uuid=UUID, label="root", partition_uuid="AB-01", partition_label="first part"),
    volume("/dev/sdf2", uuid="other", label="Var"),
    volume("/dev/nvme1n1p12", "/dev/nvme1n1", label="twelve"),
    volume("/dev/my-group/my-var"),
    volume("/dev/rhel/root"),
]


@pytest.mark.parametrize(
    ("source", "name"),
    [
        (f"UUID={UUID}", "/dev/sdf1"),
        (f"uuid={UUID.upper()}", "/dev/sdf1"),
        (f'UUID="{UUID}"', "/dev/sdf1"),
        (f"/dev/disk/by-uuid/{UUID}", "/dev/sdf1"),
        ("LABEL=root", "/dev/sdf1"),
        ("LABEL='Var'", "/dev/sdf2"),
        ("LABEL=var", None),
        ("LABEL=", None),
        ("PARTUUID=ab-01", "/dev/sdf1"),
        ("PARTUUID=", None),
        ("PARTLABEL=first part", "/dev/sdf1"),
        ("/dev/disk/by-partlabel/first\\x20part", "/dev/sdf1"),
        ("/dev/mapper/my--group-my--var", "/dev/my-group/my-var"),
        ("/dev/my-group/my-var", "/dev/my-group/my-var"),
        ("/dev/mapper/rhel-root", "/dev/rhel/root"),
        ("/dev/mapper/rhel-swap", None),
        ("/dev/sda1", "/dev/sdf1"),
        ("/dev/xvda2", "/dev/sdf2"),
        ("/dev/nvme0n1p1", "/dev/sdf1"),
        ("/dev/sdb12", "/dev/nvme1n1p12"),
        ("/dev/sda3", None),
        ("/dev/sda", None),
        ("server:/export", None),
    ],
)
def test_a_source_names_one_volume(source, name):
    found = mounts.volume(source, VOLUMES)

    assert (found.name if found else None) == name


def test_a_source_that_fits_several_volumes_names_none():
    volumes = [volume("/dev/sdf1", uuid=UUID), volume("/dev/sdg1", "/dev/sdg", uuid=UUID)]

    assert mounts.volume("/dev/sda1", volumes) is None
    assert mounts.volume(f"UUID={UUID}", volumes) is None


def test_a_disk_without_partitions_is_named_by_any_disk():
    assert mounts.volume("/dev/sdb", [volume("/dev/sdf1"), volume("/dev/sdg", "/dev/sdg")]) is not None


@pytest.mark.parametrize(
    ("source", "expected"),
    [("UUID=x", True), ("/dev/mapper/a-b", True), ("/dev/a/b", True), ("/dev/sda1", False), ("rootfs", False)],
)
def test_names_of_devices_depend_on_the_machine(source, expected):
    assert mounts.certain(source) is expected
