"""What a case is, and the workshop in which its disks are made."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from cloudigrade.inspector.reading import Content, File, Reader
from tests.inspector.corpus import ext2, filesystems, layouts
from tests.inspector.corpus.layouts import Disks
from tests.inspector.corpus.systems import Tree

RHEL, NOT_RHEL, INCONCLUSIVE = "rhel", "not_rhel", "inconclusive"

PLAIN = "plain ext2"
"""Written without any program."""


@dataclass
class Workshop:
    """Makes filesystems and containers in a folder; the same one only once."""

    folder: Path
    _made: dict[tuple[int, str, str, str, int], tuple[Tree, Reader]] = field(default_factory=dict, repr=False)
    _contained: list[File] = field(default_factory=list, repr=False)

    def filesystem(
        self, tree: Tree, kind: str = PLAIN, *, uuid: str = filesystems.UUID, label: str = "root", mebibytes: int = 0
    ) -> Reader:
        """A filesystem with the tree in it."""
        key = (id(tree), kind, uuid, label, mebibytes)
        if key not in self._made:
            if kind == PLAIN:
                made: Reader = Content(ext2.written(tree, uuid=uuid, label=label))
            else:
                made = File(filesystems.made(tree, kind, self.folder, uuid=uuid, label=label, mebibytes=mebibytes))
            self._made[key] = (tree, made)  # the tree is kept, so that its id stays its own
        return self._made[key][1]

    def contained(self, disk: Reader, kind: str) -> Reader:
        """The disk in a container."""
        self._contained.append(layouts.in_container(disk, kind, self.folder))
        return self._contained[-1]

    def close(self) -> None:
        """Its files are closed."""
        for made in (*self._contained, *(reader for _, reader in self._made.values())):
            if isinstance(made, File):
                made.close()


class Case(NamedTuple):
    """Disks, and what is to be said of them, declared before anything looks at them."""

    name: str
    expected: str
    disks: Callable[[Workshop], Disks]
    tools: tuple[str, ...] = ()
    """Programs that make them; without, the case always runs."""
    says: str = ""
    """What one of the reasons, conflicts or uncovered parts must tell."""
    facts: Mapping[str, object] = {}
    """What else must stand in the image's result, by key; those of the verdict after `verdict.`."""
    is_sample: bool = False
    """Whether the suite has it although programs make it."""

    def __repr__(self) -> str:
        return f"Case({self.name!r})"  # a failing test shows it, and its disks may be long

    @property
    def is_possible(self) -> bool:
        """Whether this machine has what makes it."""
        return all(filesystems.find(tool) for tool in self.tools)


class OnPlain:
    """The disk of a tree on the plain filesystem, as a whole disk."""

    def __init__(self, make: Callable[[], Tree]) -> None:
        self._make = make

    @cached_property
    def _tree(self) -> Tree:
        return self._make()

    def __call__(self, workshop: Workshop) -> Disks:
        return {"/dev/sdf": workshop.filesystem(self._tree)}


def plain(
    name: str, expected: str, make: Callable[[], Tree], *, says: str = "", facts: Mapping[str, object] | None = None
) -> Case:
    """A case of files only."""
    return Case(name, expected, OnPlain(make), says=says, facts=facts or {})
