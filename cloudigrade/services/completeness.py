"""How complete what was read is: signed digests name every log file, and a file that was not read as named is a gap.

Times of deliveries and of records differ: a record is delivered some minutes after what it tells of. Digests speak of
deliveries, gaps and `complete_until` of records.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from django.db import transaction

from cloudigrade.clouds.cloud import MissingFile, Proof
from cloudigrade.clouds.protocol import FileRead
from cloudigrade.domain import days
from cloudigrade.models import CloudAccount, FeedPosition, Gap
from cloudigrade.services import accounts, activity
from cloudigrade.services.staging import execute, fetch

LOGS = "cloudtrail"
"""The feed that is proven: descriptions explain, but nobody can tell which of them are missing."""

GRACE = 15 * 60
"""Seconds that a record may take to be delivered: CloudTrail speaks of about five minutes, and promises none.

A day counts as read to its end once that much later was read or proven.
"""

KEPT = timedelta(days=2)
"""For which files that a digest vouched for are remembered all the same, so that they need not be read again."""

DISABLED = timedelta(days=1)
"""A region that sweeps of the others have passed over for so long is not enabled, and logs nothing."""

MISSING, ALTERED = "is missing", "was altered after it was delivered"

_BREAKS = "digests/"
"""Begins the sources of gaps that are no log file: periods for which no digest holds."""


class KnownGap(NamedTuple):
    """A part of an account's feed that is missing or altered."""

    region: str
    source: str
    starts_at: datetime
    ends_at: datetime
    reason: str
    found_at: datetime


def positions(*, account_id: int) -> dict[str, Mapping[str, Any]]:
    """Where the proof of each region goes on, as the cloud left it."""
    found = FeedPosition.objects.filter(account_id=account_id, feed=LOGS, proven_until__isnull=False)
    return {region: details.get("next", {}) for region, details in found.values_list("region", "details")}


def trusted_from(*, account_id: int) -> dict[str, int]:
    """Since when digests vouch for each region, in seconds since 1970."""
    found = FeedPosition.objects.filter(account_id=account_id, feed=LOGS, proven_until__isnull=False)
    return {
        region: details["since"] for region, details in found.values_list("region", "details") if "since" in details
    }


def missing(*, account_id: int, files: Sequence[MissingFile]) -> list[MissingFile]:
    """Those of the files that were not read, or not as the digest has them."""
    rows = fetch(
        "SELECT n.source FROM unnest(%s::text[], %s::text[]) AS n(source, sha256)"
        " JOIN cloudigrade_logfile AS l ON l.account_id = %s AND l.source = n.source AND l.sha256 = n.sha256",
        [[file.source for file in files], [file.sha256 for file in files], account_id],
    )
    read = {source for (source,) in rows}
    return [file for file in files if file.source not in read]


@transaction.atomic
def record(*, account_id: int, proof: Proof, reasons: Mapping[str, str], now: datetime) -> int:
    """What the proof says is stored: the position, and gaps where it holds for nothing; the number of open file gaps.

    `reasons` says by source why a file could not be read. Raises accounts.Gone.
    """
    accounts.hold(account_id=account_id)
    _record_position(account_id, proof)
    if proof.break_at:
        _record_break(account_id, proof.region, proof.break_at, proof.reason, now)
    for period in proof.mended:
        Gap.objects.filter(account_id=account_id, feed=LOGS, source=_break_name(proof.region, period)).delete()
    return _compare(account_id, proof.files, reasons, now)


@transaction.atomic
def record_past(*, account_id: int, proof: Proof, reasons: Mapping[str, str], now: datetime) -> int:
    """Gaps of a time before the proof began are stored; the position stays. The number of open file gaps.

    Raises accounts.Gone.
    """
    accounts.hold(account_id=account_id)
    list(FeedPosition.objects.select_for_update().filter(account_id=account_id, region=proof.region, feed=LOGS))
    if proof.break_at:
        _record_break(account_id, proof.region, proof.break_at, proof.reason, now)
    if proof.begins_at < proof.proven_until:
        execute(
            "UPDATE cloudigrade_feedposition SET details = jsonb_set(details, '{since}', to_jsonb("
            "   least((details->>'since')::bigint, %s))) WHERE account_id = %s AND region = %s AND feed = %s"
            " AND details ? 'since'",
            [proof.begins_at, account_id, proof.region, LOGS],
        )
    return _compare(account_id, proof.files, reasons, now)


