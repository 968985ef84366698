"""Whatever is done to the digests of a day: nothing is proven that does not hold, and nothing more is given up.

The bucket is a dictionary, for moto would be too slow for so many.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudigrade.clouds.aws import details, log_listing, proof
from cloudigrade.clouds.aws.log_listing import Object, Shelf
from cloudigrade.clouds.cloud import Account, Proof
from cloudigrade.simulator.delivery import compressed
from cloudigrade.simulator.digests import Delivered, DigestFile, digests, public_key
from cloudigrade.simulator.places import Place
from cloudigrade.simulator.timestamps import HOUR, Window, zulu
from tests.builders import ACCOUNT, MIDNIGHT, REGION, clock
from tests.clouds.aws.digested import BUCKET, cloudtrails_key, positions_after, tampered

HOURS = 8
FOUND = details.Details(bucket=BUCKET, trail_arn="x/made-up", home_region=REGION, has_digests=True)
STATES = st.lists(st.sampled_from(["there", "removed", "altered", "unsigned", "moved"]), min_size=HOURS, max_size=HOURS)


@cache
def written() -> tuple[DigestFile, ...]:
    """A digest for each hour, each naming one file."""
    files = [
        Delivered(
            f"AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/2026/03/02/{hour}.json.gz",
            compressed(f'{{"Records": [{{"eventTime": "{zulu(clock(hour))}"}}]}}'),
            clock(hour + 0.5),
        )
        for hour in range(HOURS)
    ]
    window = Window(MIDNIGHT, MIDNIGHT + HOURS * HOUR)
    return tuple(digests(Place(ACCOUNT, REGION, ""), BUCKET, files, window, cloudtrails_key()))


class Bucket(dict[str, tuple[bytes, Any]]):
    """Objects and their metadata, and CloudTrail's one key."""

    def client(self, *_: object) -> "Bucket":
        return self

    def get_paginator(self, _name: str) -> "Bucket":
        return self

    def paginate(self, **_: object) -> Any:
        return [{"PublicKeyList": [public_key(cloudtrails_key())]}]

    def listing(self, _shelf: Shelf, prefix: str, *, after: str = "") -> Iterator[tuple[str, int]]:
        return ((key, 1) for key in sorted(self) if key.startswith(prefix) and key > after)

    def fetch(self, _shelf: Shelf, wanted: Any) -> Iterator[Object]:
        return (Object(key, *self[key]) for key in wanted)


@pytest.fixture(scope="module")
def bucket():
    with pytest.MonkeyPatch.context() as patch:
        made = Bucket()
        patch.setattr(log_listing, "opened", lambda *_: Shelf(made, FOUND, ACCOUNT))  # type: ignore[arg-type]  # in memory
        patch.setattr(log_listing, "regions", lambda *_: [REGION])
        patch.setattr(log_listing, "listing", made.listing)
        patch.setattr(log_listing, "fetch", made.fetch)
        yield made


def fill(bucket: Bucket, states: list[str]) -> None:
    bucket.clear()
    for hour, (digest, state) in enumerate(zip(written(), states, strict=True)):
        content, metadata = digest.content, digest.metadata
        if state == "altered":
            content = tampered(digest, logFiles=[])
        elif state == "unsigned":
            metadata = {}
        elif state == "moved":
            content, metadata = written()[hour - 1].content, written()[hour - 1].metadata
        if state != "removed":
            bucket[digest.key] = (content, metadata)


def prove(bucket: Bucket, before: list[Proof], now: int) -> list[Proof]:
    given: Any = bucket
    account = Account(ACCOUNT, "", "")
    return list(proof.prove(given, account, positions_after(before), since=MIDNIGHT, now=clock(now)))


def hours(proofs: list[Proof]) -> list[int]:
    """Of which hours files are told, each once."""
    return sorted(int(file.source.rpartition("/")[2].removesuffix(".json.gz")) for one in proofs for file in one.files)


def open_breaks(proofs: list[Proof]) -> set[tuple[int, int]]:
    found = {one.break_at for one in proofs if one.break_at}
    return found - {period for one in proofs for period in one.mended}


def holes(states: list[str]) -> set[tuple[int, int]]:
    """Hours that do not hold, before one that does, as periods."""
    good = [hour for hour, state in enumerate(states) if state == "there"]
    ends = zip([-1, *good], good, strict=False)
    return {(clock(before + 1), clock(after)) for before, after in ends if after > before + 1}


@given(STATES, st.integers(0, HOURS))
def test_files_of_good_hours_are_told_and_bad_hours_are_breaks_however_often_one_looks(bucket, states, first_look):
    fill(bucket, states)
    good = [hour for hour, state in enumerate(states) if state == "there"]

    first = prove(bucket, [], first_look)
    proofs = first + prove(bucket, first, HOURS + 1)

    assert hours(proofs) == good
    assert open_breaks(proofs) == holes(states)
    assert [one.proven_until for one in proofs][-1:] in ([], [clock(good[-1] + 1) if good else MIDNIGHT])


@given(STATES, STATES)
def test_what_is_put_back_mends_exactly_its_own_breaks(bucket, before, after):
    """Breaks that are put back whole are none any more, and their files are told; nothing else changes."""
    fill(bucket, before)
    first = prove(bucket, [], HOURS + 1)
    if not any(state == "there" for state in before):
        return
    newest = max(hour for hour, state in enumerate(before) if state == "there")
    now = [
        "there" if state == "there" else other if hour < newest else state
        for hour, (state, other) in enumerate(zip(before, after, strict=True))
    ]
    fill(bucket, now)
    proofs = first + prove(bucket, first, HOURS + 1)

    mended = {
        (start, end)
        for start, end in holes(before)
        if start > clock(0)
        and all(now[hour] == "there" for hour in range(*((at - MIDNIGHT) // HOUR for at in (start, end))))
    }
    assert open_breaks(proofs) == holes(before) - mended
    told = {hour for hour in range(HOURS) if before[hour] == "there"}
    told |= {hour for start, end in mended for hour in range((start - MIDNIGHT) // HOUR, (end - MIDNIGHT) // HOUR)}
    assert hours(proofs) == sorted(told)
