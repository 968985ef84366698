"""Cases run through an inspection, and what came of it set against what was declared."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from cloudigrade.inspector import sandbox
from cloudigrade.inspector.reading import Reader
from tests.inspector.corpus import contents, damage, places
from tests.inspector.corpus.case import INCONCLUSIVE, NOT_RHEL, RHEL, Case, Workshop

VERDICTS = (RHEL, NOT_RHEL, INCONCLUSIVE)
_HEAD = ("declared", *VERDICTS)

Inspection = Callable[[Mapping[str, Reader]], Mapping[str, object]]


class Outcome(NamedTuple):
    """What an inspection made of a case."""

    case: Case
    found: str
    faults: tuple[str, ...]
    """Everything that is not as declared."""
    bytes_read: int
    seconds: float


def all_cases() -> list[Case]:
    """The whole corpus, each name once."""
    found = list(chain(contents.cases(), places.cases(), damage.cases()))
    assert len({case.name for case in found}) == len(found)
    return found


def suite_cases() -> list[Case]:
    """Those that need no program, and a sample of the others as far as this machine has what makes them."""
    return [case for case in all_cases() if not case.tools or (case.is_sample and case.is_possible)]


def sandboxed(disks: Mapping[str, Reader]) -> Mapping[str, object]:
    """An inspection as in service: by a child that can do nothing but ask for bytes."""
    return sandbox.inspect(disks, image="corpus", cloud="aws")


def run(case: Case, workshop: Workshop, inspect: Inspection) -> Outcome:
    """The case's outcome; making its disks is not timed."""
    disks = case.disks(workshop)
    begun = perf_counter()
    image = inspect(disks)
    seconds = perf_counter() - begun
    verdict = image["verdict"]
    assert isinstance(verdict, Mapping)
    return Outcome(case, verdict["verdict"], tuple(_faults(case, image, verdict)), verdict["bytes_read"], seconds)


def _faults(case: Case, image: Mapping[str, object], verdict: Mapping[str, object]) -> Iterator[str]:
    if verdict["verdict"] != case.expected:
        yield f"{verdict['verdict']} instead of {case.expected}: {verdict['reasons']} {verdict['coverage']}"
    if image["rhel_found"] is not (case.expected == RHEL):
        yield f"rhel_found is {image['rhel_found']}"
    said = json.dumps([verdict["reasons"], verdict["conflicts"], verdict["coverage"]])
    if case.says not in said:
        yield f"nothing says {case.says!r}: {said}"
    for key, expected in case.facts.items():
        place, _, name = key.rpartition(".")
        found = (verdict if place else image)[name]
        if found != expected:
            yield f"{key} is {found!r} instead of {expected!r}"
    text = json.dumps(image)
    yield from (f"{secret} of this machine is in the result" for secret, value in _secrets() if value in text)


def _secrets() -> Iterator[tuple[str, str]]:
    """What must never be in a result: this machine's own files."""
    for path in ("/etc/machine-id", "/proc/version", "/proc/sys/kernel/random/boot_id"):
        place = Path(path)
        if place.exists() and (value := place.read_text(encoding="utf-8").strip()):
            yield path, json.dumps(value)[1:-1]


def matrix(outcomes: Iterable[Outcome]) -> str:
    """The confusion matrix: declared downwards, found across."""
    counts = Counter((outcome.case.expected, outcome.found) for outcome in outcomes)
    rows = [(expected, *(counts[expected, found] for found in VERDICTS)) for expected in VERDICTS]
    return "\n".join(f"{first:<14}" + "".join(f"{each:>14}" for each in rest) for first, *rest in [_HEAD, *rows])
