"""Log files of which no queue hears: looked for where they lie, again and again, and read once."""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from django.db import transaction
from django.db.models import Min

from cloudigrade.clouds.protocol import CustomerProblem
from cloudigrade.domain import days
from cloudigrade.models import CloudAccount, FeedPosition, LogFile
from cloudigrade.services import accounts, clouds, log_files, schedules
from cloudigrade.services.completeness import LOGS
from cloudigrade.services.opened import account_of
from cloudigrade.services.schedules import Work

POLL: Final = "poll"
"""Feed of the position that says until when everything delivered was looked at; of no single region.

It is no later than what was read, for a clock may be ahead; of an account that logs nothing, no older than QUIET.
"""
QUIET: Final = timedelta(days=1)
"""Looked at again where nothing was read meanwhile: each day is listed by itself, in each region."""
OVERLAP: Final = timedelta(hours=1)
"""Looked at again: clocks differ, and files are named by when they were begun."""


def poll(*, account_id: int, clock: Callable[[], datetime]) -> int:
    """The account's log files delivered since the last time are recorded; their number.

    Raises Unavailable and CustomerProblem; what was recorded by then is, and the rest is looked at the next time.
    Raises accounts.Gone where the account is removed meanwhile.
    """
    row = CloudAccount.objects.filter(pk=account_id, is_verified=True, wanted="enabled", is_paused=False).first()
    if row is None:
        return 0
    begun = clock()
    since = _polled_until(row, begun)
    try:
        read, newest = _read(row, (since, begun), clock)
    except CustomerProblem:
        accounts.get(account_id=account_id)  # what is gone no longer lets us in, and that is no problem
        raise
    with transaction.atomic():
        accounts.hold(account_id=account_id)
        FeedPosition.objects.update_or_create(
            account_id=account_id,
            region="",
            feed=POLL,
            defaults={"newest_at": min(max(newest, begun - QUIET), begun), "problem": ""},
        )
    return read


def _read(row: CloudAccount, period: tuple[datetime, datetime], clock: Callable[[], datetime]) -> tuple[int, datetime]:
    """The log files delivered in the period are recorded: their number, and the time of the newest record."""
    cloud, account = clouds.get(row.cloud), account_of(row)
    since, until = period
    read, newest = 0, since
    found = cloud.log_files(
        account,
        since=max(days.second_of(since - OVERLAP), 0),
        until=days.second_of(until),
        known=lambda names: known(row.pk, names),
    )
    for batch in found:
        reread = partial(cloud.read_files, account)
        read += log_files.record(account=row, batch=batch, reread=reread, now=clock()).files
        told = (at for (native_id, _), at in batch.newest.items() if native_id == row.native_id)
        newest = max(newest, days.instant(max(told, default=0)))
        schedules.done(account_id=row.pk, work=Work.POLL, next_at=clock() + schedules.LEASE)  # still at it
    return read, newest


def known(account_id: int, names: Collection[str]) -> Collection[str]:
    """Those of the files that were read and need not be read again."""
    found = LogFile.objects.filter(account_id=account_id, source__in=list(names))
    return set(found.values_list("source", flat=True))


def _polled_until(row: CloudAccount, now: datetime) -> datetime:
    """Where the last look ended; where that is yet to come, what every region was read to."""
    positions = FeedPosition.objects.filter(account_id=row.pk)
    last = positions.filter(region="", feed=POLL, newest_at__isnull=False).first()
    if last is None or last.newest_at is None:
        return min(row.metered_from, now)
    if last.newest_at <= now:
        return last.newest_at
    read = positions.filter(feed=LOGS, newest_at__lte=now).aggregate(until=Min("newest_at"))["until"]
    return min(max(read or row.metered_from, row.metered_from), now)
