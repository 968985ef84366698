"""Digest files of an account, checked one by one and as a chain; what they prove, and where they prove nothing."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import msgspec

from cloudigrade.clouds.aws import digest, keys, log_listing, packing, session
from cloudigrade.clouds.aws.digest import Digest, Link, Name
from cloudigrade.clouds.aws.log_listing import Object, Shelf
from cloudigrade.clouds.aws.times import written
from cloudigrade.clouds.cloud import Account, MissingFile, Proof
from cloudigrade.clouds.protocol import CustomerProblem, Unreadable
from cloudigrade.domain import days

log = logging.getLogger(__name__)

LATE: Final = 7 * days.DAY
"""Seconds after its hour in which we look for the digest that completes another; AWS names no limit."""
MARGIN: Final = 2 * 3600
"""Seconds around digests for which keys are asked, so that one that changes at their edge is among them."""
MOST_DIGESTS: Final = 100
MOST_FILES: Final = 2_000
"""Of one proof, unless a single digest names more."""
MOST_BREAKS: Final = 20
"""Breaks of a region that are looked at again, for somebody may put a digest back."""


class Tip(msgspec.Struct, frozen=True):
    """The newest digest that holds."""

    link: Link
    ends_at: int


class Break(msgspec.Struct, frozen=True):
    """Digests that do not hold, or are not there, between two that do."""

    starts_at: int
    ends_at: int
    before: Tip
    last: Link
    """The last of them, as the digest after them names it."""


class Position(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where the proof of a region goes on."""

    tip: Tip | None = None
    late: tuple[str, ...] = ()
    """Keys of digests outside the chain that were taken into account."""
    breaks: tuple[Break, ...] = ()


class _Checked(NamedTuple):
    """A digest that holds by itself, or the reason why it does not."""

    name: Name
    key: str
    found: tuple[Digest, Link] | None
    reason: str = ""


@dataclass(slots=True)
class _Piece:
    """What the next proof is going to say."""

    begins_at: int = 0
    digests: int = 0
    files: list[MissingFile] = field(default_factory=list)
    break_at: tuple[int, int] | None = None
    reason: str = ""
    mended: list[tuple[int, int]] = field(default_factory=list)

    def is_empty(self) -> bool:
        return self == _Piece()


def prove(
    access: session.Access, account: Account, positions: Mapping[str, Mapping[str, Any]], *, since: int, now: int
) -> Iterator[Proof]:
    """What digests say that were written after these positions, region by region; a new region begins at `since`.

    Raises Unavailable, CustomerProblem. A region whose keys we may not ask for says so, and the others go on.
    """
    shelf = log_listing.opened(access, account)
    if not shelf.details.has_digests:
        return
    there = log_listing.regions(shelf, shelf.details.digests(account.native_id))
    for name in sorted({*there, *positions}):
        known = msgspec.convert(dict(positions.get(name, {})), Position)
        region = _Region(access, account, shelf, name, now)
        try:
            yield from _Walk(region, known, since).proofs()
        except CustomerProblem as problem:
            if not region.is_refused:
                raise
            yield Proof(
                name, known.tip.ends_at if known.tip else since, (), msgspec.to_builtins(known), None, str(problem)
            )


