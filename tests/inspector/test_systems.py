"""From volumes to systems: which volumes make one, what is missing, and what looking for them costs."""

import pytest

from cloudigrade.inspector import systems
from cloudigrade.inspector.caching import Counted
from cloudigrade.inspector.reading import Content, Reader
from cloudigrade.inspector.systems import Found, Note
from cloudigrade.inspector.volume import Kind, Layout, Uncovered, Volume
from tests.inspector.test_ostree import ENTRIES, NEW, OLD, TWO
from tests.inspector.trees import Files, Sparse, ext_image, xfs_image

ROOT_UUID = "00000000-0000-0000-0000-000000000001"
VAR_UUID = "00000000-0000-0000-0000-000000000002"
RELEASE: Files = {"/etc/os-release": b"ID=rhel\n"}
VAR: Files = {"/lib/rpm/Packages": b"db"}


def fstab(*lines: str) -> Files:
    return {**RELEASE, "/etc/fstab": "\n".join((f"UUID={ROOT_UUID} / xfs defaults 0 0", *lines)).encode(), "/var/": b""}


def ext(name: str, files: Files, uuid: str = ROOT_UUID, label: str = "") -> Volume:
    return Volume("/dev/sdf", name, Kind.EXT, Content(ext_image(files)), uuid=uuid, label=label)


def xfs(name: str, files: Files, uuid: str = ROOT_UUID) -> Volume:
    return Volume("/dev/sdf", name, Kind.XFS, Content(xfs_image(files)), uuid=uuid)


def other(name: str, kind: Kind, content: bytes = b"") -> Volume:
    return Volume("/dev/sdf", name, kind, Content(content))


def find(*volumes: Volume) -> Found:
    return systems.find(Layout(volumes))


@pytest.mark.parametrize("volume", [ext("/dev/sdf1", RELEASE), xfs("/dev/sdf1", RELEASE)])
def test_a_root_is_a_system(volume):
    found = find(volume)

    (system,) = found.systems
    assert system.files.read("/etc/os-release", limit=100) == b"ID=rhel\n"
    assert (system.root, system.volumes, system.deployment, system.uncovered) == ("/dev/sdf1", ("/dev/sdf1",), "", ())
    assert (found.read, found.uncovered, found.notes) == (("/dev/sdf1",), (), ())


@pytest.mark.parametrize(
    "files",
    [
        {"/usr/lib/os-release": b""},
        {"/etc/fstab": b""},
        {"/etc/redhat-release": b""},
        {"/etc/": b"", "/usr/": b"", "/sbin/init": b""},
    ],
)
def test_a_root_is_known_by_any_of_its_marks(files):
    assert [system.root for system in find(ext("/dev/sdf1", files)).systems] == ["/dev/sdf1"]


@pytest.mark.parametrize(
    "files", [{}, {"/data/os-release": b""}, {"/grub2/grub.cfg": b""}, {"/etc/": b"", "/bin/": b""}]
)
def test_a_filesystem_without_a_system_is_read_and_no_system(files):
    found = find(ext("/dev/sdf1", files))

    assert (found.systems, found.read, found.uncovered) == ((), ("/dev/sdf1",), ())


def test_kinds_that_cannot_hold_a_system_leave_nothing_open():
    volumes = [
        other(f"/dev/sdf{n}", kind) for n, kind in enumerate((Kind.SWAP, Kind.FAT, Kind.NTFS, Kind.BOOT, Kind.EMPTY))
    ]

    assert find(*volumes) == Found((), ())


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (Kind.LUKS, "luks is not read"),
        (Kind.BTRFS, "btrfs is not read"),
        (Kind.MD_RAID, "md raid is not read"),
        (Kind.UNKNOWN, "no known filesystem"),
        (Kind.EXT, "too small for a superblock of ext"),
        (Kind.XFS, "too small for a superblock of XFS"),
    ],
)
def test_what_cannot_be_read_is_uncovered(kind, reason):
    found = find(other("/dev/sdf1", kind), ext("/dev/sdf2", RELEASE))

    assert found.uncovered == (Uncovered("/dev/sdf1", reason),)
    assert found.read == ("/dev/sdf2",)


