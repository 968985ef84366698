"""Filesystems with a tree in them, made by mkfs without mounting anything."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.inspector.corpus.systems import Link, Tree

MIB = 1 << 20
UUID = "7c4a1f6e-11aa-4b5c-9d33-0123456789ab"
VAR_UUID = "8d5b2f7e-22bb-4c6d-8e44-abcdef012345"


class Maker(NamedTuple):
    """How a filesystem is made."""

    tool: str
    options: tuple[str, ...]
    mebibytes: int = 32


# The smallest XFS is 300 MiB, but for its own tests.
_SMALL_XFS = {"TEST_DIR": "x", "TEST_DEV": "x", "QA_CHECK_FS": "x"}

MAKERS: dict[str, Maker] = {
    "ext2": Maker("mke2fs", ("-t", "ext2")),
    "ext3": Maker("mke2fs", ("-t", "ext3")),
    "ext4": Maker("mke2fs", ("-t", "ext4")),
    "ext2 of 1 KiB blocks, small inodes": Maker("mke2fs", ("-t", "ext2", "-b", "1024", "-I", "128")),
    "ext3 without directory index": Maker("mke2fs", ("-t", "ext3", "-O", "^dir_index")),
    "ext4 of RHEL 6": Maker("mke2fs", ("-t", "ext4", "-O", "^metadata_csum,^64bit,uninit_bg")),
    "ext4 without extents": Maker("mke2fs", ("-t", "ext4", "-O", "^extent,^64bit")),
    "ext4 of 1 KiB blocks": Maker("mke2fs", ("-t", "ext4", "-b", "1024")),
    "ext4 of 64 KiB clusters": Maker("mke2fs", ("-t", "ext4", "-O", "bigalloc", "-C", "65536"), 64),
    "ext4 with inline data": Maker("mke2fs", ("-t", "ext4", "-O", "inline_data", "-I", "512")),
    "ext4 with meta groups": Maker("mke2fs", ("-t", "ext4", "-O", "meta_bg,^resize_inode")),
    "ext4 with sparse_super2": Maker("mke2fs", ("-t", "ext4", "-O", "sparse_super2,^resize_inode")),
    "ext4 without flexible groups": Maker("mke2fs", ("-t", "ext4", "-O", "^flex_bg", "-g", "1024"), 64),
    "ext4 with projects, quotas, casefolding": Maker("mke2fs", ("-t", "ext4", "-O", "project,quota,casefold,encrypt")),
    "xfs v5": Maker("mkfs.xfs", (), 64),
    "xfs v4": Maker("mkfs.xfs", ("-m", "crc=0"), 64),
    "xfs v4 without types in directories": Maker("mkfs.xfs", ("-m", "crc=0", "-n", "ftype=0"), 64),
    "xfs v5 of RHEL 8": Maker("mkfs.xfs", ("-m", "bigtime=0,inobtcount=0,reflink=1", "-i", "nrext64=0"), 64),
    "xfs v5 with all features": Maker("mkfs.xfs", ("-m", "bigtime=1,inobtcount=1,rmapbt=1", "-i", "nrext64=1"), 64),
    "xfs v5 of 1 KiB blocks": Maker("mkfs.xfs", ("-b", "size=1024"), 64),
    "xfs v4 of 512 byte blocks": Maker("mkfs.xfs", ("-m", "crc=0", "-b", "size=512"), 64),
    "xfs v5 of 4 KiB sectors": Maker("mkfs.xfs", ("-s", "size=4096"), 64),
    "xfs v5 of 16 KiB directory blocks": Maker("mkfs.xfs", ("-n", "size=16384"), 64),
    "xfs v5 of 2 KiB inodes": Maker("mkfs.xfs", ("-i", "size=2048"), 64),
    "xfs v5 of many groups": Maker("mkfs.xfs", ("-d", "agcount=16"), 272),
    "btrfs": Maker("mkfs.btrfs", (), 128),
}


def made(tree: Tree, kind: str, folder: Path, *, uuid: str = UUID, label: str = "root", mebibytes: int = 0) -> Path:
    """A file with the filesystem that holds the tree."""
    maker = MAKERS[kind]
    image = Path(tempfile.mkstemp(dir=folder, suffix=".img")[1])
    os.truncate(image, (mebibytes or maker.mebibytes) * MIB)
    with _on_disk(tree, folder) as source:
        if maker.tool == "mke2fs":
            _run("mke2fs", "-q", "-F", "-L", label, "-U", uuid, *maker.options, "-d", source, image)
        elif maker.tool == "mkfs.xfs":
            prototype = source.with_suffix(".prototype")
            prototype.write_text("\n".join(_prototype(source)))
            identity = ("-L", label, "-m", f"uuid={uuid}")
            _run("mkfs.xfs", "-q", "-f", *identity, *maker.options, "-p", prototype, image)
        else:
            _run("mkfs.btrfs", "-q", "-f", "-L", label, "--rootdir", source, image)
    return image


def is_present(kind: str) -> bool:
    """Whether this machine has what makes it."""
    return find(MAKERS[kind].tool) is not None


def find(tool: str) -> str | None:
    """Where the program is; those for the superuser are not on everybody's path."""
    return shutil.which(tool, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


@contextlib.contextmanager
def _on_disk(tree: Tree, folder: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=folder) as outer:
        source = Path(outer) / "source"
        source.mkdir()
        for path, content in tree.items():
            place = source / path
            place.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, Link):
                place.symlink_to(content.target)
            else:
                place.write_bytes(content)
        yield source


def _prototype(source: Path) -> Iterator[str]:
    """What mkfs.xfs fills a filesystem by."""
    yield from ("/dev/null", "0 0", "d--755 0 0")
    yield from _prototype_of(source)
    yield from ("$", "")


def _prototype_of(folder: Path) -> Iterator[str]:
    for entry in sorted(folder.iterdir()):
        if entry.is_symlink():
            yield f"{entry.name} l--777 0 0 {entry.readlink()}"
        elif entry.is_dir():
            yield f"{entry.name} d--755 0 0"
            yield from _prototype_of(entry)
            yield "$"
        else:
            yield f"{entry.name} ---644 0 0 {entry}"


def _run(tool: str, *arguments: str | Path) -> None:
    command = [find(tool) or tool, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **_SMALL_XFS})
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
