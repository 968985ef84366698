"""An image's disks in, their volumes out: partitions, logical volumes, whole disks; and what could not be divided."""

from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from cloudigrade.inspector import containers, lvm, partitions
from cloudigrade.inspector.partitions import Partition
from cloudigrade.inspector.reading import Damaged, Exhausted, Reader, Unsupported, Window
from cloudigrade.inspector.signatures import identify
from cloudigrade.inspector.volume import Kind, Layout, Uncovered, Volume

FAILURES: Final = (Damaged, Unsupported, Exhausted)
MOST_PARTITIONS: Final = 128
"""Of one disk."""
WITHOUT_FILESYSTEM: Final = {
    "21686148-6449-6e6f-744e-656564454649",  # BIOS boot
    "9e1a2d38-c612-4316-aa26-8b49521e5a8b",  # PReP
    "e3c9e316-0b5c-4db8-817d-f92df00215ae",  # reserved by Microsoft
    "41",  # PReP
}
LARGEST_BOOT: Final = 128 << 20
"""A larger partition is not believed to be a boot loader's, whatever its type says."""

Piece: TypeAlias = Volume | lvm.Part | Uncovered


def read(disks: Mapping[str, Reader]) -> Layout:
    """All volumes of all disks, in order; what goes wrong with one costs that one only."""
    pieces = [piece for name, disk in disks.items() for piece in _divided(name, disk)]
    found = lvm.read([piece for piece in pieces if isinstance(piece, lvm.Part)])
    volumes = [piece for piece in pieces if isinstance(piece, Volume)]
    uncovered = [piece for piece in pieces if isinstance(piece, Uncovered)]
    volumes += [Volume(part.disk, part.name, Kind.EMPTY, part.reader) for part in found.free]
    for logical in found.volumes:
        piece = _identified(logical.disk, logical.name, logical.reader)
        if isinstance(piece, Volume):
            volumes.append(piece)
        else:
            uncovered.append(piece)
    return Layout(tuple(volumes), (*uncovered, *found.uncovered))


def _divided(name: str, container: Reader) -> Iterator[Piece]:
    """The partitions of a disk, or the disk as one."""
    try:
        disk = containers.opened(container)
        table = partitions.read(disk)
    except FAILURES as error:
        yield Uncovered(name, str(error))
        return
    if table is None:
        yield _whole(name, disk)
        return
    for number, reason in table.refused:
        yield Uncovered(_partition_name(name, number) if number else name, reason)
    for part in table.partitions[:MOST_PARTITIONS]:
        yield _partition(name, disk, part)
    if len(table.partitions) > MOST_PARTITIONS:
        yield Uncovered(name, f"more than {MOST_PARTITIONS} partitions")
    if not table.partitions and not table.refused:
        yield Volume(name, name, Kind.EMPTY, disk)


def _whole(name: str, disk: Reader) -> Piece:
    piece = _identified(name, name, disk)
    return _physical(piece)


def _physical(piece: Volume | Uncovered) -> Piece:
    """A physical volume is no volume of its own, but a part of those that it makes up."""
    if isinstance(piece, Volume) and piece.kind is Kind.LVM:
        return lvm.Part(piece.disk, piece.name, piece.reader)
    return piece


def _partition(disk_name: str, disk: Reader, part: Partition) -> Piece:
    name = _partition_name(disk_name, part.number)
    return _physical(_identified(disk_name, name, Window(disk, part.start, part.size), part))


def _partition_name(disk: str, number: int) -> str:
    """As Linux has it: a disk whose name ends in a digit gets a p before the number."""
    return f"{disk}p{number}" if disk[-1:].isdigit() else f"{disk}{number}"


def _identified(disk: str, name: str, reader: Reader, part: Partition | None = None) -> Volume | Uncovered:
    """The volume with its names; one that holds partitions of its own is not followed."""
    try:
        signature = identify(reader)
        nested = name != disk and signature.kind is Kind.UNKNOWN and partitions.read(reader) is not None
    except FAILURES as error:
        return Uncovered(name, str(error))
    if nested:
        return Uncovered(name, "holds partitions of its own")
    kind = Kind.BOOT if part and _is_boot(part, signature.kind) else signature.kind
    return Volume(
        disk,
        name,
        kind,
        reader,
        uuid=signature.uuid,
        label=signature.label,
        partition_uuid=part.uuid if part else "",
        partition_label=part.label if part else "",
    )


def _is_boot(part: Partition, kind: Kind) -> bool:
    """By the partition's type, but only where nothing else was recognised."""
    return part.type in WITHOUT_FILESYSTEM and kind in {Kind.EMPTY, Kind.UNKNOWN} and part.size <= LARGEST_BOOT
