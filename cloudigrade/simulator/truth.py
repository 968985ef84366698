"""The daily answer, counted second by second; nothing here is shared with the meter."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cloudigrade.simulator.timestamps import DAY, Window, iso_date

Json = dict[str, Any]
Seconds = npt.NDArray[np.int64]
"""One counter for each second of a day."""

_ANY = "_ANY"
_PAYERS = ("customer", "cloud", "unknown")
_NEED_SUBSCRIPTION = ("customer", "unknown")
_FIELDS = ("arch", "role", "sla", "usage", "service_type")


class Span(NamedTuple):
    """A period in which an instance ran, and all that counts about it."""

    instance: str
    start: int
    end: int
    vcpu: int
    memory_mib: int
    rhel: str
    payer: str
    """Empty where it is not known to be RHEL."""
    attributes: tuple[str, str, str, str, str]
    """Architecture, role, service level, usage, service type."""


def days(spans: list[Span], window: Window, *, is_complete: Callable[[int], bool]) -> list[Json]:
    """The answer for each day of the window."""
    by_day = _by_day(spans, window)
    return [_day(opening, by_day[opening], is_complete=is_complete(opening)) for opening in window.days]


def instances(spans: list[Span], window: Window) -> dict[str, int]:
    """How many instances ran for a second at least, by what they run."""
    seen = {(span.instance, span.rhel) for span in spans if max(span.start, window.start) < min(span.end, window.end)}
    verdicts = [rhel for _, rhel in seen]
    return {rhel: verdicts.count(rhel) for rhel in ("rhel", "not_rhel", "undetermined")}


def _by_day(spans: list[Span], window: Window) -> dict[int, list[Span]]:
    found: dict[int, list[Span]] = defaultdict(list)
    for span in spans:
        if span.start == span.end:
            continue
        first = max(span.start, window.start) // DAY * DAY
        for opening in range(first, min(span.end, window.end), DAY):
            found[opening].append(span)
    return found


def _day(opening: int, spans: list[Span], *, is_complete: bool) -> Json:
    measured = {payer: _measure(opening, [span for span in spans if span.payer == payer]) for payer in (*_PAYERS, "")}
    rhel = _added(measured[payer] for payer in _PAYERS)
    return {
        "date": iso_date(opening),
        "complete": is_complete,
        "maximum_counts": _maximum_counts(opening, spans),
        "rhel": {payer: _figures(*measured[payer]) for payer in _PAYERS} | {"all": _figures(*rhel)},
        "all": _figures(*_added([rhel, measured[""]])),
    }


def _measure(opening: int, spans: list[Span]) -> tuple[Seconds, Seconds, Seconds]:
    """Instances, vCPUs and memory in each second."""
    return (
        _counted(opening, spans, lambda _: 1),
        _counted(opening, spans, lambda span: span.vcpu),
        _counted(opening, spans, lambda span: span.memory_mib),
    )


def _counted(opening: int, spans: list[Span], weight: Callable[[Span], int]) -> Seconds:
    seconds = np.zeros(DAY, np.int64)
    for span in spans:
        first, end = max(span.start - opening, 0), min(span.end - opening, DAY)
        seconds[first : max(end, first)] += weight(span)
    return seconds


def _added(measured: Iterable[tuple[Seconds, Seconds, Seconds]]) -> tuple[Seconds, Seconds, Seconds]:
    instances, vcpu, memory = zip(*measured, strict=True)
    return sum(instances), sum(vcpu), sum(memory)


def _figures(instances: Seconds, vcpu: Seconds, memory: Seconds) -> dict[str, int]:
    return {
        "instances_peak": int(instances.max()),
        "vcpu_peak": int(vcpu.max()),
        "memory_mib_peak": int(memory.max()),
        "instance_seconds": int(instances.sum()),
        "vcpu_seconds": int(vcpu.sum()),
    }


def _maximum_counts(opening: int, spans: list[Span]) -> list[Json]:
    """The most instances at one time for each key under which some RHEL without the cloud's subscription ran."""
    alike: dict[tuple[str, ...], list[Span]] = defaultdict(list)
    for span in spans:
        if span.payer in _NEED_SUBSCRIPTION:
            alike[span.attributes].append(span)
    counters = {attributes: _counted(opening, members, lambda _: 1) for attributes, members in alike.items()}
    under: dict[tuple[str, ...], list[tuple[str, ...]]] = defaultdict(list)
    for attributes in counters:
        for key in _keys(*attributes):
            under[key].append(attributes)
    # Many keys stand for the same instances: each such set is counted once.
    sets = {tuple(members) for members in under.values()}
    peaks = {members: int(np.sum([counters[one] for one in members], axis=0).max()) for members in sets}
    return [
        dict(zip(_FIELDS, key, strict=True)) | {"instances_count": peaks[tuple(under[key])]} for key in sorted(under)
    ]


def _keys(arch: str, role: str, sla: str, usage: str, service_type: str) -> set[tuple[str, ...]]:
    """The 24 keys that count an instance: never both architecture and role."""
    products = ((_ANY, _ANY), (arch, _ANY), (_ANY, role))
    return {(*pair, *rest) for pair in products for rest in product((_ANY, sla), (_ANY, usage), (_ANY, service_type))}
