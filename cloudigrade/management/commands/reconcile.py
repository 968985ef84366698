"""`cloudigrade reconcile`: accounts that Sources does not know, shown and deleted."""

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from cloudigrade.management import arguments, base, confirmation
from cloudigrade.management.output import as_json
from cloudigrade.management.tables import table
from cloudigrade.redhat import sources
from cloudigrade.redhat.sources import SourcesUnavailable
from cloudigrade.services import reconciliation
from cloudigrade.services.reconciliation import Found, Missing, Refused

FAILED, BAD_USAGE = 1, 2


class Command(base.Command):
    """Asks Sources about all accounts at once."""

    help = "delete accounts that Sources does not know any more"
    database: ClassVar[base.Database | None] = "existing"

    def add_arguments(self, parser: CommandParser) -> None:
        """How far it may go."""
        parser.description = (
            "Asks Sources about the source of each account and shows those whose source is gone there; they are deleted"
            " with all that was recorded of them. Where that would be a surprising share of all accounts"
            " (DELETE_CLOUD_ACCOUNTS_NOT_IN_SOURCES_SHARE), nothing is deleted unless --force says so."
            " Exit status: 0; 1 Sources does not answer, or too many would go; 2 bad usage."
        )
        parser.add_argument("--force", action="store_true", help="delete however many they are")
        confirmation.add_arguments(parser)
        arguments.add_format(parser)
        arguments.add_data(parser)

    def validate(self, options: Mapping[str, Any]) -> None:
        """Sources can be asked, and somebody who decides."""
        platform = settings.PLATFORM
        if not platform.is_managed:
            raise CommandError("Sources manages nothing here (SOURCES_ENABLE_DATA_MANAGEMENT)", returncode=BAD_USAGE)
        if not (platform.sources_url and platform.sources_psk.get_secret_value()):
            raise CommandError("say where Sources is (SOURCES_API_BASE_URL, SOURCES_PSK)", returncode=BAD_USAGE)
        confirmation.check(options)

    def handle(self, *_: Any, **options: Any) -> None:
        """What Sources does not know has been shown, and is being deleted where that is wanted."""
        now = datetime.now(UTC)  # noqa: TID251 - a command may look at the clock
        found, unanswered = _find(now)
        sys.stdout.write(as_json(found) if options["format"] == "json" else _page(found, unanswered))
        question = f"{len(found)} account(s) and all that was recorded of them will be deleted. Go on?"
        if found and confirmation.is_given(question, options):
            _let_go(found, now, force=options["force"])
        if unanswered:
            raise CommandError(
                f"Sources did not answer for {unanswered} source(s) (try again later)", returncode=FAILED
            )


def _let_go(found: Sequence[Missing], now: datetime, *, force: bool) -> None:
    try:
        gone = reconciliation.let_go(account_ids=[each.account_id for each in found], now=now, force=force)
    except Refused as refusal:
        raise CommandError(f"{refusal}; if it is right, say --force", returncode=FAILED) from refusal
    sys.stderr.write(f"{gone} account(s) will be deleted\n")


def _find(now: datetime) -> Found:
    api = sources.connected(settings.PLATFORM)
    try:
        return reconciliation.find_missing(sources=api, now=now)
    except SourcesUnavailable as problem:
        raise CommandError(f"{problem} (try again later)", returncode=FAILED) from problem
    finally:
        api.close()


def _page(found: Sequence[Missing], unanswered: int) -> str:
    if not found and unanswered:
        return ""
    if not found:
        return "Sources knows all accounts that came from it.\n"
    rows = [
        (each.account_id, each.org_id, each.account_number, each.cloud, each.native_id, each.source_id)
        for each in found
    ]
    return table(("id", "org id", "account number", "cloud", "account", "source"), rows)
