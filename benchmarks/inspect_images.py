"""What looking into images costs: a RHEL 9 of 10 GiB on XFS on LVM read in blocks, and small images one after the other."""

import random
import sqlite3
import statistics
import struct
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cloudigrade.inspector.blocks import BlockDisk, Cost
from cloudigrade.inspector.reading import Reader
from cloudigrade.inspector.sandbox import MIB, Ran, Sandbox
from cloudigrade.inspector.table import dollars
from tests.inspector.corpus import filesystems, packages, systems
from tests.inspector.corpus.case import PLAIN, Workshop
from tests.inspector.corpus.layouts import EXTENT, gpt, group, linear
from tests.inspector.corpus.patchwork import laid
from tests.inspector.corpus.systems import Tree

GIB = 1024 * MIB
DISK = 10 * GIB
BLOCK = 512 * 1024
PACKAGES = 480
FILES = 300
"""Of a package on average: with their names and digests it makes 43 KB of header, as in an rpm database of RHEL 9."""
SMALL = 50


@dataclass
class Snapshot:
    """The disk as EBS gives it out, with every block written."""

    disk: Reader
    block_size: int = BLOCK

    @property
    def size(self) -> int:
        """Bytes."""
        return self.disk.size

    def page(self, start: int) -> tuple[Mapping[int, str], int | None]:
        """Ten thousand blocks."""
        end = min(start + 10_000, self.size // BLOCK)
        return dict.fromkeys(range(start, end), "token"), end if end < self.size // BLOCK else None

    def get(self, number: int, _token: str) -> bytes:
        """The block."""
        return self.disk.read(number * BLOCK, BLOCK)


def main() -> None:
    """Print the figures."""
    working = Sandbox("cloudigrade.inspector.inspection:inspect")
    with tempfile.TemporaryDirectory() as folder:
        workshop = Workshop(Path(folder))
        large(workshop, working)
        small(workshop, working)
        workshop.close()
    working.close()


def large(workshop: Workshop, working: Sandbox) -> None:
    """A RHEL 9 with a database of packages as large as real ones."""
    kind = "xfs v5" if filesystems.is_present("xfs v5") else PLAIN
    database = (
        _database(PACKAGES) if kind != PLAIN else packages.sqlite(packages.red_hat(400, release="redhat-release"))
    )
    tree: Tree = {**systems.rhel(), "var/lib/rpm/rpmdb.sqlite": database}
    root = workshop.filesystem(tree, kind, mebibytes=DISK // MIB - 1024)
    (volume,) = group("rhel", [root.size // EXTENT], [linear("root", root)])
    disk = laid(DISK, [(0, gpt(volume))])
    cost = Cost()
    begun = time.perf_counter()
    ran = working.run({"/dev/sda1": BlockDisk(Snapshot(disk), cost)})
    seconds = time.perf_counter() - begun
    assert ran.answer is not None, ran.trouble
    assert ran.answer["verdict"]["verdict"] == "rhel", ran.answer
    _print_large(kind, len(database), ran, cost, seconds)


def _print_large(kind: str, length: int, ran: Ran, cost: Cost, seconds: float) -> None:
    print(f"  {DISK // GIB} GiB, {kind} on LVM on GPT, rpm database of {length / MIB:.1f} MiB:")
    print(f"    {ran.bytes_read / MIB:.1f} MiB read (bar: 40) in {ran.reads} reads")
    print(
        f"    {cost.blocks} blocks of 512 KiB fetched (bar: 150), {cost.lists} lists: {dollars(cost)} at EBS's list price"
    )
    print(f"    {ran.peak_memory / MIB:.0f} MiB at the peak of the child (bar: 128)")
    print(f"    {seconds:.2f} s, {ran.processor_seconds:.2f} s of processor time in the child")


def small(workshop: Workshop, working: Sandbox) -> None:
    """A whole RHEL 9 with 61 packages on 240 KB, again and again."""
    disk = workshop.filesystem(systems.rhel())
    working.run({"disk": disk})
    times, processor = [], []
    for _ in range(SMALL):
        begun = time.perf_counter()
        ran = working.run({"disk": disk})
        times.append(time.perf_counter() - begun)
        processor.append(ran.processor_seconds)
        assert ran.answer is not None, ran.trouble
        assert ran.answer["verdict"]["verdict"] == "rhel"
    shown = ", ".join(f"{value * 1000:.0f}" for value in (min(times), statistics.median(times), max(times)))
    print(f"  small images, each in a child of its own: {shown} ms, least, median and most (bar: 50);")
    print(f"    {statistics.median(processor) * 1000:.0f} ms of processor time in the child")


def _database(count: int) -> bytes:
    """As rpm keeps it, with headers as long as real ones, and the index of names and files that is not looked at."""
    chance = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rpmdb.sqlite"
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)")
        for name in ("Name", "Basenames", "Dirnames"):
            connection.execute(f"CREATE TABLE {name} (key TEXT NOT NULL, hnum INTEGER NOT NULL, idx INTEGER NOT NULL)")
        for number, package in enumerate(packages.red_hat(count, release="redhat-release")):
            files = max(1, int(chance.expovariate(1 / FILES)))
            names = [f"{chance.getrandbits(64):016x}.so" for _ in range(files)]
            connection.execute(
                "INSERT INTO Packages (blob) VALUES (?)", [_longer(packages.header(package), names, chance)]
            )
            connection.executemany(
                "INSERT INTO Basenames VALUES (?, ?, ?)", [(name, number, index) for index, name in enumerate(names)]
            )
            connection.execute("INSERT INTO Name VALUES (?, ?, 0)", [package.name, number])
        connection.commit()
        connection.execute("PRAGMA journal_mode = WAL")
        connection.close()
        return path.read_bytes()


def _longer(header: bytes, names: list[str], chance: random.Random) -> bytes:
    """The header with names, digests and much else of files."""
    entries, length = struct.unpack(">II", header[:8])
    store = header[8 + 16 * entries :]
    basenames = b"".join(name.encode() + b"\0" for name in names)
    digests = b"".join(chance.randbytes(32).hex().encode() + b"\0" for _ in names)
    paths = b"".join(b"/usr/lib64/" + chance.randbytes(24).hex().encode() + b"\0" for _ in names)
    extra = struct.pack(">IIII", 1117, 8, length, len(names))
    extra += struct.pack(">IIII", 1035, 8, length + len(basenames), len(names))
    extra += struct.pack(">IIII", 1118, 8, length + len(basenames) + len(digests), len(names))
    added = basenames + digests + paths
    return struct.pack(">II", entries + 3, length + len(added)) + header[8 : 8 + 16 * entries] + extra + store + added


if __name__ == "__main__":
    main()
