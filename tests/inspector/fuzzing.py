"""Damaged disks and rpm databases, thousands of them, inspected in the sandbox: nothing but verdicts may come out.

`python -m tests.inspector.fuzzing --images 20000 --databases 20000` (`make fuzz`). Each mutant depends on the seed and
its number only, so that a run that was interrupted goes on with `--from NUMBER`, and one mutant alone is made with
`--from NUMBER --images 1 --databases 0`.
"""

import argparse
import json
import os
import platform
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from cloudigrade.inspector import inspection, result, verdict
from cloudigrade.inspector.evidence.gather import gather
from cloudigrade.inspector.reading import Content, Reader
from cloudigrade.inspector.sandbox import MIB, Limits, Ran, Sandbox
from cloudigrade.inspector.system import System
from cloudigrade.inspector.verdict import Examined, Seen
from tests.inspector import disks_in_containers as containers
from tests.inspector.corpus import filesystems, packages, systems
from tests.inspector.corpus.case import PLAIN, Workshop
from tests.inspector.corpus.layouts import LAYOUTS, gpt
from tests.inspector.corpus.patchwork import damaged, whole
from tests.inspector.corpus.systems import Link, Tree

LIMITS = Limits(processor_seconds=20, seconds=60)
MOST_MEMORY = 128 * MIB
CANARY = "only-the-host-knows-this-4b1d7c"
NUMBERS = [0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]
KINDS = ("ext4", "ext3", "ext4 with inline data", "xfs v5", "xfs v4", "xfs v5 of 1 KiB blocks")
DATABASES = {
    "rpmdb.sqlite": packages.sqlite(packages.red_hat(60, release="redhat-release")),
    "Packages": packages.berkeley(packages.red_hat(60, release="redhat-release")),
    "Packages.db": packages.ndb(packages.red_hat(60, release="redhat-release")),
}

_TELLING = 8
"""Characters; a shorter name of a host may stand anywhere."""

Ranges = list[tuple[str, int, int]]


class Seed(NamedTuple):
    """Sound disks, and what of them is read."""

    name: str
    disks: Mapping[str, Reader]
    read: Ranges


@dataclass
class Tally:
    """What became of mutants."""

    verdicts: Counter[str] = field(default_factory=Counter)
    peak_memory: int = 0
    slowest: float = 0.0
    faults: list[str] = field(default_factory=list)
    """Crashes, hangs, undeclared failures, content of the host: none may be."""

    def __str__(self) -> str:
        verdicts = ", ".join(f"{count} {name}" for name, count in sorted(self.verdicts.items()))
        return f"{verdicts}; at most {self.peak_memory // MIB} MiB, {self.slowest:.2f} s; {len(self.faults)} faults"


@dataclass
class _Traced:
    """Notes what is read."""

    name: str
    disk: Reader
    ranges: Ranges

    @property
    def size(self) -> int:
        return self.disk.size

    def read(self, offset: int, length: int, /) -> bytes:
        self.ranges.append((self.name, offset, length))
        return self.disk.read(offset, length)


@dataclass
class _OneDatabase:
    """The files of a system that has nothing but an rpm database."""

    disks: Mapping[str, Reader]

    def read(self, path: str, *, limit: int) -> bytes | None:
        reader = self.open(path)
        return reader.read(0, min(reader.size, limit)) if reader is not None else None

    def names(self, path: str) -> list[str]:
        return sorted(self.disks) if path == "/var/lib/rpm" else []

    def open(self, path: str) -> Reader | None:
        folder, _, name = path.rpartition("/")
        return self.disks.get(name) if folder == "/var/lib/rpm" else None


def read_database(disks: Mapping[str, Reader]) -> dict[str, object]:
    """Work for the sandbox: the disks are the files of an rpm database."""
    system = System("root", _OneDatabase(disks), ("root",))
    seen = Seen(systems=(Examined(system, gather(system.files)),), read=("root",))
    return result.image(seen, verdict.judge(seen))


def images(workshop: Workshop, canary: Path) -> list[Seed]:
    """Small disks of every layout, container and filesystem that can be made here."""
    tree = _spying(canary)
    kinds = [PLAIN, *(kind for kind in KINDS if filesystems.is_present(kind))]
    root = workshop.filesystem(tree)
    made = {f"{name}, {kind}": layout(workshop.filesystem(tree, kind)) for name, layout, kind in _layouts(kinds)}
    disk = whole(gpt(root))
    for maker in (containers.qcow2, containers.vhd_fixed, containers.vhd_dynamic, containers.vhdx, containers.vmdk):
        made[maker.__name__] = {"disk": Content(maker(disk))}
    made["stream"] = {"disk": Content(containers.vmdk_stream(disk))}
    return [_seed(name, disks, inspection.inspect) for name, disks in made.items()]


def databases() -> list[Seed]:
    """One of each form."""
    return [_seed(name, {name: Content(content)}, read_database) for name, content in DATABASES.items()]


def mutated(seed: Seed, chance: random.Random) -> dict[str, Reader]:
    """The disks with damage where they are read, most of it small."""
    pieces: dict[str, list[tuple[int, bytes]]] = {name: [] for name in seed.disks}
    for _ in range(chance.choice((1, 1, 1, 2, 4, 16, 64))):
        name, offset, length = chance.choice(seed.read)
        pieces[name].append(_damage(seed.disks[name], offset, length, chance))
    return {name: damaged(disk, *pieces[name]) for name, disk in seed.disks.items()}


