import json
from datetime import UTC, datetime
from typing import Any

import pytest

from cloudigrade.models import Image
from tests.api.v2.world import BASE, CHANGED_TEXT, MADE, TIMES, account, findings, image, instance, judge, tag

pytestmark = pytest.mark.django_db

IMAGES = f"{BASE}/images/"

ACCESS = {
    "owner": "309956199498",
    "name": "RHEL-9.4.0_HVM-20240605-x86_64-82-Access2-GP3",
    "billing_code": "RunInstances:00g0",
    "platform_details": "Red Hat BYOL Linux",
}
HOURLY = {
    "owner": "219670896067",
    "name": "RHEL-8.9.0_HVM-20240605-x86_64-82-Hourly2-GP3",
    "billing_code": "RunInstances:0010",
    "platform_details": "Red Hat Enterprise Linux",
}
PURPOSE = {"role": "Server", "service_level_agreement": "Premium", "other": [1, None]}
FOUND = findings(rhel_product_certs_found=True, rhel_enabled_repos_found=False, rhel_version="9.3", syspurpose=PURPOSE)
CODES = [["abc", "marketplace"], ["def", "devpay"]]
SHOWN_CODES = [
    {"ProductCodeId": "abc", "ProductCodeType": "marketplace"},
    {"ProductCodeId": "def", "ProductCodeType": "devpay"},
]

FIELDS: list[tuple[dict[str, Any], str, Any]] = [
    ({"architecture": "arm64"}, "architecture", "arm64"),
    ({}, "architecture", None),
    ({"name": "mine"}, "name", "mine"),
    ({}, "name", None),
    ({}, "is_encrypted", False),
    ({}, "cloud_type", "aws"),
    ({}, "rhel", False),
    ({}, "rhel_version", None),
    (ACCESS, "rhel", True),
    (ACCESS, "rhel_detected", True),
    (ACCESS, "rhel_version", "9.4.0"),
    (ACCESS, "rhel_detected_by_tag", False),
    (HOURLY, "rhel", True),
    (HOURLY, "rhel_version", "8.9.0"),
    ({"findings": FOUND}, "rhel", True),
    ({"findings": FOUND}, "rhel_version", "9.3"),
    ({"findings": FOUND}, "rhel_product_certs_found", True),
    ({"findings": FOUND}, "rhel_enabled_repos_found", False),
    ({"findings": FOUND}, "rhel_release_files_found", False),
    ({"findings": FOUND}, "rhel_signed_packages_found", False),
    ({"findings": findings(rhel_enabled_repos_found=True)}, "rhel_enabled_repos_found", True),
    ({"findings": findings(rhel_release_files_found=True)}, "rhel_release_files_found", True),
    ({"findings": findings(rhel_signed_packages_found=True)}, "rhel_signed_packages_found", True),
    ({"findings": findings(rhel_signed_packages_found="yes")}, "rhel_signed_packages_found", False),
    ({"findings": FOUND}, "inspection_json", FOUND),
    ({}, "inspection_json", None),
    ({"findings": FOUND}, "syspurpose", PURPOSE),
    ({"findings": findings(syspurpose={})}, "syspurpose", {}),
    ({"findings": findings(syspurpose="Server")}, "syspurpose", None),
    ({"findings": '{"syspurpose":{"role":"\\ud800é","nan":NaN}}'}, "syspurpose", {"role": "?é", "nan": "NaN"}),
    ({"findings": '["nonsense"]'}, "syspurpose", None),
    ({}, "syspurpose", None),
    ({"findings": FOUND}, "status", "inspected"),
    ({"findings": findings(errors=["no"])}, "status", "inspected"),
    (HOURLY, "status", "inspected"),
    ({"platform": "windows"}, "status", "inspected"),
    ({}, "status", "pending"),
    ({"is_described": False}, "status", "pending"),
    ({"is_described": False, "asked_at": MADE}, "status", "unavailable"),
    ({"is_described": True, "asked_at": MADE}, "status", "pending"),
]

