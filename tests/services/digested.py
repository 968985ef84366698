"""A customer's connected account whose trail is a bucket in moto, with log files and digests in it."""

from datetime import timedelta
from typing import Any

import pytest

from cloudigrade.clouds.aws import log_listing, onboarding, proof
from cloudigrade.clouds.cloud import Account
from cloudigrade.models import CloudAccount, Instance
from cloudigrade.services import clouds, completeness, ingest
from cloudigrade.services.proving import Proven, Prover
from cloudigrade.simulator.digests import Delivered
from tests.builders import moment
from tests.clouds.aws.digested import Digested
from tests.services.stored import Stored

NOW = moment(48)


class _Reader:
    """Of the cloud AWS, the part that reads log files and digests."""

    name = "aws"

    def __init__(self, trail: Digested) -> None:
        self._digested = trail

    def read_files(self, account: Account, locations: Any) -> Any:
        return log_listing.read_files(self._digested.access, account, locations)

    def log_files(self, account: Account, **more: Any) -> Any:
        return log_listing.log_files(self._digested.access, account, **more)

    def trail(self, account: Account) -> Any:
        return onboarding.trail(self._digested.access, account)

    def prove(self, account: Account, positions: Any, **more: Any) -> Any:
        return proof.prove(self._digested.access, account, positions, **more)


class Connected:
    """The customer, the account and its bucket; within `tests.clouds.aws.digested.made_up`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, metered_from: float = 0, org_id: str = "11") -> None:
        self.trail = Digested()
        self.stored = Stored(org_id, metered_from=metered_from)
        self.account_id = CloudAccount.objects.get(customer=self.stored.customer_id).pk
        CloudAccount.objects.filter(pk=self.account_id).update(
            is_enabled=True,
            credentials=self.trail.account.credentials,
            external_id="id-1",
            details=self.trail.details,
        )
        monkeypatch.setattr(clouds, "get", lambda name: {"aws": _Reader(self.trail)}[name])

    def notified(self, *files: Delivered) -> None:
        """The queue told of these files."""
        for file in files:
            read = log_listing.read_files(self.trail.access, self.trail.account, [file.key])
            ingest.record_batch(
                customer_id=self.stored.customer_id,
                cloud="aws",
                feed="cloudtrail",
                batch=read,
                speaks_for=None,
                now=NOW,
            )

    def prove(self, *, at: float = 48) -> list[Proven]:
        return list(Prover(self.account_id).steps(now=moment(at)))

    def until(self) -> float | None:
        """Until when it is complete, in hours after Monday's beginning."""
        found = completeness.complete_until([self.account_id])[self.account_id]
        return None if found is None else (found - moment(0)) / timedelta(hours=1)

    def gaps(self) -> list[tuple[str, float, str]]:
        """Where each begins, in hours, and why."""
        found = completeness.gaps([self.account_id])[self.account_id]
        return [(gap.source, (gap.starts_at - moment(0)) / timedelta(hours=1), gap.reason) for gap in found]

    def instances(self) -> list[str]:
        return sorted(Instance.objects.values_list("native_id", flat=True))
