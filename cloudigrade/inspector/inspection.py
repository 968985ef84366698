"""One image's disks in, its part of the result out: from layout to systems to evidence to verdict."""

from collections.abc import Mapping

from cloudigrade.inspector import layout, result, systems, verdict
from cloudigrade.inspector.caching import Cached, Counted
from cloudigrade.inspector.evidence.gather import gather
from cloudigrade.inspector.reading import Reader
from cloudigrade.inspector.verdict import Examined, Seen


def inspect(disks: Mapping[str, Reader]) -> dict[str, object]:
    """The image's part of the result, whatever its disks hold; the names of the disks are those of the result."""
    counted = {name: Counted(disk) for name, disk in disks.items()}
    divided = layout.read({name: Cached(disk) for name, disk in counted.items()})
    found = systems.find(divided)
    seen = Seen(
        disks=tuple(disks),
        volumes=divided.volumes,
        systems=tuple(Examined(system, gather(system.files)) for system in found.systems),
        read=found.read,
        uncovered=found.uncovered,
    )
    notes = [f"{note.place}: {note.text}" for note in found.notes]
    work = result.Work(bytes_read=sum(disk.bytes_read for disk in counted.values()))
    return result.image(seen, verdict.judge(seen), notes=notes, work=work)
