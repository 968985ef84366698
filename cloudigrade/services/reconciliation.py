"""Our accounts against what Sources knows: those whose source is gone there are let go.

Which accounts are still to be asked about, and which wait for the decision, stands in due work; so a round that was
cut off goes on where it stopped, and two workers share it. Nothing is deleted while more might go than may at once,
counting all that Sources has not answered for yet.
"""

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from cloudigrade.models import CloudAccount, DueWork
from cloudigrade.redhat.sources import Sources, SourcesUnavailable, Tenant
from cloudigrade.services import schedules
from cloudigrade.services.schedules import Work
from cloudigrade.services.staging import execute, fetch

ALWAYS = 5
"""Accounts that may go at once, however few there are."""
SHARE = 100
"""Accounts claimed at once."""
PAUSE = timedelta(minutes=10)
"""After which Sources is asked again what it did not answer, or who asked did not store."""
MOST_FAILURES = 3
"""In a row, after which Sources is taken to be out of order."""

_log = logging.getLogger(__name__)


class Refused(Exception):
    """More accounts would go at once than may, unless an operator says so."""

    def __init__(self, gone: int, known: int) -> None:
        super().__init__(f"{gone} of {known} accounts are not known to Sources; so many are not deleted at once")


class Missing(NamedTuple):
    """An account whose source is gone."""

    account_id: int
    org_id: str
    account_number: str
    cloud: str
    native_id: str
    source_id: int


class Found(NamedTuple):
    """What Sources said of all accounts."""

    missing: list[Missing]
    unanswered: int
    """Sources it said nothing of."""


class _Source(NamedTuple):
    customer_id: int
    tenant: Tenant
    source_id: int


def begin(*, now: datetime) -> int:
    """Sources will be asked about all accounts that it has had time to know; their number."""
    ids = list(_eligible(now).order_by("pk").values_list("pk", flat=True))
    schedules.plan(account_ids=ids, work=[Work.RECONCILE], at=now)
    return len(ids)


def ask_some(*, sources: Sources, now: datetime) -> int:
    """Sources has been asked about some accounts; their number, 0 when none is due.

    Raises SourcesUnavailable where it does not answer; who was not asked about is due again later.
    """
    claimed = schedules.claim(work=Work.RECONCILE, now=now, limit=SHARE, lease=PAUSE)
    accounts = _eligible(now).filter(pk__in=claimed).select_related("customer").order_by("pk")
    owned = _by_source(accounts)
    _forget(set(claimed) - {each.pk for found in owned.values() for each in found}, Work.RECONCILE, Work.LET_GO)
    for source, is_gone in _answers(sources, owned):
        if is_gone is not None:
            _record(source, now, is_gone=is_gone)
    return len(claimed)


def decide(*, now: datetime) -> int:
    """The accounts that Sources does not know will be deleted; their number. Raises Refused where they are too many.

    While answers are missing that could make them too many, nothing happens.
    """
    may_go = _allowance()
    gone, unanswered = (DueWork.objects.filter(work=str(work)).count() for work in (Work.LET_GO, Work.RECONCILE))
    if unanswered and gone + unanswered > may_go:
        return 0
    if gone > may_go:
        raise Refused(gone, _known().count())
    ids = DueWork.objects.filter(work=str(Work.LET_GO), account__in=_eligible(now)).values_list("account_id", flat=True)
    return let_go(account_ids=list(ids), now=now)


def find_missing(*, sources: Sources, now: datetime) -> Found:
    """The accounts that Sources does not know, asked here and now; nothing is stored. Raises SourcesUnavailable."""
    owned = _by_source(_eligible(now).select_related("customer").order_by("pk"))
    answers = dict(_answers(sources, owned))
    missing = [
        Missing(each.pk, *source.tenant, each.cloud, each.native_id, source.source_id)
        for source, is_gone in answers.items()
        if is_gone
        for each in owned[source]
    ]
    return Found(missing, sum(is_gone is None for is_gone in answers.values()))


