"""Log files of the past: days are read one by one and remembered, and then the account is metered so far back.

Going on after an interruption, or doing it all again, changes nothing: records are known by their ids.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from functools import partial
from typing import NamedTuple

from django.db import transaction

from cloudigrade.clouds.protocol import Batch
from cloudigrade.domain import days
from cloudigrade.models import CloudAccount, FeedPosition, Gap, LogFile
from cloudigrade.services import accounts, clouds, completeness, log_files, usage
from cloudigrade.services.opened import account_of
from cloudigrade.services.staging import execute

FEED = "backfill"
"""Feed of the position that remembers which days were read, all regions of them."""


class DayRead(NamedTuple):
    """What reading one day came to."""

    day: date
    files: int
    new: int
    """Records that told something new."""
    rejected: int
    lost: int = 0
    """Files that could be read and not stored."""


class Found(NamedTuple):
    """What lies there to be read."""

    files: int
    size: int
    """In bytes as stored, where the cloud tells."""


Known = Callable[[Collection[str]], Collection[str]]


class Backfill:
    """The days of one account from a first one on, the end not included.

    Whatever it stores raises accounts.Gone once the account is removed.
    """

    def __init__(self, account_id: int, *, first: date, end: date) -> None:
        """Raises accounts.Gone, and LookupError for a cloud that is not there."""
        self.first, self.end = first, end
        self._row = accounts.get(account_id=account_id)
        self._cloud = clouds.get(self._row.cloud)
        self._account = account_of(self._row)
        self.listed = 0
        """Log files that lie there, read before or not."""
        self._read_now: set[date] = set()

    def remaining(self) -> list[date]:
        """The days that were not read yet, and those that something is missing of."""
        read = _days_read(self._row.pk)
        gaps = completeness.gaps([self._row.pk])[self._row.pk]
        spans = [(days.second_of(gap.starts_at), days.second_of(gap.ends_at) + 1) for gap in gaps]
        doubtful = set(days.covered(spans, self.first, self.end))
        return [day for day in days.between(self.first, self.end) if day not in read or day in doubtful]

    def survey(self) -> Found:
        """How much there is to read; nothing is read. Raises Unavailable, CustomerProblem."""
        sizes: dict[str, int] = {}

        def known(names: Collection[str]) -> Collection[str]:
            given = names if isinstance(names, Mapping) else dict.fromkeys(names, 0)
            sizes.update({name: given[name] for name in set(names) - self._known(names)})
            return names

        for day in self.remaining():
            for _ in self._batches(day, known):
                pass
        return Found(len(sizes), sum(sizes.values()))

    def read(self, *, now: datetime) -> Iterator[DayRead]:
        """Each day once it is recorded and remembered, oldest first; raises Unavailable, CustomerProblem.

        Days before the first log file are not remembered: nothing was logged then, which is not the same as nothing
        having happened.
        """
        is_begun = not _days_read(self._row.pk).isdisjoint(days.between(self.first, self.end))
        for day in self.remaining():
            told = [self._record(batch, now) for batch in self._batches(day, self._known)]
            is_begun = is_begun or self.listed > 0
            if is_begun:
                self._keep(day, now)
            yield DayRead(day, *(sum(column) for column in zip((0, 0, 0, 0), *told, strict=True)))

    def _keep(self, day: date, now: datetime) -> None:
        self._read_now.add(day)
        if days.bounds(day)[1] + completeness.GRACE <= days.second_of(now):  # else more of it is going to come
            _remember(self._row.pk, day)

    def finish(self, *, now: datetime) -> datetime:
        """The account is metered from the earliest day on since which every day was read; that moment.

        Breaks in the chain of digests count as accepted: all that lies there was read.
        """
        if self._is_read_whole():
            bounds = days.opening(self.first), days.opening(self.end)
            completeness.accept_read(account_id=self._row.pk, since=bounds[0], until=bounds[1])
        return _extend(self._row.pk, self._read_now, now)

    def _is_read_whole(self) -> bool:
        read = _days_read(self._row.pk) | self._read_now
        return all(day in read for day in days.between(self.first, self.end))

    def _batches(self, day: date, known: Known) -> Iterable[Batch]:
        start, end = days.bounds(day)
        # what happened on the last day is delivered until a little after it
        late = completeness.GRACE if day == self.end - timedelta(1) else 0
        return self._cloud.log_files(self._account, since=start, until=end + late, known=known)

    def _known(self, names: Collection[str]) -> set[str]:
        """Those of the files that were read, and as they ought to be."""
        self.listed += len(names)
        found = LogFile.objects.filter(account=self._row, source__in=list(names))
        gaps = Gap.objects.filter(account=self._row, source__in=list(names))
        return {*found.values_list("source", flat=True)} - {*gaps.values_list("source", flat=True)}

    def _record(self, batch: Batch, now: datetime) -> tuple[int, int, int, int]:
        reread = partial(self._cloud.read_files, self._account)
        stored = log_files.record(account=self._row, batch=batch, reread=reread, now=now)
        return stored.files, stored.new, len(batch.rejected), len(stored.lost)


def default_end(*, account_id: int, first: date, now: datetime) -> date:
    """The day after that from which the account is metered, or after the last one that was read from this first on."""
    begun = days.day_of(days.second_of(accounts.get(account_id=account_id).metered_from))
    last, read = first, _days_read(account_id)
    while last + timedelta(1) in read:
        last += timedelta(1)
    today = days.day_of(days.second_of(now))
    if first in read or first <= begun:
        return max(last, begun) + timedelta(1)
    return today + timedelta(1)


def _days_read(account_id: int) -> set[date]:
    position = FeedPosition.objects.filter(account_id=account_id, region="", feed=FEED).first()
    return set(_remembered(position)) if position else set()


def _remembered(position: FeedPosition) -> Iterator[date]:
    for first, end in position.details.get("days", ()):
        yield from days.between(date.fromisoformat(first), date.fromisoformat(end))


@transaction.atomic
def _remember(account_id: int, day: date) -> None:
    """The day is among those that were read."""
    accounts.hold(account_id=account_id)
    FeedPosition.objects.bulk_create([FeedPosition(account_id=account_id, region="", feed=FEED)], ignore_conflicts=True)
    position = FeedPosition.objects.select_for_update().get(account_id=account_id, region="", feed=FEED)
    read = sorted({*_remembered(position), day})
    firsts = [each for each in read if each - timedelta(1) not in set(read)]
    ends = [each + timedelta(1) for each in read if each + timedelta(1) not in set(read)]
    position.details = {"days": [[str(first), str(end)] for first, end in zip(firsts, ends, strict=True)]}
    position.newest_at = days.instant(days.opening(ends[-1]))
    position.save(update_fields=["details", "newest_at"])


@transaction.atomic
def _extend(account_id: int, read_now: Collection[date], now: datetime) -> datetime:
    """The account alone is metered as far back as every day was read; its instances and days are marked."""
    row = CloudAccount.objects.select_for_update(no_key=True).filter(pk=account_id).first()
    if row is None:
        raise accounts.Gone(account_id)
    begun = days.second_of(row.metered_from)
    read = _days_read(account_id) | set(read_now)
    first = days.day_of(begun)
    if first not in read and begun > days.opening(first):
        return row.metered_from  # what lies between the days read and the metering is not known
    while first - timedelta(1) in read:
        first -= timedelta(1)
    since = min(days.instant(days.opening(first)), row.metered_from)
    if since < row.metered_from:
        CloudAccount.objects.filter(pk=account_id).update(metered_from=since)
        execute(
            "UPDATE cloudigrade_instance SET runs_dirty_from = least(runs_dirty_from, %s) WHERE account_id = %s",
            [since, account_id],
        )
    usage.mark_unanswered(as_of=now, customer_id=row.customer_id)
    return since
