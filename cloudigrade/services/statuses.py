"""How accounts and feeds stand, as plain values for commands, the API and the dashboard."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import Count, QuerySet

from cloudigrade.clouds.cloud import Account, Trail
from cloudigrade.clouds.protocol import Unreadable
from cloudigrade.models import CloudAccount, FeedPosition, Instance
from cloudigrade.services import clouds, completeness
from cloudigrade.services.opened import are_sound
from cloudigrade.services.staging import fetch

SWEEP = "sweep"
"""Feed of the sweeps; its newest time is when it looked."""

AHEAD = timedelta(minutes=5)
"""By which the clocks of others may differ; a record of a later time than that says nothing of how far we have read."""


class FeedStatus(NamedTuple):
    """How far one feed of one region has been read."""

    feed: str
    region: str
    newest_at: datetime | None
    proven_until: datetime | None
    problem: str


class Gaps(NamedTuple):
    """What is known to be missing."""

    number: int = 0
    first_at: datetime | None = None
    region: str = ""
    """Of the first."""
    reason: str = ""
    """Of the first."""


class AccountStatus(NamedTuple):
    """How a cloud account stands."""

    id: int
    customer: str
    """Its org id, else its account number."""
    cloud: str
    native_id: str
    credentials: str
    next_credentials: str
    external_id: str
    state: str
    """deleting, disabled, paused, enabled, problem, connecting, or files: no cloud is asked, files are read."""
    problem_code: str
    problem: str
    problem_of: str
    """Where one account has several roles, the one that the problem is about: next role, or refused role, which an
    update named and which is not tried again. Empty: the role in use, or it cannot be told."""
    metered_from: datetime
    enabled_at: datetime | None
    checked_at: datetime | None
    swept_at: datetime | None
    """The last sweep of the region that was swept longest ago; regions with a problem left out."""
    complete_until: datetime | None
    feeds: tuple[FeedStatus, ...]
    gaps: Gaps
    rejected: int
    """Records, messages and files of it in quarantine."""
    trail: Trail | None
    """What logs its activity; None while it is not connected."""
    instances: int
    """That are known, whatever their state."""


class Lag(NamedTuple):
    """How far all reading is behind, in seconds where not counted; None: not known."""

    newest_event: int | None
    """Age of the newest record that any feed of an enabled account brought."""
    oldest_message: int | None
    """Age of the oldest message that was seen and could not be recorded yet."""
    waiting: int
    """Messages in our queues, as last counted."""
    dead: int
    """Messages in their dead-letter queues."""
    last_sweep: int | None
    """Age of the last sweep of the enabled account that was swept longest ago."""
    gaps: int
    rejected: int
    """Records, messages and files in quarantine."""


def statuses(*, customer_id: int | None = None, account_ids: Collection[int] | None = None) -> list[AccountStatus]:
    """How these accounts stand, by cloud and native id; as many queries for any number."""
    accounts = list(_accounts(customer_id, account_ids))
    ids = [account.pk for account in accounts]
    feeds, gaps, rejected, instances = _feeds(ids), _gaps(ids), _rejected(ids), _instances(ids)
    complete = completeness.complete_until(ids)
    return [
        _status(
            account,
            feeds=tuple(feeds.get(account.pk, ())),
            gaps=gaps.get(account.pk, Gaps()),
            counts=(rejected.get(account.pk, 0), instances.get(account.pk, 0)),
            complete_until=complete.get(account.pk),
        )
        for account in accounts
    ]


def lag(*, now: datetime) -> Lag:
    """How far behind the feeds, queues and sweeps are."""
    ((newest, oldest, waiting, dead, swept, gaps, rejected),) = fetch(
        "WITH swept AS (SELECT max(p.newest_at) AS at FROM cloudigrade_cloudaccount AS a"
        "   LEFT JOIN cloudigrade_feedposition AS p ON p.account_id = a.id AND p.feed = %s"
        "   WHERE a.is_enabled AND a.wanted = 'enabled' AND NOT a.is_paused GROUP BY a.id)"
        " SELECT (SELECT max(p.newest_at) FROM cloudigrade_feedposition AS p JOIN cloudigrade_cloudaccount AS a"
        "   ON a.id = p.account_id WHERE a.is_enabled AND p.newest_at <= %s"
        "    AND p.feed IN ('cloudtrail', 'eventbridge')),"
        " (SELECT min(oldest_at) FROM cloudigrade_queuestate),"
        " (SELECT coalesce(sum(waiting), 0) FROM cloudigrade_queuestate),"
        " (SELECT coalesce(sum(dead), 0) FROM cloudigrade_queuestate),"
        " (SELECT min(at) FROM swept),"
        " (SELECT count(*) FROM cloudigrade_gap), (SELECT count(*) FROM cloudigrade_quarantine)",
        [SWEEP, now + AHEAD],
    )
    return Lag(_age(newest, now), _age(oldest, now), waiting, dead, _age(swept, now), gaps, rejected)


def _age(moment: datetime | None, now: datetime) -> int | None:
    return None if moment is None else max(int((now - moment).total_seconds()), 0)


def _accounts(customer_id: int | None, account_ids: Collection[int] | None) -> QuerySet[CloudAccount]:
    found = CloudAccount.objects.select_related("customer").order_by("cloud", "native_id", "pk")
    if customer_id is not None:
        found = found.filter(customer_id=customer_id)
    return found if account_ids is None else found.filter(pk__in=account_ids)


def _status(
    account: CloudAccount,
    *,
    feeds: tuple[FeedStatus, ...],
    gaps: Gaps,
    counts: tuple[int, int],
    complete_until: datetime | None,
) -> AccountStatus:
    sweeps = [feed.newest_at for feed in feeds if feed.feed == SWEEP and feed.newest_at and not feed.problem]
    return AccountStatus(
        id=account.pk,
        customer=account.customer.org_id or account.customer.account_number or "",
        cloud=account.cloud,
        native_id=account.native_id,
        credentials=account.credentials,
        next_credentials=account.next_credentials,
        external_id=account.external_id,
        state=_state(account),
        problem_code=account.problem_code,
        problem=account.problem,
        problem_of=_problem_of(account),
        metered_from=account.metered_from,
        enabled_at=account.enabled_at,
        checked_at=account.checked_at,
        swept_at=min(sweeps, default=None),
        complete_until=complete_until,
        feeds=feeds,
        gaps=gaps,
        rejected=counts[0],
        trail=trail_of(account),
        instances=counts[1],
    )


def trail_of(account: CloudAccount) -> Trail | None:
    """What logs the account's activity; None unless it is connected, or was until a problem came up."""
    if account.wanted != "enabled" or account.is_paused or not (account.details and are_sound(account)):
        return None
    seen = Account(account.native_id, account.credentials, account.external_id, account.details)
    try:
        return clouds.get(account.cloud).trail(seen)
    except Unreadable:  # details that somebody else wrote: connecting makes them anew
        return None


