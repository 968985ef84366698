"""`cloudigrade accounts`: cloud accounts, connected and looked after by an operator."""

import argparse
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.db import transaction

from cloudigrade.clouds import registry
from cloudigrade.clouds.protocol import CustomerProblem, NotSetUp, Unavailable
from cloudigrade.management import account_formats as formats
from cloudigrade.management import arguments, base, confirmation
from cloudigrade.management.account_steps import Steps
from cloudigrade.management.output import as_json
from cloudigrade.models import CloudAccount
from cloudigrade.services import accounts, clouds, external_ids, onboarding, removal, statuses
from cloudigrade.services.statuses import AccountStatus

FAILED, BAD_USAGE = 1, 2


class Command(base.Command):
    """`cloudigrade accounts`."""

    help = "connect cloud accounts to be metered, and look after them"
    database: ClassVar[base.Database | None] = "existing"

    def add_arguments(self, parser: CommandParser) -> None:
        """What is to be done, and with which account."""
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        parser.description = (
            "Connects cloud accounts, so that what runs in them is metered as it happens, and looks after them.\n"
            "docs/onboarding-aws.md goes through it step by step.\n"
            "Exit status: 0; 1 the cloud refuses or does not answer; 2 bad usage."
        )
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        for name, action in _ACTIONS.items():
            chosen = actions.add_parser(name, help=action.about, description=action.about)
            action.add_arguments(chosen)
            arguments.add_customer(chosen)
            arguments.add_format(chosen)
            arguments.add_data(chosen)

    def validate(self, options: Mapping[str, Any]) -> None:
        """Somebody can be asked before anything is lost."""
        if _ACTIONS[options["action"]].is_destructive:
            confirmation.check(options)

    def handle(self, *_: object, **options: Any) -> None:
        """The action is done."""
        now = datetime.now(UTC)  # noqa: TID251 - a command may look at the clock
        try:
            _ACTIONS[options["action"]].run(options, now)
        except CustomerProblem as problem:
            raise CommandError(f"{problem.problem.sentence} ({problem})", returncode=FAILED) from problem
        except NotSetUp as problem:
            raise CommandError(str(problem), returncode=FAILED) from problem
        except Unavailable as problem:
            raise CommandError(f"{problem} (try again later)", returncode=FAILED) from problem


class _Action:
    """One of the things that can be done."""

    def __init__(
        self,
        run: Callable[[Mapping[str, Any], datetime], None],
        about: str,
        add_arguments: Callable[[CommandParser], None],
        *,
        is_destructive: bool = False,
    ) -> None:
        self.run = run
        self.about = about
        self.is_destructive = is_destructive
        self._add_arguments = add_arguments

    def add_arguments(self, parser: CommandParser) -> None:
        """Its own options, and those that whatever loses something has."""
        self._add_arguments(parser)
        if self.is_destructive:
            confirmation.add_arguments(parser)


# What is only shown


def _list(options: Mapping[str, Any], _: datetime) -> None:
    found = _statuses_of(options)
    sys.stdout.write(as_json(found) if _is_json(options) else formats.accounts_table(found))


def _show(options: Mapping[str, Any], _: datetime) -> None:
    _show_account(_account(options), options)


def _status(options: Mapping[str, Any], now: datetime) -> None:
    found = statuses.statuses(account_ids=[_account(options)]) if options["account"] else _statuses_of(options)
    lag = statuses.lag(now=now)
    shown = as_json({"accounts": found, "lag": lag}) if _is_json(options) else formats.status_page(found, lag)
    sys.stdout.write(shown)


# What changes something


def _add(options: Mapping[str, Any], now: datetime) -> None:
    role = options["arn"]
    if role is None:
        role = _role_after_instructions(options, now)
        if not role:
            return
    with transaction.atomic():  # a role that cannot be leaves no customer behind
        customer_id = accounts.ensure_customer(org_id=options["customer"], now=now)
        account_id = onboarding.claim(customer_id=customer_id, cloud=options["cloud"], credentials=role, now=now)
    state = _known(account_id).state
    if state in ("disabled", "paused"):
        native_id = _known(account_id).native_id
        way = "enable" if state == "disabled" else "unpause"
        raise CommandError(
            f"account {native_id} is there and {state}; cloudigrade accounts {way} {native_id} starts it again"
        )
    steps = Steps(now)
    steps.start(steps.connect(account_id))
    _show_account(account_id, options)


