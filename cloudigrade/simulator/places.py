"""Customers, their accounts and the regions they use."""

import string
from random import Random
from typing import NamedTuple

_REGIONS = ("us-east-1", "us-east-2", "us-west-2", "eu-central-1", "eu-west-1", "ap-southeast-2", "sa-east-1")


class Place(NamedTuple):
    """One account in one region: CloudTrail writes its files per place."""

    account: str
    region: str
    organization: str
    """Empty where the account has a trail of its own."""

    @property
    def prefix(self) -> str:
        """Where the account's objects begin."""
        organization = f"{self.organization}/" if self.organization else ""
        return f"AWSLogs/{organization}{self.account}"


class Customer(NamedTuple):
    """A made-up organisation with its places."""

    org_id: str
    places: tuple[Place, ...]

    @property
    def accounts(self) -> tuple[str, ...]:
        """Its account ids, sorted."""
        return tuple(sorted({place.account for place in self.places}))


def customers(*, seed: int, count: int) -> list[Customer]:
    """As many customers as asked for, no account twice; every second one has an organization trail."""
    rng = Random(f"{seed}/customers")
    org_ids = rng.sample(range(11_000_000, 19_000_000), count)
    # Half of the numbers are below 10**11, so that leading zeros are ordinary.
    accounts = iter(_account_ids(rng, 2 * count))
    return [
        _customer(rng, str(org_id), [next(accounts), next(accounts)], index) for index, org_id in enumerate(org_ids)
    ]


def _account_ids(rng: Random, count: int) -> list[str]:
    known: dict[str, None] = {}
    while len(known) < count:
        low, high = (10**9, 10**11) if len(known) % 2 == 0 else (10**11, 10**12)
        known[f"{rng.randrange(low, high):012d}"] = None
    return list(known)


def _customer(rng: Random, org_id: str, accounts: list[str], index: int) -> Customer:
    organization = "o-" + "".join(rng.choices(string.ascii_lowercase + string.digits, k=10)) if index % 2 else ""
    used = accounts if index == 0 else accounts[: rng.randint(1, 2)]
    return Customer(
        org_id,
        tuple(
            Place(account, region, organization)
            for account in used
            for region in sorted(rng.sample(_REGIONS, rng.randint(1, 3)))
        ),
    )
