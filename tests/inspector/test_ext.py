"""ext2, ext3 and ext4: images made by mke2fs and written by a kernel, images written here, and each refusal."""

import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from cloudigrade.inspector.filesystem import EntryKind
from cloudigrade.inspector.filesystems import crc32c
from cloudigrade.inspector.filesystems.ext import Ext
from cloudigrade.inspector.reading import Content, Damaged, Exhausted, File, Unsupported
from tests.inspector.reference_files import FAR, contents, find, many, walk
from tests.inspector.trees import BLOCK, Files, Link, Sparse, ext_image

PACKED = ["fs-ext2-1k.xz", "fs-ext4-1k.xz", "fs-ext4-groups.xz", "fs-ext4-inline.xz"]
SUPERBLOCK = 1024
RELEASE = {"/etc/os-release": b"ID=rhel\n"}


def changed(image: bytes, offset: int, content: bytes) -> Content:
    return Content(image[:offset] + content + image[offset + len(content) :])


def with_feature(bit: int) -> Content:
    return changed(ext_image(RELEASE), SUPERBLOCK + 0x60, struct.pack("<I", 2 | bit))


def inode_offset(number: int) -> int:
    return 4 * BLOCK + (number - 1) * 128


@pytest.mark.parametrize("name", PACKED)
def test_every_file_of_a_filesystem_that_the_kernel_wrote_is_read(name):
    found = walk(Ext(Sparse(name)))

    assert found.pop("usr/lib/far")[:5] == b"near\0"
    assert found.pop("lost+found/") == b""
    assert found == contents() | many()


