"""`cloudigrade tokens`: the keys with which customers ask the API, made and taken back by an operator."""

import argparse
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar, NamedTuple

from django.core.management.base import CommandError, CommandParser

from cloudigrade.management import arguments, base, token_formats
from cloudigrade.management.output import as_json
from cloudigrade.services import accounts, tokens

FAILED, BAD_USAGE = 1, 2
DAYS = 90


class Command(base.Command):
    """`cloudigrade tokens`."""

    help = "make, list and revoke the tokens with which customers ask the API"
    database: ClassVar[base.Database | None] = "existing"

    def add_arguments(self, parser: CommandParser) -> None:
        """What is to be done, and whose token it is."""
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        parser.description = (
            "Makes, lists and revokes API tokens. A customer sends theirs as `Authorization: Bearer cgt_...`.\n"
            "A token is told once, when it is made: only its hash is kept.\n"
            "Exit status: 0; 1 there is no such token; 2 bad usage."
        )
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        for name, action in _ACTIONS.items():
            chosen = actions.add_parser(name, help=action.about, description=action.about)
            action.add_arguments(chosen)
            arguments.add_customer(chosen)
            arguments.add_data(chosen)

    def handle(self, *_: object, **options: Any) -> None:
        """The action is done."""
        _ACTIONS[options["action"]].run(options, datetime.now(UTC))  # noqa: TID251 - a command may look at the clock


class _Action(NamedTuple):
    """One of the things that can be done."""

    run: Callable[[Mapping[str, Any], datetime], None]
    about: str
    add_arguments: Callable[[CommandParser], None]


def _create(options: Mapping[str, Any], now: datetime) -> None:
    customer_id = accounts.ensure_customer(org_id=options["customer"], now=now)
    scopes = options["scope"] or ["read"]
    try:
        token = tokens.issue(
            customer_id=customer_id, name=options["name"], scopes=scopes, days=options["days"], now=now
        )
    except tokens.BadToken as mistake:
        raise CommandError(str(mistake), returncode=BAD_USAGE) from mistake
    # Alone on standard output, so that it can be piped to where it is to be kept.
    sys.stdout.write(f"{token}\n")
    sys.stdout.flush()
    sys.stderr.write(
        f"A token of customer {options['customer']} that opens {' and '.join(sorted(set(scopes)))} for"
        f" {options['days']} day(s). It is not shown again.\n"
    )


def _list(options: Mapping[str, Any], now: datetime) -> None:
    customer_id = accounts.customer_of(org_id=options["customer"])
    found = tokens.statuses(customer_id=customer_id, now=now) if customer_id else []
    sys.stdout.write(as_json(found) if options["format"] == "json" else token_formats.tokens_table(found))


def _revoke(options: Mapping[str, Any], now: datetime) -> None:
    customer_id = accounts.customer_of(org_id=options["customer"])
    if not customer_id or not tokens.revoke(customer_id=customer_id, token_id=options["token"], now=now):
        raise CommandError(
            f"customer {options['customer']} has no token {options['token']}; see cloudigrade tokens list",
            returncode=FAILED,
        )
    sys.stderr.write(f"token {options['token']} is revoked\n")


def _add_create(parser: CommandParser) -> None:
    parser.add_argument("name", metavar="NAME", type=arguments.name, help="what it is for")
    parser.add_argument(
        "--scope", action="append", choices=tokens.SCOPES, help="what it opens; may be repeated (default: read)"
    )
    parser.add_argument(
        "--days",
        type=_days,
        default=DAYS,
        metavar="N",
        help=f"until it expires, {tokens.MOST_DAYS} at most; default: {DAYS}",
    )


def _add_revoke(parser: CommandParser) -> None:
    parser.add_argument("token", metavar="ID", type=_number, help="as cloudigrade tokens list shows it")


def _days(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= tokens.MOST_DAYS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {tokens.MOST_DAYS}")
    return int(text)


def _number(text: str) -> int:
    if not text.isdecimal() or int(text) >= 1 << 63:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of a token")
    return int(text)


_ACTIONS: Mapping[str, _Action] = {
    "create": _Action(_create, "make a token and show it, once", _add_create),
    "list": _Action(_list, "the customer's tokens", arguments.add_format),
    "revoke": _Action(_revoke, "a token opens nothing any more", _add_revoke),
}
