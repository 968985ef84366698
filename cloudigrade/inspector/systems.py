"""An image's volumes in, the systems installed on them out, with what could not be looked into."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from cloudigrade.inspector import mounts, ostree
from cloudigrade.inspector.filesystem import EntryKind
from cloudigrade.inspector.filesystems.ext import Ext
from cloudigrade.inspector.filesystems.xfs import Xfs
from cloudigrade.inspector.mounts import Mount
from cloudigrade.inspector.reading import Damaged, Exhausted, Unsupported
from cloudigrade.inspector.system import System
from cloudigrade.inspector.tree import Path, Place, Tree
from cloudigrade.inspector.volume import CANNOT_HOLD_A_SYSTEM, READABLE, Kind, Layout, Uncovered, Volume

FAILURES: Final = (Damaged, Unsupported, Exhausted)
LONGEST_FSTAB: Final = 64 * 1024
_PACKAGES: Final = ("/var/lib/rpm", "/usr/lib/sysimage/rpm", "/usr/share/rpm")
_VAR_LABELS: Final = ("var", "/var")


class Note(NamedTuple):
    """What makes a result less certain without leaving a part of it open."""

    place: str
    """Volume."""
    text: str
    """In one line, without anything of the content."""


@dataclass(frozen=True, slots=True)
class Found:
    """All that is known of an image's systems before any evidence is looked for."""

    systems: tuple[System, ...]
    read: tuple[str, ...]
    """Names of the volumes whose filesystem could be read."""
    uncovered: tuple[Uncovered, ...] = ()
    notes: tuple[Note, ...] = ()


class _Part(NamedTuple):
    """A volume, and the root of its filesystem."""

    volume: Volume
    place: Place
    notes: tuple[str, ...]
    is_root: bool

    @property
    def name(self) -> str:
        return self.volume.name


@dataclass(slots=True)
class _Draft:
    """A system while it is put together."""

    root: _Part
    tree: Tree
    deployment: str = ""
    mounted: list[Volume] = field(default_factory=list)
    within: set[str] = field(default_factory=set)
    """Names of volumes that hold a part of what makes it a system."""
    uncovered: list[Uncovered] = field(default_factory=list)

    def leave_open(self, reason: str) -> None:
        """A part of it is uncovered."""
        self.uncovered.append(Uncovered(self.root.name, reason))

    def finished(self) -> System:
        """The system."""
        names = dict.fromkeys((self.root.name, *(volume.name for volume in self.mounted)))
        return System(self.root.name, self.tree, tuple(names), self.deployment, tuple(self.uncovered))


def find(layout: Layout) -> Found:
    """All systems of the image; what cannot be read costs itself only."""
    parts, uncovered = _opened(layout)
    drafts: list[_Draft] = []
    for part in parts:
        if part.is_root:
            try:
                drafts.append(_draft(part, parts))
            except FAILURES as error:
                uncovered.append(Uncovered(part.name, str(error)))
    for draft in drafts:
        _mount_all(draft, layout.volumes, parts)
    uncovered += _hidden(parts, drafts)
    drafts = _independent(drafts)
    notes = [Note(part.name, note) for part in parts for note in part.notes]
    notes += _guess_var(drafts, parts)
    systems = tuple(draft.finished() for draft in drafts)
    return Found(systems, tuple(part.name for part in parts), (*layout.uncovered, *uncovered), tuple(notes))


def _opened(layout: Layout) -> tuple[list[_Part], list[Uncovered]]:
    parts: list[_Part] = []
    uncovered: list[Uncovered] = []
    for volume in layout.volumes:
        if volume.kind in CANNOT_HOLD_A_SYSTEM:
            continue
        try:
            parts.append(_part(volume))
        except FAILURES as error:
            uncovered.append(Uncovered(volume.name, str(error)))
    return parts, uncovered


def _part(volume: Volume) -> _Part:
    if volume.kind not in READABLE:
        raise Unsupported("no known filesystem" if volume.kind is Kind.UNKNOWN else f"{volume.kind} is not read")
    filesystem = Ext(volume.reader) if volume.kind is Kind.EXT else Xfs(volume.reader)
    place = Place(filesystem, filesystem.root())
    return _Part(volume, place, filesystem.notes, _is_root(Tree(place)))


def _is_root(tree: Tree) -> bool:
    """Whether a system's root directory is there: by what it says of itself, by its fstab, or by its skeleton."""
    if any(tree.find(path) for path in ("/etc/os-release", "/usr/lib/os-release", "/etc/fstab")):
        return True
    top = set(tree.names("/"))
    if "etc" in top and any(name.endswith("-release") for name in tree.names("/etc")):
        return True
    return ({"etc", "usr"} <= top and bool(top & {"bin", "sbin", "lib"})) or ostree.present(tree)


def _draft(part: _Part, parts: Sequence[_Part]) -> _Draft:
    tree = Tree(part.place)
    if not ostree.present(tree):
        return _Draft(part, tree)
    path = ostree.deployment(tree, _boots(tree, part, parts))
    return _Draft(part, _deployed(tree, path), deployment=_text(path))


def _boots(tree: Tree, part: _Part, parts: Sequence[_Part]) -> Iterator[Tree]:
    """Where a boot loader may have its entries: in the root, or on another volume."""
    if (boot := tree.find("/boot")) is not None and boot.place.entry.kind is EntryKind.DIRECTORY:
        yield Tree(boot.place)
    yield from (Tree(other.place) for other in parts if other is not part)