def _record_position(account_id: int, proof: Proof) -> None:
    """The position holds its row until the end: whoever records a file of the region waits, or is waited for."""
    details = {"since": proof.begins_at or proof.proven_until, "next": proof.details}
    execute(
        "INSERT INTO cloudigrade_feedposition AS p (account_id, region, feed, proven_until, problem, details)"
        " VALUES (%s, %s, %s, to_timestamp(%s), %s, %s::jsonb) ON CONFLICT (account_id, region, feed) DO UPDATE SET"
        "  proven_until = greatest(p.proven_until, excluded.proven_until), problem = excluded.problem,"
        "  details = excluded.details || jsonb_build_object('since',"
        "   least((p.details->>'since')::bigint, (excluded.details->>'since')::bigint))",
        [
            *(account_id, proof.region, LOGS, proof.proven_until),
            "" if proof.break_at else proof.reason,
            msgspec.json.encode(details).decode(),
        ],
    )


def _record_break(account_id: int, region: str, period: tuple[int, int], reason: str, now: datetime) -> None:
    """The period is a gap, unless nothing was to be read in it."""
    start, end = map(days.instant, period)
    execute(
        "INSERT INTO cloudigrade_gap"
        " (account_id, region, feed, source, sha256, starts_at, ends_at, reason, found_at)"
        " SELECT a.id, %s, %s, %s, '', greatest(%s, a.metered_from), %s, %s, %s FROM cloudigrade_cloudaccount AS a"
        " WHERE a.id = %s AND a.metered_from < %s AND NOT EXISTS (SELECT FROM cloudigrade_unmeteredperiod AS u"
        "   WHERE u.account_id = a.id AND u.period @> tstzrange(%s, %s))"
        " ON CONFLICT (account_id, feed, source) DO UPDATE SET reason = excluded.reason",
        [
            *(region, LOGS, _break_name(region, period), start - timedelta(seconds=GRACE), end, reason, now),
            *(account_id, end, start, end),
        ],
    )


def _break_name(region: str, period: tuple[int, int]) -> str:
    return f"{_BREAKS}{region}/{days.instant(period[0]):%Y-%m-%dT%H:%M:%SZ}"


def _compare(account_id: int, files: Sequence[MissingFile], reasons: Mapping[str, str], now: datetime) -> int:
    """Each file is a gap if it was not read as the digest has it, and none if it was."""
    by_source = {file.source: file for file in files}
    named = [by_source[source] for source in sorted(by_source)]
    columns = [
        [file.region for file in named],
        [file.source for file in named],
        [file.sha256 for file in named],
        [file.oldest_at for file in named],
        [file.newest_at for file in named],
        [reasons.get(file.source, MISSING) for file in named],
    ]
    execute(
        "DELETE FROM cloudigrade_gap AS g USING cloudigrade_logfile AS l, unnest(%s::text[], %s::text[])"
        " AS n(source, sha256) WHERE g.account_id = %s AND g.feed = %s AND g.source = n.source"
        " AND l.account_id = g.account_id AND l.source = n.source AND l.sha256 = n.sha256",
        [columns[1], columns[2], account_id, LOGS],
    )
    return execute(
        "INSERT INTO cloudigrade_gap"
        " (account_id, region, feed, source, sha256, starts_at, ends_at, reason, found_at)"
        " SELECT %s, n.region, %s, n.source, n.sha256, to_timestamp(n.oldest), to_timestamp(n.newest),"
        "  CASE WHEN l.id IS NULL THEN n.reason ELSE %s END, %s"
        " FROM unnest(%s::text[], %s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::text[])"
        "  AS n(region, source, sha256, oldest, newest, reason)"
        " LEFT JOIN cloudigrade_logfile AS l ON l.account_id = %s AND l.source = n.source"
        " WHERE l.sha256 IS DISTINCT FROM n.sha256 ORDER BY n.source"
        " ON CONFLICT (account_id, feed, source) DO UPDATE SET reason = excluded.reason, sha256 = excluded.sha256",
        [account_id, LOGS, ALTERED, now, *columns, account_id],
    )


