"""A plan in, a folder of log files, descriptions and truth out."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from cloudigrade.simulator import background, delivery, describe, faults, places, plan, records, render, truth
from cloudigrade.simulator.delivery import Objects
from cloudigrade.simulator.fleet import made_up
from cloudigrade.simulator.images import Image
from cloudigrade.simulator.places import Customer, Place
from cloudigrade.simulator.plan import Plan
from cloudigrade.simulator.server import Server
from cloudigrade.simulator.sizes import SIZES
from cloudigrade.simulator.timestamps import DAY, MINUTE, Window, iso_date
from cloudigrade.simulator.truth import Span

Json = dict[str, Any]
Progress = Callable[[int, int], None]
"""Told the steps done and the steps in all."""

_GRACE = 15 * MINUTE


class Summary(NamedTuple):
    """What was written."""

    customers: tuple[Customer, ...]
    files: int
    records: int


class _Fleet(NamedTuple):
    """A customer with all that is its own."""

    customer: Customer
    servers: list[Server]
    images: list[Image]


@dataclass(slots=True)
class _Delivered:
    """How far the written log files go, and of whom something in them cannot be read."""

    files: int = 0
    records: int = 0
    newest: dict[str, int] = field(default_factory=dict)
    spoiled: set[str] = field(default_factory=set)

    def is_complete(self, accounts: tuple[str, ...], day_end: int) -> bool:
        """Whether nothing of the accounts' day can be missing."""
        is_sound = not self.spoiled.intersection(accounts)
        return is_sound and all(self.newest[account] >= day_end + _GRACE for account in accounts)


def _ignore(_done: int, _total: int) -> None:
    """Nobody watches."""


def fleet(out: Path, wanted: Plan, *, on_progress: Progress = _ignore) -> Summary:
    """Everything of a made-up fleet stands in the folder, which was empty or not there."""
    plan.check_folder(out)
    out.mkdir(parents=True, exist_ok=True)
    fleets = [
        _Fleet(customer, *made_up(customer, seed=wanted.seed, window=wanted.window, count=wanted.instances))
        for customer in places.customers(seed=wanted.seed, count=wanted.customers)
    ]
    stops = [(index, one, place) for index, one in enumerate(fleets) for place in one.customer.places]
    delivered = _Delivered()
    for done, (index, one, place) in enumerate(stops):
        on_progress(done, len(stops) + 1)
        # Garbage reaches every second customer only, so that complete days remain.
        is_messy = index % 2 == 0 and place == one.customer.places[0]
        _write_objects(out / "trail", _objects(place, one, wanted, delivered, is_messy=is_messy))
    on_progress(len(stops), len(stops) + 1)
    _write_descriptions(out, fleets)
    _write_text(out / "truth.json", json.dumps(_truth(wanted, fleets, delivered)))
    on_progress(len(stops) + 1, len(stops) + 1)
    return Summary(tuple(one.customer for one in fleets), delivered.files, delivered.records)


def _objects(place: Place, one: _Fleet, wanted: Plan, delivered: _Delivered, *, is_messy: bool) -> Objects:
    """Everything that the bucket holds of the place."""
    rng = Random(f"{wanted.seed}/records/{place.account}/{place.region}")
    servers = [server for server in one.servers if server.place == place]
    own_images = [image for image in one.images if (image.owner, image.region) == (place.account, place.region)]
    told = render.relevant(place, servers, own_images, wanted.window, rng)
    made = sorted(told + background.irrelevant(place, wanted.window, len(told), rng))
    delivered.newest[place.account] = max(delivered.newest.get(place.account, 0), made[-1].at)
    delivered.records += len(made)

    bad_luck = Random(f"{wanted.seed}/faults/{place.account}/{place.region}")
    if faults.TRUNCATED in wanted.faults:
        made, count = faults.truncated(made, bad_luck)
        delivered.spoiled |= {place.account} if count else set()
    objects = [delivery.packed(place, file, rng) for file in _log_files(made, wanted.faults, bad_luck)]
    delivered.files += len(objects)
    if faults.GARBAGE in wanted.faults and is_messy:
        objects += faults.garbage(place, wanted.window, bad_luck)
        delivered.spoiled.add(place.account)
    return objects + delivery.others(place, wanted.window)


def _log_files(made: list[records.Record], asked: frozenset[str], bad_luck: Random) -> list[delivery.LogFile]:
    """The records on their way into files, which is where most things go wrong."""
    if faults.LATE in asked:
        made = faults.late(made, bad_luck)
    files = delivery.log_files(made)
    if faults.DUPLICATES in asked:
        files = faults.duplicated(files, bad_luck)
    if faults.SHUFFLED in asked:
        files = faults.shuffled(files, bad_luck)
    return files


def _write_objects(trail: Path, objects: Objects) -> None:
    folders: set[Path] = set()
    for key, content in objects:
        path = trail / key
        if path.parent not in folders:
            path.parent.mkdir(parents=True, exist_ok=True)
            folders.add(path.parent)
        path.write_bytes(content)


def _write_descriptions(out: Path, fleets: list[_Fleet]) -> None:
    servers = [server for one in fleets for server in one.servers]
    known_images = [image for one in fleets for image in one.images]
    for name, document in (
        ("instances", describe.instances(servers)),
        ("images", describe.images(known_images)),
        ("instance-types", describe.instance_types()),
        ("inspections", describe.inspections(known_images)),
    ):
        _write_text(out / f"{name}.json", json.dumps(document, indent=4))


def _write_text(path: Path, text: str) -> None:
    path.write_text(f"{text}\n", encoding="utf-8")


def _truth(wanted: Plan, fleets: list[_Fleet], delivered: _Delivered) -> Json:
    spans = [_spans(one) for one in fleets]
    everything = [span for some in spans for span in some]
    accounts = tuple(sorted(account for one in fleets for account in one.customer.accounts))
    window = wanted.window
    return {
        "seed": wanted.seed,
        "from": iso_date(window.start),
        "to": iso_date(window.end),
        "accounts": list(accounts),
        "days": _days(everything, window, accounts, delivered),
        "instances": truth.instances(everything, window),
        "customers": [
            {
                "org_id": one.customer.org_id,
                "accounts": list(one.customer.accounts),
                "days": _days(some, window, one.customer.accounts, delivered),
            }
            for one, some in zip(fleets, spans, strict=True)
        ],
    }


def _days(spans: list[Span], window: Window, accounts: tuple[str, ...], delivered: _Delivered) -> list[Json]:
    return truth.days(spans, window, is_complete=lambda opening: delivered.is_complete(accounts, opening + DAY))


def _spans(one: _Fleet) -> list[Span]:
    return [
        Span(
            instance=server.native_id,
            start=run.start,
            end=run.end,
            vcpu=SIZES[run.instance_type].vcpu,
            memory_mib=SIZES[run.instance_type].memory_mib,
            rhel=server.image.rhel,
            payer=server.image.payer,
            attributes=(server.image.architecture, *server.image.purpose),
        )
        for server in one.servers
        for run in server.runs
    ]
