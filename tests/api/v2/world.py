"""Customers with accounts, images and instances, every value of which is known."""

import json
from datetime import UTC, datetime
from typing import Any

from django.db.backends.postgresql.psycopg_any import DateTimeTZRange

from cloudigrade.models import CloudAccount, Customer, Image, Instance, Run, Sight, TagEvent
from cloudigrade.services import verdicts

BASE = "/api/cloudigrade/v2"
MADE = datetime(2026, 3, 1, 12, 30, 15, 250000, tzinfo=UTC)
CHANGED = datetime(2026, 3, 2, 1, 2, 3, tzinfo=UTC)
MADE_TEXT = "2026-03-01T12:30:15.250000Z"
CHANGED_TEXT = "2026-03-02T01:02:03.000000Z"
TIMES = {"created_at": MADE_TEXT, "updated_at": CHANGED_TEXT}


def account(customer: Customer, native_id: str = "012345678901", **more: Any) -> CloudAccount:
    values = {
        "cloud": "aws",
        "credentials": f"arn:aws:iam::{native_id}:role/cloudigrade",
        "metered_from": MADE,
        "is_enabled": True,
        **more,
    }
    made = CloudAccount.objects.create(customer=customer, native_id=native_id, created_at=MADE, **values)
    CloudAccount.objects.filter(pk=made.pk).update(updated_at=CHANGED)
    return made


def image(native_id: str = "ami-1", **more: Any) -> Image:
    values = {"cloud": "aws", "region": "eu-west-1", "is_described": True, **more}
    return Image.objects.create(native_id=native_id, created_at=MADE, updated_at=CHANGED, **values)


def instance(owner: CloudAccount, native_id: str = "i-1", *, booted: Image | None = None, **more: Any) -> Instance:
    """It runs in the account, which sees its image."""
    values = {"region": "eu-west-1", "created_at": MADE, "updated_at": CHANGED, **more}
    if booted is not None:
        Sight.objects.get_or_create(customer=owner.customer, image=booted)
    return Instance.objects.create(account=owner, native_id=native_id, image=booted, **values)


def run(of: Instance, start: datetime, end: datetime | None = None) -> Run:
    return Run.objects.create(instance=of, period=DateTimeTZRange(start, end), instance_type="m5.large")


def tag(customer: Customer, of: Image, *, at: datetime = MADE, key: str = "cloudigrade-rhel-present") -> TagEvent:
    return TagEvent.objects.create(
        customer=customer, image=of, key=key, is_present=True, occurred_at=at, source_id=f"{key}-{of.pk}"
    )


def judge(*images: Image) -> None:
    """Every customer's verdict on the images is that of the evidence."""
    verdicts.recalculate(image_ids=[each.pk for each in images], as_of=CHANGED)


def findings(**content: Any) -> str:
    return json.dumps(content, separators=(",", ":"))