def _role_after_instructions(options: Mapping[str, Any], now: datetime) -> str:
    """The role that the person at the terminal made by the instructions; empty where there is none to ask."""
    customer_id = accounts.ensure_customer(org_id=options["customer"], now=now)
    word = external_ids.for_customer(customer_id=customer_id, now=now)
    given = clouds.get(options["cloud"]).instructions(external_id=word, partition=options["partition"])
    if _is_json(options):
        sys.stdout.write(as_json(given))
        return ""
    command = _command("add", options, "--arn", "ARN")
    sys.stdout.write(formats.instructions_page(given, environment=settings.CLOUDIGRADE_ENVIRONMENT, command=command))
    sys.stdout.flush()
    return input("\nARN of the role (empty: later): ").strip() if sys.stdin.isatty() else ""


def _verify(options: Mapping[str, Any], now: datetime) -> None:
    account_id = _account(options)
    known, steps = _known(account_id), Steps(now)
    if known.state in ("disabled", "paused", "deleting", "files"):
        raise CommandError(f"account {known.native_id} is {_words(known)}, so there is nothing to verify")
    if known.state == "enabled" and not known.next_credentials:
        steps.check(account_id)
    else:
        account_id = steps.connect(account_id)
        steps.start(account_id)
    _show_account(account_id, options)


def _enable(options: Mapping[str, Any], now: datetime) -> None:
    _begin(options, now, onboarding.enable)


def _unpause(options: Mapping[str, Any], now: datetime) -> None:
    _begin(options, now, onboarding.unpause)


def _begin(options: Mapping[str, Any], now: datetime, wish: Callable[..., None]) -> None:
    account_id, steps = _account(options), Steps(now)
    wish(account_id=account_id, now=now)
    steps.connect(account_id)
    known = _known(account_id)
    if known.state == "enabled":
        steps.start(account_id)
    elif known.state in ("disabled", "paused"):
        way = "enable" if known.state == "disabled" else "unpause"
        sys.stderr.write(f"it is {known.state} as well: cloudigrade accounts {way} {known.native_id} starts it\n")
    _show_account(account_id, options)


def _disable(options: Mapping[str, Any], now: datetime) -> None:
    _end(options, now, onboarding.disable)


def _pause(options: Mapping[str, Any], now: datetime) -> None:
    _end(options, now, onboarding.pause)


def _end(options: Mapping[str, Any], now: datetime, wish: Callable[..., None]) -> None:
    account_id, steps = _account(options), Steps(now)
    native_id = _known(account_id).native_id
    if not _is_wanted(f"account {native_id} is disconnected, and what runs in it does not count from now on", options):
        return
    wish(account_id=account_id, now=now)
    steps.disconnect(account_id)
    steps.recalculate(account_id)
    _show_account(account_id, options)


def _delete(options: Mapping[str, Any], now: datetime) -> None:
    account_id, steps = _account(options), Steps(now)
    native_id, customer_id = _known(account_id).native_id, CloudAccount.objects.get(pk=account_id).customer_id
    gone = removal.preview(account_id=account_id, now=now)
    if not _is_wanted(formats.removal_line(native_id, gone), options):
        return
    onboarding.delete(account_id=account_id, now=now)
    steps.remove(account_id)
    steps.recalculate_customer(customer_id)
    sys.stderr.write(f"account {native_id} is deleted\n")


def _update(options: Mapping[str, Any], now: datetime) -> None:
    account_id, steps = _account(options), Steps(now)
    known = _known(account_id)
    native_id, _ = clouds.get(known.cloud).parse_credentials(options["arn"])
    is_move = native_id != known.native_id
    if is_move:
        gone = removal.preview(account_id=account_id, now=now)
        what = f"once account {native_id} is connected, {formats.removal_line(known.native_id, gone)}"
    else:
        what = f"account {native_id} is opened by {options['arn'].strip()} once that has proven to work"
    if (is_move or options["dry_run"]) and not _is_wanted(what, options):
        return
    onboarding.update(account_id=account_id, credentials=options["arn"], now=now)
    new = steps.connect(account_id)
    if new != account_id:
        steps.remove(account_id)
    if _known(new).state == "enabled":
        steps.start(new)
    _show_account(new, options)