def test_what_the_layout_could_not_cover_stays_uncovered():
    missing = Uncovered("/dev/sdf", "physical volume is missing")

    assert systems.find(Layout((), (missing,))).uncovered == (missing,)


def test_a_damaged_root_is_uncovered_and_its_neighbour_a_system():
    image = bytearray(ext_image(RELEASE))
    image[4 * 4096 + 128 : 4 * 4096 + 256] = bytes(128)
    broken = Volume("/dev/sdf", "/dev/sdf1", Kind.EXT, Content(bytes(image)))

    found = find(broken, ext("/dev/sdf2", RELEASE))

    assert found.uncovered == (Uncovered("/dev/sdf1", "the root of ext is no directory"),)
    assert [system.root for system in found.systems] == ["/dev/sdf2"]


def test_two_roots_are_two_systems():
    found = find(ext("/dev/sdf1", RELEASE), ext("/dev/sdf2", {"/etc/os-release": b"ID=debian\n"}))

    assert [system.files.read("/etc/os-release", limit=99) for system in found.systems] == [
        b"ID=rhel\n",
        b"ID=debian\n",
    ]


def test_var_on_a_volume_of_its_own_is_mounted_as_its_fstab_says():
    root = xfs("/dev/rhel/root", fstab(f"UUID={VAR_UUID.upper()} /var ext4 defaults 0 0"))

    found = find(root, ext("/dev/rhel/var", VAR, VAR_UUID))

    (system,) = found.systems
    assert system.files.read("/var/lib/rpm/Packages", limit=9) == b"db"
    assert system.volumes == ("/dev/rhel/root", "/dev/rhel/var")
    assert (system.uncovered, found.notes) == ((), ())


def test_mounts_within_mounts_are_made_in_order():
    root = ext("/dev/sdf1", fstab("LABEL=rpm /var/lib/rpm ext4", "LABEL=v /var ext4"))

    found = find(root, ext("/dev/sdf2", {"/up": b""}, "r", "rpm"), ext("/dev/sdf3", {"/lib/rpm/": b""}, "v", "v"))

    assert found.systems[0].files.names("/var/lib/rpm") == ["lost+found", "up"]


def test_a_volume_that_is_usr_of_another_is_no_system():
    root = ext("/dev/sdf1", fstab("LABEL=usr /usr ext4"))
    usr: Files = {"/lib/os-release": b"ID=rhel\n", "/etc/fstab": b"", "/usr/": b"", "/bin/": b""}

    found = find(root, ext("/dev/sdf2", usr, "u", "usr"))

    (system,) = found.systems
    assert system.root == "/dev/sdf1"
    assert system.files.read("/usr/lib/os-release", limit=99) == b"ID=rhel\n"


def test_a_second_system_that_the_first_one_shows_somewhere_stays_a_system():
    found = find(ext("/dev/sdf1", fstab("LABEL=old /mnt/old ext4")), ext("/dev/sdf2", RELEASE, "o", "old"))

    assert [system.root for system in found.systems] == ["/dev/sdf1", "/dev/sdf2"]


@pytest.mark.parametrize("point", ["/var", "/usr", "/etc", "/var/lib", "/var/lib/rpm"])
def test_a_mount_where_evidence_lies_that_was_not_found_is_uncovered(point):
    found = find(ext("/dev/sdf1", fstab(f"UUID={VAR_UUID} {point} xfs defaults 0 0")))

    assert found.systems[0].uncovered == (
        Uncovered("/dev/sdf1", f"its fstab mounts {point}: the volume was not found"),
    )