def _deployed(whole: Tree, path: Path) -> Tree:
    """A deployment with what every one shares: the state below /var, and the whole below /sysroot."""
    root, top = whole.find(_text(path)), whole.find("/")
    if root is None or top is None:
        raise Damaged("an ostree deployment is not where it was")
    tree = Tree(root.place)
    tree.mount("/sysroot", top.place)
    if (var := whole.find(f"{_text(path[:3])}/var")) is not None:
        tree.mount("/var", var.place)
    if tree.find("/etc") is None and (etc := tree.find("/usr/etc")) is not None:
        tree.mount("/etc", etc.place)
    return tree


def _text(path: Path) -> str:
    return "/" + "/".join(name.decode("utf-8", "surrogateescape") for name in path)


def _mount_all(draft: _Draft, volumes: Iterable[Volume], parts: Sequence[_Part]) -> None:
    """What its fstab says is mounted, directories before what is within them."""
    try:
        lines = mounts.parse(draft.tree.read("/etc/fstab", limit=LONGEST_FSTAB) or b"")
    except FAILURES as error:
        draft.leave_open(f"its fstab cannot be read: {error}")
        return
    volumes = tuple(volumes)
    for mount in sorted(lines, key=lambda mount: mount.point.count("/")):
        if mount.of_a_volume:
            _mount(draft, mount, volumes, parts)


def _mount(draft: _Draft, mount: Mount, volumes: Sequence[Volume], parts: Sequence[_Part]) -> None:
    try:
        if mount.point == "/":
            reason = _wrong_root(draft, mount, volumes)
        elif mount.binds:
            reason = _bind(draft, mount)
        else:
            reason = _mount_volume(draft, mount, volumes, parts)
    except FAILURES as error:
        reason = str(error)
    if reason and mount.matters:
        draft.leave_open(f"its fstab mounts {mount.shown}: {reason}")


def _wrong_root(draft: _Draft, mount: Mount, volumes: Sequence[Volume]) -> str:
    """Why another root must be somewhere; the name of a device, which depends on the machine, says nothing."""
    if mounts.names(mount.source, draft.root.volume) or not mounts.certain(mount.source):
        return ""
    return "" if any(mounts.names(mount.source, volume) for volume in volumes) else "the volume was not found"


def _bind(draft: _Draft, mount: Mount) -> str:
    found = draft.tree.find(mount.source)
    if found is None:
        return "the directory was not found"
    draft.tree.mount(mount.point, found.place)
    return ""


def _mount_volume(draft: _Draft, mount: Mount, volumes: Sequence[Volume], parts: Sequence[_Part]) -> str:
    volume = mounts.volume(mount.source, volumes)
    if volume is None:
        return "the volume was not found"
    part = next((part for part in parts if part.volume is volume), None)
    if part is None:
        return f"{volume.name} cannot be read"
    draft.tree.mount(mount.point, part.place)
    draft.mounted.append(volume)
    if mount.matters:
        draft.within.add(volume.name)
    return ""


def _hidden(parts: Iterable[_Part], drafts: Iterable[_Draft]) -> Iterator[Uncovered]:
    """Volumes that nobody mounts and that seem to be empty, but whose content may lie in a log that nobody replayed."""
    used = {volume.name for draft in drafts for volume in draft.mounted}
    for part in parts:
        if part.notes and not part.is_root and part.name not in used and _is_empty(part):
            yield Uncovered(part.name, f"seems to be empty, but {part.notes[0]}")


def _is_empty(part: _Part) -> bool:
    try:
        return not set(Tree(part.place).names("/")) - {"lost+found"}
    except FAILURES:
        return True


def _independent(drafts: Sequence[_Draft]) -> list[_Draft]:
    """Without those that are a part of another one."""
    return [
        draft for draft in drafts if not any(draft.root.name in other.within for other in drafts if other is not draft)
    ]


def _guess_var(drafts: Sequence[_Draft], parts: Sequence[_Part]) -> Iterator[Note]:
    """The one system that has no packages gets the one volume that looks like its /var."""
    used = {name for draft in drafts for name in draft.finished().volumes}
    lacking = [draft for draft in drafts if not _has_packages(draft)]
    fitting = [part for part in parts if part.name not in used and not part.is_root and _is_var(part)]
    if len(lacking) == len(fitting) == 1:
        draft, part = lacking[0], fitting[0]
        draft.tree.mount("/var", part.place)
        draft.mounted.append(part.volume)
        yield Note(part.name, f"taken for /var of {draft.root.name} by its content: no fstab says so")
    elif lacking and fitting:
        for draft in lacking:
            draft.leave_open("several volumes could be its /var")


def _has_packages(draft: _Draft) -> bool:
    try:
        return any(draft.tree.names(directory) for directory in _PACKAGES)
    except FAILURES:
        return True  # whoever reads them will meet the fault, and say so


def _is_var(part: _Part) -> bool:
    try:
        tree = Tree(part.place)
        return bool(tree.names("/lib/rpm")) or (part.volume.label in _VAR_LABELS and bool(tree.names("/lib")))
    except FAILURES:
        return False
