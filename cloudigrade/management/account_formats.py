"""Cloud accounts as text for people."""

from collections.abc import Sequence
from datetime import datetime

from cloudigrade.clouds.aws import keys
from cloudigrade.clouds.cloud import Instructions, Trail
from cloudigrade.management.output import as_json
from cloudigrade.management.tables import table
from cloudigrade.services.removal import Preview
from cloudigrade.services.statuses import AccountStatus, Lag

TEMPLATES = "deploy/customer/aws"
"""Where the customers' templates lie in this repository."""


def accounts_table(accounts: Sequence[AccountStatus]) -> str:
    """A line per account."""
    if not accounts:
        return "No account is connected; cloudigrade accounts add connects one.\n"
    rows = [
        (one.native_id, one.cloud, one.state, _time(one.metered_from), _time(one.complete_until), _code(one))
        for one in accounts
    ]
    return table(("account", "cloud", "state", "metered from", "complete until", "problem"), rows)


def account_page(account: AccountStatus) -> str:
    """All that is known of one account, a line each."""
    lines = {
        "account": account.native_id,
        "cloud": account.cloud,
        "customer": account.customer,
        "state": account.state,
        "problem": _problem(account),
        "role": account.credentials,
        "next role": account.next_credentials,
        "external id": account.external_id,
        **_trail(account.trail),
        "instances": str(account.instances),
        "metered from": _time(account.metered_from),
        "enabled at": _time(account.enabled_at),
        "checked at": _time(account.checked_at),
        "swept at": _time(account.swept_at),
        "complete until": _time(account.complete_until),
        "gaps": str(account.gaps.number),
        "rejected": str(account.rejected),
    }
    return "".join(f"{name + ':':<16}{keys.printable(text)}\n" for name, text in lines.items() if text)


def status_page(accounts: Sequence[AccountStatus], lag: Lag) -> str:
    """How the feeds of each account stand, then how far behind all reading is."""
    return "".join([*map(_account_status, accounts), _lag_line(lag)])


def instructions_page(given: Instructions, *, environment: str, command: str) -> str:
    """What a customer needs to let us in, and what comes next."""
    return (
        f"An account is metered through a role that lets us in. What the role is made of:\n\n"
        f"  TrustedAccountId   {given.principal}   our account\n"
        f"  ExternalId         {given.external_id}   yours alone: the role must demand it\n"
        f"  Environment        {environment}   name of this installation\n\n"
        f"Create it in the account that is to be metered, by one of these ({TEMPLATES}/README.md):\n\n"
        f"  in the console     {given.launch_link}\n"
        f"  by CloudFormation  {TEMPLATES}/cloudformation.yaml\n"
        f"  by Terraform       {TEMPLATES}/terraform\n"
        f"  by hand            with these two policies\n\n"
        f"Trust policy of the role:\n\n{as_json(given.trust_policy)}\n"
        f"Policy of the role:\n\n{as_json(given.policy)}\n"
        f"Then name the role, and it is verified and metering starts:\n\n  {command}\n"
    )


def removal_line(native_id: str, gone: Preview) -> str:
    """What the deletion of an account takes along."""
    return (
        f"account {native_id} is disconnected and deleted with {gone.instances} instance(s), {gone.events} event(s)"
        f" and {gone.runs} run(s), and {gone.days} day(s) are answered anew without them"
    )


def _account_status(account: AccountStatus) -> str:
    rows = [
        (feed.region, feed.feed, _time(feed.newest_at), _time(feed.proven_until), feed.problem)
        for feed in account.feeds
    ]
    feeds = table(("region", "feed", "read to", "proven until", "problem"), rows) if rows else ""
    return f"{_headline(account)}\n{feeds}\n"


def _headline(account: AccountStatus) -> str:
    parts = [f"Account {account.native_id}: {account.state}, metered from {_time(account.metered_from)}"]
    if account.problem:
        parts.append(f"  problem: {_problem(account)}")
    until = _time(account.complete_until)
    parts.append(f"  complete until {until}" if until else "  how complete it is is not proven yet")
    if account.gaps.number:
        first = account.gaps
        parts.append(f"  {first.number} gap(s), the first at {_time(first.first_at)} in {first.region}: {first.reason}")
    if account.rejected:
        parts.append(f"  {account.rejected} record(s), message(s) or file(s) rejected; see cloudigrade quarantine list")
    return "\n".join(map(keys.printable, parts))


def _code(account: AccountStatus) -> str:
    """The code of the problem, and which role it is about."""
    return f"{account.problem_code} ({account.problem_of})" if account.problem_of else account.problem_code


def _problem(account: AccountStatus) -> str:
    return f"of the {account.problem_of}: {account.problem}" if account.problem_of else account.problem


def _trail(trail: Trail | None) -> dict[str, str]:
    if trail is None:
        return {}
    origin = "ours" if trail.is_ours else "adopted: it was there before us"
    return {"trail": f"{trail.name} ({origin})", "bucket": trail.bucket}


def _lag_line(lag: Lag) -> str:
    ages = {
        "newest event": lag.newest_event,
        "oldest unread message": lag.oldest_message,
        "oldest sweep": lag.last_sweep,
    }
    counts = {
        "message(s) waiting": lag.waiting,
        "dead": lag.dead,
        "gap(s)": lag.gaps,
        "rejected": lag.rejected,
    }
    known = [f"{name} {_age(seconds)} ago" for name, seconds in ages.items() if seconds is not None]
    counted = [f"{number} {name}" for name, number in counts.items()]
    return f"In all accounts of all customers: {', '.join([*known, *counted])}\n"


def _age(seconds: int) -> str:
    for name, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {name}"
    return f"{seconds} s"


def _time(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%SZ}" if moment else ""