def _is_wanted(what: str, options: Mapping[str, Any]) -> bool:
    if options["dry_run"]:
        sys.stderr.write(f"would be done: {what}\n")
    else:
        confirmation.check(options)
    return confirmation.is_given(f"{what[0].upper()}{what[1:]}. Go on?", options)


# What several need


def _statuses_of(options: Mapping[str, Any]) -> list[AccountStatus]:
    customer_id = accounts.customer_of(org_id=options["customer"])
    return statuses.statuses(customer_id=customer_id) if customer_id else []


def _account(options: Mapping[str, Any]) -> int:
    found = accounts.find(org_id=options["customer"], native_id=options["account"])
    if found is None:
        raise CommandError(
            f"customer {options['customer']} has no account {options['account']}; see"
            f" {_command('list', options)}", returncode=BAD_USAGE,
        )  # fmt: skip
    return found


def _known(account_id: int) -> AccountStatus:
    return statuses.statuses(account_ids=[account_id])[0]


def _show_account(account_id: int, options: Mapping[str, Any]) -> None:
    found = _known(account_id)
    sys.stdout.write(as_json(found) if _is_json(options) else formats.account_page(found))


def _words(account: AccountStatus) -> str:
    return {"deleting": "being deleted", "files": "read from files alone"}.get(account.state, account.state)


def _is_json(options: Mapping[str, Any]) -> bool:
    return bool(options["format"] == "json")


def _command(action: str, options: Mapping[str, Any], *more: str) -> str:
    """A command line that goes on with the same customer and data."""
    given = [*more]
    if options["customer"] != arguments.OPERATOR:
        given += ["--customer", options["customer"]]
    if options["data"]:
        given += ["--data", str(options["data"])]
    return " ".join(["cloudigrade accounts", action, *given])


def _add_account(parser: CommandParser) -> None:
    parser.add_argument("account", metavar="ACCOUNT", type=arguments.name, help="its id in its cloud; AWS: 12 digits")


def _add_account_if_any(parser: CommandParser) -> None:
    parser.add_argument(
        "account", nargs="?", metavar="ACCOUNT", type=arguments.name, help="default: all accounts of the customer"
    )


def _add_account_and_role(parser: CommandParser) -> None:
    _add_account(parser)
    parser.add_argument(
        "--arn", required=True, metavar="ARN", type=arguments.name, help="role that is to open it, or another account"
    )
    confirmation.add_arguments(parser)  # only a move to another account asks


def _add_role(parser: CommandParser) -> None:
    parser.add_argument(
        "--arn", metavar="ARN", type=arguments.name, help="role that lets us in: verify it and start at once"
    )
    parser.add_argument("--cloud", choices=registry.names(), default="aws", help="default: aws")
    parser.add_argument(
        "--partition", choices=("aws", "aws-cn", "aws-us-gov"), default="aws", help="of AWS (default: aws)"
    )


_ACTIONS: Mapping[str, _Action] = {
    "list": _Action(_list, "the customer's accounts", lambda _: None),
    "add": _Action(_add, "say how an account is connected, then verify it and start metering", _add_role),
    "show": _Action(_show, "all that is known of an account", _add_account),
    "status": _Action(_status, "how far each feed has been read, and what is missing", _add_account_if_any),
    "verify": _Action(_verify, "ask the cloud whether the account still lets us in", _add_account),
    "pause": _Action(_pause, "stop metering for a while, as the platform does", _add_account, is_destructive=True),
    "unpause": _Action(_unpause, "meter a paused account again", _add_account),
    "disable": _Action(_disable, "stop metering and disconnect", _add_account, is_destructive=True),
    "enable": _Action(_enable, "meter a disabled account again", _add_account),
    "update": _Action(_update, "open it by another role, or take another account in its place", _add_account_and_role),
    "delete": _Action(_delete, "disconnect it and remove all that is known of it", _add_account, is_destructive=True),
}
