"""When anything that the API shows of an instance or image changes, it says since when; else it does not."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cloudigrade.clouds.protocol import Batch
from cloudigrade.models import CloudAccount, Image, Instance
from cloudigrade.services import unknown
from tests.builders import AS_OF, IMAGE, custom_image, described, found, launch, red_hat_image, stop, tag

pytestmark = pytest.mark.django_db

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def changes(stored) -> Callable[..., tuple[bool, bool]]:
    """Whether recording these says that the instance has changed, and the image."""

    def changes(*items: Any) -> tuple[bool, bool]:
        for model in (Instance, Image):
            model.objects.update(updated_at=LONG_AGO)
        stored.meter(*items)
        return (
            Instance.objects.get(native_id="i-1").updated_at > LONG_AGO,
            Image.objects.get(native_id=IMAGE).updated_at > LONG_AGO,
        )

    return changes


def test_what_is_new_was_made_and_changed_just_now(stored):
    stored.meter(launch("i-1", 1))

    for row in (Instance.objects.get(), Image.objects.get()):
        assert row.created_at <= row.updated_at
        assert abs(row.created_at - datetime.now(UTC)) < timedelta(minutes=5)  # noqa: TID251 - the database's own clock


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([launch("i-1", 1)], (False, False)),
        ([stop("i-1", 2)], (False, False)),
        ([custom_image(name="before")], (False, False)),
        ([custom_image(name="other")], (False, True)),
        ([red_hat_image()], (False, True)),
        ([found()], (False, True)),
        ([tag(2)], (False, False)),  # the customer's own word: the API dates it by itself
        ([described("i-1", 1)], (False, False)),
        ([described("i-1", 1, image="ami-other")], (True, False)),
    ],
)
def test_only_what_the_api_shows_changes_the_time(stored, changes, items, expected):
    stored.meter(launch("i-1", 1), custom_image(name="before"))

    assert changes(*items) == expected


def test_the_region_of_an_image_that_is_told_later_is_a_change(stored, changes):
    stored.meter(launch("i-1", 1, image=""), found())
    assert Image.objects.get().region == ""

    assert changes(launch("i-2", 2)) == (False, True)


def test_that_a_cloud_does_not_know_an_image_changes_it_once(stored):
    stored.meter(launch("i-1", 1))
    CloudAccount.objects.update(is_enabled=True)

    def asked_and_changed(now: datetime) -> tuple[int, bool]:
        Image.objects.update(updated_at=LONG_AGO)
        questions = unknown.claim(now=now)
        return len(questions), Image.objects.get().updated_at > LONG_AGO

    assert asked_and_changed(AS_OF) == (1, True)
    assert asked_and_changed(AS_OF + timedelta(days=2)) == (1, False)
    Image.objects.update(updated_at=LONG_AGO)
    (question,) = unknown.claim(now=AS_OF + timedelta(days=4))
    unknown.release(question=question)
    assert Image.objects.get().updated_at > LONG_AGO


def test_nothing_recorded_changes_nothing(stored, changes):
    stored.meter(launch("i-1", 1))

    assert stored.take(Batch()).new == 0
    assert changes() == (False, False)
