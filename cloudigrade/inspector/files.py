"""A system's files by path, as everything that looks for evidence sees them."""

from typing import Final, Protocol

from cloudigrade.inspector.reading import Reader

LONGEST_PATH: Final = 4096
MOST_NAMES: Final = 10_000
"""In one directory; of a longer one Exhausted is raised."""


class Files(Protocol):
    """The files of one installed system; links resolve within it, and nothing outside of it is ever read.

    Each method raises Damaged, Unsupported or Exhausted where the image does not let it answer. Names that are no
    UTF-8 have surrogate escapes.
    """

    def read(self, path: str, *, limit: int) -> bytes | None:
        """The content of a regular file; None without one; raises Exhausted for one that is longer than the limit."""

    def names(self, path: str) -> list[str]:
        """What the directory holds, sorted, without `.` and `..`; nothing without a directory."""

    def open(self, path: str) -> Reader | None:
        """A regular file, to be read in parts; None without one."""
