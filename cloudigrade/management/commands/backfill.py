"""`cloudigrade backfill`: an account's log files of the past, read into the store."""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar

from django.core.management.base import CommandError, CommandParser

from cloudigrade.clouds.protocol import CustomerProblem, NotSetUp, Unavailable, Unreadable
from cloudigrade.domain import days
from cloudigrade.management import arguments, base, progress
from cloudigrade.management import backfill_formats as formats
from cloudigrade.management.backfill_formats import Done, Surveyed
from cloudigrade.management.output import as_json
from cloudigrade.models import CloudAccount
from cloudigrade.services import accounts, runs, statuses, usage
from cloudigrade.services.backfill import Backfill, DayRead, default_end
from cloudigrade.services.proving import Prover

BAD_USAGE, NOTHING_THERE = 2, 3


class Command(base.Command):
    """`cloudigrade backfill ACCOUNT --since DATE`."""

    help = "read an account's log files of the past, and meter it so far back"
    database: ClassVar[base.Database | None] = "existing"

    def add_arguments(self, parser: CommandParser) -> None:
        """Whose past, and how much of it."""
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        parser.description = (
            "Reads the log files that a connected account's trail has kept, a day at a time, and then meters the\n"
            "account from the first of these days on. Interrupted, it goes on where it was; run again, it changes\n"
            "nothing, except that what was missing then is read.\n"
            "Exit status: 0; 1 the cloud does not answer or refuses; 2 bad usage; 3 no log file is there.\n"
            "--dry-run ends with the status of a real run, as far as listing the files can tell."
        )
        parser.add_argument("account", metavar="ACCOUNT", type=arguments.name, help="id of the account in its cloud")
        parser.add_argument(
            "--since", required=True, metavar="DATE", type=arguments.day, help="first day (UTC), YYYY-MM-DD"
        )
        parser.add_argument(
            "--until", metavar="DATE", type=arguments.day,
            help="day after the last one (default: the day after that from which the account is metered)",
        )  # fmt: skip
        parser.add_argument(
            "--customer", metavar="ORG_ID", type=arguments.name, help="whose account, where two claim it"
        )
        parser.add_argument("--dry-run", action="store_true", help="say how much there is to read, and read nothing")
        arguments.add_format(parser, ("text", "json"))
        arguments.add_data(parser)

    def validate(self, options: Mapping[str, Any]) -> None:
        """The dates are in order and not in the future."""
        today = datetime.now(UTC).date()  # noqa: TID251 - a command may look at the clock
        if options["since"] > today:
            raise CommandError(f"--since {options['since']} is in the future", returncode=BAD_USAGE)
        until = options["until"]
        if until and until <= options["since"]:
            reason = f"--since {options['since']} is not before --until {until}, the day after the last one"
            raise CommandError(reason, returncode=BAD_USAGE)
        if until and until > today + timedelta(1):
            raise CommandError(f"--until {until} is in the future", returncode=BAD_USAGE)

    def handle(self, *_: object, **options: Any) -> None:
        """The days are read, the account is metered from the first of them on, and its answers are made anew."""
        now = datetime.now(UTC)  # noqa: TID251 - a command may look at the clock
        row = _account(options["account"], options["customer"])
        trail = statuses.trail_of(row)
        if not (row.is_verified and trail):
            raise CommandError(f"account {row.native_id} is not connected, so its log files cannot be read")
        with _failures_told(row.native_id, trail.bucket):
            end = options["until"] or default_end(account_id=row.pk, first=options["since"], now=now)
            work = _Work(row, trail.bucket, Backfill(row.pk, first=options["since"], end=end))
            told = work.survey() if options["dry_run"] else work.read(now)
        self.stdout.write(as_json(told) if options["format"] == "json" else formats.as_text(told), ending="")


class _Work:
    """One backfill; reading it and only asking how much it would be end alike where nothing is there."""

    def __init__(self, row: CloudAccount, bucket: str, backfill: Backfill) -> None:
        self._row = row
        self._bucket = bucket
        self._backfill = backfill

    def survey(self) -> Surveyed:
        """What there is to be read; nothing is."""
        remaining = self._backfill.remaining()
        found = self._backfill.survey()
        self._demand_files(remaining)
        return Surveyed(*self._subject(), found.files, found.size)

    def read(self, now: datetime) -> Done:
        """The days are read and metered, and the answers made anew."""
        read = _days(self._backfill, now)
        self._demand_files(read)
        since = self._backfill.finish(now=now)
        missing = _proven(self._row.pk, self._backfill.first, now)
        runs.recalculate_all(as_of=now, customer_id=self._row.customer_id)
        usage.recalculate_all(as_of=now, customer_id=self._row.customer_id)
        counts = (sum(day.files for day in read), sum(day.new for day in read), sum(day.rejected for day in read))
        return Done(*self._subject(), *counts, since, missing, sum(day.lost for day in read))

    def _demand_files(self, days: Sequence[object]) -> None:
        """Raise a CommandError where there were days to read and no file of them lies there, read before or not."""
        if days and not self._backfill.listed:
            period = formats.period(self._backfill.first, self._backfill.end)
            reason = f"no log file of account {self._row.native_id} is there in bucket {self._bucket}, {period}"
            raise CommandError(reason, returncode=NOTHING_THERE)

    def _subject(self) -> tuple[str, str, date, date]:
        return self._row.native_id, self._bucket, self._backfill.first, self._backfill.end


@contextmanager
def _failures_told(native_id: str, bucket: str) -> Iterator[None]:
    """What stands in the way ends the command in one line, which names the bucket."""

    def line(problem: Exception) -> str:
        text = str(problem)
        where = "" if bucket in text else f"the log files of account {native_id} in bucket {bucket} cannot be read: "
        return f"{where}{text}"

    try:
        yield
    except (CustomerProblem, NotSetUp) as problem:
        raise CommandError(line(problem)) from problem
    except Unavailable as problem:
        raise CommandError(f"{line(problem)} (run it again later: it goes on where it was)") from problem
    except Unreadable as problem:  # the bucket is not there any more
        raise CommandError(line(problem), returncode=NOTHING_THERE) from problem
    except accounts.Gone as problem:
        raise CommandError(f"account {native_id} has been deleted meanwhile") from problem


def _account(native_id: str, org_id: str | None) -> CloudAccount:
    found = CloudAccount.objects.filter(native_id=native_id).exclude(wanted="deleted").order_by("-is_verified", "pk")
    if org_id:
        found = found.filter(customer__org_id=org_id)
    rows = list(found[:2])
    if not rows:
        raise CommandError(f"no account {native_id}; see cloudigrade accounts list", returncode=BAD_USAGE)
    if len(rows) > 1 and rows[0].is_verified == rows[1].is_verified:
        raise CommandError(
            f"account {native_id} is of several customers; name one with --customer", returncode=BAD_USAGE
        )
    return rows[0]


def _days(backfill: Backfill, now: datetime) -> list[DayRead]:
    """Each day with what reading it came to, shown on the way."""
    read = []
    with progress.bar("reading days") as show:
        total = len(backfill.remaining())
        for day in backfill.read(now=now):
            read.append(day)
            show(len(read), total)
    return read


def _proven(account_id: int, first: date, now: datetime) -> int:
    """How many files digests of the time name that are not there."""
    with progress.bar("checking digests") as show:
        steps = []
        for step in Prover(account_id).past(since=days.opening(first), now=now):
            steps.append(step)
            show(len(steps), None)
    return sum(step.gaps for step in steps)
