"""Why an image or an instance is counted as it is."""

import pytest

from cloudigrade.clouds.protocol import Findings
from cloudigrade.models import Image, Instance
from tests.api.v3.conftest import BASE, problem
from tests.builders import LARGE, custom_image, found, launch, red_hat_image, retype, start, stop, tag
from tests.services.stored import Stored

NAME = "RHEL-9.4.0_HVM-20240605-x86_64-82-Access2-GP3"


def image_of(name):
    return Image.objects.get(native_id=name).pk


def instance_of(name):
    return Instance.objects.get(native_id=name).pk


def test_the_runs_of_an_instance_in_order(asking, stored):
    stored.meter(LARGE, red_hat_image(), launch("i-1", 1), stop("i-1", 2), start("i-1", 5), retype("i-1", 7, "x1.new"))

    assert asking.get(f"instances/{instance_of('i-1')}/runs").json() == {
        "data": [
            {
                "start": start_at,
                "end": end_at,
                "instance_type": instance_type,
                "vcpu": size and size[0],
                "memory_mib": size and size[1],
                "billing_code": "",
                "rhel": "rhel",
                "payer": "customer",
            }
            for start_at, end_at, instance_type, size in (
                ("2026-03-02T01:00:00Z", "2026-03-02T02:00:00Z", "m5.large", (2, 8192)),
                ("2026-03-02T05:00:00Z", "2026-03-02T07:00:00Z", "m5.large", (2, 8192)),
                ("2026-03-02T07:00:00Z", None, "x1.new", None),
            )
        ],
        "next": None,
    }


def test_pages_lead_through_all_runs(asking, stored, django_assert_num_queries):
    stored.meter(LARGE, *(each for hour in range(5) for each in (start("i-1", hour), stop("i-1", hour + 0.5))))
    path, hours = f"instances/{instance_of('i-1')}/runs?limit=2", []
    while path:
        with django_assert_num_queries(4):
            page = asking.get(path.removeprefix(BASE)).json()
        hours.append([run["start"][11:13] for run in page["data"]])
        path = page["next"]

    assert hours == [["00", "01"], ["02", "03"], ["04"]]


def test_a_verdict_with_its_evidence_and_reasons(asking, stored):
    stored.meter(LARGE, red_hat_image(), found(), launch("i-1", 1))

    answer = asking.get(f"images/{image_of('ami-1')}/verdict").json()

    assert answer.pop("evidence") == {
        "image": {
            "native_id": "ami-1",
            "owner": "309956199498",
            "name": NAME,
            "architecture": "x86_64",
            "platform": "",
            "billing_code": "RunInstances:00g0",
            "platform_details": "Red Hat BYOL Linux",
            "product_codes": [],
        },
        "lineage": [],
        "is_tagged_rhel": False,
        "is_tagged_openshift": False,
        "findings": {
            "is_rhel": True,
            "version": "",
            "system_purpose": {"role": "", "sla": "", "usage": "", "service_type": ""},
            "reasons": ["product certificates"],
        },
    }
    assert answer == {
        "image": {"id": image_of("ami-1"), "cloud": "aws", "region": "eu-west-1", "native_id": "ami-1"},
        "rhel": "rhel",
        "version": "9.4.0",
        "product": "RHEL",
        "payer": "customer",
        "reasons": [
            "certain: usage operation RunInstances:00g0 means RHEL on the customer's own subscription",
            f"certain: name {NAME} of Red Hat's account 309956199498 means RHEL on the customer's own subscription",
            "strong: inspection found RHEL (product certificates)",
        ],
        "conflicts": [],
        "unknown_codes": [],
        "is_openshift": False,
        "inspection": None,
    }


def test_an_image_that_nothing_is_known_of_is_undetermined(asking, stored):
    stored.meter(launch("i-1", 1, image="ami-new"))

    answer = asking.get(f"images/{image_of('ami-new')}/verdict").json()

    assert (answer["rhel"], answer["payer"], answer["evidence"]["image"]["native_id"]) == (
        "undetermined",
        "",
        "ami-new",
    )


def test_s5_another_customers_image_that_one_was_copied_from_stays_theirs(asking, other, stored):
    """S5: nothing that only another customer's account told is told here."""
    neighbour = Stored("22", ["000000000099"])
    secret = red_hat_image("ami-theirs")._replace(owner="000000000099", name="their-golden-image")
    neighbour.meter(LARGE, secret, launch("i-9", 1, image="ami-theirs", account="000000000099"))
    stored.meter(LARGE, custom_image("ami-copy", source_image="ami-theirs"), launch("i-1", 1, image="ami-copy"))

    theirs = other.get(f"images/{image_of('ami-theirs')}/verdict").json()
    mine = asking.get(f"images/{image_of('ami-copy')}/verdict")

    assert theirs["evidence"]["image"]["name"] == "their-golden-image"
    assert mine.json()["rhel"] == "rhel"
    assert mine.json()["reasons"][0] == "strong: an image that it was copied from, which is not yours, is RHEL"
    assert mine.json()["evidence"]["lineage"] == []
    assert b"golden" not in mine.content
    assert b"ami-theirs" not in mine.content


def test_an_own_image_that_one_was_copied_from_is_told(asking, stored):
    stored.meter(
        LARGE,
        red_hat_image("ami-1"),
        custom_image("ami-2", source_image="ami-1"),
        launch("i-1", 1, image="ami-1"),
        launch("i-2", 1, image="ami-2"),
    )

    answer = asking.get(f"images/{image_of('ami-2')}/verdict").json()

    assert [source["native_id"] for source in answer["evidence"]["lineage"]] == ["ami-1"]
    assert answer["reasons"][0].startswith("strong: source image ami-1: usage operation")


def test_a_customers_tag_is_that_customers_word_alone(asking, other, stored):
    neighbour = Stored("22", ["000000000099"])
    neighbour.meter(LARGE, custom_image(), launch("i-9", 1, account="000000000099"))
    stored.meter(custom_image(), launch("i-1", 1), tag(2))

    path = f"images/{image_of('ami-1')}/verdict"
    assert (asking.get(path).json()["rhel"], other.get(path).json()["rhel"]) == ("rhel", "undetermined")
    assert (asking.get(path).json()["evidence"]["is_tagged_rhel"]) is True


@pytest.mark.parametrize("path", ["instances/{}/runs", "images/{}/verdict"])
@pytest.mark.parametrize("number", [0, 987654321, 2**63, 10**30])
def test_what_nobody_has_is_not_found(asking, stored, path, number):
    assert problem(asking.get(path.format(number)))[:2] == (404, "not-found")


def test_a_hostile_disk_is_told_as_it_is(asking, stored):
    stored.meter(custom_image(), launch("i-1", 1), Findings("ami-1", {"syspurpose": {"role": "\ud800<script>\x00"}}))

    answer = asking.get(f"images/{image_of('ami-1')}/verdict")

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
