"""Physical volumes in, the logical volumes that they make up out; linear and striped, of one disk or of several."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from cloudigrade.inspector.lvm import physical
from cloudigrade.inspector.lvm.group import Group, Logical, Segment, described
from cloudigrade.inspector.lvm.mapping import Joined, Piece
from cloudigrade.inspector.reading import Damaged, Exhausted, Reader, Unsupported, Window
from cloudigrade.inspector.volume import Uncovered

MOST_TEXT: Final = 8 << 20
"""Of all descriptions together."""
NOT_CHOSEN: Final = "a copy of a physical volume, or one that its volume group has given up"


class Part(NamedTuple):
    """A disk or a partition that has the mark of a physical volume."""

    disk: str
    name: str
    reader: Reader


class LogicalVolume(NamedTuple):
    """What a logical volume holds."""

    disk: str
    """Where it begins."""
    name: str
    """/dev/<volume group>/<logical volume>."""
    reader: Reader


class Found(NamedTuple):
    """All that the physical volumes make up."""

    volumes: tuple[LogicalVolume, ...]
    free: tuple[Part, ...]
    """Physical volumes that belong to no volume group, or to one without a logical volume."""
    uncovered: tuple[Uncovered, ...]


class Member(NamedTuple):
    """A physical volume, and the newest description of its group that it has itself."""

    part: Part
    id: str
    group: Group | None
    free: bool
    problem: str

    @property
    def serial(self) -> int:
        """Of its own description; less than any without one."""
        return self.group.serial if self.group else -1


def read(parts: Sequence[Part]) -> Found:
    """The logical volumes, and each physical or logical volume that cannot be used, with the reason."""
    members, uncovered = _members(parts)
    volumes: list[LogicalVolume] = []
    free: list[Part] = []
    used: set[str] = set()
    names: set[str] = set()
    for group in _newest(members):
        mine = [member for member in members if _belongs(member, group)]
        if not group.logical and not group.hidden:
            free += [member.part for member in mine]
        used |= {member.part.name for member in mine}
        if reason := _refused(group, names):
            uncovered += _all(mine, reason)
            continue
        names.add(group.name)
        chosen, refused = _chosen(mine, group)
        made = list(_volumes(group, chosen))
        volumes += [volume for volume in made if isinstance(volume, LogicalVolume)]
        uncovered += refused + [volume for volume in made if isinstance(volume, Uncovered)]
    left = [member for member in members if member.part.name not in used]
    free += [member.part for member in left if member.free]
    uncovered += [Uncovered(member.part.name, _left(member)) for member in left if not member.free]
    return Found(tuple(volumes), tuple(free), tuple(uncovered))


def _refused(group: Group, names: Collection[str]) -> str:
    """Why nothing of a group can be used."""
    if group.name in names:
        return "its volume group has the name of another"
    return "its volume group has hidden volumes only" if group.hidden and not group.logical else ""


def _left(member: Member) -> str:
    return member.problem or "no description of its volume group was found"


def _all(members: Iterable[Member], reason: str) -> list[Uncovered]:
    return [Uncovered(member.part.name, reason) for member in members]


def _members(parts: Sequence[Part]) -> tuple[list[Member], list[Uncovered]]:
    """Those with a label; a description that several have is parsed once."""
    members: list[Member] = []
    uncovered: list[Uncovered] = []
    groups: dict[str, Group | str] = {}
    for part in parts:
        try:
            label = physical.read(part.reader)
        except (Damaged, Unsupported, Exhausted) as error:
            uncovered.append(Uncovered(part.name, str(error)))
            continue
        members.append(_member(part, label, groups))
    return members, uncovered


def _member(part: Part, label: physical.Label, groups: dict[str, Group | str]) -> Member:
    found: list[Group] = []
    problem = label.problem
    for text in label.texts:
        if text not in groups:
            groups[text] = _described(text, sum(map(len, groups)))
        group = groups[text]
        if isinstance(group, Group):
            found.append(group)
        else:
            problem = problem or group
    return Member(part, label.id, max(found, key=lambda group: group.serial, default=None), label.free, problem)


def _described(text: str, before: int) -> Group | str:
    """The group, or why it cannot be known."""
    if before + len(text) > MOST_TEXT:
        return "LVM: metadata are too long"
    try:
        return described(text)
    except (Damaged, Exhausted) as error:
        return str(error)


def _newest(members: Sequence[Member]) -> Iterable[Group]:
    """One description of each group: the newest, and of equals the first."""
    found: dict[str, Group] = {}
    for member in members:
        if (group := member.group) and (group.id not in found or found[group.id].serial < group.serial):
            found[group.id] = group
    return found.values()


def _belongs(member: Member, group: Group) -> bool:
    """By its own description, or, without one, by that of another."""
    if member.group:
        return member.group.id == group.id
    return member.id in {volume.id for volume in group.physical.values()}


def _chosen(members: Sequence[Member], group: Group) -> tuple[dict[str, Member], list[Uncovered]]:
    """One member for each physical volume, by its name in the description; copies of one disk are never mixed."""
    whole = _one_disk(members, group)
    chosen: dict[str, Member] = {}
    for name, volume in group.physical.items():
        copies = [member for member in members if member.id == volume.id]
        newest = [member for member in copies if member.serial == max(copy.serial for copy in copies)]
        choice = [member for member in newest if whole is None or member.part.disk == whole]
        if len(choice) == 1 and not volume.missing:
            chosen[name] = choice[0]
    kept = {member.part.name for member in chosen.values()}
    return chosen, _all((member for member in members if member.part.name not in kept), NOT_CHOSEN)


def _one_disk(members: Sequence[Member], group: Group) -> str | None:
    """The first disk that has all of the group's newest physical volumes, each once; None without one."""
    wanted = sorted(volume.id for volume in group.physical.values())
    newest = [member for member in members if member.serial in {group.serial, -1}]
    for disk in dict.fromkeys(member.part.disk for member in newest):
        if sorted(member.id for member in newest if member.part.disk == disk) == wanted:
            return disk
    return None


