"""A system's files as evidence is read from them: always bounded, and never forgetting what could not be read."""

from typing import Final, NamedTuple

from cloudigrade.inspector.files import Files
from cloudigrade.inspector.reading import Damaged, Exhausted, Reader, Unsupported

MOST_UNREAD: Final = 100
_REASON_LENGTH: Final = 200

FAILURES: Final = (Damaged, Unsupported, Exhausted)


class Unread(NamedTuple):
    """A file or directory that may hold evidence and could not be read."""

    path: str
    reason: str


class Sources:
    """The files of one system; whatever cannot be read counts as absent and is noted."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._unread: list[Unread] = []

    @property
    def unread(self) -> tuple[Unread, ...]:
        """What could not be read so far, each once."""
        return tuple(dict.fromkeys(self._unread))

    def read(self, path: str, *, limit: int) -> bytes | None:
        """The content of a file; None without one, or where it cannot be read."""
        try:
            return self._files.read(path, limit=limit)
        except FAILURES as failure:
            self.note(path, failure)
            return None

    def names(self, path: str) -> list[str]:
        """What a directory holds; nothing where it cannot be read."""
        try:
            return self._files.names(path)
        except FAILURES as failure:
            self.note(path, failure)
            return []

    def open(self, path: str) -> Reader | None:
        """A file, to be read in parts; None without one, or where it cannot be opened."""
        try:
            return self._files.open(path)
        except FAILURES as failure:
            self.note(path, failure)
            return None

    def note(self, path: str, failure: Exception) -> None:
        """The file counts as not read."""
        if len(self._unread) < MOST_UNREAD:
            self._unread.append(Unread(path, str(failure)[:_REASON_LENGTH]))
