"""Names of disks as somebody types them, opened: files, block devices, snapshots; what cannot be is a disk as well."""

import os
import stat
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cloudigrade.inspector.blocks import BlockDisk, Blocks, Cost
from cloudigrade.inspector.reading import Damaged, File, Reader

SNAPSHOT: Final = "ebs:"
Snapshots = Callable[[str], Blocks]
"""Opens one by its id; whatever it raises is raised."""


class Unopened(Exception):
    """The disk is not there or may not be read; the message says which, in one line."""


@dataclass(frozen=True, slots=True)
class Absent:
    """A disk that could not be opened: it is uncovered, and so are systems that may be on it."""

    reason: str
    size: int = 1024 * 1024
    """Not zero, so that nobody takes it for a disk without anything on it."""

    def read(self, _offset: int, _length: int, /) -> bytes:
        """Raises Damaged."""
        raise Damaged(self.reason)


@dataclass(slots=True)
class Opened:
    """One image's disks by the names that were given, and what fetching their blocks has cost."""

    disks: dict[str, Reader] = field(default_factory=dict)
    cost: Cost = field(default_factory=Cost)

    @property
    def is_there(self) -> bool:
        """At least one of them could be opened."""
        return any(not isinstance(disk, Absent) for disk in self.disks.values())


def opened(names: Sequence[str], snapshots: Snapshots, closing: ExitStack) -> Opened:
    """The disks; files are closed by `closing`."""
    found = Opened()
    for name in names:
        if name.startswith(SNAPSHOT):
            found.disks[name] = BlockDisk(snapshots(name.removeprefix(SNAPSHOT)), found.cost)
            continue
        try:
            disk = _file(Path(name))
        except Unopened as error:
            found.disks[name] = Absent(str(error))
        else:
            closing.callback(disk.close)
            found.disks[name] = disk
    return found


def _file(path: Path) -> File:
    try:
        kind = stat.S_IFMT(path.stat().st_mode)
        if kind == stat.S_IFDIR:
            raise Unopened("is a directory, not a disk")
        if kind not in (stat.S_IFREG, stat.S_IFBLK):
            raise Unopened("is neither a file nor a block device")
        disk = File(path)
    except FileNotFoundError as error:
        raise Unopened("no such file or device") from error
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL
        raise Unopened(
            f"cannot be opened: {os.strerror(error.errno or 0) if isinstance(error, OSError) else error}"
        ) from error
    if disk.size == 0:
        disk.close()
        raise Unopened("is empty")
    return disk
