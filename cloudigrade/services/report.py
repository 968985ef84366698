"""The report of a range of days: the stored answers, and what they rest on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import msgspec
import numpy as np

from cloudigrade.domain import days
from cloudigrade.domain.rhel import Rhel
from cloudigrade.domain.usage import PAYERS, Measures, usage_of_days
from cloudigrade.models import CloudAccount, ConcurrentUsage
from cloudigrade.services import completeness, usage
from cloudigrade.services.staging import fetch

GRACE = completeness.GRACE
"""Seconds after a day's end that a record must have come from, before the day counts as read to its end."""

LOGS = completeness.LOGS
"""The feed that a day is complete by: descriptions explain, but nobody can tell which of them are missing."""

UNKNOWN_TYPE = "unknown"
"""Stands in the list of unknown types for instances of which not even the type's name is known."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a report is about."""

    customer_id: int
    first: date
    end: date
    """Not included."""
    as_of: datetime
    """What is still on counts until then."""
    accounts: tuple[str, ...] = ()
    """Native ids; empty: all accounts of the customer."""


def build(scope: Scope, *, explain: bool = False) -> dict[str, Any]:
    """The report as plain values, ready for JSON; the same data always gives the same report."""
    accounts = _account_ids(scope)
    chosen = list(scope.accounts) or None
    found = usage.load_runs(customer_id=scope.customer_id, first=scope.first, end=scope.end, accounts=chosen)
    wanted = list(days.between(scope.first, scope.end))
    complete = _complete(scope, accounts)
    answers = _computed(found, wanted, scope) if chosen or not accounts else _stored(scope)
    report: dict[str, Any] = {
        "from": scope.first.isoformat(),
        "to": scope.end.isoformat(),
        "accounts": sorted(accounts),
        "days": [{"date": day.isoformat(), "complete": day in complete, **answers[day]} for day in wanted],
        "instances": _instances(found, scope),
        "unknown_codes": sorted({code for _, _, verdict in found.verdicts for code in verdict.unknown_codes}),
        "unknown_types": _unknown_types(accounts.values(), scope),
        "drift": _drift(accounts.values()),
    }
    if explain:
        report["images"] = _images(found)
    return report


def _account_ids(scope: Scope) -> dict[str, int]:
    found = CloudAccount.objects.filter(customer_id=scope.customer_id)
    if scope.accounts:
        found = found.filter(native_id__in=scope.accounts)
    return dict(found.values_list("native_id", "id"))


def _stored(scope: Scope) -> dict[date, dict[str, Any]]:
    rows = ConcurrentUsage.objects.filter(
        customer_id=scope.customer_id, day__gte=scope.first, day__lt=scope.end
    ).values_list("day", "maximum_counts", "totals")
    return {day: {"maximum_counts": msgspec.json.decode(counts), **_in_order(totals)} for day, counts, totals in rows}


def _in_order(totals: dict[str, Any]) -> dict[str, Any]:
    """The totals with their keys as they were given; jsonb keeps an order of its own."""

    def ordered(measures: dict[str, int]) -> dict[str, int]:
        return {name: measures[name] for name in Measures._fields}

    payers = [*(payer.value for payer in PAYERS), "all"]
    return {"rhel": {payer: ordered(totals["rhel"][payer]) for payer in payers}, "all": ordered(totals["all"])}


def _computed(found: usage.CustomerRuns, wanted: Sequence[date], scope: Scope) -> dict[date, dict[str, Any]]:
    """The answers for some accounts only, or for none, which nothing is stored for."""
    answers = usage_of_days(found.runs, found.labels, wanted, as_of=days.second_of(scope.as_of))
    return {
        day: {"maximum_counts": msgspec.json.decode(usage.encode_counts(answer)), **usage.encode_totals(answer)}
        for day, answer in answers.items()
    }


def _complete(scope: Scope, accounts: dict[str, int]) -> set[date]:
    """The days that were read to their end, for every account and without anything unreadable."""
    if not accounts or completeness.rejected(customer_id=scope.customer_id, native_ids=accounts, feed=LOGS):
        return set()
    read_until = completeness.read_until(accounts.values())
    if read_until is None:
        return set()
    return {day for day in days.between(scope.first, scope.end) if days.bounds(day)[1] <= read_until}


def rejections(scope: Scope, *, feed: str) -> int:
    """How many files and records of the feed could not be read, ever, of the accounts or of none that could be told."""
    return completeness.rejected(customer_id=scope.customer_id, native_ids=_account_ids(scope), feed=feed)


def _instances(found: usage.CustomerRuns, scope: Scope) -> dict[str, int]:
    """How many instances were on for a second or more, by the strongest verdict on any of their runs."""
    begun = found.runs.start < min(days.opening(scope.end), days.second_of(scope.as_of))
    counts: dict[str, int] = {}
    counted = np.empty(0, np.int64)
    for rhel in (Rhel.RHEL, Rhel.UNDETERMINED, Rhel.NOT_RHEL):
        places = [place for place, (_, _, verdict) in enumerate(found.verdicts) if verdict.rhel is rhel]
        with_it = np.unique(found.instance[begun & np.isin(found.runs.label, places)])
        counts[rhel.value] = len(np.setdiff1d(with_it, counted, assume_unique=True))
        counted = np.union1d(counted, with_it)
    return {rhel.value: counts[rhel.value] for rhel in (Rhel.RHEL, Rhel.NOT_RHEL, Rhel.UNDETERMINED)}


def _unknown_types(accounts: Iterable[int], scope: Scope) -> list[str]:
    """The types of runs in the range whose size is not known, so that they count 0 vCPU and memory."""
    rows = fetch(
        "SELECT DISTINCT r.instance_type FROM cloudigrade_run AS r JOIN cloudigrade_instance AS i"
        " ON i.id = r.instance_id WHERE i.account_id = ANY(%s) AND r.vcpu IS NULL AND r.period && tstzrange(%s, %s)",
        [list(accounts), *(days.instant(days.opening(day)) for day in (scope.first, scope.end))],
    )
    return sorted(name or UNKNOWN_TYPE for (name,) in rows)


def _drift(accounts: Iterable[int]) -> list[dict[str, Any]]:
    rows = fetch(
        "SELECT a.native_id, i.region, i.native_id, i.drift::text FROM cloudigrade_instance AS i"
        " JOIN cloudigrade_cloudaccount AS a ON a.id = i.account_id"
        " WHERE a.id = ANY(%s) AND i.drift <> '[]'::jsonb",
        [list(accounts)],
    )
    return [
        {"account": account, "region": region, "instance": instance, "reasons": msgspec.json.decode(drift)}
        for account, region, instance, drift in sorted(rows)
    ]


def _images(found: usage.CustomerRuns) -> list[dict[str, Any]]:
    """The verdict with its reasons on each image that ran in the range, once for each billing code it ran under."""
    names = {
        image: (native_id, region, name)
        for image, native_id, region, name in fetch(
            "SELECT id, native_id, region, name FROM cloudigrade_image WHERE id = ANY(%s)",
            [[image for image, _, _ in found.verdicts if image is not None]],
        )
    }
    images = []
    for place, (image, billing_code, verdict) in enumerate(found.verdicts):
        native_id, region, name = names.get(image, ("", "", ""))
        images.append(
            {
                "image": native_id,
                "region": region,
                "name": name,
                "billing_code": billing_code,
                "instances": len(np.unique(found.instance[found.runs.label == place])),
                **msgspec.to_builtins(verdict),
            }
        )
    return sorted(images, key=lambda item: (item["image"], item["region"], item["billing_code"]))
