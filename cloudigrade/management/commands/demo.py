"""`cloudigrade demo`: the service with a made-up fleet in it, a customer's answer, and the way to ask for it."""

import argparse
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from cloudigrade.domain import days
from cloudigrade.management import base, claims, demonstration, progress, service
from cloudigrade.management.commands import up
from cloudigrade.management.demonstration import Demo, Question
from cloudigrade.management.processes import Processes
from cloudigrade.models import ConcurrentUsage
from cloudigrade.simulator import places, write
from cloudigrade.simulator.plan import Plan, Refused

CUSTOMERS = 2
_PATIENCE = 300.0
"""Seconds without any progress after which something must be wrong."""


class Command(base.Command):
    """The demonstration at the command line."""

    help = "meter a made-up fleet, print a customer's answer, and serve it"
    database: ClassVar[base.Database | None] = "existing"
    variables: ClassVar[Mapping[str, str]] = service.VARIABLES
    _listeners: service.Listeners

    def add_arguments(self, parser: CommandParser) -> None:
        """How large it is, where it is kept and whether it stays."""
        parser.add_argument(
            "--data",
            type=Path,
            default=Path(".demo"),
            metavar="DIR",
            help="folder to keep it in: a new one, or that of an earlier demonstration (default: .demo)",
        )
        up.add_ports(parser)
        parser.add_argument(
            "--days", type=_within(demonstration.MOST_DAYS), default=30, metavar="N", help="default: 30"
        )
        parser.add_argument("--seed", type=int, default=1, metavar="N", help="same seed, same fleet (default: 1)")
        parser.add_argument(
            "--instances",
            type=_within(10_000),
            default=50,
            metavar="N",
            help="instances of each customer, at one time at most (default: 50)",
        )
        parser.add_argument("--once", action="store_true", help="end after printing")

    def validate(self, options: Mapping[str, Any]) -> None:
        """The data folder is a demonstration's, and it and the ports are ours."""
        service.stop_on_signals()
        folder = options["data"].absolute()
        demonstration.claim_mark(folder)
        claims.claim_folder(folder)
        self._listeners = up.claim_ports(options)

    def handle(self, *_: object, **options: Any) -> None:
        """The fleet has been metered and shown, and served until a signal ended it."""
        now = datetime.now(tz=UTC)  # noqa: TID251 - a command may look at the clock
        plan = _plan(options, now)
        fleet = places.customers(seed=plan.seed, count=CUSTOMERS)
        wanted = Demo(plan.seed, plan.days, plan.instances, plan.until, tuple(one.org_id for one in fleet))
        demonstration.prepare(settings.DATA_FOLDER, wanted)
        with (
            service.running(self._listeners, self.stderr.write) as processes,
            tempfile.TemporaryDirectory(prefix="cloudigrade-demo-") as folder,
        ):
            up.announce(self.stdout.write, self._listeners)
            _meter(Path(folder) / "fleet", plan, now, processes)
            self._show(_answered(processes, plan, self._listeners.public.getsockname()[1], wanted.customers))
            if options["once"]:
                self.stdout.write("It answers only while the demonstration serves, without --once or DEMO_SERVE=0.")
                return
            self.stdout.write("Serving until Ctrl-C.")
            self.stdout.flush()
            service.serve(processes)

    def _show(self, shown: tuple[Question, bytes]) -> None:
        question, body = shown
        self.stdout.write(
            f"\nThe most RHEL instances that customer {question.org_id} ran at one time under subscriptions of"
            f" their own, each UTC day\n(architectures peak at different times, so their numbers need not add up):"
            f"\n\n{demonstration.table(body)}\n\nThe same from the API:\n\n{question.curl()}\n"
        )
        self.stdout.flush()


def _plan(options: Mapping[str, Any], now: datetime) -> Plan:
    try:
        return Plan(
            until=now.date(),
            seed=options["seed"],
            days=options["days"],
            customers=CUSTOMERS,
            instances=options["instances"],
        )
    except Refused as refusal:
        raise CommandError(str(refusal), returncode=2) from refusal


def _meter(folder: Path, plan: Plan, now: datetime, processes: Processes) -> None:
    """The fleet is made up, and all that is known of it is in the store."""
    with progress.bar("making up a fleet") as show:
        summary = write.fleet(folder, plan, on_progress=show)
    since = days.instant(plan.window.start)
    with progress.bar("reading its log files") as show:
        done = 0
        for customer in summary.customers:
            for files in demonstration.record(folder, customer, since=since, now=now):
                processes.check()
                done += files
                show(done, summary.files)


def _answered(processes: Processes, plan: Plan, port: int, org_ids: tuple[str, ...]) -> tuple[Question, bytes]:
    """The first customer's question and answer, once nothing more is to be calculated and all get one."""
    first = days.day_of(plan.window.start)
    questions = [Question(port, org_id, first, plan.until) for org_id in org_ids]
    deadline = time.monotonic() + _PATIENCE
    with progress.bar("calculating days") as show:
        while True:
            processes.check()
            show(ConcurrentUsage.objects.filter(customer__org_id__in=org_ids).count(), plan.days * len(org_ids))
            if demonstration.is_calculated(org_ids, plan.until):
                answers = [question.ask() for question in questions]
                if all(answer.status == 200 for answer in answers):  # noqa: PLR2004 - HTTP's own number
                    return questions[0], answers[0].body
            if time.monotonic() > deadline:
                raise CommandError(f"the API does not answer for all days; see {settings.DATA_FOLDER / 'log'}")
            time.sleep(service.PAUSE)


def _within(most: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not text.isdecimal() or not 1 <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {most}")
        return int(text)

    return number
