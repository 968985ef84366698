"""Instance types of the made-up fleet, with their real sizes."""

from random import Random
from typing import NamedTuple


class Size(NamedTuple):
    """An instance type and what it offers by default."""

    instance_type: str
    architecture: str
    vcpu: int
    memory_mib: int


SIZES = {
    size.instance_type: size
    for size in (
        Size("t3.micro", "x86_64", 2, 1_024),
        Size("t3.large", "x86_64", 2, 8_192),
        Size("m5.large", "x86_64", 2, 8_192),
        Size("m5.2xlarge", "x86_64", 8, 32_768),
        Size("m6i.large", "x86_64", 2, 8_192),
        Size("m6i.xlarge", "x86_64", 4, 16_384),
        Size("c5.4xlarge", "x86_64", 16, 32_768),
        Size("r5.xlarge", "x86_64", 4, 32_768),
        Size("t4g.medium", "arm64", 2, 4_096),
        Size("m6g.large", "arm64", 2, 8_192),
        Size("c7g.xlarge", "arm64", 4, 8_192),
        Size("r6g.2xlarge", "arm64", 8, 65_536),
    )
}


def pick(rng: Random, architecture: str, *, other_than: str = "") -> str:
    """A type of the architecture."""
    return rng.choice([s.instance_type for s in SIZES.values() if _fits(s, architecture, other_than)])


def _fits(size: Size, architecture: str, other_than: str) -> bool:
    return size.architecture == architecture and size.instance_type != other_than