@pytest.mark.parametrize(
    "line",
    [
        "LABEL=x /home xfs",
        "LABEL=x /var xfs noauto",
        "server:/var /var nfs",
        "tmpfs /var tmpfs",
        "LABEL=x none swap sw",
    ],
)
def test_other_mounts_leave_nothing_open(line):
    assert find(ext("/dev/sdf1", fstab(line))).systems[0].uncovered == ()


def test_a_mount_of_a_volume_that_cannot_be_read_is_uncovered():
    locked = Volume("/dev/sdf", "/dev/sdf2", Kind.LUKS, Content(b""), uuid=VAR_UUID)

    found = find(ext("/dev/sdf1", fstab(f"UUID={VAR_UUID} /var xfs")), locked)

    assert found.systems[0].uncovered == (Uncovered("/dev/sdf1", "its fstab mounts /var: /dev/sdf2 cannot be read"),)
    assert found.uncovered == (Uncovered("/dev/sdf2", "luks is not read"),)


def test_a_root_whose_fstab_names_another_one_that_is_missing_is_uncovered():
    found = find(ext("/dev/sdf1", fstab(), uuid="another"))

    assert found.systems[0].uncovered == (Uncovered("/dev/sdf1", "its fstab mounts /: the volume was not found"),)


@pytest.mark.parametrize("source", ["/dev/sda1", "/dev/root", "LABEL=/"])
def test_a_root_by_device_or_by_its_own_label_leaves_nothing_open(source):
    files = {**RELEASE, "/etc/fstab": f"{source} / ext4 defaults 1 1".encode()}

    assert find(ext("/dev/sdf", files, label="/")).systems[0].uncovered == ()


def test_a_directory_that_is_shown_at_a_second_place_is_found_there():
    files = {**fstab("/data/rpm /var/lib/rpm none bind"), "/data/rpm/Packages": b"db", "/var/lib/rpm/": b""}

    assert find(ext("/dev/sdf1", files)).systems[0].files.read("/var/lib/rpm/Packages", limit=9) == b"db"


def test_an_fstab_that_is_too_long_leaves_the_system_open():
    found = find(ext("/dev/sdf1", {**RELEASE, "/etc/fstab": b"#" * 70_000}))

    assert found.systems[0].uncovered == (
        Uncovered("/dev/sdf1", "its fstab cannot be read: /etc/fstab is longer than 65536 bytes"),
    )


def test_the_only_volume_that_looks_like_var_is_taken_for_it_and_that_is_said():
    found = find(ext("/dev/sdf1", RELEASE), ext("/dev/sdf2", VAR, VAR_UUID))

    (system,) = found.systems
    assert system.files.read("/var/lib/rpm/Packages", limit=9) == b"db"
    assert system.volumes == ("/dev/sdf1", "/dev/sdf2")
    assert found.notes == (Note("/dev/sdf2", "taken for /var of /dev/sdf1 by its content: no fstab says so"),)


def test_several_volumes_that_look_like_var_leave_the_system_open():
    found = find(ext("/dev/sdf1", RELEASE), ext("/dev/sdf2", VAR), ext("/dev/sdf3", VAR))

    assert found.systems[0].uncovered == (Uncovered("/dev/sdf1", "several volumes could be its /var"),)
    assert found.systems[0].files.names("/var/lib/rpm") == []


def test_a_system_with_packages_of_its_own_takes_no_other_var():
    found = find(ext("/dev/sdf1", {**RELEASE, "/var/lib/rpm/own": b""}), ext("/dev/sdf2", VAR))

    assert found.systems[0].files.names("/var/lib/rpm") == ["own"]
    assert found.notes == ()


def test_what_was_not_replayed_is_noted():
    image = bytearray(ext_image(RELEASE))
    image[1024 + 0x60] |= 4

    found = find(Volume("/dev/sdf", "/dev/sdf1", Kind.EXT, Content(bytes(image))))

    assert found.notes == (Note("/dev/sdf1", "its journal was not replayed: the latest changes may be missing"),)


