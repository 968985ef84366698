"""Meters existing CloudTrail logs once: files in, report out."""

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from django.core.management.base import CommandError, CommandParser

from cloudigrade.clouds.aws import reading, trail
from cloudigrade.clouds.aws.descriptions import Document
from cloudigrade.clouds.protocol import Batch, CustomerProblem, Rejected, Unavailable, Unreadable
from cloudigrade.domain import days
from cloudigrade.management import arguments, output, progress
from cloudigrade.management.base import Command as Base
from cloudigrade.management.base import Database
from cloudigrade.management.report_formats import FORMATS
from cloudigrade.services import accounts, activity, report, runs, usage

CLOUD = "aws"
DESCRIPTIONS = "description"
"""Feed of the descriptions that are handed in."""
CUSTOMER = "meter"
"""Organisation id of the one customer that all accounts belong to."""

DOCUMENTS = {
    "instances": Document.INSTANCES,
    "images": Document.IMAGES,
    "instance_types": Document.INSTANCE_TYPES,
    "inspections": Document.INSPECTIONS,
}
"""Options that name files of descriptions, and what they must hold."""

BAD_USAGE, NOTHING_USABLE = 2, 3
REASONS_SHOWN = 20


class Command(Base):
    """`cloudigrade meter`."""

    help = "meter existing CloudTrail logs once and print the report"
    database: ClassVar[Database | None] = "temporary"

    def add_arguments(self, parser: CommandParser) -> None:
        """What is read, what is wanted and where it goes."""
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        parser.description = (
            "Reads AWS CloudTrail log files and prints, for each UTC day, how many RHEL instances ran at one time\n"
            "and for how long. Without --images hardly any RHEL is found, without --instance-types no vCPU.\n"
            "Exit status: 0; 1 output could not be written, or bucket or database could not be used; 2 bad usage;\n"
            "3 nothing usable was read."
        )
        given = parser.add_argument_group("what to read")
        given.add_argument(
            "--trail", action="append", required=True, metavar="PATH",
            help="a folder, a file, or s3://bucket/prefix (again for more)",
        )  # fmt: skip
        for option, what in (
            ("--instances", "output of aws ec2 describe-instances"),
            ("--images", "output of aws ec2 describe-images"),
            ("--instance-types", "output of aws ec2 describe-instance-types"),
            ("--inspections", "results of image inspections"),
        ):
            given.add_argument(option, nargs="+", action="extend", default=[], metavar="FILE", help=what)
        given.add_argument(
            "--account", nargs="+", action="extend", default=[], metavar="ID", type=arguments.aws_account,
            help="only these accounts (default: all that are found)",
        )  # fmt: skip
        wanted = parser.add_argument_group("what to report")
        wanted.add_argument(
            "--from", required=True, dest="first", metavar="DATE", type=arguments.day,
            help="first day (UTC), YYYY-MM-DD",
        )  # fmt: skip
        wanted.add_argument(
            "--to", required=True, dest="end", metavar="DATE", type=arguments.day,
            help="day after the last one; what still runs counts until then",
        )  # fmt: skip
        wanted.add_argument("--format", choices=sorted(FORMATS), default="table", help="default: table")
        wanted.add_argument("--output", metavar="FILE", type=Path, help="write it there, not to standard output")
        wanted.add_argument("--explain", action="store_true", help="add the verdict on each image with its reasons")
        parser.add_argument("--data", metavar="DIR", type=Path,
                            help="keep what was read in this folder, and extend what it holds already")  # fmt: skip

    def validate(self, options: Mapping[str, Any]) -> None:
        """Dates in order, and everything named exists and can be read."""
        if options["first"] >= options["end"]:
            dates = f"--from {options['first']} is not before --to {options['end']}"
            raise CommandError(f"{dates}, the day after the last one", returncode=BAD_USAGE)
        for kind in DOCUMENTS:
            for name in options[kind]:
                if not Path(name).exists():
                    raise CommandError(f"{name}: no such file", returncode=BAD_USAGE)
        for name in options["trail"]:
            if not name.startswith("s3://") and not Path(name).exists():
                raise CommandError(f"{name}: no such file or folder", returncode=BAD_USAGE)
        output.check(options["output"])

    def handle(self, *_: Any, **options: Any) -> None:
        """Read, record, recalculate, report."""
        as_of = days.instant(days.opening(options["end"]))
        since = days.instant(days.opening(options["first"]))
        now = datetime.now(UTC)  # noqa: TID251 - a command may look at the clock
        customer = accounts.ensure_customer(org_id=CUSTOMER, now=now)
        since = min(since, accounts.metered_since(customer_id=customer) or since)
        if options["end"] > now.date() + timedelta(1):
            sys.stderr.write(f"--to {options['end']} is in the future: what is on now counts until then\n")
        meter = _Meter(customer, since, now, frozenset(options["account"]))
        self._read(meter, options)
        meter.check()
        accounts.extend_metering(customer_id=customer, metered_from=since, as_of=as_of)
        runs.recalculate_all(as_of=as_of, customer_id=customer)
        usage.recalculate_all(as_of=as_of, customer_id=customer)
        scope = report.Scope(customer, options["first"], options["end"], as_of, tuple(sorted(set(options["account"]))))
        answer = {**report.build(scope, explain=options["explain"]), **meter.counts()}
        meter.complain(sys.stderr.write, kept=report.rejections(scope, feed=report.LOGS))
        output.write(FORMATS[options["format"]](answer), options["output"])

    def _read(self, meter: "_Meter", options: Mapping[str, Any]) -> None:
        try:
            for documents in _documents(options):
                meter.take(documents, feed=DESCRIPTIONS)
            for logs in _logs(options):
                meter.take(logs, feed=report.LOGS)
                meter.count_files(logs)
        except (Unreadable, CustomerProblem) as problem:
            raise CommandError(str(problem), returncode=BAD_USAGE) from problem
        except Unavailable as problem:
            raise CommandError(f"{problem} (try again later)", returncode=1) from problem


