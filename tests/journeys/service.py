"""The whole service against a made-up AWS, its clock in the test's hand: what workers do again and again, done once."""

from collections.abc import Iterable
from datetime import date, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from cloudigrade.clouds import registry
from cloudigrade.clouds.aws import queues, sweeping
from cloudigrade.clouds.aws.config import Section
from cloudigrade.clouds.cloud import Cloud
from cloudigrade.domain import days
from cloudigrade.models import CloudAccount
from cloudigrade.services import (
    accounts,
    clouds,
    completeness,
    connecting,
    definitions,
    external_ids,
    ingest,
    onboarding,
    opened,
    polling,
    report,
    runs,
    sweeps,
    unknown,
    usage,
)
from cloudigrade.services.connecting import Outcome
from cloudigrade.services.proving import Proven, Prover
from tests.aws_server import Aws


class Service:
    """Everything that the tasks call, for all accounts that are connected."""

    def __init__(self, aws: Aws, monkeypatch: pytest.MonkeyPatch, *, partitions: Iterable[str] = ("aws",)) -> None:
        self.aws = aws
        self.second = 0
        for name, value in aws.variables.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_PARTITIONS", ",".join(partitions))
        self.cloud: Cloud = registry.build("aws", Section(), environment=aws.names.environment)
        monkeypatch.setattr(clouds, "get", lambda _: self.cloud)
        monkeypatch.setattr(queues, "WAIT", 0)  # nothing comes while we wait
        # when a region was looked at is the one time that clouds take themselves
        monkeypatch.setattr(sweeping, "time", SimpleNamespace(time=lambda: self.second))

    @property
    def now(self) -> datetime:
        return days.instant(self.second)

    def customer(self, org_id: str) -> int:
        return accounts.ensure_customer(org_id=org_id, now=self.now)

    def external_id(self, customer_id: int) -> str:
        return external_ids.for_customer(customer_id=customer_id, now=self.now)

    def claim(self, customer_id: int, arn: str) -> int:
        return onboarding.claim(customer_id=customer_id, cloud="aws", credentials=arn, now=self.now)

    def connect(self, account_id: int) -> Outcome:
        return connecting.connect(account_id=account_id, now=self.now)

    def let_in(self, customer_id: int, native_id: str, *, partition: str = "aws") -> int:
        """The customer has made the role as we asked for, and the account is connected."""
        word = self.external_id(customer_id)
        asked = self.cloud.instructions(external_id=word, partition=partition)
        arn = self.aws.add_role(native_id, partition=partition, external_id=word, policies=[asked.policy])
        account_id = self.claim(customer_id, arn)
        assert self.connect(account_id) == Outcome(connecting.Result.DONE, account_id)
        return account_id

    def ingest(self) -> int:
        """The number of messages that waited."""
        return sum(each.messages for each in ingest.drained(cloud=self.cloud, clock=lambda: self.now))

    def poll(self) -> int:
        """The number of files found in buckets of which no queue hears."""
        rows = [row for row in CloudAccount.objects.filter(is_enabled=True) if not row.details["is_notified"]]
        return sum(polling.poll(account_id=row.pk, clock=lambda: self.now) for row in rows)

    def sweep(self) -> None:
        for row in CloudAccount.objects.filter(is_enabled=True).order_by("native_id"):
            sweeps.record(account_id=row.pk, sweep=self.cloud.sweep(opened.account_of(row)), now=self.now)

    def describe_unknown(self) -> None:
        for question in unknown.claim(now=self.now):
            unknown.record(question=question, answer=unknown.ask(question=question), now=self.now)

    def prove(self) -> list[Proven]:
        rows = CloudAccount.objects.filter(is_enabled=True).order_by("native_id")
        return [step for row in rows for step in Prover(row.pk).steps(now=self.now)]

    def learn_sizes(self) -> None:
        definitions.record(cloud="aws", definitions=self.cloud.definitions(), as_of=self.now)

    def recalculate(self) -> None:
        usage.mark_unanswered(as_of=self.now)
        runs.recalculate_all(as_of=self.now)
        usage.recalculate_all(as_of=self.now)

    def report(self, customer_id: int, first: date, end: date) -> dict[str, Any]:
        self.recalculate()
        return report.build(report.Scope(customer_id, first, end, self.now))

    def complete_until(self, account_id: int) -> int | None:
        """In seconds since 1970."""
        found = completeness.complete_until([account_id])[account_id]
        return None if found is None else days.second_of(found)