@transaction.atomic
def let_go(*, account_ids: Collection[int], now: datetime, force: bool = False) -> int:
    """These accounts will be disconnected and removed; their number. Raises Refused where they are too many at once."""
    if not account_ids:
        return 0
    if not force and len(account_ids) > _allowance():
        raise Refused(len(account_ids), _known().count())
    rows = fetch(
        # with what was made to take an account's place, unless it was claimed for itself since
        "WITH gone AS (SELECT id, customer_id, next_credentials FROM cloudigrade_cloudaccount"
        "   WHERE id = ANY(%s) AND wanted <> 'deleted'),"
        " locked AS MATERIALIZED (SELECT a.id FROM cloudigrade_cloudaccount AS a WHERE a.id IN (SELECT id FROM gone)"
        "   OR (a.is_successor AND EXISTS (SELECT 1 FROM gone AS g WHERE g.customer_id = a.customer_id"
        "     AND g.next_credentials = a.credentials AND g.next_credentials <> ''))"
        "   ORDER BY a.id FOR NO KEY UPDATE)"
        " UPDATE cloudigrade_cloudaccount AS a SET wanted = 'deleted', next_credentials = '',"
        "   revision = a.revision + 1, updated_at = %s FROM locked WHERE a.id = locked.id RETURNING a.id",
        [sorted(account_ids), now],
    )
    ids = sorted(pk for (pk,) in rows)
    execute("DELETE FROM cloudigrade_duework WHERE account_id = ANY(%s)", [ids])
    schedules.plan(account_ids=ids, work=[Work.CONNECT], at=now)
    return len(set(ids) & set(account_ids))


def _known() -> QuerySet[CloudAccount]:
    """The accounts that came from Sources."""
    return CloudAccount.objects.filter(platform_source_id__isnull=False, is_synthetic=False).exclude(wanted="deleted")


def _eligible(now: datetime) -> QuerySet[CloudAccount]:
    """Those of them that have been as they are for a while, so that Sources has had time to know them."""
    age = timedelta(seconds=settings.PLATFORM.not_in_sources_age)
    return _known().filter(updated_at__lte=now - age)


def _allowance() -> float:
    return max(ALWAYS, settings.PLATFORM.not_in_sources_share * _known().count())


def _by_source(accounts: Iterable[CloudAccount]) -> Mapping[_Source, list[CloudAccount]]:
    found: dict[_Source, list[CloudAccount]] = defaultdict(list)
    for each in accounts:
        tenant = Tenant(each.customer.org_id or "", each.customer.account_number or "")
        found[_Source(each.customer_id, tenant, each.platform_source_id or 0)].append(each)
    return found


def _answers(sources: Sources, asked: Iterable[_Source]) -> Iterator[tuple[_Source, bool | None]]:
    """Each source and whether it is gone, None where that was not answered; raises SourcesUnavailable in an outage."""
    failures = 0
    for each in asked:
        try:
            is_gone = sources.source(each.tenant, str(each.source_id)) is None
            if is_gone:  # says so the API, or something else that answers in its place?
                sources.application_type_id(each.tenant)
        except SourcesUnavailable as problem:
            failures += 1
            _log.warning("source %d of customer %d is asked about later: %s", each.source_id, each.customer_id, problem)
            if failures >= MOST_FAILURES:
                raise
            yield each, None
        else:
            failures = 0
            yield each, is_gone


@transaction.atomic
def _record(source: _Source, now: datetime, *, is_gone: bool) -> None:
    """What was answered holds for all accounts of the source."""
    found = _known().filter(customer_id=source.customer_id, platform_source_id=source.source_id)
    # held, so that nothing is planned for an account that is removed meanwhile
    ids = list(found.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
    _forget(ids, Work.RECONCILE, *(() if is_gone else (Work.LET_GO,)))
    if is_gone:
        schedules.plan(account_ids=ids, work=[Work.LET_GO], at=now)


def _forget(account_ids: Collection[int], *work: Work) -> None:
    execute(
        "DELETE FROM cloudigrade_duework WHERE account_id = ANY(%s) AND work = ANY(%s)",
        [list(account_ids), [str(kind) for kind in work]],
    )