def _volumes(group: Group, chosen: Mapping[str, Member]) -> Iterator[LogicalVolume | Uncovered]:
    for volume in group.logical:
        name = f"/dev/{group.name}/{volume.name}"
        if reason := _unreadable(group, volume, chosen):
            yield Uncovered(name, reason)
            continue
        try:
            reader = Joined([_piece(group, segment, chosen) for segment in volume.segments])
        except Damaged as error:
            yield Uncovered(name, str(error))
            continue
        first = chosen[volume.segments[0].stripes[0].volume]
        yield LogicalVolume(first.part.disk, name, reader)


def _unreadable(group: Group, volume: Logical, chosen: Mapping[str, Member]) -> str:
    if volume.name in group.snapshots:
        return "logical volume of type snapshot"
    for segment in volume.segments:
        if segment.type != "striped":
            return f"logical volume of type {segment.type}"
    stripes = {stripe.volume for segment in volume.segments for stripe in segment.stripes}
    if not stripes <= group.physical.keys():
        return "logical volume upon another"
    if not stripes <= chosen.keys():
        return "needs a physical volume that is missing"
    return "" if volume.segments else "logical volume without content"


def _piece(group: Group, segment: Segment, chosen: Mapping[str, Member]) -> Piece:
    length = segment.length // len(segment.stripes)
    parts: list[Reader] = []
    for stripe in segment.stripes:
        volume = group.physical[stripe.volume]
        if stripe.extent + length > volume.length:
            raise Damaged("LVM: a logical volume reaches beyond its physical volume")
        start = volume.start + stripe.extent * group.extent
        parts.append(Window(chosen[stripe.volume].part.reader, start, length * group.extent))
    return Piece(segment.start * group.extent, segment.length * group.extent, segment.stripe, tuple(parts))