def inspected(seeds: Sequence[Seed], sandbox: Sandbox, numbers: range, start: str) -> Tally:
    """All mutants of these numbers, as many at a time as there are cores."""
    tally = Tally()
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for number, (ran, seconds) in zip(
            numbers, threads.map(lambda number: _inspected(seeds, sandbox, number, start), numbers), strict=True
        ):
            _count(tally, f"{seeds[number % len(seeds)].name} {number}", ran, seconds)
    return tally


def _spying(canary: Path) -> Tree:
    """RHEL with links to what is outside."""
    tree = systems.rhel()
    links = {"a-release": canary, "b-release": "/etc/os-release", "c-release": "../../../../../../etc/hostname"}
    tree |= {f"etc/{name}": Link(str(target)) for name, target in links.items()}
    return tree | {"etc/rhsm/syspurpose/syspurpose.json": b'{"role": "Red Hat Enterprise Linux Server"}'}


def _layouts(kinds: Sequence[str]) -> Iterator[tuple[str, Callable[[Reader], Any], str]]:
    for number, (name, layout) in enumerate(LAYOUTS.items()):
        for kind in {PLAIN, kinds[number % len(kinds)]}:
            yield name, layout, kind


def _seed(name: str, disks: Mapping[str, Reader], work: Callable[[Mapping[str, Reader]], Mapping[str, Any]]) -> Seed:
    ranges: Ranges = []
    answer = work({each: _Traced(each, disk, ranges) for each, disk in disks.items()})
    assert answer["verdict"]["verdict"] == "rhel", f"{name}: {answer['verdict']}"
    return Seed(name, disks, ranges)


def _damage(disk: Reader, offset: int, length: int, chance: random.Random) -> tuple[int, bytes]:
    """Where, and what stands there instead."""
    at = offset + chance.randrange(max(length, 1))
    room = min(disk.size - at, length or 1)
    what = chance.randrange(6)
    if what == 0:
        return at, bytes([chance.randrange(256)])
    if what == 1:
        return at, bytes([disk.read(at, 1)[0] ^ 1 << chance.randrange(8)])
    if what == 2:
        width = min(room, chance.choice((2, 4, 8)))
        return at // width * width, (chance.choice(NUMBERS) % 256**width).to_bytes(
            width, chance.choice(("little", "big"))
        )
    if what == 3:
        return at, bytes([chance.choice((0, 0xFF))]) * min(room, chance.choice((4, 64, 512, 4096)))
    if what == 4:
        return at, chance.randbytes(min(room, chance.choice((4, 64, 512))))
    source = chance.randrange(disk.size)
    return at, disk.read(source, min(room, disk.size - source, chance.choice((16, 512, 4096))))


def _inspected(seeds: Sequence[Seed], sandbox: Sandbox, number: int, start: str) -> tuple[Ran, float]:
    begun = time.perf_counter()
    chance = random.Random(f"{start}/{number}")
    ran = sandbox.run(mutated(seeds[number % len(seeds)], chance), limits=LIMITS)
    return ran, time.perf_counter() - begun


def _count(tally: Tally, name: str, ran: Ran, seconds: float) -> None:
    tally.peak_memory = max(tally.peak_memory, ran.peak_memory)
    tally.slowest = max(tally.slowest, seconds)
    if ran.answer is None:
        tally.faults.append(f"{name}: {ran.trouble}")
        return
    word = ran.answer["verdict"]["verdict"]
    tally.verdicts[word] += 1
    text = json.dumps(ran.answer)
    if word not in tuple(verdict.Rhel):
        tally.faults.append(f"{name}: {word}")
    told = [secret for secret in secrets() if secret in text]
    if told:
        tally.faults.append(f"{name}: content of the host: {told}")
    if ran.peak_memory > MOST_MEMORY:
        tally.faults.append(f"{name}: {ran.peak_memory // MIB} MiB")


def secrets() -> list[str]:
    """What only the host has."""
    release = platform.freedesktop_os_release()
    found = [CANARY, json.dumps(release["PRETTY_NAME"])[1:-1], platform.node()]
    return [secret for secret in found if len(secret) >= _TELLING]


def main() -> int:
    """Fuzz as many as the command line says; 1 where there is any fault."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--databases", type=int, default=20_000)
    parser.add_argument("--from", type=int, default=0, dest="first")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--step", type=int, default=1000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        workshop = Workshop(Path(folder))
        canary = Path(folder) / "canary"
        canary.write_text(CANARY)
        canary.chmod(0o644)
        lots = [
            ("images", images(workshop, canary), "cloudigrade.inspector.inspection:inspect", given.images),
            (
                "databases",
                databases(),
                f"{__name__ if __name__ != '__main__' else 'tests.inspector.fuzzing'}:read_database",
                given.databases,
            ),
        ]
        faults = sum(_all(name, seeds, work, count, given) for name, seeds, work, count in lots)
        workshop.close()
    return 1 if faults else 0


def _all(name: str, seeds: Sequence[Seed], work: str, count: int, given: argparse.Namespace) -> int:
    sandbox = Sandbox(work)
    faults = 0
    for first in range(given.first, given.first + count, given.step):
        numbers = range(first, min(first + given.step, given.first + count))
        tally = inspected(seeds, sandbox, numbers, f"{given.seed}/{name}")
        sys.stdout.write(f"{name} {numbers.start} to {numbers.stop - 1}: {tally}\n")
        sys.stdout.writelines(f"  {fault}\n" for fault in tally.faults)
        sys.stdout.flush()
        faults += len(tally.faults)
    sandbox.close()
    return faults


if __name__ == "__main__":
    sys.exit(main())
