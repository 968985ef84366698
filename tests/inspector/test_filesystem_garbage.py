"""Changed bytes in filesystems: whatever they say, reading ends soon, with what is there or with a declared failure."""

import random
from collections.abc import Callable

import pytest

from cloudigrade.inspector import systems
from cloudigrade.inspector.filesystem import EntryKind, Filesystem
from cloudigrade.inspector.filesystems.ext import Ext
from cloudigrade.inspector.filesystems.xfs import Xfs
from cloudigrade.inspector.reading import Content, Damaged, Exhausted, Reader, Unsupported
from cloudigrade.inspector.volume import Kind, Layout, Volume
from tests.inspector.trees import BLOCK, Files, Link, Sparse, ext_image, summed, xfs_image

FAILURES = (Damaged, Unsupported, Exhausted)
MOST_READS = 20_000
FILES: Files = {
    "etc/os-release": b"ID=rhel\n",
    "etc/fstab": b"LABEL=x /var xfs\n",
    "etc/link": Link("../usr/lib"),
    "usr/lib/words": b"words " * 20_000,
    **{f"many/{number:060d}": b"" for number in range(90)},
}
SUPERBLOCKS = {Kind.EXT: 1024, Kind.XFS: 0}
READERS: dict[Kind, Callable[[Reader], Filesystem]] = {Kind.EXT: Ext, Kind.XFS: Xfs}


class Bounded:
    """Refuses to be read for ever."""

    def __init__(self, whole: Reader) -> None:
        self.whole = whole
        self.size = whole.size
        self.reads = 0

    def read(self, offset: int, length: int, /) -> bytes:
        self.reads += 1
        assert self.reads < MOST_READS
        assert length <= 64 << 20
        return self.whole.read(offset, length)


class Changed:
    """An image with some bytes that are others."""

    def __init__(self, whole: Reader, changes: dict[int, int]) -> None:
        self.whole = whole
        self.size = whole.size
        self.changes = changes

    def read(self, offset: int, length: int, /) -> bytes:
        content = bytearray(self.whole.read(offset, length))
        for place, byte in self.changes.items():
            if offset <= place < offset + length:
                content[place - offset] = byte
        return bytes(content)


def attempt(kind: Kind, image: Reader) -> None:
    """All that can be read of it is read: by the filesystem, and as a system."""
    reader = Bounded(image)
    try:
        filesystem = READERS[kind](reader)
        _read_all(filesystem)
    except FAILURES:
        pass
    found = systems.find(Layout((Volume("/dev/sdf", "/dev/sdf1", kind, reader),)))
    for system in found.systems:
        for path in ("/etc/os-release", "/etc/link/words", "/var/lib/rpm/Packages"):
            try:
                system.files.read(path, limit=1 << 20)
            except FAILURES:
                continue


def _read_all(filesystem: Filesystem) -> None:
    left = [filesystem.root()]
    seen = 0
    while left and seen < 300:
        directory = left.pop()
        for name in filesystem.names(directory)[:50]:
            seen += 1
            try:
                entry = filesystem.child(directory, name)
                if entry is None:
                    continue
                if entry.kind is EntryKind.DIRECTORY:
                    left.append(entry)
                elif entry.kind is EntryKind.SYMLINK:
                    filesystem.target(entry)
                else:
                    reader = filesystem.reader(entry)
                    reader.read(0, min(reader.size, 100_000))
            except FAILURES:
                continue


def places(image: bytes, kind: Kind) -> list[int]:
    """Bytes of which a change may matter: the superblock, tables, and whatever is not zero."""
    head = range(SUPERBLOCKS[kind], SUPERBLOCKS[kind] + 300)
    return [*head] * 20 + [at for at in range(min(len(image), 40 * BLOCK)) if image[at]]


def mutants(kind: Kind, image: bytes, seed: int, count: int) -> list[dict[int, int]]:
    random_ = random.Random(seed)
    candidates = places(image, kind)
    return [
        {
            random_.choice(candidates): random_.choice((0, 1, 0x7F, 0x80, 0xFF, random_.randrange(256)))
            for _ in range(size)
        }
        for size in (random_.choice((1, 2, 5, 20)) for _ in range(count))
    ]


@pytest.mark.parametrize(
    ("kind", "image"),
    [
        pytest.param(Kind.EXT, ext_image(FILES), id="ext2"),
        pytest.param(Kind.XFS, xfs_image(FILES, version=4), id="xfs4"),
    ],
)
def test_two_hundred_mutants_end_soon_and_as_declared(kind, image):
    for changes in mutants(kind, image, seed=1, count=200):
        attempt(kind, Changed(Content(image), changes))


@pytest.mark.parametrize(
    ("kind", "name"), [(Kind.EXT, "fs-ext2-1k.xz"), (Kind.EXT, "fs-ext4-groups.xz"), (Kind.XFS, "fs-xfs-v5.xz")]
)
def test_mutants_of_filesystems_of_real_tools_end_soon_and_as_declared(kind, name):
    packed = Sparse(name)
    random_ = random.Random(name)
    for _ in range(25):
        changes = {
            random_.choice(list(packed.blocks)) * BLOCK + random_.randrange(BLOCK): random_.randrange(256)
            for _ in range(random_.choice((1, 5, 50)))
        }
        attempt(kind, Changed(packed, changes))


def test_mutants_with_right_checksums_end_soon_and_as_declared():
    image = xfs_image(FILES)
    random_ = random.Random(3)
    for _ in range(100):
        changed = bytearray(image)
        number = random_.randrange(6)
        start = 8 * BLOCK + number * 512
        for _ in range(random_.choice((1, 3))):
            changed[start + random_.randrange(200)] = random_.choice((0, 1, 2, 3, 0x80, 0xFF))
        changed[start + 152 : start + 160] = image[start + 152 : start + 160]
        changed[start : start + 512] = summed(bytes(changed[start : start + 512]), 100)
        attempt(Kind.XFS, Content(bytes(changed)))


@pytest.mark.parametrize("kind", [Kind.EXT, Kind.XFS])
@pytest.mark.parametrize("size", [0, 1, 511, 512, 1024, 2047, 2048, 5000])
def test_images_that_end_anywhere_end_as_declared(kind, size):
    image = ext_image(FILES) if kind is Kind.EXT else xfs_image(FILES)

    attempt(kind, Content(image[:size]))
    attempt(kind, Content(bytes(size)))
    attempt(kind, Content(random.Random(size).randbytes(size)))
