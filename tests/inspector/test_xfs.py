"""XFS of versions 4 and 5: images made by mkfs and written by a kernel, images written here, and each refusal."""

import shutil
import struct
import subprocess

import pytest

from cloudigrade.inspector.filesystems.xfs import Xfs
from cloudigrade.inspector.reading import Content, Damaged, File, Unsupported
from tests.inspector.reference_files import FAR, contents, find, many, walk
from tests.inspector.trees import BLOCK, INODE, Files, Link, Sparse, summed, xfs_image

KERNEL = ["fs-xfs-v5.xz", "fs-xfs-v5-1k.xz"]
NOT_BY_MKFS = {"usr/lib/holes", "etc/\udcff\udce4"}
RELEASE = {"etc/os-release": b"ID=rhel\n"}


def changed(image: bytes, offset: int, content: bytes) -> Content:
    return Content(image[:offset] + content + image[offset + len(content) :])


def inode_offset(number: int) -> int:
    """Of those that are written here, in the order of their depth."""
    return 8 * BLOCK + number * INODE


@pytest.mark.parametrize("name", KERNEL)
def test_every_file_of_a_filesystem_that_the_kernel_wrote_is_read(name):
    filesystem = Xfs(Sparse(name))

    found = walk(filesystem)

    assert found.pop("usr/lib/far")[:5] == b"near\0"
    assert found == contents() | many()
    assert filesystem.notes == ()


