"""Made-up customers on request: the simulator writes their log files, and those are read like anybody's.

A request is a row; it is made in one transaction, so it is there as a whole or not at all. What was made for a request
that is gone goes too, whenever it is looked for.
"""

import logging
import random
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from django.contrib.postgres.expressions import ArraySubquery
from django.db import transaction
from django.db.models import Case, Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce, TruncDate

from cloudigrade.clouds.aws import reading, trail
from cloudigrade.clouds.aws.descriptions import Document
from cloudigrade.clouds.protocol import Batch, TypeDefinition
from cloudigrade.domain import days
from cloudigrade.models import (
    CloudAccount,
    ConcurrentUsage,
    Customer,
    DirtyDay,
    Image,
    ImageVerdict,
    Instance,
    InstanceDefinition,
    SyntheticDataRequest,
    TagEvent,
)
from cloudigrade.services import activity, definitions, ingest, removal, usage
from cloudigrade.services.completeness import LOGS
from cloudigrade.services.staging import execute
from cloudigrade.simulator import requested
from cloudigrade.simulator.requested import Wanted
from cloudigrade.simulator.sizes import SIZES
from cloudigrade.simulator.timestamps import Window

CLOUD: Final = "aws"
"""Whose log files the simulator can write."""
NAME: Final = "SYNTHETIC-"
"""How the names of made-up customers and of their roles begin."""

_NAMED: Final = rf"^{NAME}[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}$"
_ACCOUNT_IDS: Final = 1_000_000
_PLATFORM_IDS: Final = (-999_999, -2)
_DOCUMENTS: Final = {"images": Document.IMAGES, "inspections": Document.INSPECTIONS}
_BATCH: Final = 5_000

_log = logging.getLogger(__name__)


def requests() -> QuerySet[SyntheticDataRequest]:
    """The requests with what became of them: whether all is there and calculated, and the images in use."""
    ended = {"customer": OuterRef("customer"), "day__lt": OuterRef("created_on")}
    answered = ConcurrentUsage.objects.filter(**ended).values("customer").annotate(days=Count("pk")).values("days")
    waiting = Instance.objects.filter(account__customer=OuterRef("customer"), runs_dirty_from__isnull=False)
    is_answered = Q(made_at__isnull=False, answered=F("since_days_ago") + 1)
    is_ready = is_answered & ~Exists(waiting) & ~Exists(DirtyDay.objects.filter(**ended))
    images = Image.objects.filter(instances__account__customer=OuterRef("customer")).order_by("pk")
    return SyntheticDataRequest.objects.annotate(
        created_on=TruncDate("created_at", tzinfo=UTC),
        answered=Coalesce(Subquery(answered), 0),
        is_ready=Case(When(is_ready, then=Value(value=True)), default=Value(value=False)),
        images=ArraySubquery(images.values("pk").distinct()),
    )


def make_next(*, now: datetime) -> int | None:
    """The request that waits longest is made, and only the calculation is left; its id, None where none waits."""
    if not _waiting(now).exists():
        return None
    ingest.persistently(lambda: _record_sizes(now))
    try:
        return ingest.persistently(lambda: _make_next(now))
    except _Failed as failure:
        # kept with the request, so that the others get their turn
        _log.exception("synthetic data %d cannot be made", failure.request_id)
        SyntheticDataRequest.objects.filter(pk=failure.request_id).update(problem=str(failure.__cause__))
        return failure.request_id


class _Failed(Exception):
    def __init__(self, request_id: int) -> None:
        super().__init__(f"synthetic data {request_id}")
        self.request_id = request_id


def _waiting(now: datetime) -> QuerySet[SyntheticDataRequest]:
    return SyntheticDataRequest.objects.filter(made_at__isnull=True, problem="", expires_at__gt=now)


def _make_next(now: datetime) -> int | None:
    request = _waiting(now).select_for_update(skip_locked=True, no_key=True).order_by("pk").first()
    if request is None:
        return None
    try:
        _make(request, now)
    except (ArithmeticError, LookupError, TypeError, ValueError, OSError) as error:
        raise _Failed(request.pk) from error
    return request.pk


def _make(request: SyntheticDataRequest, now: datetime) -> None:
    name = f"{NAME}{uuid4()}"
    customer = Customer.objects.create(org_id=name, account_number=name, created_at=now)
    accounts = _accounts(request, customer, now)
    with tempfile.TemporaryDirectory(prefix="cloudigrade-synthetic-") as folder:
        requested.write(Path(folder), _wanted(request, name, accounts, now))
        for batch in _batches(Path(folder)):
            activity.record(customer_id=customer.pk, cloud=CLOUD, feed=LOGS, batch=batch, as_of=now)
    usage.mark_unanswered(as_of=now, customer_id=customer.pk)
    request.customer, request.made_at = customer, now
    request.save(update_fields=["customer", "made_at", "updated_at"])


