"""The inspector on disks that stay where they are: blocks in as it asks for them, a result out, within limits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from cloudigrade.clouds.inspecting import Blocks, Snapshot


class Budget(NamedTuple):
    """What one look may take."""

    blocks: int
    seconds: int


@dataclass(slots=True)
class Spent:
    """What was fetched so far, whatever comes of it."""

    requests: int = 0
    bytes_read: int = 0


@dataclass(slots=True)
class Metered:
    """Blocks of a snapshot that are counted as they are fetched."""

    blocks: Blocks
    spent: Spent

    @property
    def size(self) -> int:
        """Bytes of the volume."""
        return self.blocks.size

    @property
    def block_size(self) -> int:
        """Bytes of a block."""
        return self.blocks.block_size

    def page(self, start: int) -> tuple[Mapping[int, str], int | None]:
        """Tokens of written blocks from this one on."""
        self.spent.requests += 1
        return self.blocks.page(start)

    def get(self, number: int, token: str) -> bytes:
        """The block."""
        self.spent.requests += 1
        content = self.blocks.get(number, token)
        self.spent.bytes_read += len(content)
        return content


def look_into(
    disks: Sequence[tuple[Snapshot, Metered]], *, image: str, cloud: str, budget: Budget
) -> Mapping[str, Any]:
    """What houndigrade says of one image, with a verdict; raises what reading the blocks raises."""
    raise NotImplementedError
