"""Whether an image is RHEL: its systems with their evidence in, and what of it could not be read; a verdict out.

One system that is RHEL makes the image RHEL, whatever else is on it. That it is not RHEL is said only where all of it
was seen: a system was found, all its evidence was read, and no part is uncovered. Everything else is inconclusive.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from cloudigrade.inspector.evidence.gather import Evidence
from cloudigrade.inspector.opinion import Opinion, weigh
from cloudigrade.inspector.system import System
from cloudigrade.inspector.volume import CANNOT_HOLD_A_SYSTEM, Kind, Uncovered, Volume

_SHORT: Final = 20
"""How many sentences of one sort."""


class Rhel(StrEnum):
    """Whether an image is Red Hat Enterprise Linux."""

    RHEL = "rhel"
    NOT_RHEL = "not_rhel"
    INCONCLUSIVE = "inconclusive"


class Examined(NamedTuple):
    """A system with the evidence on it."""

    system: System
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Seen:
    """All that an inspection saw of an image."""

    disks: tuple[str, ...] = ()
    """Their names."""
    volumes: tuple[Volume, ...] = ()
    """Every one, readable or not."""
    systems: tuple[Examined, ...] = ()
    read: tuple[str, ...] = ()
    """Names of the volumes whose filesystem was read."""
    uncovered: tuple[Uncovered, ...] = ()

    def all_uncovered(self) -> tuple[Uncovered, ...]:
        """Everything that was not seen, that of the systems included, each once."""
        parts = list(self.uncovered)
        for examined in self.systems:
            parts += examined.system.uncovered
            parts += [Uncovered(_place(examined, unread.path), unread.reason) for unread in examined.evidence.unread]
        return tuple(dict.fromkeys(parts))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an inspection adds up to."""

    rhel: Rhel
    product: str = ""
    version: str = ""
    architecture: str = ""
    is_openshift: bool = False
    reasons: tuple[str, ...] = ()
    """Sentences `<grade>: <what says so>`, strongest first: certain, strong, weak, unknown."""
    conflicts: tuple[str, ...] = ()
    """Sentences `<what lost>; but <what counts>`."""
    decided_by: Examined | None = None
    """The system that is RHEL."""


def judge(seen: Seen) -> Verdict:
    """The verdict on an image."""
    opinions = [(examined, weigh(examined.evidence)) for examined in seen.systems]
    uncovered = seen.all_uncovered()
    for examined, opinion in opinions:
        if opinion.is_rhel and not (opinion.is_weak and examined.evidence.unread):
            return _rhel(examined, opinion, opinions)
    if not opinions:
        return _without_system(seen, uncovered)
    if uncovered or any(opinion.is_rhel is not False for _, opinion in opinions):
        return Verdict(
            Rhel.INCONCLUSIVE,
            reasons=tuple(_doubts(opinions, uncovered))[:_SHORT],
            conflicts=_conflicts(opinions),
        )
    reasons = [_located(reason, examined, opinions) for examined, opinion in opinions for reason in opinion.reasons]
    return Verdict(Rhel.NOT_RHEL, reasons=tuple(reasons)[:_SHORT], conflicts=_conflicts(opinions))


_Opinions = list[tuple[Examined, Opinion]]


def _rhel(examined: Examined, opinion: Opinion, opinions: _Opinions) -> Verdict:
    conflicts = list(_conflicts(opinions))
    for other, view in opinions:
        if view.is_rhel is False:
            conflicts += [f"{other.system.root} is not RHEL; but {examined.system.root} is"]
    return Verdict(
        Rhel.RHEL,
        product=opinion.product,
        version=opinion.version,
        architecture=opinion.architecture,
        is_openshift=bool(examined.evidence.openshift),
        reasons=tuple(_located(reason, examined, opinions) for reason in opinion.reasons)[:_SHORT],
        conflicts=tuple(conflicts)[:_SHORT],
        decided_by=examined,
    )


def _without_system(seen: Seen, uncovered: tuple[Uncovered, ...]) -> Verdict:
    """The verdict where no system was found: of a disk of Windows that it is not RHEL, of any other nothing."""
    doubts = [f"unknown: {part.place} could not be read: {part.reason}" for part in uncovered]
    kinds = {volume.kind for volume in seen.volumes}
    if not doubts and Kind.NTFS in kinds and kinds <= CANNOT_HOLD_A_SYSTEM:
        return Verdict(Rhel.NOT_RHEL, reasons=("strong: no volume can hold a Linux system, and one is of Windows",))
    if not doubts or seen.read:
        found = "no system on what could be read" if seen.read else "no filesystem"
        doubts.insert(0, f"unknown: {found}")
    return Verdict(Rhel.INCONCLUSIVE, reasons=tuple(doubts)[:_SHORT])


def _doubts(opinions: _Opinions, uncovered: tuple[Uncovered, ...]) -> Iterator[str]:
    """Why nothing can be said although systems were found."""
    for examined, opinion in opinions:
        if opinion.is_rhel is None:
            yield from (_located(reason, examined, opinions) for reason in opinion.reasons)
        elif opinion.is_rhel:
            yield f"unknown: {examined.system.root} seems to be RHEL, but stronger evidence could not be read"
    yield from (f"unknown: {part.place} could not be read: {part.reason}" for part in uncovered)


def _located(reason: str, examined: Examined, opinions: _Opinions) -> str:
    """The sentence with its place, where there is more than one."""
    return reason if len(opinions) == 1 else f"{reason} ({examined.system.root})"


def _conflicts(opinions: _Opinions) -> tuple[str, ...]:
    return tuple(conflict for _, opinion in opinions for conflict in opinion.conflicts)[:_SHORT]


def _place(examined: Examined, path: str) -> str:
    return f"{examined.system.root}:{path}"
