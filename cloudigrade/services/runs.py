"""Events into runs: instances marked dirty get the runs that the domain makes of all their events."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

import msgspec
import numpy as np
from django.db import transaction

from cloudigrade.domain.events import Event
from cloudigrade.domain.runs import Described, Period, Run, history
from cloudigrade.services import usage
from cloudigrade.services.staging import copy_into, execute, fetch

CLAIM = 2_000
"""Instances recalculated in one transaction; bounds its memory."""

_Stored = tuple[int, int | None, str, str, int | None, int | None]
"""A run as stored: start, end, type, billing code, vCPU, memory."""


class _Instance(NamedTuple):
    """A claimed instance with what its runs depend on beside its events."""

    id: int
    account: int
    customer: int
    cloud: str
    metered_from: int
    described_type: str
    described_billing_code: str
    undated_stop_launch: int | None


@transaction.atomic
def recalculate_claimed(*, as_of: datetime, customer_id: int | None = None) -> int:
    """Some dirty instances that nobody else is at get the runs of their events; their number, 0 when none is left.

    The days of every run that came, went or changed are marked; runs that stay the same are not touched.
    """
    # a size recorded meanwhile would not find the runs made here; locked before any row, so that none waits for it
    execute("LOCK TABLE cloudigrade_instancedefinition IN SHARE MODE")
    claimed = _claim(customer_id)
    if not claimed:
        return 0
    ids = [instance.id for instance in claimed]
    events, stored = _events(ids), _stored(ids)
    sizes, unmetered = _sizes(), _unmetered({instance.account for instance in claimed})
    obsolete: list[int] = []
    fresh: list[tuple[int, _Stored]] = []
    drift: list[str] = []
    touched: dict[int, list[tuple[int, int | None]]] = {}
    for instance in claimed:
        known = stored.get(instance.id, {})
        found = history(
            events.get(instance.id, ()),
            metered_from=instance.metered_from,
            described=Described(*instance[5:]),
            unmetered=unmetered.get(instance.account, ()),
        )
        wanted = [_sized(run, instance.cloud, sizes) for run in found.runs]
        added = [run for run in wanted if run not in known]
        kept = set(wanted)
        removed = [run for run in known if run not in kept]
        obsolete += [known[run] for run in removed]
        fresh += [(instance.id, run) for run in added]
        drift.append(msgspec.json.encode(found.drift).decode())
        if added or removed:
            touched.setdefault(instance.customer, []).extend(run[:2] for run in (*added, *removed))
    _replace(obsolete, fresh)
    execute(
        "UPDATE cloudigrade_instance AS i SET runs_dirty_from = NULL, drift = d.drift::jsonb"
        " FROM unnest(%s::bigint[], %s::text[]) AS d(id, drift) WHERE i.id = d.id",
        [ids, drift],
    )
    for customer in sorted(touched):
        usage.mark(customer_id=customer, spans=touched[customer], as_of=as_of)
    return len(claimed)


def recalculate_all(*, as_of: datetime, customer_id: int | None = None) -> int:
    """Every dirty instance gets the runs of its events; the number of instances."""
    total = 0
    while recalculated := recalculate_claimed(as_of=as_of, customer_id=customer_id):
        total += recalculated
    return total


def _claim(customer_id: int | None) -> list[_Instance]:
    rows = fetch(
        "SELECT i.id, a.id, a.customer_id, a.cloud, floor(date_part('epoch', a.metered_from))::bigint,"
        " i.described_type, i.described_billing_code, i.undated_stop_launch"
        " FROM cloudigrade_instance AS i JOIN cloudigrade_cloudaccount AS a ON a.id = i.account_id"
        " WHERE i.runs_dirty_from IS NOT NULL AND (%s::bigint IS NULL OR a.customer_id = %s)"
        " ORDER BY i.id LIMIT %s FOR UPDATE OF i SKIP LOCKED",
        [customer_id, customer_id, CLAIM],
    )
    return [_Instance(*row) for row in rows]


def _events(ids: Sequence[int]) -> dict[int, list[Event]]:
    rows = fetch(
        "SELECT instance_id, source_id, date_part('epoch', occurred_at)::bigint, kind, feed, previous, is_launch,"
        " is_termination, instance_type, billing_code, revision, earliest, latest"
        " FROM cloudigrade_instanceevent WHERE instance_id = ANY(%s) ORDER BY instance_id",
        [ids],
    )
    return {instance: [Event._make(row[1:]) for row in group] for instance, group in groupby(rows, key=itemgetter(0))}


def _unmetered(account_ids: Collection[int]) -> dict[int, list[Period]]:
    rows = fetch(
        "SELECT account_id, date_part('epoch', lower(period))::bigint, date_part('epoch', upper(period))::bigint"
        " FROM cloudigrade_unmeteredperiod WHERE account_id = ANY(%s)",
        [list(account_ids)],
    )
    periods: dict[int, list[Period]] = {}
    for account, start, end in rows:
        periods.setdefault(account, []).append((start, end))
    return periods


def _stored(ids: Sequence[int]) -> dict[int, dict[_Stored, int]]:
    """The id of each stored run, by instance and content."""
    rows = fetch(
        "SELECT instance_id, id, date_part('epoch', lower(period))::bigint, date_part('epoch', upper(period))::bigint,"
        " instance_type, billing_code, vcpu, memory_mib FROM cloudigrade_run WHERE instance_id = ANY(%s)",
        [ids],
    )
    stored: dict[int, dict[_Stored, int]] = {}
    for row in rows:
        stored.setdefault(row[0], {})[row[2:]] = row[1]
    return stored


def _sizes() -> dict[tuple[str, str], tuple[int, int]]:
    rows = fetch("SELECT cloud, instance_type, vcpu, memory_mib FROM cloudigrade_instancedefinition")
    return {(cloud, name): (vcpu, memory) for cloud, name, vcpu, memory in rows}


def _sized(run: Run, cloud: str, sizes: Mapping[tuple[str, str], tuple[int, int]]) -> _Stored:
    return (*run, *sizes.get((cloud, run.instance_type), (None, None)))


def _replace(obsolete: Sequence[int], fresh: list[tuple[int, _Stored]]) -> None:
    """One DELETE and one COPY, in this order, because runs of an instance may not overlap even for a moment."""
    if obsolete:
        execute("DELETE FROM cloudigrade_run WHERE id = ANY(%s)", [obsolete])
    if fresh:
        # by time, not by instance: the index of the exclusion constraint takes rows in that order twice as fast
        fresh.sort(key=lambda item: item[1][0])
        starts = _texts(run[0] for _, run in fresh)
        ends = _texts(run[1] if run[1] is not None else 0 for _, run in fresh)
        copy_into(
            "cloudigrade_run",
            ["instance_id", "period", "instance_type", "billing_code", "vcpu", "memory_mib"],
            (
                (instance, f"[{start},{end if run[1] is not None else ''})", *run[2:])
                for (instance, run), start, end in zip(fresh, starts, ends, strict=True)
            ),
        )


def _texts(seconds: Iterable[int]) -> list[str]:
    """The seconds as PostgreSQL reads timestamps; as a column, because one by one costs as much as the COPY."""
    column = np.fromiter(seconds, np.int64)
    return [str(text) for text in np.datetime_as_string(column.astype("datetime64[s]"), timezone="UTC")]