class _Region:
    """Digests of one region as they lie there, each checked by itself."""

    def __init__(self, access: session.Access, account: Account, shelf: Shelf, name: str, now: int) -> None:
        self.name = name
        self.now = now
        self.is_refused = False
        """We may not ask for its keys."""
        self._access = access
        self._account = account
        self._shelf = shelf
        self._trail = shelf.details.trail_arn.rpartition("/")[2]

    def listed(self, since: int) -> list[tuple[Name, str]]:
        """The trail's digests of hours that end after `since` and before now, oldest first."""
        folder = f"{self._shelf.details.digests(self._account.native_id)}{self.name}/"
        after = f"{folder}{days.day_of(max(since, 0)):%Y/%m/%d}"
        named = ((digest.name_of(key), key) for key, _ in log_listing.listing(self._shelf, folder, after=after))
        return sorted(
            (name, key) for name, key in named if name and since < name.ends_at <= self.now and self._is_ours(name)
        )

    def _is_ours(self, name: Name) -> bool:
        # two trails may share a bucket, and each has a chain of its own
        home = self._shelf.details.home_region
        return (
            name.region == self.name
            and name.trail == (self._trail or name.trail)
            and name.home_region == (home or name.home_region)
        )

    def checked(self, wanted: Sequence[tuple[Name, str]]) -> Iterator[_Checked]:
        """Each of these digests with what it says, or why it says nothing."""
        if not wanted:
            return
        public = self._public_keys(min(name.ends_at for name, _ in wanted))
        objects = log_listing.fetch(self._shelf, (key for _, key in wanted))
        for (name, key), found in zip(wanted, objects, strict=True):
            try:
                yield _Checked(name, key, self._opened(found, public))
            except Unreadable as problem:
                yield _Checked(name, key, None, f"the digest until {written(name.ends_at)} {problem}")

    def _opened(self, found: Object, public: Mapping[str, bytes]) -> tuple[Digest, Link]:
        if found.reason:
            raise Unreadable(found.reason)
        stored = digest.Stored(
            self._shelf.details.bucket,
            found.key,
            bytes(packing.unpacked(found.content, limit=digest.LARGEST)),
            found.metadata.get("signature", ""),
            found.metadata.get("signature-algorithm", ""),
        )
        told = digest.parse(stored.content)
        digest.verify(told, stored, public, account=self._account.native_id)
        return told, stored.link

    def _public_keys(self, since: int) -> dict[str, bytes]:
        """CloudTrail's keys of the region, by fingerprint; every region has its own."""
        client = self._access.client(self._account, "cloudtrail", self.name)
        start, end = days.instant(max(since - MARGIN, 0)), days.instant(self.now + MARGIN)
        found: dict[str, bytes] = {}
        try:
            with session.translated(f"the digests' keys in {self.name}"):
                for page in client.get_paginator("list_public_keys").paginate(StartTime=start, EndTime=end):
                    found |= {key["Fingerprint"]: key["Value"] for key in page["PublicKeyList"]}
        except CustomerProblem:
            self.is_refused = True
            raise
        return found

    def file(self, named: digest.NamedFile) -> MissingFile:
        """The log file that a digest names."""
        source = keys.printable(keys.place_of(named.key).name or named.key)
        location = f"s3://{named.bucket}/{named.key}"
        return MissingFile(self.name, source, location, named.sha256, named.oldest_at, named.newest_at)