class Lost(NamedTuple):
    """Log files of one account that were read and could not be stored."""

    files: Sequence[FileRead]
    oldest_at: int
    newest_at: int
    """What they hold happened in between, in seconds since 1970."""


@transaction.atomic
def record_lost(*, customer_id: int, cloud: str, lost: Mapping[str, Lost], reason: str, now: datetime) -> set[str]:
    """Each of these files is a gap until it is read once more and stored; the accounts of them that the customer has.

    `lost` names the accounts by native id. Nothing is missing of what was stored before. The gap has no hash, for
    nobody vouches for this one: whatever version of the file is stored heals it, until a digest names the file.
    """
    owned = CloudAccount.objects.filter(customer_id=customer_id, cloud=cloud, is_verified=True)
    ids = {native_id: pk for pk, native_id in owned.values_list("pk", "native_id") if native_id in lost}
    rows = {
        (ids[native_id], activity.storable_source(file.source)): (
            *(activity.storable_source(file.region), activity.storable_source(file.sha256)),
            *(lost[native_id].oldest_at, lost[native_id].newest_at),
        )
        for native_id in ids
        for file in lost[native_id].files
    }
    if rows:
        columns = [list(column) for column in zip(*((*key, *rows[key]) for key in sorted(rows)), strict=True)]
        execute(
            "INSERT INTO cloudigrade_gap"
            " (account_id, region, feed, source, sha256, starts_at, ends_at, reason, found_at)"
            " SELECT n.account, n.region, %s, n.source, '', to_timestamp(n.oldest), to_timestamp(n.newest),"
            "  %s, %s"
            " FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::bigint[])"
            "  AS n(account, source, region, sha256, oldest, newest) WHERE NOT EXISTS (SELECT FROM cloudigrade_logfile"
            "   AS l WHERE l.account_id = n.account AND l.source = n.source AND l.sha256 = n.sha256)"
            " ORDER BY n.account, n.source"
            " ON CONFLICT (account_id, feed, source) DO UPDATE SET reason = excluded.reason",
            [LOGS, reason, now, *columns],
        )
    return set(ids)


def complete_until(account_ids: Collection[int]) -> dict[int, datetime | None]:
    """Until when nothing is missing of what each account logged.

    None where digests have proven nothing yet and no gap is known; where one is, no later than the newest record.
    """
    rows = fetch(_COMPLETE_UNTIL, {"accounts": list(account_ids), "logs": LOGS, "grace": GRACE, "disabled": DISABLED})
    found = dict(rows)
    return {account: found.get(account) for account in account_ids}


# the least of all regions: what digests prove, but for those of regions that are not enabled any more, and gaps;
# of a region that is enabled, as sweeps know, and has no digest, nothing is proven since the metering began;
# where digests prove nothing at all, a gap keeps an account from being complete past it, and what was read, past that
_COMPLETE_UNTIL = """
    WITH proven AS (
        SELECT p.account_id, p.region, p.proven_until, s.newest_at AS swept_at, s.problem
        FROM cloudigrade_feedposition AS p
        LEFT JOIN cloudigrade_feedposition AS s
          ON s.account_id = p.account_id AND s.region = p.region AND s.feed = 'sweep'
        WHERE p.account_id = ANY(%(accounts)s) AND p.feed = %(logs)s AND p.proven_until IS NOT NULL
    ), swept AS (
        SELECT account_id, max(newest_at) - %(disabled)s AS lately FROM cloudigrade_feedposition
        WHERE account_id = ANY(%(accounts)s) AND feed = 'sweep' GROUP BY account_id
    ), bounds AS (
        SELECT p.account_id, p.proven_until - make_interval(secs => %(grace)s) AS at FROM proven AS p
        LEFT JOIN swept AS s USING (account_id)
        WHERE coalesce(s.lately <= greatest(p.proven_until, p.swept_at) OR p.problem <> '', s.lately IS NULL)
        UNION ALL
        SELECT f.account_id, a.metered_from FROM cloudigrade_feedposition AS f JOIN swept AS s USING (account_id)
        JOIN cloudigrade_cloudaccount AS a ON a.id = f.account_id
        WHERE f.feed = 'sweep' AND f.problem = '' AND f.newest_at >= s.lately
         AND f.account_id IN (SELECT account_id FROM proven)
         AND (f.account_id, f.region) NOT IN (SELECT account_id, region FROM proven)
        UNION ALL
        SELECT account_id, starts_at FROM cloudigrade_gap WHERE account_id = ANY(%(accounts)s) AND feed = %(logs)s
        UNION ALL
        SELECT a.id, coalesce(max(p.newest_at) - make_interval(secs => %(grace)s), a.metered_from)
        FROM cloudigrade_cloudaccount AS a
        LEFT JOIN cloudigrade_feedposition AS p ON p.account_id = a.id AND p.feed = %(logs)s
        WHERE a.id IN (SELECT account_id FROM cloudigrade_gap WHERE account_id = ANY(%(accounts)s) AND feed = %(logs)s)
         AND a.id NOT IN (SELECT account_id FROM proven)
        GROUP BY a.id
    )
    SELECT account_id, min(at) FROM bounds GROUP BY account_id
"""