def unclean(name: str, files: Files) -> Volume:
    image = bytearray(ext_image(files))
    image[1024 + 0x60] |= 4
    return Volume("/dev/sdf", name, Kind.EXT, Content(bytes(image)), uuid=VAR_UUID)


@pytest.mark.parametrize("files", [{}, {"/lost+found/": b""}])
def test_what_seems_to_be_empty_may_hold_a_system_that_lies_in_its_log_only(files):
    found = find(ext("/dev/sdf1", RELEASE), unclean("/dev/sdf2", files))

    reason = "seems to be empty, but its journal was not replayed: the latest changes may be missing"
    assert found.uncovered == (Uncovered("/dev/sdf2", reason),)


def test_a_log_hides_no_system_on_a_volume_of_data():
    mounting = fstab(f"UUID={VAR_UUID} /data ext4 defaults 0 0")

    assert find(ext("/dev/sdf1", RELEASE), unclean("/dev/sdf2", {"/file": b"1"})).uncovered == ()
    assert find(ext("/dev/sdf1", mounting), unclean("/dev/sdf2", {})).uncovered == ()


def test_an_ostree_system_is_its_deployment_with_the_shared_var():
    files = {
        **TWO,
        "/ostree/deploy/rhcos/var/lib/file": b"shared",
        f"/ostree/deploy/rhcos/deploy/{NEW}.0/usr/etc/x": b"1",
    }

    found = find(xfs("/dev/sdf4", files), ext("/dev/sdf3", ENTRIES, "boot"))

    (system,) = found.systems
    assert system.deployment == f"/ostree/deploy/rhcos/deploy/{NEW}.0"
    assert system.files.read("/usr/lib/os-release", limit=99) == b"ID=new\n"
    assert system.files.read("/var/lib/file", limit=99) == b"shared"
    assert system.files.read("/etc/x", limit=99) == b"1"
    assert system.files.read(f"/sysroot{system.deployment}/usr/lib/os-release", limit=99) == b"ID=new\n"
    assert system.files.names("/../..") == ["usr"]


def test_the_boot_loader_within_the_root_tells_the_deployment():
    files = {**TWO, **{f"/boot{path}": content for path, content in ENTRIES.items()}}
    files["/boot/loader.1/entries/ostree-2-rhcos.conf"] = b""

    assert find(xfs("/dev/sdf4", files)).systems[0].deployment == f"/ostree/deploy/rhcos/deploy/{OLD}.0"


def test_deployments_of_which_none_is_known_to_boot_are_uncovered():
    found = find(xfs("/dev/sdf4", TWO))

    assert found.systems == ()
    assert found.uncovered == (Uncovered("/dev/sdf4", "which of 2 ostree deployments boots cannot be told"),)


@pytest.mark.parametrize(("name", "kind"), [("fs-xfs-v5.xz", Kind.XFS), ("fs-ext4-1k.xz", Kind.EXT)])
def test_looking_for_a_system_reads_little(name, kind):
    counted = Counted(Sparse(name))
    blocks = Blocks512(counted)

    found = find(Volume("/dev/sdf", "/dev/sdf1", kind, blocks))
    for path in ("/etc/os-release", "/etc/redhat-release", "/var/lib/rpm/Packages", "/usr/lib/os-release"):
        found.systems[0].files.read(path, limit=1000)

    assert counted.bytes_read < 300_000
    assert len(blocks.touched) <= 30


class Blocks512:
    """Which blocks of 512 KiB are touched."""

    def __init__(self, whole: Reader) -> None:
        self.whole = whole
        self.size = whole.size
        self.touched: set[int] = set()

    def read(self, offset: int, length: int, /) -> bytes:
        self.touched |= set(range(offset >> 19, (offset + max(length, 1) - 1 >> 19) + 1))
        return self.whole.read(offset, length)
