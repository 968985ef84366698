"""An installed system's files by path: links are followed within it, and into what its fstab mounts."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from cloudigrade.inspector.files import LONGEST_PATH, MOST_NAMES
from cloudigrade.inspector.filesystem import Entry, EntryKind, Filesystem
from cloudigrade.inspector.filesystems.blocks import Kept
from cloudigrade.inspector.reading import Damaged, Exhausted, Reader

MOST_LINKS: Final = 40
"""On one way, as Linux has it."""
MOST_STEPS: Final = 2000
"""Names that links of one way may be made of, all in all."""
MOST_DEPTH: Final = 256
"""Directories within each other."""
_KEPT_PLACES: Final = 4096

Path = tuple[bytes, ...]
"""Names from the root, without links, `.` and `..`."""


class Place(NamedTuple):
    """A file, directory or link, and the filesystem that it is in."""

    filesystem: Filesystem
    entry: Entry


class Found(NamedTuple):
    """A place, and the path that leads there without any link."""

    path: Path
    place: Place


class Tree:
    """The files of one system; implements Files."""

    def __init__(self, root: Place) -> None:
        self._root = root
        self._mounts: dict[Path, Place] = {}
        self._kept: Kept[Path, Place] = Kept(_KEPT_PLACES)

    def mount(self, path: str, place: Place) -> None:
        """What was at the path is covered by the place; the directory need not exist."""
        found = self.find(path)
        self._mounts[found.path if found else tuple(_names(_encoded(path)))] = place
        self._kept = Kept(_KEPT_PLACES)

    def read(self, path: str, *, limit: int) -> bytes | None:
        """The content of a regular file; None without one; raises Exhausted for one that is longer than the limit."""
        reader = self.open(path)
        if reader is None:
            return None
        if reader.size > limit:
            raise Exhausted(f"{_shown(path)} is longer than {limit} bytes")
        return reader.read(0, reader.size)

    def names(self, path: str) -> list[str]:
        """What the directory holds, sorted; nothing without a directory."""
        found = self.find(path)
        if found is None or found.place.entry.kind is not EntryKind.DIRECTORY:
            return []
        names = found.place.filesystem.names(found.place.entry)
        if len(names) > MOST_NAMES:
            raise Exhausted(f"{_shown(path)} holds more than {MOST_NAMES} names")
        return sorted(name.decode("utf-8", "surrogateescape") for name in names)

    def open(self, path: str) -> Reader | None:
        """A regular file, to be read in parts; None without one."""
        found = self.find(path)
        if found is None or found.place.entry.kind is not EntryKind.FILE:
            return None
        return found.place.filesystem.reader(found.place.entry)

    def find(self, path: str) -> Found | None:
        """Where the path leads, links followed to the end; None for nowhere."""
        try:
            encoded = _encoded(path)
        except UnicodeEncodeError:
            return None
        if len(encoded) > LONGEST_PATH:
            raise Exhausted(f"a path is longer than {LONGEST_PATH} bytes")
        return _Walk(self).follow(_names(encoded))

    def at(self, path: Path) -> Place | None:
        """What is at a path without links."""
        if path in self._mounts:
            return self._mounts[path]
        if not path:
            return self._root
        kept = self._kept.get(path)
        if kept is not None:
            return kept
        return self._child(path)

    def _child(self, path: Path) -> Place | None:
        parent = self.at(path[:-1])
        if parent is None or parent.entry.kind is not EntryKind.DIRECTORY:
            return None
        entry = parent.filesystem.child(parent.entry, path[-1])
        return None if entry is None else self._kept.keep(path, Place(parent.filesystem, entry))


class _Walk:
    """One way through a tree, with what it has used up."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._links = MOST_LINKS
        self._steps = MOST_STEPS

    def follow(self, names: Iterable[bytes]) -> Found | None:
        """Where the names lead; `..` of the root is the root, and a link's absolute target begins there too."""
        path: Path = ()
        left = list(names)[::-1]
        while left:
            self._count(len(left))
            if (place := self._tree.at(path)) is None or place.entry.kind is not EntryKind.DIRECTORY:
                return None
            name = left.pop()
            if name == b"..":
                path = path[:-1]
            elif (target := self._target((*path, name))) is None:
                path = (*path, name)
            else:
                path = () if target.startswith(b"/") else path
                left.extend(reversed(_names(target)))
        place = self._tree.at(path)
        return None if place is None else Found(path, place)

    def _target(self, path: Path) -> bytes | None:
        """Where it points to if it is a link."""
        if len(path) > MOST_DEPTH:
            raise Exhausted(f"more than {MOST_DEPTH} directories are within each other")
        place = self._tree.at(path)
        if place is None or place.entry.kind is not EntryKind.SYMLINK:
            return None
        self._links -= 1
        if self._links < 0:
            raise Exhausted(f"more than {MOST_LINKS} links lead to each other")
        target = place.filesystem.target(place.entry)
        if not target or b"\0" in target:
            raise Damaged("a link points to an impossible path")
        return target

    def _count(self, left: int) -> None:
        self._steps -= 1
        if self._steps < 0 or left > MOST_STEPS:
            raise Exhausted(f"links lead through more than {MOST_STEPS} names")


def _names(path: bytes) -> list[bytes]:
    return [name for name in path.split(b"/") if name not in {b"", b"."}]


def _encoded(path: str) -> bytes:
    """As the disk has it."""
    return path.encode("utf-8", "surrogateescape")


def _shown(path: str) -> str:
    return path.encode("utf-8", "backslashreplace").decode()