CONTENT: list[tuple[dict[str, Any], str, Any]] = [
    ({"owner": "000000000042"}, "owner_aws_account_id", "000000000042"),
    ({}, "owner_aws_account_id", None),
    ({"platform": "windows"}, "platform", "windows"),
    ({}, "platform", "none"),
    ({}, "region", "eu-west-1"),
    ({"region": ""}, "region", None),
    (ACCESS, "is_cloud_access", True),
    (ACCESS | {"owner": "1"}, "is_cloud_access", False),
    (ACCESS | {"name": ACCESS["name"].lower()}, "is_cloud_access", True),
    (HOURLY, "is_cloud_access", False),
    (HOURLY, "is_marketplace", True),
    (HOURLY | {"owner": "1"}, "is_marketplace", False),
    (ACCESS, "is_marketplace", False),
    ({"product_codes": CODES}, "is_marketplace", True),
    ({"product_codes": CODES[1:]}, "is_marketplace", False),
    ({"product_codes": CODES}, "product_codes", SHOWN_CODES),
    ({}, "product_codes", None),
    ({"platform_details": "Linux/UNIX"}, "platform_details", "Linux/UNIX"),
    ({}, "platform_details", None),
    ({"billing_code": "RunInstances"}, "usage_operation", "RunInstances"),
    ({}, "usage_operation", None),
]


@pytest.fixture
def show(ask, customer):
    """An image of these values, of which the customer has an instance, as it is shown."""

    def show(**stored: Any) -> dict[str, Any]:
        made = image(**stored)
        instance(account(customer), booted=made)
        judge(made)
        (listed,) = ask(IMAGES).json()["data"]
        assert ask(f"{IMAGES}{made.pk}/").json() == listed
        shown: dict[str, Any] = listed
        return shown

    return show


@pytest.mark.parametrize(("stored", "field", "expected"), FIELDS)
def test_every_field_shows_what_is_stored(show, stored, field, expected):
    assert show(**stored)[field] == expected


@pytest.mark.parametrize(("stored", "field", "expected"), CONTENT)
def test_every_field_of_an_ami_shows_what_is_stored(show, stored, field, expected):
    assert show(**stored)["content_object"][field] == expected


def test_there_are_no_other_fields(show):
    shown = show()
    key = shown["image_id"]

    assert set(shown) == {field for _, field, _ in FIELDS} | {
        *("created_at", "updated_at", "image_id", "openshift", "openshift_detected", "content_object")
    }
    assert set(shown["content_object"]) == {field for _, field, _ in CONTENT} | {
        *("aws_image_id", "created_at", "ec2_ami_id", "id", "updated_at")
    }
    assert {name: shown[name] for name in TIMES} == TIMES
    assert {name: shown["content_object"][name] for name in ("aws_image_id", "id", "ec2_ami_id", *TIMES)} == {
        "aws_image_id": key,
        "id": key,
        "ec2_ami_id": "ami-1",
        **TIMES,
    }


def test_what_is_particular_to_azure(ask, customer):
    made = image("sku", cloud="azure", region="westeurope", product_codes=[["rhel-byos", "plan"]])
    instance(account(customer, cloud="azure"), booted=made)

    assert ask(f"{IMAGES}{made.pk}/").json()["content_object"] == {
        "azure_image_id": made.pk,
        **TIMES,
        "resource_id": "sku",
        "id": made.pk,
        "region": "westeurope",
        "is_marketplace": True,
    }


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("cloudigrade-rhel-present", {"rhel": True, "rhel_detected_by_tag": True, "openshift": False}),
        ("cloudigrade-ocp-present", {"rhel": False, "rhel_detected_by_tag": False, "openshift": True}),
    ],
)
def test_a_tag_is_its_own_customers_word(ask, customer, neighbour, key, shown):
    made = image()
    instance(account(customer), booted=made)
    instance(account(neighbour, "999999999999"), booted=made)
    tag(customer, made, at=datetime(2026, 3, 3, 4, tzinfo=UTC), key=key)
    judge(made)

    def seen(number: str) -> dict[str, Any]:
        headers = {"X-RH-CLOUDIGRADE-PSK": "the-key-of-swatch", "X-RH-CLOUDIGRADE-ORG-ID": number}
        item: dict[str, Any] = ask(f"{IMAGES}{made.pk}/", headers=headers).json()
        return item

    mine, theirs = seen("11"), seen("22")
    assert {name: mine[name] for name in shown} == shown
    assert (mine["openshift"], mine["rhel"]) == (mine["openshift_detected"], mine["rhel_detected"])
    assert {name: theirs[name] for name in shown} == dict.fromkeys(shown, False)
    assert (mine["updated_at"], theirs["updated_at"]) == ("2026-03-03T04:00:00.000000Z", CHANGED_TEXT)


def test_an_image_without_a_verdict_is_not_rhel_yet(ask, customer):
    instance(account(customer), booted=image(**ACCESS))

    (shown,) = ask(IMAGES).json()["data"]

    assert (shown["rhel"], shown["rhel_detected_by_tag"], shown["openshift"], shown["status"]) == (
        *(False, False, False),
        "pending",
    )


