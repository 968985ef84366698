"""What a filesystem must tell, so that paths can be followed through it: one protocol for every kind."""

from enum import StrEnum
from typing import NamedTuple, Protocol

from cloudigrade.inspector.reading import Reader


class EntryKind(StrEnum):
    """What an inode is."""

    FILE = "file"
    DIRECTORY = "directory"
    SYMLINK = "symlink"
    OTHER = "other"


class Entry(NamedTuple):
    """A file, directory or link."""

    number: int
    """Its inode."""
    kind: EntryKind
    size: int
    """Bytes."""


class Filesystem(Protocol):
    """One filesystem, without any knowledge of where it is mounted; every method may raise Damaged, Unsupported or
    Exhausted.
    """

    def root(self) -> Entry:
        """The root directory."""

    def child(self, directory: Entry, name: bytes) -> Entry | None:
        """What the directory has under the name."""

    def names(self, directory: Entry) -> list[bytes]:
        """What the directory holds, without `.` and `..`, in the order of the disk."""

    def target(self, link: Entry) -> bytes:
        """Where the link points to."""

    def reader(self, file: Entry) -> Reader:
        """The content of a file; holes read as zeros."""
