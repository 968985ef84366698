"""What cannot be undone is asked first: at a terminal, unless `--yes` says it beforehand."""

import sys
from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandError, CommandParser

REFUSED = 2


def add_arguments(parser: CommandParser) -> None:
    """The options `--yes` and `--dry-run`."""
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")


def check(options: Mapping[str, Any]) -> None:
    """Raise a CommandError where somebody would have to be asked, and nobody is there."""
    if not (options["yes"] or options["dry_run"] or sys.stdin.isatty()):
        raise CommandError("nobody can be asked here; say --yes, or --dry-run to see first", returncode=REFUSED)


def is_given(question: str, options: Mapping[str, Any]) -> bool:
    """Whether it may be done."""
    if options["dry_run"]:
        return False
    return bool(options["yes"]) or input(f"{question} [y/N] ").strip().lower() in {"y", "yes"}
