"""Stored runs into columns of numbers: the database puts those of an instance together, so that none is an object."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np

from cloudigrade.domain.usage import OPEN, Column, Runs
from cloudigrade.services.staging import fetch

KINDS: Mapping[str, str] = {
    "image": "i.image_id",
    "billing_code": "r.billing_code",
    "instance_type": "r.instance_type",
    "region": "i.region",
    "account": "a.native_id",
    "cloud": "a.cloud",
}
"""What may tell runs apart, and its column."""


class Found(NamedTuple):
    """Runs, and what tells those of each label apart from the others."""

    runs: Runs
    instance: Column
    kinds: list[tuple[Any, ...]]
    """By label: the values of what the runs were told apart by."""


def read(
    *,
    customer_id: int,
    start: datetime,
    end: datetime,
    by: Sequence[str],
    only: Mapping[str, Sequence[str]] = {},
) -> Found:
    """The customer's runs that have a part in the period, told apart by these of `KINDS`, with these values only."""
    wanted = "".join(f" AND {KINDS[name]} = ANY(%s::text[])" for name in only)
    rows = fetch(
        _RUNS.format(kinds=", ".join(KINDS[name] for name in by), wanted=wanted),
        [start, end, customer_id, *map(list, only.values())],
    )
    places: dict[tuple[Any, ...], int] = {}
    label = np.array([places.setdefault(row[2:], len(places)) for row in rows], np.int64)
    instance = np.array([row[0] for row in rows], np.int64)
    count = np.array([len(row[1]) // _RUN.itemsize for row in rows], np.int64)
    return Found(
        _columns(b"".join(row[1] for row in rows), np.repeat(label, count)), np.repeat(instance, count), list(places)
    )


_RUN = np.dtype([("start", ">i8"), ("end", ">i8"), ("vcpu", ">i4"), ("memory_mib", ">i4")])
"""A run as PostgreSQL sends it: times are microseconds since 2000, the end of all times for an open run."""
_MICROSECONDS, _YEAR_2000 = 1_000_000, 946_684_800

# put together for each instance, not for each kind: what is sorted for that stays small
_RUNS = """
    SELECT i.id, r.runs, {kinds} FROM cloudigrade_cloudaccount AS a
    JOIN cloudigrade_instance AS i ON i.account_id = a.id
    CROSS JOIN LATERAL (
        SELECT instance_type, billing_code, string_agg(
            timestamptz_send(lower(period)) || timestamptz_send(coalesce(upper(period), 'infinity'))
             || int4send(coalesce(vcpu, 0)) || int4send(coalesce(memory_mib, 0)), '') AS runs
        FROM cloudigrade_run WHERE instance_id = i.id AND period && tstzrange(%s, %s)
        GROUP BY instance_type, billing_code
    ) AS r
    WHERE a.customer_id = %s{wanted}
"""


def _columns(runs: bytes, label: Column) -> Runs:
    sent = np.frombuffer(runs, _RUN)
    end = sent["end"].astype(np.int64)
    return Runs(
        sent["start"].astype(np.int64) // _MICROSECONDS + _YEAR_2000,
        np.where(end == OPEN, OPEN, end // _MICROSECONDS + _YEAR_2000),
        sent["vcpu"].astype(np.int64),
        sent["memory_mib"].astype(np.int64),
        label,
    )
