"""`cloudigrade quarantine`: what could not be read, to be looked at, read again or given up."""

import argparse
import contextlib
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

import msgspec
from django.core.management.base import CommandError, CommandParser

from cloudigrade.clouds.aws import keys
from cloudigrade.management import arguments, base, confirmation
from cloudigrade.management.output import as_json
from cloudigrade.management.tables import table
from cloudigrade.services import quarantine
from cloudigrade.services.quarantine import Entry, Filter, Replayed

FAILED, BAD_USAGE = 1, 2


class Command(base.Command):
    """Lists, shows, replays and drops entries of the quarantine."""

    help = "list, show, replay or drop what could not be read"
    database: ClassVar[base.Database | None] = "existing"

    def add_arguments(self, parser: CommandParser) -> None:
        """What is to be done, and with which entries."""
        parser.description = (
            "What could not be read is kept with the reason. Once the cause is gone (a file came back, a newer version"
            " understands the record), replay reads it again. Exit status: 0; 1 something still cannot be read; 2 bad"
            " usage."
        )
        actions = parser.add_subparsers(dest="action", required=True, metavar="list|show|replay|drop")
        listed = actions.add_parser("list", help="what is in quarantine, oldest first")
        _add_filters(listed)
        listed.add_argument(
            "--limit", type=arguments.number, default=200, metavar="N", help="at most so many (default: 200)"
        )
        shown = actions.add_parser("show", help="one entry with all that is kept of it")
        shown.add_argument("ids", nargs=1, type=arguments.number, metavar="ID")
        replayed = actions.add_parser("replay", help="read entries again; those that can be read now leave")
        dropped = actions.add_parser("drop", help="give entries up: what they say is lost")
        for chosen in (replayed, dropped):
            chosen.add_argument("ids", nargs="*", type=arguments.number, metavar="ID", help="which entries")
            chosen.add_argument("--all", action="store_true", help="all entries, or all that the filters leave")
            _add_filters(chosen)
            confirmation.add_arguments(chosen)
        for each in (listed, shown, replayed, dropped):
            arguments.add_format(each)
            arguments.add_data(each)

    def validate(self, options: Mapping[str, Any]) -> None:
        """Entries are named or all are meant, and somebody can be asked."""
        if options["action"] not in ("replay", "drop"):
            return
        if bool(options["ids"]) == options["all"]:
            raise CommandError("name entries by their ids, or say --all", returncode=BAD_USAGE)
        if options["action"] == "drop" or options["all"]:
            confirmation.check(options)

    def handle(self, *_: Any, **options: Any) -> None:
        """The action is done."""
        match options["action"]:
            case "list":
                _write(quarantine.entries(_filter(options), limit=options["limit"]), options)
            case "show":
                _show(options)
            case "replay":
                _replay(options)
            case "drop":
                _drop(options)


def _add_filters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--customer", default="", metavar="ORG_ID", type=arguments.name, help="only of this customer")
    parser.add_argument("--account", default="", metavar="ID", type=arguments.name, help="only of this cloud account")
    parser.add_argument(
        "--feed", default="", metavar="FEED", type=arguments.name, help="only of this feed: cloudtrail, message, ..."
    )


def _filter(options: Mapping[str, Any]) -> Filter:
    return Filter(options.get("ids") or None, options["customer"], options["account"], options["feed"])


def _chosen(options: Mapping[str, Any]) -> list[Entry]:
    """The entries that are meant; raises a CommandError for one that is not there."""
    found = quarantine.entries(_filter(options))
    missing = sorted({*options["ids"]} - {entry.id for entry in found})
    if missing:
        raise CommandError(f"no entry {', '.join(map(str, missing))}", returncode=BAD_USAGE)
    return found


def _show(options: Mapping[str, Any]) -> None:
    found = quarantine.entries(Filter(options["ids"]))
    if not found:
        raise CommandError(f"no entry {options['ids'][0]}", returncode=BAD_USAGE)
    content = quarantine.content(found[0].id).decode("utf-8", "replace")
    if options["format"] == "json":
        _write([{**found[0]._asdict(), "content": content}], options)
        return
    facts = "".join(f"{name + ':':<12}{keys.printable(str(value))}\n" for name, value in found[0]._asdict().items())
    sys.stdout.write(f"{facts}\n{_readable(content)}\n" if content else facts)


def _replay(options: Mapping[str, Any]) -> None:
    found = _chosen(options)
    if not (found and _is_wanted(found, "read again", options)):
        return
    results = [quarantine.replay(entry_id=entry.id, now=_now()) for entry in found]
    _write(results, options)
    failed = sum(bool(result.reason) for result in results)
    if failed:
        raise CommandError(f"{failed} of {len(results)} still cannot be read", returncode=FAILED)


def _drop(options: Mapping[str, Any]) -> None:
    found = _chosen(options)
    if found and _is_wanted(found, "given up, and with them all that they say", options):
        count = quarantine.drop(ids=[entry.id for entry in found])
        sys.stderr.write(f"dropped: {_entries(count)}\n")


def _is_wanted(found: Sequence[Entry], what: str, options: Mapping[str, Any]) -> bool:
    """Whether it may be done with these; they are shown first where that is the question."""
    if options["action"] == "replay" and not (options["all"] or options["dry_run"]):
        return True
    if options["dry_run"] or not options["yes"]:
        _write(found, options)
    question = f"{_entries(len(found))} to be {what}"
    sys.stderr.write(f"{question}\n" if options["dry_run"] else "")
    return confirmation.is_given(f"{question}. Go on?", options)


def _entries(count: int) -> str:
    return "1 entry" if count == 1 else f"{count} entries"


def _write(items: Sequence[Any], options: Mapping[str, Any]) -> None:
    if options["format"] == "json":
        sys.stdout.write(as_json(items))
    elif items and isinstance(items[0], Replayed):
        sys.stdout.write(table(("id", "outcome"), ((item.id, item.reason or "recorded") for item in items)))
    elif items:
        rows = [(e.id, e.kind, e.customer, e.account, _day(e.kept_at), e.source, e.reason) for e in items]
        sys.stdout.write(table(("id", "kind", "customer", "account", "since", "source", "reason"), rows))
    else:
        sys.stdout.write("Nothing is in quarantine.\n")


def _readable(content: str) -> str:
    with contextlib.suppress(ValueError):
        content = msgspec.json.format(content)
    return "\n".join(map(keys.printable, content.split("\n")))


def _day(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d}" if moment else ""


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - a command may look at the clock