class _Walk:
    """Goes along the chain of one region from the position on."""

    def __init__(self, region: _Region, position: Position, since: int) -> None:
        self._region = region
        self._since = since
        self._tip = position.tip
        self._late = list(position.late)
        self._breaks = list(position.breaks)
        self._doubt = ""
        """Why the digests that were seen since the tip do not hold."""
        self._piece = _Piece()

    def proofs(self) -> Iterator[Proof]:
        """What the digests since the position prove, in pieces."""
        listed = self._region.listed(self._looked_from())
        self._mend(listed)
        self._complete(listed)
        start = self._tip.ends_at if self._tip else self._since
        chain = [(name, key) for name, key in listed if not name.is_late and name.ends_at > start]
        for first in range(0, len(chain), MOST_DIGESTS):  # keys are asked for once for each
            for one in self._region.checked(chain[first : first + MOST_DIGESTS]):
                yield from self._taken(one)
        if self._doubt:
            self._piece.reason = self._piece.reason or self._doubt
        if not self._piece.is_empty():
            yield self._proof()

    def _looked_from(self) -> int:
        """The oldest that may matter: what completes earlier digests, and what was broken."""
        if self._tip is None:
            return self._since
        return min([self._tip.ends_at - LATE, *(each.starts_at for each in self._breaks)])

    def _taken(self, one: _Checked) -> Iterator[Proof]:
        if one.found is None:
            self._doubt = self._doubt or one.reason
            return
        told, link = one.found
        broken = self._broken(told)
        if broken or self._piece.digests >= MOST_DIGESTS or len(self._piece.files) >= MOST_FILES:
            if not self._piece.is_empty():
                yield self._proof()
            self._piece.break_at = broken
            self._piece.reason = self._why(told) if broken else ""
            self._remember(broken, told)
        self._doubt = ""
        self._tip = Tip(link, told.ends_at)
        self._piece.begins_at = self._piece.begins_at or told.starts_at
        self._piece.digests += 1
        self._piece.files += map(self._region.file, told.files)

    def _broken(self, told: Digest) -> tuple[int, int] | None:
        """The period before this digest for which none holds."""
        if self._tip is None:
            # The first digest is where trust begins, unless there was something before it that mattered.
            is_missed = bool(self._doubt or told.previous) and self._since < told.starts_at
            return (self._since, told.starts_at) if is_missed else None
        if told.previous == self._tip.link:
            return None
        if told.starts_at <= self._tip.ends_at and (told.previous is None or self._is_of_another_trail(told)):
            return None  # a chain of its own, and nothing between
        return self._tip.ends_at, max(told.starts_at, self._tip.ends_at + 1)

    def _is_of_another_trail(self, told: Digest) -> bool:
        """Whether the account has changed over to another trail since the tip."""
        if self._tip is None:
            return False
        before, now = digest.name_of(self._tip.link.key), digest.name_of(told.key)
        places = [(name.trail, name.home_region) for name in (before, now) if name]
        return len(set(places)) > 1

    def _why(self, told: Digest) -> str:
        if self._doubt:
            return self._doubt
        if told.previous is None:
            return "the chain of digests begins anew: logging or validation was off"
        name = digest.name_of(told.previous.key)
        return f"the digest until {written(name.ends_at)} is missing" if name else "a digest is missing"

    def _remember(self, broken: tuple[int, int] | None, told: Digest) -> None:
        if broken and self._tip and told.previous and not self._is_of_another_trail(told):
            self._breaks = [*self._breaks, Break(*broken, self._tip, told.previous)][-MOST_BREAKS:]

    def _mend(self, listed: Sequence[tuple[Name, str]]) -> None:
        """Breaks for which the digests are there by now, and hold, are none any more."""
        for each in tuple(self._breaks):
            between = [
                (name, key)
                for name, key in listed
                if not name.is_late and each.before.ends_at < name.ends_at and key <= each.last.key
            ]
            if any(key == each.last.key for _, key in between):
                self._mend_one(each, self._region.checked(between))

    def _mend_one(self, broken: Break, checked: Iterable[_Checked]) -> None:
        link = broken.before.link
        files: list[digest.NamedFile] = []
        for one in checked:
            if one.found and one.found[0].previous == link:
                link = one.found[1]
                files += one.found[0].files
        if link == broken.last:
            self._breaks.remove(broken)
            self._piece.mended.append((broken.starts_at, broken.ends_at))
            self._piece.files += map(self._region.file, files)

    def _complete(self, listed: Sequence[tuple[Name, str]]) -> None:
        """Files that digests outside the chain name are files too; one that does not hold says nothing."""
        late = [(name, key) for name, key in listed if name.is_late]
        for one in self._region.checked([(name, key) for name, key in late if key not in self._late]):
            if one.found is None:
                log.warning("%s: %s", self._region.name, one.reason)
                continue
            self._late.append(one.key)
            self._piece.files += map(self._region.file, one.found[0].files)
        there = {key for _, key in late}
        self._late = [key for key in self._late if key in there]

    def _proof(self) -> Proof:
        piece, self._piece = self._piece, _Piece()
        until = self._tip.ends_at if self._tip else self._since
        position = Position(self._tip, tuple(self._late), tuple(self._breaks))
        return Proof(
            region=self._region.name,
            proven_until=until,
            files=piece.files,
            details=msgspec.to_builtins(position),
            break_at=piece.break_at,
            reason=piece.reason,
            begins_at=piece.begins_at or until,
            mended=piece.mended,
        )
