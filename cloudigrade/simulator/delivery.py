"""Records in, log files in the key layout of CloudTrail out."""

import json
import string
from collections import defaultdict
from dataclasses import dataclass
from random import Random

from isal import igzip

from cloudigrade.simulator.places import Place
from cloudigrade.simulator.records import Record
from cloudigrade.simulator.timestamps import DAY, HOUR, MINUTE, Window, compact, moment

_SLOT = 5 * MINUTE
_LETTERS = string.ascii_letters + string.digits


@dataclass(slots=True)
class LogFile:
    """What CloudTrail delivers at one time."""

    written_at: int
    texts: list[str]


Objects = list[tuple[str, bytes]]
"""Keys and contents."""


def log_files(records: list[Record]) -> list[LogFile]:
    """One file for every five minutes in which something is delivered."""
    slots: dict[int, list[str]] = defaultdict(list)
    for record in records:
        slots[(record.at + record.delay) // _SLOT * _SLOT + _SLOT].append(record.text)
    return [LogFile(at, slots[at]) for at in sorted(slots)]


def packed(place: Place, file: LogFile, rng: Random) -> tuple[str, bytes]:
    """The object that holds the file, under a name that is never given twice."""
    return key(place, file.written_at, rng), compressed('{"Records":[' + ",".join(file.texts) + "]}")


def key(place: Place, at: int, rng: Random) -> str:
    """Where CloudTrail puts a file of the place and time."""
    name = f"{place.account}_CloudTrail_{place.region}_{compact(at)}_{''.join(rng.choices(_LETTERS, k=16))}.json.gz"
    return f"{_folder(place, 'CloudTrail', at)}/{name}"


def compressed(text: str) -> bytes:
    """The text as gzip, the same bytes every time."""
    return igzip.compress(text.encode(), 1, mtime=0)


def others(place: Place, window: Window) -> Objects:
    """What shares the bucket and is no log file: a digest for each day, and a load balancer's log."""
    return [_digest(place, opening + HOUR) for opening in window.days] + [_access_log(place, window.start + DAY // 2)]


def _digest(place: Place, at: int) -> tuple[str, bytes]:
    marker = f"{place.account}_CloudTrail-Digest_{place.region}_made-up_{place.region}_{moment(at):%Y%m%dT%H%M%SZ}"
    text = json.dumps({"awsAccountId": place.account, "digestS3Bucket": "made-up", "logFiles": []})
    return f"{_folder(place, 'CloudTrail-Digest', at)}/{marker}.json.gz", compressed(text)


def _access_log(place: Place, at: int) -> tuple[str, bytes]:
    marker = f"{place.account}_elasticloadbalancing_{place.region}_app.web.50dc6c495c0c9188_{compact(at)}_192.0.2.7_x"
    line = f"https {moment(at):%Y-%m-%dT%H:%M:%S.000000Z} app/web/50dc6c495c0c9188 192.0.2.7:443 - 200 200\n"
    return f"{_folder(place, 'elasticloadbalancing', at)}/{marker}.log.gz", compressed(line)


def _folder(place: Place, service: str, at: int) -> str:
    return f"{place.prefix}/{service}/{place.region}/{moment(at):%Y/%m/%d}"
