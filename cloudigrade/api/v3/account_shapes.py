"""How accounts stand in, what is told of them out."""

from typing import Any

from cloudigrade.clouds.protocol import Unavailable
from cloudigrade.services import clouds
from cloudigrade.services.statuses import AccountStatus

_SAME = (
    "id",
    "cloud",
    "native_id",
    "credentials",
    "next_credentials",
    "state",
    "metered_from",
    "enabled_at",
    "checked_at",
    "swept_at",
    "complete_until",
)


def shown(account: AccountStatus) -> dict[str, Any]:
    """The account as its customer is told of it."""
    problem = {"code": account.problem_code, "detail": account.problem, "of": account.problem_of}
    return {
        **{name: getattr(account, name) for name in _SAME},
        "problem": problem if account.problem_code else None,
        "trail": account.trail._asdict() if account.trail else None,
        "instances": account.instances,
        "gap_count": account.gaps.number,
        "rejected": account.rejected,
    }


def instructions_for(account: AccountStatus) -> dict[str, Any] | None:
    """How the customer lets us in; nothing while the cloud does not say who we are there."""
    # the role may be in a part of AWS that names everything otherwise
    partition = account.credentials.split(":")[1] if account.credentials.startswith("arn:") else ""
    try:
        given = clouds.get(account.cloud).instructions(external_id=account.external_id, partition=partition)
    except Unavailable:
        return None
    return given._asdict()