def test_only_images_of_the_customers_instances_are_shown_each_once(ask, customer, neighbour):
    used, others, unused = image("ami-1"), image("ami-2"), image("ami-3")
    for owner in (account(customer, "000000000001"), account(customer, "000000000002")):
        instance(owner, "i-1", booted=used)
        instance(owner, "i-2", booted=used)
        instance(owner, "i-3")
    instance(account(neighbour, "999999999999"), booted=others)
    instance(account(customer, "000000000003", wanted="deleted"), booted=unused)

    page = ask(IMAGES).json()

    assert (page["meta"], [each["image_id"] for each in page["data"]]) == ({"count": 1}, [used.pk])
    assert [ask(f"{IMAGES}{each.pk}/").status_code for each in (others, unused)] == [404, 404]


FILTERS = [
    ("architecture", "arm64", ["ami-arm"]),
    ("architecture", "x86_64", ["ami-inspected", "ami-silent"]),
    ("architecture", "ARM64", []),
    ("architecture", "", ["ami-arm", "ami-inspected", "ami-silent"]),
    ("architecture", " arm64 ", ["ami-arm"]),
    ("status", "pending", ["ami-arm"]),
    ("status", "inspected", ["ami-inspected"]),
    ("status", "unavailable", ["ami-silent"]),
    ("status", "preparing", []),
    ("status", "inspecting", []),
    ("status", "error", []),
    ("status", "", ["ami-arm", "ami-inspected", "ami-silent"]),
]


@pytest.mark.parametrize(("name", "value", "expected"), FILTERS)
def test_filters_hold_for_the_list_its_count_and_one_by_its_id(ask, customer, name, value, expected):
    made = [
        image("ami-arm", architecture="arm64"),
        image("ami-inspected", architecture="x86_64", findings=FOUND),
        image("ami-silent", architecture="x86_64", is_described=False, asked_at=MADE),
    ]
    owner = account(customer)
    for number, each in enumerate(made):
        instance(owner, f"i-{number}", booted=each)
    judge(*made)

    page = ask(IMAGES, **{name: value}).json()

    assert [each["content_object"]["ec2_ami_id"] for each in page["data"]] == expected
    assert page["meta"] == {"count": len(expected)}
    assert [
        each.native_id for each in made if ask(f"{IMAGES}{each.pk}/", **{name: value}).status_code == 200
    ] == expected


def test_filters_are_combined(ask, customer):
    owner = account(customer)
    for number, each in enumerate(
        (image("ami-1", architecture="arm64", findings=FOUND), image("ami-2", architecture="arm64"))
    ):
        instance(owner, f"i-{number}", booted=each)
    judge(*Image.objects.all())

    page = ask(IMAGES, architecture="arm64", status="inspected").json()

    assert [each["content_object"]["ec2_ami_id"] for each in page["data"]] == ["ami-1"]


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ({"status": "done"}, {"status": ["Select a valid choice. done is not one of the available choices."]}),
        (
            {"status": "INSPECTED"},
            {"status": ["Select a valid choice. INSPECTED is not one of the available choices."]},
        ),
        ({"architecture": "x\0"}, {"architecture": ["Null characters are not allowed."]}),
    ],
)
@pytest.mark.parametrize("path", [IMAGES, f"{IMAGES}1/"])
def test_what_is_no_value_is_refused_in_the_known_words(ask, customer, path, query, fault):
    response = ask(path, **query)

    assert (response.status_code, response.json()) == (400, fault)


def test_p12_images_are_in_the_order_of_their_ids_on_every_page(ask, customer):
    """P12: pages were cut from unordered lists."""
    owner = account(customer)
    made = [image(f"ami-{number}") for number in (3, 1, 2, 5, 4)]
    for number, each in enumerate(reversed(made)):
        instance(owner, f"i-{number}", booted=each)
    Image.objects.filter(pk=made[0].pk).update(name="moved")

    pages = [ask(IMAGES, limit=2, offset=offset).json() for offset in (0, 2, 4, 6)]

    assert [each["image_id"] for page in pages for each in page["data"]] == sorted(each.pk for each in made)
    assert [page["meta"]["count"] for page in pages] == [5, 5, 5, 5]


def test_p11_ids_of_the_general_and_the_particular_are_one(show):
    """P11: each thing was two rows with two ids that a generic foreign key held together."""
    shown = show()

    assert shown["image_id"] == shown["content_object"]["id"] == shown["content_object"]["aws_image_id"]


def test_the_inspection_is_text_that_holds_json(show):
    assert json.loads(show(findings=FOUND)["inspection_json"])["syspurpose"] == PURPOSE