@pytest.mark.parametrize("name", PACKED)
def test_a_file_is_read_in_parts_far_into_its_holes(name):
    filesystem = Ext(Sparse(name))

    reader = filesystem.reader(find(filesystem, "usr/lib/far"))

    assert reader.size == FAR + 3
    assert reader.read(FAR - 5, 8) == b"\0\0\0\0\0far"
    assert reader.read(FAR // 2, 5) == bytes(5)


def test_a_filesystem_written_here_is_read_with_lists_of_two_levels():
    content = b"".join(b"%08d" % number for number in range(700_000))
    files: Files = {"big": content, "a/b/c": b"x", "short": Link("a/b"), "long": Link("y" * 200), "empty/": b""}

    found = walk(Ext(Content(ext_image(files))))

    assert found == {**files, "lost+found/": b""}


def test_a_directory_of_many_blocks_is_read_whole():
    files = {f"many/{number:0200d}": b"" for number in range(300)}

    assert walk(Ext(Content(ext_image(files)))) == files | {"lost+found/": b""}


def test_a_name_that_is_not_there_is_none():
    filesystem = Ext(Content(ext_image(RELEASE)))

    assert filesystem.child(filesystem.root(), b"nothing") is None


def test_more_names_than_are_listed_are_still_found_one_by_one():
    filesystem = Ext(Content(ext_image({f"many/{number}": b"" for number in range(10_001)})))
    directory = find(filesystem, "many")

    with pytest.raises(Exhausted, match="more than 10000 names"):
        filesystem.names(directory)
    assert filesystem.child(directory, b"10000")


def test_a_clean_filesystem_has_no_notes():
    assert Ext(Content(ext_image(RELEASE))).notes == ()


def test_a_journal_that_was_not_replayed_is_noted_and_the_files_are_read():
    filesystem = Ext(with_feature(0x4))

    assert walk(filesystem)["etc/os-release"] == b"ID=rhel\n"
    assert filesystem.notes == ("its journal was not replayed: the latest changes may be missing",)


def test_known_errors_are_noted():
    image = changed(ext_image(RELEASE), SUPERBLOCK + 0x3A, struct.pack("<H", 2))

    assert Ext(image).notes == ("it is marked as having errors",)


@pytest.mark.parametrize(
    ("bit", "message"),
    [
        (0x1, "features of ext: compression"),
        (0x8, "features of ext: a journal without files"),
        (0x1000, "features of ext: data in directories"),
        (0x80000, "features of ext: 0x80000"),
    ],
)
def test_a_feature_that_changes_the_layout_is_unsupported(bit, message):
    with pytest.raises(Unsupported, match=message):
        Ext(with_feature(bit))


@pytest.mark.parametrize(
    ("flag", "message"),
    [(0x800, "encrypted"), (0x4, "compressed"), (0x40000000, "ignores the case of names")],
)
def test_an_inode_that_cannot_be_read_as_it_is_is_unsupported(flag, message):
    filesystem = Ext(changed(ext_image(RELEASE), inode_offset(2) + 0x20, struct.pack("<I", flag)))

    with pytest.raises(Unsupported, match=message):
        filesystem.child(filesystem.root(), b"etc")


def test_a_directory_that_names_a_free_inode_is_damaged():
    filesystem = Ext(changed(ext_image({"a": b""}), inode_offset(12) + 0x1A, bytes(2)))

    with pytest.raises(Damaged, match="names inode 12, which is free"):
        filesystem.child(filesystem.root(), b"a")


@pytest.mark.parametrize("name", ["fs-ext4-1k.xz", "fs-ext4-groups.xz", "fs-ext4-inline.xz"])
def test_a_changed_byte_of_the_superblock_contradicts_its_checksum(name):
    image = Sparse(name)
    block = image.blocks[0]
    image.blocks[0] = block[:1090] + bytes([block[1090] ^ 1]) + block[1091:]

    with pytest.raises(Damaged, match="checksum of the superblock"):
        Ext(image)


def test_a_name_that_was_changed_on_the_disk_contradicts_the_checksum_of_its_directory():
    image = Sparse("fs-ext4-1k.xz")
    for number, block in image.blocks.items():
        image.blocks[number] = block.replace(b"os-release", b"os-rElease")
    filesystem = Ext(image)

    with pytest.raises(Damaged, match="checksum of directory"):
        filesystem.child(find(filesystem, "etc"), b"os-release")


def test_a_list_of_blocks_that_lists_itself_ends():
    image = bytearray(ext_image({"a": bytes(13 * BLOCK)}))
    root = inode_offset(12) + 0x28
    single = struct.unpack_from("<I", image, root + 48)[0]
    struct.pack_into("<1024I", image, single * BLOCK, *[single] * 1024)
    struct.pack_into("<III", image, root + 48, single, single, single)
    struct.pack_into("<I", image, inode_offset(12) + 4, 0xFFFF_FFFF)
    struct.pack_into("<I", image, inode_offset(12) + 0x6C, 0xFFFF)
    filesystem = Ext(Content(bytes(image)))

    with pytest.raises(Exhausted, match="more than 100000 extents"):
        filesystem.reader(find(filesystem, "a"))


def test_a_tree_of_extents_that_holds_itself_is_damaged():
    image = bytearray(ext_image({"a": b"content"}))
    inode = inode_offset(12)
    block = struct.unpack_from("<I", image, inode + 0x28)[0]
    node = struct.pack("<HHHHI", 0xF30A, 1, 4, 1, 0) + struct.pack("<IIHH", 0, block, 0, 0)
    image[inode + 0x28 : inode + 0x28 + len(node)] = node
    image[block * BLOCK : block * BLOCK + len(node)] = node
    struct.pack_into("<I", image, inode + 0x20, 0x80000)
    filesystem = Ext(Content(bytes(image)))

    with pytest.raises(Damaged, match="goes deeper than it says"):
        filesystem.reader(find(filesystem, "a"))


def test_extents_that_were_never_written_read_as_zeros():
    image = bytearray(ext_image({"a": b"content"}))
    inode = inode_offset(12)
    block = struct.unpack_from("<I", image, inode + 0x28)[0]
    node = struct.pack("<HHHHI", 0xF30A, 1, 4, 0, 0) + struct.pack("<IHHI", 0, 32769, 0, block)
    image[inode + 0x28 : inode + 0x28 + len(node)] = node
    struct.pack_into("<I", image, inode + 0x20, 0x80000)
    filesystem = Ext(Content(bytes(image)))

    assert filesystem.reader(find(filesystem, "a")).read(0, 7) == bytes(7)


def test_what_is_neither_file_nor_directory_nor_link_is_told_apart():
    filesystem = Ext(changed(ext_image({"a": b""}), inode_offset(12), struct.pack("<H", 0o10644)))

    assert find(filesystem, "a").kind is EntryKind.OTHER


def test_an_image_that_ends_early_is_damaged():
    image = ext_image({"a": b"content"}, spare=0)
    filesystem = Ext(Content(image[:-BLOCK]))

    with pytest.raises(Damaged, match="beyond the end"):
        filesystem.reader(find(filesystem, "a")).read(0, 7)


def test_the_checksum_is_that_of_rfc_3720():
    assert crc32c.checksum(b"123456789") == 0xE3069283


@pytest.mark.parametrize(
    "options",
    [
        option
        for option in ("-t ext2 -b 1024", "-t ext3 -b 2048", "-t ext4", "-t ext4 -O inline_data", "-t ext4 -I 128")
        if shutil.which("mkfs.ext4")
    ],
)
def test_what_mke2fs_makes_of_a_directory_is_read(options, tmp_path):
    source, image = tmp_path / "source", tmp_path / "image"
    files = {"etc/os-release": b"ID=rhel\n", "etc/link": Link("../usr"), "usr/lib/words": b"words " * 9000}
    for path, content in files.items():
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        (source / path).symlink_to(content) if isinstance(content, Link) else (source / path).write_bytes(content)
    command = ["mkfs.ext4", "-q", "-F", *options.split(), "-d", str(source), str(image), "8M"]
    subprocess.run(command, check=True, capture_output=True)

    assert _walked(image) == files | {"lost+found/": b""}


def _walked(path: Path) -> dict[str, bytes | Link]:
    file = File(path)
    try:
        return walk(Ext(file))
    finally:
        file.close()
