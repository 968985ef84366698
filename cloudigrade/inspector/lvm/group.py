"""The description of a volume group in, its physical and logical volumes as values out."""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from cloudigrade.inspector.lvm.text import Scalar, Section, Value, parse
from cloudigrade.inspector.reading import Damaged

SECTOR: Final = 512
NAME: Final = re.compile(r"[A-Za-z0-9_+.][A-Za-z0-9_+.-]{0,127}")
IDENTIFIER: Final = re.compile(r"[A-Za-z0-9]{32}")
LARGEST_EXTENT: Final = 1 << 36
LARGEST_VOLUME: Final = 1 << 50
MOST_VOLUMES: Final = 1024
STRIPED: Final = {"striped", "linear"}
NOT_READ: Final = {
    "cache", "cache-pool", "error", "integrity", "mirror", "raid0", "raid0_meta", "raid1", "raid10",
    "raid10_near", "raid4", "raid5", "raid5_la", "raid5_ls", "raid5_n", "raid5_ra", "raid5_rs", "raid6",
    "raid6_la_6", "raid6_ls_6", "raid6_n_6", "raid6_nc", "raid6_nr", "raid6_ra_6", "raid6_rs_6", "raid6_zr",
    "snapshot", "thin", "thin-pool", "vdo", "vdo-pool", "writecache", "zero",
}  # fmt: skip
"""What is known of the types that are not read is their names, so that nothing else of the content is ever quoted."""


class Stripe(NamedTuple):
    """Where a part of a segment begins: the name of a physical volume within the description, and an extent of it."""

    volume: str
    extent: int


class Segment(NamedTuple):
    """A part of a logical volume; in extents, but for the length of a stripe, in bytes."""

    start: int
    length: int
    type: str
    stripe: int
    stripes: tuple[Stripe, ...]


class Physical(NamedTuple):
    """A physical volume as the group knows it."""

    id: str
    start: int
    """Of its first extent, in bytes."""
    length: int
    """Extents."""
    missing: bool


class Logical(NamedTuple):
    """A logical volume that somebody is to see."""

    name: str
    segments: tuple[Segment, ...]
    """Without gaps from the first extent on."""


class Group(NamedTuple):
    """A volume group."""

    id: str
    name: str
    serial: int
    """Higher is newer."""
    extent: int
    """Bytes."""
    physical: Mapping[str, Physical]
    """By their names within the description."""
    logical: tuple[Logical, ...]
    hidden: bool
    """There are volumes that nobody is to see."""
    snapshots: frozenset[str]
    """Names of the volumes whose content is that of a snapshot, or is being merged with one."""


def described(text: str) -> Group:
    """The volume group that the text describes."""
    for name, value in parse(text).items():
        if isinstance(value, dict) and "physical_volumes" in value:
            return _group(name, value)
    raise Damaged("LVM metadata: without a volume group")


def _group(name: str, section: Section) -> Group:
    volumes = _sections(section, "logical_volumes")
    extent = _number(section, "extent_size") * SECTOR
    if not 0 < extent <= LARGEST_EXTENT:
        raise Damaged("LVM metadata: impossible size of an extent")
    if len(volumes) > MOST_VOLUMES:
        raise Damaged("LVM metadata: too many logical volumes")
    logical = tuple(_logical(key, volume, extent) for key, volume in volumes.items() if "VISIBLE" in _status(volume))
    return Group(
        id=_identifier(section),
        name=_checked_name(name),
        serial=_number(section, "seqno"),
        extent=extent,
        physical={key: _physical(volume) for key, volume in _sections(section, "physical_volumes").items()},
        logical=logical,
        hidden=len(logical) < len(volumes),
        snapshots=frozenset(_snapshots(volumes)),
    )


def _physical(section: Section) -> Physical:
    start = _number(section, "pe_start") * SECTOR
    return Physical(_identifier(section), start, _number(section, "pe_count"), "MISSING" in _status(section))


def _logical(name: str, section: Section, extent: int) -> Logical:
    segments = [_segment(value) for value in section.values() if isinstance(value, dict) and "start_extent" in value]
    segments.sort()
    end = 0
    for segment in segments:
        if segment.start != end or segment.length <= 0:
            raise Damaged("LVM metadata: a logical volume has a gap")
        end += segment.length
    if len(segments) != _number(section, "segment_count") or end * extent > LARGEST_VOLUME:
        raise Damaged("LVM metadata: a logical volume contradicts itself")
    return Logical(_checked_name(name), tuple(segments))


def _segment(section: Section) -> Segment:
    start, count, kind = _number(section, "start_extent"), _number(section, "extent_count"), _string(section, "type")
    if kind not in STRIPED:
        return Segment(start, count, kind if kind in NOT_READ else "unknown", 0, ())
    stripes = _stripes(section.get("stripes"))
    length = _number(section, "stripe_size") * SECTOR if len(stripes) > 1 else 0
    if len(stripes) != _number(section, "stripe_count") or not stripes or count % len(stripes):
        raise Damaged("LVM metadata: impossible stripes")
    if len(stripes) > 1 and length <= 0:
        raise Damaged("LVM metadata: impossible length of a stripe")
    return Segment(start, count, "striped", length, stripes)


def _stripes(value: Value | None) -> tuple[Stripe, ...]:
    """A list in which names and extents take turns."""
    if not isinstance(value, list) or len(value) % 2:
        raise Damaged("LVM metadata: impossible stripes")
    return tuple(_stripe(name, extent) for name, extent in zip(value[::2], value[1::2], strict=True))


def _stripe(name: Scalar, extent: Scalar) -> Stripe:
    if not isinstance(name, str) or not isinstance(extent, int) or extent < 0:
        raise Damaged("LVM metadata: impossible stripes")
    return Stripe(name, extent)


def _snapshots(volumes: Mapping[str, Section]) -> set[str]:
    """A snapshot's own volume has nothing but changes; an origin is whole unless a snapshot is being merged into it."""
    found: set[str] = set()
    for section in volumes.values():
        for value in section.values():
            if isinstance(value, dict) and value.get("type") == "snapshot":
                named = ("cow_store", "merging_store") + (("origin",) if "merging_store" in value else ())
                found |= {name for key in named if isinstance(name := value.get(key), str)}
    return found


def _sections(section: Section, name: str) -> Mapping[str, Section]:
    """The sections within one of a section, which may be absent."""
    value = section.get(name, {})
    if not isinstance(value, dict):
        raise Damaged("LVM metadata: a section is missing")
    return {key: inner for key, inner in value.items() if isinstance(inner, dict)}


def _number(section: Section, name: str) -> int:
    value = section.get(name)
    if not isinstance(value, int) or value < 0:
        raise Damaged("LVM metadata: a number is missing")
    return value


def _string(section: Section, name: str) -> str:
    value = section.get(name)
    if not isinstance(value, str):
        raise Damaged("LVM metadata: a string is missing")
    return value


def _status(section: Section) -> list[Scalar]:
    value = section.get("status", [])
    return value if isinstance(value, list) else []


def _identifier(section: Section) -> str:
    """As a physical volume's label has it: without dashes."""
    found = _string(section, "id").replace("-", "")
    if not IDENTIFIER.fullmatch(found):
        raise Damaged("LVM metadata: impossible identifier")
    return found


def _checked_name(name: str) -> str:
    """Names become paths."""
    if not NAME.fullmatch(name) or name in {".", ".."}:
        raise Damaged("LVM metadata: impossible name")
    return name
