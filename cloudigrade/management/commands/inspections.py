"""`cloudigrade inspections`: how far looking into images is, and looking into them once more."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

import msgspec
from django.core.management.base import CommandError, CommandParser

from cloudigrade.clouds.aws import keys
from cloudigrade.domain.inspection import State
from cloudigrade.management import arguments, base, confirmation
from cloudigrade.management.output import as_json
from cloudigrade.management.tables import table
from cloudigrade.services import inspections_listing
from cloudigrade.services.inspections_listing import Entry, Filter

BAD_USAGE = 2


class Command(base.Command):
    """Lists and shows inspections, and has images looked into once more."""

    help = "list and show how far looking into images is, or look into them once more"
    database: ClassVar[base.Database | None] = "existing"

    def add_arguments(self, parser: CommandParser) -> None:
        """What is to be done, and with which images."""
        parser.description = (
            "Images whose codes, names and tags do not tell whether they are RHEL are looked into. An error keeps its"
            " reason; retry looks into the image once more. Exit status: 0; 2 bad usage."
        )
        actions = parser.add_subparsers(dest="action", required=True, metavar="list|show|retry")
        listed = actions.add_parser("list", help="how far each image is, the one that changed last first")
        listed.add_argument(
            "--limit", type=arguments.number, default=200, metavar="N", help="at most so many (default: 200)"
        )
        shown = actions.add_parser("show", help="one image with all that was found on it")
        shown.add_argument("images", nargs=1, type=arguments.name, metavar="IMAGE", help="its id in its cloud")
        retried = actions.add_parser("retry", help="look into images once more")
        retried.add_argument("images", nargs="*", type=arguments.name, metavar="IMAGE", help="ids in their cloud")
        retried.add_argument("--all", action="store_true", help="all images, or all that the filters leave")
        confirmation.add_arguments(retried)
        for each in (listed, retried):
            _add_filters(each)
        for each in (listed, shown, retried):
            arguments.add_format(each)
            arguments.add_data(each)

    def validate(self, options: Mapping[str, Any]) -> None:
        """Images are named or all are meant, and somebody can be asked."""
        if options["action"] != "retry":
            return
        if bool(options["images"]) == options["all"]:
            raise CommandError("name images by their ids, or say --all", returncode=BAD_USAGE)
        if options["all"]:
            confirmation.check(options)

    def handle(self, *_: Any, **options: Any) -> None:
        """The action is done."""
        match options["action"]:
            case "list":
                _write(inspections_listing.entries(_filter(options), limit=options["limit"]), options)
            case "show":
                _show(options)
            case "retry":
                _retry(options)


def _add_filters(parser: argparse.ArgumentParser) -> None:
    states = [state.value for state in State]
    parser.add_argument("--state", action="append", default=[], choices=states, help="only in this state; repeatable")
    parser.add_argument("--customer", default="", metavar="ORG_ID", type=arguments.name, help="only of this customer")


def _filter(options: Mapping[str, Any]) -> Filter:
    return Filter(options.get("images") or (), options.get("state") or (), options.get("customer", ""))


def _chosen(options: Mapping[str, Any]) -> list[Entry]:
    """The images that are meant; raises a CommandError for one that nobody looks into."""
    found = inspections_listing.entries(_filter(options))
    missing = sorted({*options["images"]} - {entry.image for entry in found})
    if missing:
        raise CommandError(f"no inspection of {', '.join(missing)[:1000]}", returncode=BAD_USAGE)
    return found


def _show(options: Mapping[str, Any]) -> None:
    found = _chosen(options)
    contents = [inspections_listing.findings(image_id=entry.image_id) for entry in found]
    if options["format"] == "json":
        shown = [
            {**entry._asdict(), "findings": content or None} for entry, content in zip(found, contents, strict=True)
        ]
        sys.stdout.write(as_json(shown))
        return
    for entry, content in zip(found, contents, strict=True):
        facts = {name: value for name, value in entry._asdict().items() if value not in ("", None)}
        sys.stdout.write("".join(f"{name + ':':<15}{keys.printable(str(value))}\n" for name, value in facts.items()))
        sys.stdout.write(f"\n{_readable(content)}\n" if content else "")


def _retry(options: Mapping[str, Any]) -> None:
    found = _chosen(options)
    if not found:
        sys.stderr.write("no image is meant\n")
        return
    question = f"{_images(len(found))} to be looked into once more"
    if options["dry_run"]:
        _write(found, options)
        sys.stderr.write(f"{question}\n")
        return
    if options["all"] and not confirmation.is_given(f"{question}. Go on?", options):
        return
    now = datetime.now(UTC)  # noqa: TID251 - a command may look at the clock
    inspections_listing.retry(image_ids=[entry.image_id for entry in found], now=now)
    _write(inspections_listing.entries(Filter([entry.image for entry in found])), options)


def _images(count: int) -> str:
    return "1 image" if count == 1 else f"{count} images"


def _write(found: Sequence[Entry], options: Mapping[str, Any]) -> None:
    if options["format"] == "json":
        sys.stdout.write(as_json(found))
    elif found:
        rows = [(e.image, e.region, e.state, e.path or e.basis, e.attempts, _time(e.due_at), e.reason) for e in found]
        sys.stdout.write(table(("image", "region", "state", "by", "attempts", "due", "reason"), rows))
    else:
        sys.stdout.write("No image is looked into.\n")


def _readable(content: str) -> str:
    return "\n".join(map(keys.printable, msgspec.json.format(content).split("\n")))


def _time(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%SZ}" if moment else ""
