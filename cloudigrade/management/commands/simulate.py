"""`cloudigrade simulate`: a made-up fleet, written as real log files with the truth beside them."""

from argparse import ArgumentTypeError
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from cloudigrade.management import arguments, base, progress
from cloudigrade.simulator import faults, write
from cloudigrade.simulator.plan import Plan, Refused

_USAGE = 2


class Command(base.Command):
    """The simulator at the command line."""

    help = "write a made-up fleet as CloudTrail files and describe output, with truth.json beside them"

    def add_arguments(self, parser: CommandParser) -> None:
        """Every option of the simulator, with its default."""
        parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write; empty or new")
        parser.add_argument("--seed", type=int, default=1, metavar="N", help="same seed, same files (default: 1)")
        parser.add_argument("--days", type=int, default=30, metavar="N", help="days to simulate (default: 30)")
        parser.add_argument("--customers", type=int, default=2, metavar="N", help="customers (default: 2)")
        parser.add_argument(
            "--instances",
            type=int,
            default=50,
            metavar="N",
            help="instances of each customer, at one time at most (default: 50)",
        )
        parser.add_argument(
            "--until",
            type=arguments.day,
            default=None,
            metavar="DATE",
            help="end of the last day, exclusive: YYYY-MM-DD (default: today, UTC)",
        )
        parser.add_argument(
            "--faults",
            type=_faults,
            default=frozenset(),
            metavar="LIST",
            help=f"comma-separated: {', '.join(sorted(faults.ALL))}; or all, or none (default: none)",
        )

    def handle(self, *_args: object, **options: Any) -> None:
        """The fleet stands in the folder, or one line says why not."""
        try:
            summary = _written(options["out"], _plan(options))
        except Refused as refusal:
            raise CommandError(str(refusal), returncode=_USAGE) from refusal
        except OSError as error:
            raise CommandError(f"cannot write {options['out']}: {error.strerror}", returncode=_USAGE) from error
        for customer in summary.customers:
            self.stdout.write(f"customer {customer.org_id}: accounts {', '.join(customer.accounts)}")
        self.stdout.write(f"{summary.records} records in {summary.files} log files, truth.json beside them")


def _plan(options: dict[str, Any]) -> Plan:
    return Plan(
        # A command may look at the clock; everything below it is told the date.
        until=options["until"] or datetime.now(tz=UTC).date(),  # noqa: TID251 - now() is allowed in commands
        seed=options["seed"],
        days=options["days"],
        customers=options["customers"],
        instances=options["instances"],
        faults=options["faults"],
    )


def _written(out: Path, plan: Plan) -> write.Summary:
    with progress.bar("making up a fleet") as show:
        return write.fleet(out, plan, on_progress=show)


def _faults(text: str) -> frozenset[str]:
    try:
        return faults.parse(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None
