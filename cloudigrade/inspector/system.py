"""An installed system, as assembled from an image's volumes."""

from dataclasses import dataclass

from cloudigrade.inspector.files import Files
from cloudigrade.inspector.volume import Uncovered


@dataclass(frozen=True, slots=True)
class System:
    """What boots: a root filesystem, and what its own fstab mounts into it."""

    root: str
    """Name of the volume that holds its root."""
    files: Files
    volumes: tuple[str, ...]
    """Names of all volumes that it is made of, the root's first."""
    deployment: str = ""
    """Path of the ostree deployment that boots, within the root volume; empty for an ordinary system."""
    uncovered: tuple[Uncovered, ...] = ()
    """What its fstab mounts where a system keeps evidence, and no volume was found for."""
