"""A fleet as somebody wants it: so many accounts, images and instances, with runs of about that number and length."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

from cloudigrade.simulator import delivery, describe, images, records, render, sizes
from cloudigrade.simulator.images import CUSTOMER, NOT_RHEL, RHEL, Image
from cloudigrade.simulator.places import Place
from cloudigrade.simulator.server import Server
from cloudigrade.simulator.timestamps import HOUR, Window

Json = dict[str, Any]

_REGION: Final = "us-east-1"
_OTHER_OWNER: Final = "000001000000"
"""Of images that are none of the customer's; its account ids are below that."""
_SHORTEST: Final = 10
"""Seconds between two opposite transitions."""
_SPREAD: Final = 0.5

_PURPOSES: Final = {
    "role": (
        "Red Hat Enterprise Linux Server",
        "Red Hat Enterprise Linux Workstation",
        "Red Hat Enterprise Linux Compute Node",
    ),
    "service_level_agreement": ("Premium", "Standard", "Self-Support"),
    "usage": ("Production", "Disaster Recovery", "Development/Test"),
    "service_type": ("PSF", "L3", "L1-L3", "Embedded L3"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How large the fleet is to be, and how its instances are to run."""

    seed: str
    """Decides everything, and is in the names of the images."""
    accounts: tuple[str, ...]
    window: Window
    image_count: int
    rhel_chance: float
    openshift_chance: float
    other_owner_chance: float
    instance_count: int
    runs_min: int
    runs_mean: float
    hours_min: float
    hours_mean: float
    hours_between_mean: float


@dataclass(frozen=True, slots=True)
class Fleet:
    """What was made."""

    images: tuple[Image, ...]
    """Those that something ran from."""
    servers: tuple[Server, ...]
    """Those that ran."""


def made_up(wanted: Wanted) -> Fleet:
    """The fleet, the same for the same wish."""
    rng = Random(wanted.seed)
    places = [Place(account, _REGION, "") for account in wanted.accounts]
    made = [_image(wanted, rng, number, places[number % len(places)]) for number in range(wanted.image_count)]
    servers = [_server(wanted, rng, number, places, made) for number in range(wanted.instance_count if made else 0)]
    ran = tuple(server for server in servers if server.first_launched_at)
    used = {server.image.native_id for server in ran}
    return Fleet(tuple(image for image in made if image.native_id in used), ran)


def write(out: Path, wanted: Wanted) -> Fleet:
    """The fleet's log files and descriptions stand in the folder."""
    fleet = made_up(wanted)
    for account in wanted.accounts:
        place = Place(account, _REGION, "")
        for key, content in _objects(place, fleet.servers, wanted):
            path = out / "trail" / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    for name, document in _documents(fleet.images):
        (out / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")
    return fleet


def _documents(made: Sequence[Image]) -> Iterator[tuple[str, Json]]:
    yield "images", describe.images(list(made))
    yield "inspections", describe.inspections(list(made))


def _objects(place: Place, servers: Sequence[Server], wanted: Wanted) -> delivery.Objects:
    rng = Random(f"{wanted.seed}/{place.account}")
    own = [server for server in servers if server.place == place]
    made = render.relevant(place, own, [], wanted.window, rng)
    # one more that changes nothing, after all others: so it is known that nothing is missing
    last = records.envelope(place, wanted.window.end, rng, eventName="DescribeRegions", readOnly=True)
    made.append(records.Record(wanted.window.end, records.text(last)))
    return [delivery.packed(place, file, rng) for file in delivery.log_files(made)]


def _image(wanted: Wanted, rng: Random, number: int, place: Place) -> Image:
    is_rhel = rng.random() < wanted.rhel_chance
    is_openshift = rng.random() < wanted.openshift_chance
    is_foreign = rng.random() < wanted.other_owner_chance
    purpose = {name: rng.choice(values) for name, values in _PURPOSES.items()}
    return Image(
        archetype=f"synthetic-{number}",
        rhel=RHEL if is_rhel else NOT_RHEL,
        payer=CUSTOMER if is_rhel else "",
        architecture=rng.choice(("x86_64", "x86_64", "arm64")),
        name=f"{wanted.seed}-{number}",
        owner=_OTHER_OWNER if is_foreign else place.account,
        native_id=f"ami-0{rng.getrandbits(64):016x}",
        region=_REGION,
        is_openshift=is_openshift,
        findings=images.found(purpose) if is_rhel else images.NOTHING_FOUND,
    )


def _server(wanted: Wanted, rng: Random, number: int, places: Sequence[Place], made: Sequence[Image]) -> Server:
    image = made[number] if number < len(made) else rng.choice(made)  # so that each is used, if there are enough
    server = Server(
        place=places[number % len(places)],
        native_id=f"i-0{rng.getrandbits(64):016x}",
        image=image,
        instance_type=sizes.pick(rng, image.architecture),
        horizon=wanted.window.end,
    )
    for start, end in _runs(wanted, rng):
        if server.first_launched_at:
            server.start(start)
        else:
            server.launch(start)
        server.stop(end)
    return server


def _runs(wanted: Wanted, rng: Random) -> Iterator[tuple[int, int]]:
    """The periods in which one instance is on; the last may go on beyond the window."""
    start, end = wanted.window
    count = max(wanted.runs_min, round(rng.gauss(wanted.runs_mean, wanted.runs_mean * _SPREAD)))
    lengths = [
        (_about(rng, wanted.hours_between_mean, 0), _about(rng, wanted.hours_mean, wanted.hours_min))
        for _ in range(count)
    ]
    needed = sum(gap + run for gap, run in lengths)
    at = rng.randrange(start, max(end - needed, start) + 1)
    for number, (gap, run) in enumerate(lengths):
        # the first begins in any case: without it there would be no instance
        at = at + gap if number else min(at + gap, end - _SHORTEST)
        yield at, at + run
        at += run


def _about(rng: Random, mean: float, least: float) -> int:
    """Seconds of some hours around the mean, spread evenly."""
    low = max(least, 0.0)
    hours = rng.uniform(low, max(2 * mean - low, low))
    return max(round(hours * HOUR), _SHORTEST)