@pytest.mark.parametrize("name", KERNEL)
def test_a_file_is_read_in_parts_far_into_its_holes(name):
    filesystem = Xfs(Sparse(name))

    reader = filesystem.reader(find(filesystem, "usr/lib/far"))

    assert reader.size == FAR + 3
    assert reader.read(FAR - 5, 8) == b"\0\0\0\0\0far"
    assert reader.read(FAR // 2, 5) == bytes(5)


def test_version_4_that_kernels_of_today_refuse_is_read():
    filesystem = Xfs(Sparse("fs-xfs-v4-4096.xz"))

    assert walk(filesystem) == {
        path: content for path, content in (contents() | many()).items() if path not in NOT_BY_MKFS
    }
    assert filesystem.notes == ()


@pytest.mark.parametrize("version", [4, 5])
def test_a_filesystem_written_here_is_read(version):
    files: Files = {"big": bytes(range(256)) * 20_000, "a/b/c": b"x", "link": Link("a/b"), "empty/": b""}
    files = {**files, **{f"many/{number:0100d}": b"" for number in range(300)}}

    assert walk(Xfs(Content(xfs_image(files, version=version)))) == files


def test_a_tree_of_extents_of_version_4_is_read():
    image = bytearray(xfs_image({"a": b"first " * 1000, "b": bytes(BLOCK)}, version=4))
    first, second = inode_offset(1), inode_offset(2)
    record = bytes(image[first + 100 : first + 116])
    node = _block_of(bytes(image[second + 100 : second + 116]))
    leaf = struct.pack(">4sHHqq", b"BMAP", 0, 1, -1, -1) + record
    image[node * BLOCK : node * BLOCK + len(leaf)] = leaf
    room = (INODE - 100 - 4) // 16
    image[first + 5] = 3
    root = (struct.pack(">HHQ", 1, 1, 0).ljust(4 + room * 8, b"\0") + struct.pack(">Q", node)).ljust(INODE - 100, b"\0")
    image[first + 100 : first + INODE] = root
    filesystem = Xfs(Content(bytes(image)))

    assert filesystem.reader(find(filesystem, "a")).read(0, 6000) == b"first " * 1000


def _block_of(record: bytes) -> int:
    high, low = struct.unpack(">QQ", record)
    return int((high & 511) << 43 | low >> 21)


def test_a_name_that_is_not_there_is_none():
    filesystem = Xfs(Content(xfs_image(RELEASE)))

    assert filesystem.child(filesystem.root(), b"nothing") is None


def test_a_log_that_was_not_replayed_is_noted_and_the_files_are_read():
    image = xfs_image(RELEASE)
    filesystem = Xfs(changed(image, 4 * BLOCK + 512 + 9, b"\0"))

    assert walk(filesystem) == RELEASE
    assert filesystem.notes == ("its log was not replayed: the latest changes may be missing",)


def test_a_log_that_is_elsewhere_is_noted():
    image = changed(xfs_image(RELEASE, version=4), 48, bytes(8))

    assert Xfs(image).notes == ("its log is on another device: the latest changes may be missing",)


def test_a_log_beyond_the_end_is_noted():
    image = changed(xfs_image(RELEASE, version=4), 48, struct.pack(">Q", 5000))

    assert Xfs(image).notes == ("its log cannot be read: the latest changes may be missing",)


@pytest.mark.parametrize(
    ("offset", "content", "message"),
    [
        (100, b"\xb4\xa3", "version 3 of XFS"),
        (100, b"\xf4\xa4", "ignores the case of names"),
        (100, b"\x94\xa4", "directories of the first version"),
    ],
)
def test_another_layout_is_unsupported(offset, content, message):
    with pytest.raises(Unsupported, match=message):
        Xfs(changed(xfs_image(RELEASE, version=4), offset, content))


@pytest.mark.parametrize(
    ("bit", "message"), [(0x10, "in need of repair"), (0x200, "features of XFS: 0x200"), (0x80000000, "0x80000000")]
)
def test_a_feature_that_changes_the_layout_is_unsupported(bit, message):
    with pytest.raises(Unsupported, match=message):
        Xfs(Content(summed(changed(xfs_image(RELEASE), 216, struct.pack(">I", bit | 1)).content[:512], 224)))


def test_content_on_a_realtime_volume_is_unsupported():
    filesystem = Xfs(changed(xfs_image({"a": b"x"}, version=4), inode_offset(1) + 90, b"\0\1"))

    with pytest.raises(Unsupported, match="realtime"):
        filesystem.reader(find(filesystem, "a"))


@pytest.mark.parametrize(
    ("offset", "message"),
    [
        (109, "checksum of the superblock"),
        (inode_offset(0) + 50, "checksum of an inode"),
    ],
)
def test_a_changed_byte_contradicts_a_checksum(offset, message):
    with pytest.raises(Damaged, match=message):
        Xfs(changed(xfs_image(RELEASE), offset, b"\x77")).root()


def test_a_name_that_was_changed_on_the_disk_contradicts_the_checksum_of_its_directory():
    image = Sparse("fs-xfs-v5.xz")
    for number, block in image.blocks.items():
        image.blocks[number] = block.replace(b"os-release", b"os-rElease")
    filesystem = Xfs(image)

    with pytest.raises(Damaged, match="checksum of a directory"):
        filesystem.child(find(filesystem, "etc"), b"os-release")


def test_an_inode_that_is_another_is_damaged():
    image = xfs_image({"a": b"1", "b": b"2"})
    other = image[inode_offset(2) : inode_offset(3)]
    filesystem = Xfs(changed(image, inode_offset(1), other))

    with pytest.raises(Damaged, match="says that it is another"):
        filesystem.child(filesystem.root(), b"a")


def test_a_directory_that_names_a_free_inode_is_damaged():
    filesystem = Xfs(changed(xfs_image({"a": b""}, version=4), inode_offset(1) + 2, bytes(2)))

    with pytest.raises(Damaged, match="is free"):
        filesystem.child(filesystem.root(), b"a")


@pytest.mark.parametrize(
    "options",
    [
        option
        for option in ("-m crc=0 -b size=512", "-m crc=0 -n size=8192", "-b size=1024")
        if shutil.which("mkfs.xfs")
    ],
)
def test_what_mkfs_makes_of_a_directory_is_read(options, tmp_path):
    (tmp_path / "words").write_bytes(b"words " * 9000)
    names = [f"  name-{number:04d} ---644 0 0 {tmp_path}/words" for number in range(400)]
    lines = ["/", "0 0", "d--755 0 0", " many d--755 0 0", *names, " $", " link l--777 0 0 many/name-0001", "$"]
    (tmp_path / "proto").write_text("\n".join(lines) + "\n")
    image = tmp_path / "image"
    with image.open("wb") as file:
        file.truncate(320 << 20)
    command = ["mkfs.xfs", "-q", *options.split(), "-p", str(tmp_path / "proto"), str(image)]
    subprocess.run(command, check=True, capture_output=True)
    file = File(image)

    found = walk(Xfs(file))

    file.close()
    assert found == {f"many/name-{number:04d}": b"words " * 9000 for number in range(400)} | {"link": "many/name-0001"}