def read_until(account_ids: Collection[int]) -> int | None:
    """The least that any of the accounts is read to: as digests prove it, or where none do, by its newest record.

    In seconds since 1970; None where nothing was read of one of them.
    """
    proven = complete_until(account_ids)
    newest = dict(
        fetch(
            "SELECT account_id, date_part('epoch', max(newest_at))::bigint - %s FROM cloudigrade_feedposition"
            " WHERE account_id = ANY(%s) AND feed = %s AND newest_at IS NOT NULL GROUP BY account_id",
            [GRACE, list(account_ids), LOGS],
        )
    )
    known = newest | {account: days.second_of(until) for account, until in proven.items() if until}
    return min(known.values(), default=None) if len(known) == len(account_ids) else None


def rejected(*, customer_id: int, native_ids: Iterable[str], feed: str) -> int:
    """How many files and records of the feed could not be read, ever, of these accounts or of none that can be told."""
    ((count,),) = fetch(
        "SELECT count(*) FROM cloudigrade_quarantine WHERE customer_id = %s AND feed = %s AND account = ANY(%s)",
        [customer_id, feed, ["", *native_ids]],
    )
    return int(count)


def gaps(account_ids: Collection[int]) -> dict[int, list[KnownGap]]:
    """What is known to be missing of each account, first things first."""
    found: dict[int, list[KnownGap]] = {account: [] for account in account_ids}
    rows = Gap.objects.filter(account_id__in=found, feed=LOGS).order_by("starts_at", "id")
    for account, *fields in rows.values_list("account_id", *KnownGap._fields):
        found[account].append(KnownGap(*fields))
    return found


def unread(*, account_id: int, limit: int) -> list[str]:
    """Files that a gap is open for, the newest first: they may be there by now."""
    files = Gap.objects.filter(account_id=account_id, feed=LOGS).exclude(source__startswith=_BREAKS)
    rows = files.order_by("-starts_at", "-id")
    return list(rows.values_list("source", flat=True)[:limit])


def accept_read(*, account_id: int, since: int, until: int) -> int:
    """Breaks of the chain within the period are gaps no more, because all that lies there was read; their number."""
    breaks = Gap.objects.filter(account_id=account_id, feed=LOGS, source__startswith=_BREAKS)
    accepted = breaks.filter(starts_at__gte=days.instant(since), ends_at__lte=days.instant(until))
    return accepted.delete()[0]


def prune(*, now: datetime) -> int:
    """Files that digests have vouched for, and that were read some time ago, are forgotten; their number."""
    # what was read at a time was delivered before, so whatever is proven past that time has been compared
    return execute(
        "DELETE FROM cloudigrade_logfile AS l USING cloudigrade_feedposition AS p WHERE p.account_id = l.account_id"
        " AND p.region = l.region AND p.feed = %s AND l.read_at < %s AND l.read_at < p.proven_until"
        " AND NOT EXISTS (SELECT FROM cloudigrade_gap AS g WHERE g.account_id = l.account_id AND g.source = l.source)",
        [LOGS, now - KEPT],
    )
