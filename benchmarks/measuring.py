"""What a piece of work costs: seconds, and the memory that the process needed at its peak."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import django
from django.core.management import call_command
from django.db import connections

from cloudigrade.config import database as places

# models and services, which the workloads import after this module, want it
os.environ["DJANGO_SETTINGS_MODULE"] = "cloudigrade.config.settings"
django.setup()


def seconds(work: Callable[[], object], *, rounds: int = 1) -> float:
    """The shortest time of some rounds."""
    best = float("inf")
    for _ in range(rounds):
        begun = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - begun)
    return best


def pace() -> float:
    """Processor seconds that a loop of ten million additions takes here, so that machines can be compared."""
    best = float("inf")
    for _ in range(3):
        total, begun = 0, time.process_time()
        for number in range(10_000_000):
            total += number
        best = min(best, time.process_time() - begun)
    return best


def processor_seconds(processes: Iterable[int]) -> dict[int, float]:
    """What each of the processes has used so far."""
    used = {}
    for each in processes:
        fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        used[each] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return used


def peak_mib() -> int:
    """The most memory this process has held at one time since it began or `forget_peak` was called."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) // 1024
    return 0


def forget_peak() -> None:
    """Peak memory counts from now on."""
    Path("/proc/self/clear_refs").write_text("5")


@contextmanager
def database() -> Iterator[None]:
    """A PostgreSQL of one's own with our tables in it, and Django set up to use it."""
    with places.temporary(None) as url:
        places.point_at(url)
        call_command("migrate", verbosity=0)
        try:
            yield
        finally:
            connections.close_all()


def in_process_of_its_own(module: str, *arguments: str) -> None:
    """Run a benchmark so that its memory is its own."""
    subprocess.run([sys.executable, "-m", module, *arguments], check=True)