def _problem_of(account: CloudAccount) -> str:
    """Named where it is certain: the role in use of an enabled account has no problem."""
    if not (account.problem_code and account.is_enabled):
        return ""
    return "next role" if account.next_credentials else "refused role"


def _state(account: CloudAccount) -> str:
    """The one word for it, the strongest first."""
    words: Mapping[str, bool] = {
        "deleting": account.wanted == "deleted",
        "disabled": account.wanted == "disabled",
        "paused": account.is_paused,
        "enabled": account.is_enabled,
        "problem": bool(account.problem_code),
        "connecting": bool(account.credentials or account.next_credentials),
    }
    return next((word for word, holds in words.items() if holds), "files")


def _feeds(ids: Collection[int]) -> dict[int, list[FeedStatus]]:
    found: dict[int, list[FeedStatus]] = defaultdict(list)
    for position in FeedPosition.objects.filter(account_id__in=ids).order_by("account_id", "region", "feed"):
        found[position.account_id].append(
            FeedStatus(position.feed, position.region, position.newest_at, position.proven_until, position.problem)
        )
    return found


def _gaps(ids: Collection[int]) -> dict[int, Gaps]:
    """The number of gaps of each account, and its first."""
    rows = fetch(
        "SELECT DISTINCT ON (account_id) account_id, count(*) OVER (PARTITION BY account_id), starts_at, region, reason"
        " FROM cloudigrade_gap WHERE account_id = ANY(%s) ORDER BY account_id, starts_at, id",
        [list(ids)],
    )
    return {account: Gaps(*fields) for account, *fields in rows}


def _instances(ids: Collection[int]) -> dict[int, int]:
    counted = Instance.objects.filter(account_id__in=ids).values_list("account_id").annotate(Count("pk"))
    return dict(counted)


def _rejected(ids: Collection[int]) -> dict[int, int]:
    rows = fetch(
        "SELECT a.id, count(*) FROM cloudigrade_cloudaccount AS a JOIN cloudigrade_quarantine AS q"
        " ON q.customer_id = a.customer_id AND q.account = a.native_id WHERE a.id = ANY(%s) GROUP BY a.id",
        [list(ids)],
    )
    return dict(rows)
