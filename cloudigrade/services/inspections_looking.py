"""The inspector on disks that stay where they are: blocks in as it asks for them, a result out, within limits."""

from collections.abc import Mapping, Sequence
from typing import Any

from cloudigrade.clouds.inspecting import Blocks, Snapshot
from cloudigrade.clouds.protocol import Unavailable
from cloudigrade.inspector import sandbox
from cloudigrade.inspector.blocks import BlockDisk, Cost


def look_into(
    disks: Sequence[tuple[Snapshot, Blocks]], *, image: str, cloud: str, cost: Cost, seconds: int
) -> Mapping[str, Any]:
    """What houndigrade says of one image, with a verdict: always something, however the disks are.

    Raises what reading the blocks raises, and Unavailable where this machine cannot start an inspection.
    """
    opened = {_name(snapshot): BlockDisk(blocks, cost) for snapshot, blocks in disks}
    limits = sandbox.Limits(seconds=float(seconds))
    try:
        return sandbox.inspect(opened, image=image, cloud=cloud, limits=limits, cost=cost)
    except sandbox.Failed as failure:
        raise Unavailable(f"the inspection could not be started: {failure}") from failure


def _name(snapshot: Snapshot) -> str:
    """Under which the disk stands in the result: where the image has it, and what it is."""
    return f"{snapshot.device} ({snapshot.native_id})" if snapshot.device else snapshot.native_id
