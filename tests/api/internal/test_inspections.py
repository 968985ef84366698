"""How far looking into images is, as operators and Prometheus see it."""

from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from cloudigrade.models import Image, Inspection
from tests.builders import AS_OF

pytestmark = pytest.mark.django_db


@pytest.fixture
def inspection(world):
    return Inspection.objects.create(
        image_id=world.image, state="inspecting", created_at=AS_OF, updated_at=AS_OF, requests=7, bytes_read=700
    )


def test_an_operator_sees_the_state_whoever_sees_the_image(ask, world, inspection):
    assert ask(f"machineimages/{world.image}/").json()["status"] == "inspecting"
    assert [row["id"] for row in ask("machineimages/", status="inspecting").json()["data"]] == [world.image]


def test_asking_again_begins_anew_and_what_is_under_way_has_no_say(
    ask, world, inspection, django_capture_on_commit_callbacks
):
    Inspection.objects.update(attempts=5, claim=3, reason="given up")

    with django_capture_on_commit_callbacks():  # nobody looks yet
        assert ask(f"machineimages/{world.image}/reinspect/", "post").json()["status"] == "pending"

    inspection.refresh_from_db()
    assert (inspection.state, inspection.attempts, inspection.due_at, inspection.reason) == ("pending", 0, AS_OF, "")
    assert inspection.claim == 4


def test_prometheus_is_told_how_many_and_for_how_long(ask, world, inspection):
    waiting = Image.objects.create(cloud="aws", region="r", native_id="ami-w")
    ago = AS_OF - timedelta(minutes=5)
    Inspection.objects.create(image=waiting, state="pending", created_at=ago, updated_at=AS_OF, due_at=AS_OF)

    told = {
        (sample.name.removeprefix("cloudigrade_"), *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(ask("/internal/metrics", headers={}).content.decode())
        for sample in family.samples
    }

    expected = {
        ("inspections", "pending"): 1,
        ("inspections", "inspecting"): 1,
        ("inspections", "error"): 0,
        ("inspection_pending_age_seconds",): 300,
        ("inspection_copies",): 0,
        ("inspection_requests",): 7,
        ("inspection_bytes_read",): 700,
    }
    assert {name: told[name] for name in expected} == expected
