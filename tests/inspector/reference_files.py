"""The files of the packed filesystems in tests/data/inspector: as a mapping, and written into a directory."""

import os
import sys
from pathlib import Path
from typing import Final

from cloudigrade.inspector.filesystem import Entry, EntryKind, Filesystem
from tests.inspector.trees import BLOCK, Link

MANY: Final = 1000
FAR: Final = 70_000_000
"""So far into a file that three levels of lists are needed for it with blocks of 1 KiB."""


def small(number: int) -> bytes:
    return b"%04d " % number * (number * 3)


def lines(count: int) -> bytes:
    return b"".join(b"line %08d\n" % number for number in range(count))


def holes() -> dict[int, bytes]:
    """What stands where in a file of which every other block was never written."""
    return {number * 2 * BLOCK + 7: b"block %04d" % number for number in range(150)}


def contents() -> dict[str, bytes | Link]:
    """By path, but what is too long, or no file."""
    found: dict[str, bytes | Link] = {"etc/os-release": b"ID=rhel\n", "etc/empty": b"", "usr/lib/lines": lines(8_000)}
    found |= {f"etc/small{number}": small(number) for number in range(40)}
    found |= {f"etc/link{length}": Link("t" * length) for length in (1, 58, 59, 60, 61, 300, 1000)}
    found["etc/absolute"] = Link("/usr/lib/lines")
    found["etc/\udcff\udce4"] = b"no UTF-8"
    content = bytearray(max(holes()) + 10)
    for offset, part in holes().items():
        content[offset : offset + len(part)] = part
    found["usr/lib/holes"] = bytes(content)
    return found


def many() -> dict[str, bytes | Link]:
    """Names of one directory, some of which were removed again."""
    return {f"many/a-name-that-is-rather-long-{number:04d}": small(number % 7) for number in range(MANY) if number % 3}


def write(top: Path) -> None:
    """All of them are in the directory, as a system leaves them: with holes, and with names removed again."""
    for path, content in contents().items():
        place = top / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Link):
            place.symlink_to(content)
        elif path != "usr/lib/holes":
            place.write_bytes(content)
    _write_at(top / "usr/lib/holes", holes())
    _write_at(top / "usr/lib/far", {0: b"near", FAR: b"far"})
    (top / "many").mkdir()
    names = [f"a-name-that-is-rather-long-{number:04d}" for number in range(MANY)]
    for number, name in enumerate(names):
        (top / "many" / name).hardlink_to(top / f"etc/small{number % 7}")
    for name in names[::3]:
        (top / "many" / name).unlink()


def _write_at(place: Path, parts: dict[int, bytes]) -> None:
    with place.open("wb") as file:
        for offset, content in parts.items():
            file.seek(offset)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())


def walk(filesystem: Filesystem) -> dict[str, bytes | Link]:
    """All files, as far as 8 MiB, and links; of directories the empty ones."""
    found: dict[str, bytes | Link] = {}
    open_directories = [("", filesystem.root())]
    while open_directories:
        path, directory = open_directories.pop()
        names = filesystem.names(directory)
        if not names:
            found[path] = b""
        for name in names:
            entry = filesystem.child(directory, name)
            assert entry
            below = path + name.decode("utf-8", "surrogateescape")
            if entry.kind is EntryKind.DIRECTORY:
                open_directories.append((below + "/", entry))
            else:
                found[below] = _content(filesystem, entry)
    return found


def _content(filesystem: Filesystem, entry: Entry) -> bytes | Link:
    if entry.kind is EntryKind.SYMLINK:
        return Link(filesystem.target(entry).decode())
    return filesystem.reader(entry).read(0, min(entry.size, 8 << 20))


def find(filesystem: Filesystem, path: str) -> Entry:
    entry = filesystem.root()
    for name in path.split("/"):
        below = filesystem.child(entry, name.encode())
        assert below
        entry = below
    return entry


if __name__ == "__main__":
    write(Path(sys.argv[1]))
