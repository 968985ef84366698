"""Metered against the truth: seeds 1 to 20 at full size with every fault; a line per seed, status 1 if any differs.

`python -m benchmarks.truth [SEED ...]`; each seed is metered as a whole, in reverse order, twice, and in two overlapping
halves kept in a folder.
"""

import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

from cloudigrade.__main__ import main as cloudigrade
from cloudigrade.config import embedded
from cloudigrade.simulator import faults, write
from cloudigrade.simulator.plan import Plan

SEEDS = range(1, 21)
UNTIL = date(2026, 3, 31)
DOCUMENTS = ("instances", "images", "instance-types", "inspections")
OF_THE_INVOCATION = ("records", "files")

Json = dict[str, Any]


def main() -> int:
    """Check every seed; 0 if all agree."""
    seeds = [int(argument) for argument in sys.argv[1:]] or SEEDS
    with embedded.temporary() as server:
        os.environ["DATABASE_URL"] = server.url
        return max([_check(seed) for seed in seeds])


def _check(seed: int) -> int:
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="truth-") as folder:
        out = Path(folder) / "out"
        summary = write.fleet(out, Plan(until=UNTIL, seed=seed, faults=faults.ALL))
        wrong = list(_differences(out, Path(folder)))
    verdict = f"WRONG: {', '.join(wrong)}" if wrong else "agrees"
    print(
        f"seed {seed:2}: {summary.records} records in {summary.files} files, {verdict}"
        f" [{time.perf_counter() - begun:.0f} s]",
        flush=True,
    )
    return 1 if wrong else 0


def _differences(out: Path, folder: Path) -> Iterator[str]:
    """What of the report is not as it must be."""
    truth: Json = json.loads((out / "truth.json").read_text())
    whole = _report(out, [out / "trail"], folder)
    yield from (name for name in ("from", "to", "accounts", "instances") if whole[name] != truth[name])
    for found, true in zip(whole["days"], truth["days"], strict=True):
        yield from (f"{true['date']} {name}" for name in true if found[name] != true[name])
    files = sorted((out / "trail").rglob("*_CloudTrail_*.json.gz"))
    third = len(files) // 3
    kept = ("--data", str(folder / "data"))
    _report(out, files[third:], folder, *kept)
    for way, other in (
        ("in reverse order", _report(out, files[::-1], folder)),
        ("twice", _report(out, [out / "trail"] * 2, folder)),
        ("in two overlapping halves", _report(out, files[: 2 * third], folder, *kept)),
    ):
        if _text(other) != _text(whole):
            yield way


def _text(report: Json) -> str:
    return json.dumps({name: report[name] for name in report if name not in OF_THE_INVOCATION})


def _report(out: Path, trail: Sequence[Path], folder: Path, *more: str) -> Json:
    """The report of a process of its own, which thousands of paths reach as arguments."""
    truth = json.loads((out / "truth.json").read_text())
    target = folder / "report.json"
    arguments = ["meter", "--from", truth["from"], "--to", truth["to"], "--format", "json", "--explain", *more]
    arguments += [argument for path in trail for argument in ("--trail", str(path))]
    arguments += [argument for kind in DOCUMENTS for argument in (f"--{kind}", str(out / f"{kind}.json"))]
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        status = process.submit(_quietly, [*arguments, "--output", str(target)]).result()
    if status:
        raise SystemExit(f"cloudigrade meter ended with {status}")
    report: Json = json.loads(target.read_text())
    target.unlink()
    return report


def _quietly(arguments: list[str]) -> int:
    """Run the command; what it passes over is part of the exercise."""
    with Path(os.devnull).open("w", encoding="utf-8") as sys.stderr:
        return cloudigrade(arguments)


if __name__ == "__main__":
    sys.exit(main())
