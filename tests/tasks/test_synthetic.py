"""Made-up customers by the tasks that beat nudges."""

from datetime import UTC, datetime, timedelta

import pytest

from cloudigrade.models import Customer, SyntheticDataRequest
from cloudigrade.services import synthetic
from cloudigrade.tasks import synthetic as tasks

pytestmark = pytest.mark.django_db

SMALL = {"cloud_type": "aws", "instance_count": 2, "image_count": 2, "since_days_ago": 1}


def _wish(**more):
    now = datetime.now(UTC)  # noqa: TID251 - as the tasks do
    return synthetic.create(facts={**SMALL, "expires_at": now + timedelta(1), **more}, now=now)


def test_one_message_makes_its_share_and_the_next_goes_on(monkeypatch, django_capture_on_commit_callbacks):
    monkeypatch.setattr(tasks, "SHARE", 2)
    for _ in range(3):
        _wish()

    tasks.make.apply()

    assert SyntheticDataRequest.objects.filter(made_at__isnull=False).count() == 2
    with django_capture_on_commit_callbacks(execute=True) as queued:
        tasks.make.apply()
    assert SyntheticDataRequest.objects.filter(made_at__isnull=False).count() == 3
    assert queued
    assert all(request.is_ready for request in synthetic.requests())  # type: ignore[attr-defined]  # annotated


def test_what_is_expired_goes():
    _wish(expires_at=datetime.now(UTC) + timedelta(seconds=30))  # noqa: TID251 - likewise
    tasks.make.apply()
    SyntheticDataRequest.objects.update(expires_at=datetime.now(UTC))  # noqa: TID251 - likewise

    tasks.remove_expired.apply()

    assert not SyntheticDataRequest.objects.exists()
    assert not Customer.objects.exists()
