"""`cloudigrade dead-letters`: messages that were received in vain too often, and the way back."""

import sys
from collections.abc import Mapping
from typing import Any, ClassVar

from django.core.management.base import CommandError, CommandParser

from cloudigrade.clouds.cloud import QueueLength
from cloudigrade.clouds.protocol import NotSetUp, Unavailable, Unreadable
from cloudigrade.management import arguments, base, confirmation
from cloudigrade.management.output import as_json
from cloudigrade.management.tables import table
from cloudigrade.services import dead_letters

FAILED, BAD_USAGE = 1, 2


class Command(base.Command):
    """Lists dead letters and replays them."""

    help = "list or replay messages that were received in vain too often"
    database: ClassVar[base.Database | None] = "existing"

    def add_arguments(self, parser: CommandParser) -> None:
        """What is to be done, and with which queues."""
        parser.description = (
            "A message that leads to something that cannot be read just now comes again; after several times it goes to"
            " the queue's dead letters and waits there for 14 days. Once the cause is gone, replay puts it back."
            " Exit status: 0; 1 a queue does not answer; 2 bad usage."
        )
        actions = parser.add_subparsers(dest="action", required=True, metavar="list|replay")
        listed = actions.add_parser("list", help="our queues, and how much waits in them")
        arguments.add_format(listed)
        replayed = actions.add_parser("replay", help="dead letters wait in their queue again")
        replayed.add_argument("queues", nargs="*", metavar="QUEUE", type=arguments.name, help="as list names it")
        replayed.add_argument("--all", action="store_true", help="of all queues")
        confirmation.add_arguments(replayed)
        for each in (listed, replayed):
            arguments.add_data(each)

    def validate(self, options: Mapping[str, Any]) -> None:
        """Queues are named or all are meant, and somebody can be asked."""
        if options["action"] != "replay":
            return
        if bool(options["queues"]) == options["all"]:
            raise CommandError("name queues, or say --all", returncode=BAD_USAGE)
        if options["all"]:
            confirmation.check(options)

    def handle(self, *_: Any, **options: Any) -> None:
        """The action is done."""
        try:
            found = dead_letters.queues()
            if options["action"] == "list":
                _write(found, options)
            else:
                _replay(found, options)
        except NotSetUp as problem:
            raise CommandError(str(problem), returncode=FAILED) from problem
        except Unavailable as problem:
            raise CommandError(f"{problem} (try again later)", returncode=FAILED) from problem
        except Unreadable as problem:
            raise CommandError(str(problem), returncode=BAD_USAGE) from problem


def _replay(found: list[QueueLength], options: Mapping[str, Any]) -> None:
    chosen = [queue for queue in found if options["all"] or queue.name in options["queues"]]
    unknown = sorted({*options["queues"]} - {queue.name for queue in found})
    if unknown:
        raise Unreadable(f"{', '.join(unknown)}: no queue of ours")
    count = sum(queue.dead for queue in chosen)
    if options["dry_run"]:
        sys.stdout.write(f"{count} dead letter(s) would be replayed\n")
        return
    if options["all"] and not confirmation.is_given(
        f"{count} dead letter(s) wait in their queues again. Go on?", options
    ):
        return
    for queue in chosen:
        sys.stdout.write(f"{queue.name}: {dead_letters.replay(queue.name)} dead letter(s) replayed\n")


def _write(found: list[QueueLength], options: Mapping[str, Any]) -> None:
    if options["format"] == "json":
        sys.stdout.write(as_json(found))
    else:
        sys.stdout.write(table(("queue", "waiting", "dead letters"), found))
