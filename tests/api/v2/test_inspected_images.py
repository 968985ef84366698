"""How far looking into an image is, as the image of v2 shows it, and to whom."""

import json

import pytest

from cloudigrade.models import Inspection, Sight
from tests.api.v2.world import BASE, MADE, MADE_TEXT, account, findings, image, instance, judge, tag

pytestmark = pytest.mark.django_db

IMAGES = f"{BASE}/images/"
FOUND = findings(rhel_product_certs_found=True, rhel_version="9.3", syspurpose={"role": "Server"})


def inspection(of, state, **more):
    return Inspection.objects.create(image=of, state=state, created_at=MADE, updated_at=MADE, **more)


@pytest.fixture
def listed(ask):
    def listed(**query):
        return ask(IMAGES, **query).json()["data"]

    return listed


@pytest.fixture
def booted(customer):
    """An image that may hold anything, which the customer's account sees."""
    made = image(billing_code="RunInstances")
    instance(account(customer), booted=made)
    judge(made)
    return made


@pytest.mark.parametrize("state", ["pending", "preparing", "inspecting", "inspected", "error", "unavailable"])
def test_the_status_is_that_of_the_inspection(listed, booted, state):
    inspection(booted, state)

    (shown,) = listed()

    assert shown["status"] == state
    assert [each["image_id"] for each in listed(status=state)] == [booted.pk]
    assert listed(status="pending" if state != "pending" else "error") == []


def test_an_image_that_is_looked_into_again_is_pending_though_its_findings_hold(listed, booted):
    booted.findings = FOUND
    booted.save()
    judge(booted)
    inspection(booted, "pending")

    (shown,) = listed()

    assert (shown["status"], shown["rhel"], shown["rhel_version"]) == ("pending", True, "9.3")


def test_a_tag_decides_whatever_the_inspection_came_to(listed, booted, customer):
    inspection(booted, "error")
    tag(customer, booted)
    judge(booted)

    (shown,) = listed()

    assert (shown["status"], shown["rhel_detected_by_tag"], shown["rhel"]) == ("inspected", True, True)


def test_what_was_found_on_an_image_is_shown_to_those_only_who_see_it(listed, booted):
    booted.findings = FOUND
    booted.save()
    inspection(booted, "inspected")
    Sight.objects.all().delete()
    judge(booted)

    (shown,) = listed()
    assert (shown["status"], shown["rhel"], shown["syspurpose"], shown["inspection_json"]) == (
        "pending",
        False,
        None,
        None,
    )
    assert shown["rhel_product_certs_found"] is False
    assert shown["updated_at"] == MADE_TEXT, "when something was found is as little theirs to know"
    assert listed(status="inspected") == []

    booted.is_public = True
    booted.save()
    judge(booted)
    (shown,) = listed()
    assert (shown["status"], shown["rhel"], json.loads(shown["inspection_json"])) == (
        "inspected",
        True,
        json.loads(FOUND),
    )
