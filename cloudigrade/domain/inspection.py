"""Looking into an image as a state machine: what may happen in which state, and what follows from it.

The states are those of the wire. Pure: times are seconds since 1970, and nothing here is asked, read or stored.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

DAY: Final = 86_400
LONGEST_PAUSE: Final = 3600
"""Seconds after which a cloud that does not answer is asked again, at the latest."""
_SHORTEST_PAUSE: Final = 30
_AFTER_FAILURE: Final = 60
_LONGEST_REASON: Final = 1_000


class State(StrEnum):
    """How far looking into an image is (wire names)."""

    PENDING = "pending"
    """An attempt is due, or something of an earlier one has to go first."""
    PREPARING = "preparing"
    """An attempt has begun: the disks are asked for, or copied."""
    INSPECTING = "inspecting"
    """The disks are being looked into."""
    INSPECTED = "inspected"
    """It is decided."""
    ERROR = "error"
    """Nothing is decided, and the reason says why."""
    UNAVAILABLE = "unavailable"
    """Its cloud does not know the image."""

    @property
    def is_over(self) -> bool:
        """Nobody is at it."""
        return self in (State.INSPECTED, State.ERROR, State.UNAVAILABLE)

    @property
    def is_at_work(self) -> bool:
        """An attempt has begun and not ended."""
        return self in (State.PREPARING, State.INSPECTING)


class Path(StrEnum):
    """How the disks are looked into."""

    NONE = ""
    DIRECT = "direct"
    """Block by block, where they are."""
    COPY = "copy"
    """By an inspector of ours beside a copy of them."""


class Basis(StrEnum):
    """What the decision rests on."""

    NONE = ""
    FACTS = "facts"
    """What is stored of the image: codes, names, platform, lineage, tags."""
    CLOUD = "cloud"
    """What its cloud said when asked for the disks."""
    DISK = "disk"
    """A look at the disks."""
    CONTENT = "content"
    """A look at the same disks for another image."""


class Happening(StrEnum):
    """What may happen to an inspection."""

    ASKED = "asked for"
    BEGUN = "begun"
    READ = "disks are being read"
    COPIED = "is copied instead"
    DECIDED = "decided without a look"
    FOUND = "found"
    INCONCLUSIVE = "looked at without a result"
    FAILED = "failed"
    POSTPONED = "not answered just now"
    DENIED = "not allowed"
    IMPOSSIBLE = "impossible"
    GONE = "image gone"
    UNUSED = "nobody asks"


_OPEN: Final = (State.PENDING, State.PREPARING, State.INSPECTING)
_AT_WORK: Final = (State.PREPARING, State.INSPECTING)
_BEGINNING: Final = (*_OPEN, State.ERROR, State.UNAVAILABLE)


def _from(states: tuple[State, ...], happening: Happening, to: State) -> dict[tuple[State, Happening], State]:
    return {(state, happening): to for state in states}


TRANSITIONS: Final[Mapping[tuple[State, Happening], State]] = MappingProxyType(
    _from(tuple(State), Happening.ASKED, State.PENDING)
    | _from(_BEGINNING, Happening.BEGUN, State.PREPARING)
    | _from((State.PREPARING,), Happening.READ, State.INSPECTING)
    | _from(_AT_WORK, Happening.COPIED, State.PREPARING)
    | _from(_BEGINNING, Happening.DECIDED, State.INSPECTED)
    # a result by way of a copy may come late
    | _from(_BEGINNING, Happening.FOUND, State.INSPECTED)
    | _from(_BEGINNING, Happening.INCONCLUSIVE, State.ERROR)
    | _from(_OPEN, Happening.FAILED, State.PENDING)  # or error, after the last attempt
    | _from(_AT_WORK, Happening.POSTPONED, State.PENDING)
    | _from(_AT_WORK, Happening.DENIED, State.ERROR)
    | _from(_AT_WORK, Happening.IMPOSSIBLE, State.ERROR)
    | _from(_AT_WORK, Happening.GONE, State.UNAVAILABLE)
    | _from(_AT_WORK, Happening.UNUSED, State.PENDING)
)
"""All that may happen, and the state that follows."""

_SPENDS_NONE: Final = frozenset(
    {
        Happening.POSTPONED,
        Happening.DENIED,
        Happening.DECIDED,
        Happening.IMPOSSIBLE,
        Happening.GONE,
        Happening.UNUSED,
    }
)
"""What ends an attempt as if it had not been made: nothing was looked at.

Otherwise somebody whose account sees no image could use up the attempts of whoever has it.
"""


class Impossible(Exception):
    """That cannot happen in this state."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the state machine knows of an inspection."""

    state: State
    attempts: int = 0
    waits: int = 0
    due_at: int | None = None
    """When the next step is due; None: nothing is."""
    reason: str = ""
    basis: Basis = Basis.NONE


def is_beyond(standing: Standing, *, most: int) -> bool:
    """Whether no attempt is left; exactly so many are made."""
    return standing.attempts >= most


def after(standing: Standing, happening: Happening, *, now: int, reason: str = "", most: int = 1) -> Standing:
    """What it is after this; raises Impossible. `most`: attempts altogether."""
    state = TRANSITIONS.get((standing.state, happening))
    if state is None:
        raise Impossible(f"{happening.value} in state {standing.state.value}")
    made = replace(standing, state=state, reason=in_one_line(reason), due_at=None)
    if happening in _SPENDS_NONE and standing.state.is_at_work:
        made = replace(made, attempts=max(standing.attempts - 1, 0))
    if happening is Happening.FAILED:
        return _after_failure(made, now, most)
    return replace(made, **_CHANGES.get(happening, _ended)(standing, now))


def _ended(*_: object) -> dict[str, Any]:
    return {"waits": 0}


def _postponed(standing: Standing, now: int) -> dict[str, Any]:
    pause = min(_SHORTEST_PAUSE * 2 ** min(standing.waits, 20), LONGEST_PAUSE)
    return {"waits": standing.waits + 1, "due_at": now + pause}


_CHANGES: Final[Mapping[Happening, Callable[[Standing, int], dict[str, Any]]]] = {
    Happening.ASKED: lambda _, now: {"attempts": 0, "waits": 0, "basis": Basis.NONE, "due_at": now},
    Happening.BEGUN: lambda standing, _: {"attempts": standing.attempts + 1, "basis": Basis.NONE},
    Happening.READ: lambda standing, _: {"reason": standing.reason},
    Happening.COPIED: lambda _, now: {"due_at": now},
    Happening.POSTPONED: _postponed,
    Happening.DENIED: lambda _, now: {"waits": 0, "due_at": now + DAY},
}
"""What changes besides the state, and the attempt that is given back."""


def _after_failure(made: Standing, now: int, most: int) -> Standing:
    """Pending again, or an error after the last attempt."""
    if is_beyond(made, most=most):
        reason = in_one_line(f"given up after {made.attempts} attempts: {made.reason}")
        return replace(made, state=State.ERROR, reason=reason, waits=0)
    pause = min(_AFTER_FAILURE * 4 ** max(made.attempts - 1, 0), DAY)
    return replace(made, waits=0, due_at=now + pause)


def in_one_line(text: str) -> str:
    """The text as it can be stored and shown."""
    line = " ".join(text.replace("\0", " ").split())
    return line.encode("utf-8", "replace").decode()[:_LONGEST_REASON]
