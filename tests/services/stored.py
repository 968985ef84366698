"""A customer whose activity is recorded and recalculated, and whose rows can be looked at."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

import msgspec

from cloudigrade.clouds.protocol import Batch
from cloudigrade.domain.days import second_of
from cloudigrade.models import ConcurrentUsage, DirtyDay, Run
from cloudigrade.services import accounts, activity, report, runs, usage
from cloudigrade.services.activity import Recorded
from tests.builders import ACCOUNT, AS_OF, HOUR, MIDNIGHT, Item, batch, moment


class Stored:
    """The customer, with one account unless told otherwise."""

    def __init__(self, org_id: str = "11", native_ids: Iterable[str] = (ACCOUNT,), *, metered_from: float = 0) -> None:
        self.customer_id = accounts.ensure_customer(org_id=org_id, now=AS_OF)
        accounts.ensure_accounts(
            customer_id=self.customer_id,
            cloud="aws",
            native_ids=native_ids,
            metered_from=moment(metered_from),
            now=AS_OF,
        )

    def record(self, *items: Item, **more: Any) -> Recorded:
        return self.take(batch(*items, **more))

    def take(self, given: Batch) -> Recorded:
        return activity.record(customer_id=self.customer_id, cloud="aws", feed="cloudtrail", batch=given, as_of=AS_OF)

    def recalculate(self, *, as_of: datetime = AS_OF) -> tuple[int, int]:
        """How many instances and days were made anew."""
        usage.mark_unanswered(as_of=as_of, customer_id=self.customer_id)
        return (
            runs.recalculate_all(as_of=as_of, customer_id=self.customer_id),
            usage.recalculate_all(as_of=as_of, customer_id=self.customer_id),
        )

    def meter(self, *items: Item) -> None:
        self.record(*items)
        self.recalculate()

    def runs(self) -> list[tuple[Any, ...]]:
        """Instance, start and end in hours after Monday's beginning, type and vCPU of every run."""
        rows = Run.objects.filter(instance__account__customer=self.customer_id).select_related("instance")
        return sorted(
            (run.instance.native_id, _hours(run.period.lower), _hours(run.period.upper), run.instance_type, run.vcpu)
            for run in rows
        )

    def spans(self) -> list[tuple[Any, ...]]:
        return [run[:3] for run in self.runs()]

    def dirty_days(self) -> list[date]:
        return sorted(DirtyDay.objects.filter(customer=self.customer_id).values_list("day", flat=True))

    def totals(self, on: date) -> dict[str, Any]:
        totals: dict[str, Any] = ConcurrentUsage.objects.get(customer=self.customer_id, day=on).totals
        return totals

    def counts(self, on: date) -> dict[tuple[str, ...], int]:
        """The maximum counts by category."""
        text = ConcurrentUsage.objects.get(customer=self.customer_id, day=on).maximum_counts
        entries = msgspec.json.decode(text)
        return {tuple(entry.values())[:-1]: entry["instances_count"] for entry in entries}

    def rhel_seconds(self, on: date) -> int:
        return int(self.totals(on)["rhel"]["all"]["instance_seconds"])

    def computed(self) -> dict[date, datetime]:
        """When each day was answered last."""
        return dict(ConcurrentUsage.objects.filter(customer=self.customer_id).values_list("day", "computed_at"))

    def everything(self) -> tuple[list[Any], list[Any]]:
        """Runs and usage, every derived byte but the time of computing."""
        all_runs = Run.objects.filter(instance__account__customer=self.customer_id).values_list(
            "instance__native_id", "period", "instance_type", "billing_code", "vcpu", "memory_mib"
        )
        answers = ConcurrentUsage.objects.filter(customer=self.customer_id).order_by("day")
        return sorted(all_runs, key=str), list(answers.values_list("day", "maximum_counts", "totals"))

    def report(self, first: date, end: date, *, explain: bool = False, only: tuple[str, ...] = ()) -> dict[str, Any]:
        return report.build(report.Scope(self.customer_id, first, end, AS_OF, only), explain=explain)


def _hours(when: datetime | None) -> float | None:
    return None if when is None else (second_of(when) - MIDNIGHT) / HOUR