class _Meter:
    """What is read goes into the store and is counted on the way."""

    def __init__(self, customer_id: int, since: datetime, now: datetime, only: frozenset[str]) -> None:
        self.customer_id = customer_id
        self.since = since
        self.now = now
        self.only = only
        self.found: set[str] = set()
        self.tally: Counter[str] = Counter()
        self.rejected: list[Rejected] = []

    def take(self, batch: Batch, *, feed: str) -> None:
        """Record one batch; accounts that it is the first to name become the customer's."""
        named = _accounts_of(batch)
        wanted = {account for account in named - self.found if not self.only or account in self.only}
        self.found |= named
        if wanted:
            accounts.ensure_accounts(
                customer_id=self.customer_id, cloud=CLOUD, native_ids=wanted, metered_from=self.since, now=self.now
            )
        recorded = activity.record(customer_id=self.customer_id, cloud=CLOUD, feed=feed, batch=batch, as_of=self.now)
        self.rejected += batch.rejected
        rejected_files = _files_rejected(batch)
        self.tally.update(
            read=batch.records_read,
            relevant=batch.records_relevant - recorded.foreign,
            duplicate=recorded.duplicate,
            foreign=recorded.foreign,
            rejected=len(batch.rejected) - rejected_files,
            skipped=batch.files_skipped,
            files_rejected=rejected_files,
        )

    def count_files(self, logs: Batch) -> None:
        """Count the log files that were read; documents are none."""
        self.tally["files"] += len(logs.read_sources)

    def check(self) -> None:
        """Raise a CommandError where what was read cannot give a report."""
        if not self.tally["files"]:
            skipped = f"{self.tally['skipped']} file(s) there are something else"
            why = f"first problem: {_text(self.rejected[0])}" if self.rejected else skipped
            raise CommandError(f"no CloudTrail log file could be read; {why}", returncode=NOTHING_USABLE)
        known = self.found | accounts.known(customer_id=self.customer_id, cloud=CLOUD)
        if missing := sorted(self.only - known):
            raise CommandError(f"nothing found of account {', '.join(missing)}", returncode=BAD_USAGE)

    def counts(self) -> dict[str, dict[str, int]]:
        """What this invocation read."""
        return {
            "records": {name: self.tally[name] for name in ("read", "relevant", "duplicate", "rejected")},
            "files": {"read": self.tally["files"], "rejected": self.tally["files_rejected"]},
        }

    def complain(self, write: Any, *, kept: int) -> None:
        """Say what was passed over, and why; `kept` is how much of the logs is in quarantine by now."""
        if self.tally["skipped"]:
            write(f"{self.tally['skipped']} file(s) skipped that are no CloudTrail logs\n")
        if self.tally["foreign"]:
            write(f"{self.tally['foreign']} record(s) of other accounts passed over\n")
        for item in self.rejected[:REASONS_SHOWN]:
            write(f"rejected: {_text(item)}\n")
        if len(self.rejected) > REASONS_SHOWN:
            write(f"... and {len(self.rejected) - REASONS_SHOWN} more\n")
        if kept and not self.rejected:
            write(f"{kept} file(s) or record(s) rejected in earlier runs keep days from being complete\n")


def _documents(options: Mapping[str, Any]) -> Iterator[Batch]:
    """What the files of descriptions hold."""
    for option, kind in DOCUMENTS.items():
        if options[option]:
            yield reading.read_documents(options[option], kind)


def _logs(options: Mapping[str, Any]) -> Iterator[Batch]:
    """What the log files hold, with a progress bar where standard error is a terminal."""
    found = [source for location in options["trail"] for source in trail.sources(location)]
    with progress.bar("reading log files") as show:
        done = 0
        for batch in reading.read_trail(found):
            yield batch
            done += len(batch.read_sources) + batch.files_skipped + _files_rejected(batch)
            show(done, len(found))


def _files_rejected(batch: Batch) -> int:
    return sum(item.is_file for item in batch.rejected)


def _accounts_of(batch: Batch) -> set[str]:
    # an account whose first file cannot be read is found too, or it would be forgotten that something of it is missing
    items: Iterable[Any] = (*batch.instances, *batch.tags, *batch.described_instances, *batch.rejected)
    return batch.accounts | {item.account for item in items if item.account}


def _text(item: Rejected) -> str:
    return f"{item.source}: {item.reason}"
