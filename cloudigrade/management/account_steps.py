"""The steps of an account's way, done here and now: whatever is cut off is completed by the running service."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.conf import settings
from django.core.management.base import CommandError
from rich.console import Console

from cloudigrade.clouds.protocol import Unavailable
from cloudigrade.models import CloudAccount
from cloudigrade.services import accounts, onboarding, runs, schedules, sweeps, usage
from cloudigrade.services.connecting import Outcome, Result
from cloudigrade.services.schedules import Work

_SOON = 60
"""Seconds after which the running service looks again."""


class Steps:
    """Each raises a CommandError where the customer or the cloud stands in the way."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def connect(self, account_id: int) -> int:
        """The account is as it is wanted; its id, which is another's where that has taken its place."""
        return self._connected(account_id, attempts=1)

    def disconnect(self, account_id: int) -> None:
        """The account is as it is wanted; where the running service disconnects it meanwhile, that is as good."""
        self._connected(account_id, attempts=2)

    def _connected(self, account_id: int, *, attempts: int) -> int:
        with _waiting("asking the cloud"):
            outcome = onboarding.connect(account_id=account_id, now=self._now)
            while outcome.result is Result.CHANGED and (attempts := attempts - 1):
                outcome = onboarding.connect(account_id=account_id, now=self._now)
        if outcome.result is not Result.DONE:
            raise _refusal(outcome)
        return outcome.account_id

    def check(self, account_id: int) -> None:
        """The account lets us in, or it was asked a short while ago."""
        with _waiting("asking the cloud"):
            outcome = onboarding.check(account_id=account_id, now=self._now)
        if outcome.result is Result.LATER and not outcome.reason:
            sys.stderr.write("it was asked less than five minutes ago, and will be asked again\n")
        elif outcome.result is not Result.DONE:
            raise _refusal(outcome)

    def remove(self, account_id: int) -> None:
        """Nothing of an account that is wanted no more is left."""
        with _waiting("removing what was recorded"):
            outcome = onboarding.connect(account_id=account_id, now=self._now)
            while outcome.result is Result.MORE:
                outcome = onboarding.connect(account_id=account_id, now=self._now)
        if outcome.result is not Result.GONE:
            raise _refusal(outcome)

    def start(self, account_id: int) -> None:
        """What runs in the account is known and counted; where the cloud does not answer, the service sees to it."""
        try:
            with _waiting("looking at what runs in all regions"):
                swept = sweeps.sweep(account_id=account_id, now=self._now)
        except Unavailable as problem:
            sys.stderr.write(f"what runs there is looked at later: {problem}\n")
            return
        except accounts.Gone as problem:
            raise CommandError("the account has been deleted meanwhile") from problem
        if swept:
            sys.stderr.write(f"{swept.instances} instance(s) found in {swept.regions} region(s)\n")
            sys.stderr.writelines(f"{region} is left out: {why}\n" for region, why in sorted(swept.problems.items()))
        # the next one is the service's, at its own interval: it need not have been told the same as this command
        next_at = self._now + timedelta(seconds=min(settings.SWEEP_INTERVAL, _SOON))
        schedules.done(account_id=account_id, work=Work.SWEEP, next_at=next_at)
        self.recalculate(account_id)

    def recalculate(self, account_id: int) -> None:
        """What is known of the account's customer is counted."""
        self.recalculate_customer(CloudAccount.objects.get(pk=account_id).customer_id)

    def recalculate_customer(self, customer_id: int) -> None:
        """What is known of the customer is counted."""
        with _waiting("counting"):
            runs.recalculate_all(as_of=self._now, customer_id=customer_id)
            usage.recalculate_all(as_of=self._now, customer_id=customer_id)


def _refusal(outcome: Outcome) -> CommandError:
    match outcome.result:
        case Result.PROBLEM:
            return CommandError(outcome.reason)
        case Result.LATER if outcome.is_ours:
            return CommandError(outcome.reason)
        case Result.LATER:
            return CommandError(f"{outcome.reason} (the running service tries again; so does this command)")
        case Result.GONE:
            return CommandError("the account has been deleted meanwhile")
        case _:
            return CommandError("somebody else changed the account meanwhile; see how it stands, and try again")


@contextmanager
def _waiting(what: str) -> Iterator[None]:
    """A terminal shows that something goes on."""
    console = Console(stderr=True)
    if console.is_terminal:
        with console.status(what):
            yield
    else:
        yield
