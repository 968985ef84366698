"""What goes wrong on the way; none of it changes the truth, because a correct meter is immune."""

import json
from random import Random

from cloudigrade.simulator import delivery, records
from cloudigrade.simulator.delivery import LogFile, Objects
from cloudigrade.simulator.places import Place
from cloudigrade.simulator.records import Record
from cloudigrade.simulator.timestamps import HOUR, Window

DUPLICATES = "duplicates"
SHUFFLED = "shuffled"
LATE = "late"
TRUNCATED = "truncated"
GARBAGE = "garbage"
ALL = frozenset((DUPLICATES, SHUFFLED, LATE, TRUNCATED, GARBAGE))

_OMITTED = {"omitted": True, "originalSize": 123456, "reason": "responseElements too large"}
_LATE_SHARE = 12
_DUPLICATE_SHARE = 12
_LATEST = 48 * HOUR


def parse(text: str) -> frozenset[str]:
    """The faults of a comma-separated list, or `all`, or `none`; anything else is a ValueError."""
    names = {name.strip() for name in text.split(",")}
    if names == {"all"}:
        return ALL
    if names == {"none"}:
        return frozenset()
    unknown = sorted(names - ALL)
    if unknown:
        raise ValueError(f"unknown fault {unknown[0]!r}; choose from {', '.join(sorted(ALL))}, or all, or none")
    return frozenset(names)


def truncated(made: list[Record], rng: Random) -> tuple[list[Record], int]:
    """Half of the launches that descriptions explain lose their bodies; also how many."""
    explained = [index for index, record in enumerate(made) if record.is_explained]
    chosen = set(rng.sample(explained, (len(explained) + 1) // 2))
    return [_cut(record, rng) if index in chosen else record for index, record in enumerate(made)], len(chosen)


def _cut(record: Record, rng: Random) -> Record:
    lost = ["responseElements"] if rng.randrange(2) else ["requestParameters", "responseElements"]
    return record._replace(text=records.text(json.loads(record.text) | dict.fromkeys(lost, _OMITTED)))


def late(made: list[Record], rng: Random) -> list[Record]:
    """Some records are delivered hours or days later."""
    return [
        record._replace(delay=rng.randint(2 * HOUR, _LATEST)) if rng.randrange(_LATE_SHARE) == 0 else record
        for record in made
    ]


def duplicated(files: list[LogFile], rng: Random) -> list[LogFile]:
    """Some records come again in another file, and some files come twice."""
    copies: list[LogFile] = []
    for file in files:
        for text in list(file.texts):
            if rng.randrange(_DUPLICATE_SHARE) == 0:
                rng.choice(files).texts.append(text)
        if rng.randrange(_DUPLICATE_SHARE) == 0:
            copies.append(LogFile(file.written_at, list(file.texts)))
    return files + (copies or [LogFile(files[0].written_at, list(files[0].texts))])


def shuffled(files: list[LogFile], rng: Random) -> list[LogFile]:
    """Every record may stand in any file."""
    texts = [text for file in files for text in file.texts]
    rng.shuffle(texts)
    left = iter(texts)
    return [LogFile(file.written_at, [next(left) for _ in file.texts]) for file in files]


def garbage(place: Place, window: Window, rng: Random) -> Objects:
    """Objects in the layout of log files that are none, and one with a record that tells no time."""
    call = records.envelope(place, window.start, rng, eventName="DescribeInstances", readOnly=True)
    stop = records.envelope(place, window.start, rng, eventName="StopInstances")
    stop["requestParameters"] = {"instancesSet": {"items": [{"instanceId": f"i-0{rng.getrandbits(64):016x}"}]}}
    del stop["eventTime"]
    sound = delivery.compressed(json.dumps({"Records": [call] * 20}))
    contents = (
        b"This is not a log file.\n",
        sound[: len(sound) // 2],
        delivery.compressed("This is no JSON either."),
        delivery.compressed('{"Messages": [{"Body": "hello"}]}'),
        delivery.compressed(json.dumps({"Records": [call, stop]})),
    )
    return [(delivery.key(place, rng.randrange(*window), rng), content) for content in contents]
