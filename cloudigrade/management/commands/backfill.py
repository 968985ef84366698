"""`cloudigrade backfill`: an account's log files of the past, read into the store."""

import argparse
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from django.core.management.base import CommandError, CommandParser

from cloudigrade.clouds.protocol import CustomerProblem, Unavailable
from cloudigrade.domain import days
from cloudigrade.management import arguments, base, progress
from cloudigrade.models import CloudAccount
from cloudigrade.services import runs, usage
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
            "Exit status: 0; 1 the cloud does not answer or refuses; 2 bad usage; 3 no log file is there."
        )
        parser.add_argument("account", metavar="ACCOUNT", help="id of the account in its cloud")
        parser.add_argument(
            "--since", required=True, metavar="DATE", type=arguments.day, help="first day (UTC), YYYY-MM-DD"
        )
        parser.add_argument(
            "--until", metavar="DATE", type=arguments.day,
            help="day after the last one (default: the day after that from which the account is metered)",
        )  # fmt: skip
        parser.add_argument("--customer", metavar="ORG_ID", help="whose account, where two claim it")
        parser.add_argument("--dry-run", action="store_true", help="say how much there is to read, and read nothing")
        parser.add_argument("--data", metavar="DIR", type=Path, help="data folder of the installation")

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
        if not (row.is_verified and row.details):
            raise CommandError(f"account {row.native_id} is not connected, so its log files cannot be read")
        since: date = options["since"]
        end = options["until"] or default_end(account_id=row.pk, first=since, now=now)
        backfill = Backfill(row.pk, first=since, end=end)
        try:
            if options["dry_run"]:
                found = backfill.survey()
                size = f", {found.size:,} bytes" if found.size else ""
                self.stdout.write(f"{found.files} log files to read{size}, {_period(backfill)}")
                return
            self._read(backfill, row, now)
        except Unavailable as problem:
            raise CommandError(f"{problem} (run it again later: it goes on where it was)") from problem
        except CustomerProblem as problem:
            raise CommandError(str(problem)) from problem

    def _read(self, backfill: Backfill, row: CloudAccount, now: datetime) -> None:
        read = _days(backfill, now)
        if read and not backfill.listed:
            reason = f"no log file of account {row.native_id} is there, {_period(backfill)}"
            raise CommandError(reason, returncode=NOTHING_THERE)
        since = backfill.finish(now=now)
        missing = _proven(row.pk, backfill.first, now)
        runs.recalculate_all(as_of=now, customer_id=row.customer_id)
        usage.recalculate_all(as_of=now, customer_id=row.customer_id)
        self.stdout.write(
            f"{sum(day.files for day in read)} log files read, {sum(day.new for day in read)} records new,"
            f" {sum(day.rejected for day in read)} rejected, {_period(backfill)}"
        )
        self.stdout.write(f"account {row.native_id} is metered from {since:%Y-%m-%d %H:%M} on")
        if since > days.instant(days.opening(backfill.end)):
            self.stdout.write(f"what lies between {backfill.end} and then was not read: name a later --until")
        elif since > days.instant(days.opening(backfill.first)):
            self.stdout.write("no log file is there of the days before")
        if missing:
            self.stdout.write(f"{missing} log files that digests name are missing: see cloudigrade accounts status")


def _account(native_id: str, org_id: str | None) -> CloudAccount:
    found = CloudAccount.objects.filter(native_id=native_id).exclude(wanted="deleted").order_by("-is_verified", "pk")
    if org_id:
        found = found.filter(customer__org_id=org_id)
    accounts = list(found[:2])
    if not accounts:
        raise CommandError(f"no account {native_id}; see cloudigrade accounts list", returncode=BAD_USAGE)
    if len(accounts) > 1 and accounts[0].is_verified == accounts[1].is_verified:
        raise CommandError(
            f"account {native_id} is of several customers; name one with --customer", returncode=BAD_USAGE
        )
    return accounts[0]


def _period(backfill: Backfill) -> str:
    return f"{backfill.first} to {backfill.end - timedelta(1)}"


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