def _accounts(request: SyntheticDataRequest, customer: Customer, now: datetime) -> list[str]:
    """Native ids of as many accounts as are wanted, which are the customer's."""
    chance = random.SystemRandom()
    own = CloudAccount.objects.filter(customer=customer)
    while missing := request.account_count - own.count():
        new = [_account(request, customer, chance, now) for _ in range(missing)]
        CloudAccount.objects.bulk_create(new, ignore_conflicts=True)  # ids that are taken are drawn anew
    return sorted(own.values_list("native_id", flat=True))


def _account(request: SyntheticDataRequest, customer: Customer, chance: random.Random, now: datetime) -> CloudAccount:
    native_id = f"{chance.randrange(_ACCOUNT_IDS):012d}"
    return CloudAccount(
        customer=customer,
        cloud=CLOUD,
        native_id=native_id,
        credentials=f"arn:aws:iam::{native_id}:role/{NAME}{uuid4()}",
        metered_from=request.created_at - timedelta(request.since_days_ago + 1),
        created_at=now,
        wanted="disabled",
        is_paused=True,
        is_synthetic=True,
        platform_authentication_id=chance.randint(*_PLATFORM_IDS),
        platform_application_id=chance.randint(*_PLATFORM_IDS),
        platform_source_id=chance.randint(*_PLATFORM_IDS),
    )


def _wanted(request: SyntheticDataRequest, name: str, accounts: list[str], now: datetime) -> Wanted:
    start = request.created_at - timedelta(request.since_days_ago)
    return Wanted(
        seed=name,
        accounts=tuple(accounts),
        window=Window(days.second_of(start), days.second_of(now)),
        image_count=request.image_count,
        rhel_chance=float(request.image_rhel_chance),
        openshift_chance=float(request.image_ocp_chance),
        other_owner_chance=float(request.image_other_owner_chance),
        instance_count=request.instance_count,
        runs_min=request.run_count_per_instance_min,
        runs_mean=float(request.run_count_per_instance_mean),
        hours_min=float(request.hours_per_run_min),
        hours_mean=float(request.hours_per_run_mean),
        hours_between_mean=float(request.hours_between_runs_mean),
    )


def _batches(folder: Path) -> Iterator[Batch]:
    for name, kind in _DOCUMENTS.items():
        yield reading.read_documents([str(folder / f"{name}.json")], kind)
    yield from reading.read_trail(trail.sources(str(folder / "trail")), batch_records=_BATCH)


def _record_sizes(now: datetime) -> None:
    """The sizes of the simulator's types are known; what the cloud told of them stands.

    Apart from what is made: whoever makes runs waits for whoever stores sizes.
    """
    known = set(InstanceDefinition.objects.filter(cloud=CLOUD).values_list("instance_type", flat=True))
    new = [TypeDefinition(size.instance_type, size.vcpu, size.memory_mib) for size in SIZES.values()]
    definitions.record(cloud=CLOUD, definitions=[size for size in new if size.instance_type not in known], as_of=now)


def remove_expired(*, now: datetime) -> int:
    """Requests whose time is over are gone, and what was made for any that is gone; the number of customers removed."""
    SyntheticDataRequest.objects.filter(expires_at__lte=now).delete()
    orphans = Customer.objects.filter(org_id__regex=_NAMED, account_number=F("org_id")).exclude(
        Exists(SyntheticDataRequest.objects.filter(customer=OuterRef("pk")))
    )
    real = CloudAccount.objects.filter(customer=OuterRef("pk"), is_synthetic=False)
    ids = list(orphans.exclude(Exists(real)).order_by("pk").values_list("pk", flat=True))
    return sum(_remove(customer_id, now) for customer_id in ids)


def _remove(customer_id: int, now: datetime) -> bool:
    """Nothing of the made-up customer is left; false where so much was there that it must be called again."""
    accounts = CloudAccount.objects.filter(customer=customer_id).order_by("pk").values_list("pk", flat=True)
    if not all(removal.remove(account_id=account_id, now=now) for account_id in list(accounts)):
        return False
    with transaction.atomic():
        customer = Customer.objects.select_for_update().filter(pk=customer_id).first()
        if customer is None:
            return False
        ImageVerdict.objects.filter(customer=customer).delete()
        TagEvent.objects.filter(customer=customer).delete()
        execute(
            "WITH gone AS (SELECT m.id FROM cloudigrade_image AS m WHERE starts_with(m.name, %s)"
            "  AND NOT EXISTS (SELECT FROM cloudigrade_instance AS i WHERE i.image_id = m.id)),"
            " sights AS (DELETE FROM cloudigrade_sight WHERE image_id IN (SELECT id FROM gone)),"
            " inspections AS (DELETE FROM cloudigrade_inspection WHERE image_id IN (SELECT id FROM gone))"
            " DELETE FROM cloudigrade_image WHERE id IN (SELECT id FROM gone)",
            [f"{customer.org_id}-"],
        )
        customer.delete()
    return True


def create(*, facts: dict[str, Any], now: datetime) -> int:
    """The request waits to be made; its id."""
    return SyntheticDataRequest.objects.create(**facts, created_at=now).pk
