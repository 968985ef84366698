"""What another customer's account was told of a private image is shown to nobody who only claims to boot from it."""

from typing import Any

import pytest

from cloudigrade.api.v2.schema import STATUSES
from cloudigrade.models import Image, Inspection, Sight
from cloudigrade.services import activity
from tests.api import identities
from tests.api.v2.world import BASE
from tests.builders import AS_OF, REGION, batch, custom_image, launch, moment, red_hat_image, tag
from tests.services.stored import Stored

pytestmark = pytest.mark.django_db

IMAGES = f"{BASE}/images/"
IMAGE, THEIRS, MARK = "ami-claimed", "000000000099", "zq9"
SECRET = custom_image(
    IMAGE,
    owner=f"{MARK}-owner",
    name=f"{MARK}-name",
    architecture=f"{MARK}-arch",
    platform_details=f"{MARK}-details",
    billing_code=f"RunInstances:{MARK}",
    product_codes=((f"{MARK}-code", "marketplace"),),
    source_image=f"ami-{MARK}-source",
)
QUERIES: list[dict[str, str]] = [
    {},
    *({"architecture": name} for name in ("", "x86_64", "arm64", SECRET.architecture)),
    *({"status": name} for name in STATUSES),
    *({"architecture": SECRET.architecture, "status": name} for name in STATUSES),
]
OWNER = identities.of(org_id="22")


@pytest.fixture
def claimant(db) -> Stored:
    """A customer whose log file says that an instance boots from the image."""
    made = Stored()
    made.record(launch("i-forged", 1, image=IMAGE))
    return made


@pytest.fixture
def owner(db) -> Stored:
    """Another customer, who does boot from it."""
    made = Stored("22", [THEIRS])
    made.record(launch("i-true", 1, image=IMAGE, account=THEIRS))
    return made


def sweep(customer: Stored, description: Any) -> None:
    """The customer's account is told of the image by its cloud."""
    given = batch(description._replace(region=REGION))
    activity.record(customer_id=customer.customer_id, cloud="aws", feed="sweep", batch=given, as_of=AS_OF)


@pytest.fixture
def answers(ask):
    """Whatever is answered of images, by query: lists, and the one by its id."""

    def answers(headers: dict[str, str] | None = None) -> dict[str, bytes]:
        pk = Image.objects.get(native_id=IMAGE).pk
        paths = (IMAGES, f"{IMAGES}{pk}/")
        return {f"{path} {query}": ask(path, headers=headers, **query).content for path in paths for query in QUERIES}

    return answers


@pytest.fixture
def shown(ask):
    def shown(headers: dict[str, str] | None = None) -> dict[str, Any]:
        item: dict[str, Any] = ask(f"{IMAGES}{Image.objects.get(native_id=IMAGE).pk}/", headers=headers).json()
        return item

    return shown


def _unasked(answers: dict[str, bytes]) -> str:
    """What is answered, but for links that repeat the query."""
    return b"".join(content for query, content in answers.items() if MARK not in query).decode()


@pytest.mark.parametrize("is_asked", [False, True])
def test_a_claimed_image_is_answered_byte_for_byte_as_if_it_had_never_been_described(
    claimant, owner, answers, is_asked
):
    """Over every filter, and whatever is done with the image for those who see it."""
    Image.objects.update(asked_at=moment(2) if is_asked else None)
    before = answers()

    sweep(owner, SECRET)
    image = Image.objects.get(native_id=IMAGE)
    Inspection.objects.create(image=image, state="error", reason=MARK, created_at=moment(3), updated_at=moment(3))
    Image.objects.update(findings=f'{{"rhel_version":"{MARK}"}}', updated_at=moment(9))

    assert image.is_described
    assert answers() == before
    assert MARK in _unasked(answers(OWNER))


def test_the_claim_may_come_after_the_description(owner, answers, shown):
    sweep(owner, SECRET)
    Stored().record(launch("i-forged", 1, image=IMAGE))

    assert MARK not in _unasked(answers())
    item = shown()
    assert (item["name"], item["architecture"], item["status"], item["updated_at"]) == (
        *(None, None, "pending"),
        item["created_at"],
    )
    assert {name: value for name, value in item["content_object"].items() if name in NOTHING} == NOTHING


NOTHING = {
    "owner_aws_account_id": None,
    "platform": "none",
    "is_cloud_access": False,
    "is_marketplace": False,
    "product_codes": None,
    "platform_details": None,
    "usage_operation": None,
}
"""What an image shows that was never described."""


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        (red_hat_image(IMAGE), ("inspected", True, "9.4.0")),
        (custom_image(IMAGE, platform="windows", billing_code="RunInstances:0002"), ("inspected", False, None)),
        (custom_image(IMAGE), ("pending", False, None)),
    ],
)
def test_what_ones_usage_is_counted_by_is_shown(claimant, owner, shown, description, expected):
    """The verdict is the claimant's own, for the report says no less; what it rests on is not."""
    sweep(owner, description)

    item = shown()

    assert (item["status"], item["rhel"], item["rhel_version"]) == expected
    assert (item["name"], item["architecture"]) == (None, None)
    assert {name: value for name, value in item["content_object"].items() if name in NOTHING} == NOTHING


def test_ones_own_tag_is_shown(claimant, owner, shown):
    sweep(owner, SECRET)
    claimant.record(tag(2, image=IMAGE))

    item = shown()

    assert (item["rhel"], item["rhel_detected_by_tag"], item["status"]) == (True, True, "inspected")
    assert item["updated_at"] >= item["created_at"]
    assert shown(OWNER)["rhel_detected_by_tag"] is False


def test_a_filter_finds_it_for_those_only_who_see_it(claimant, owner, ask):
    sweep(owner, SECRET)

    def count(headers: dict[str, str] | None = None) -> int:
        found: int = ask(IMAGES, headers=headers, architecture=SECRET.architecture).json()["meta"]["count"]
        return found

    assert (count(), count(OWNER)) == (0, 1)


def _is_told(item: dict[str, Any]) -> bool:
    """Every fact is shown; or none is."""
    content = item["content_object"]
    facts = [item["name"], item["architecture"], content["owner_aws_account_id"], content["platform_details"]]
    facts += [content["usage_operation"], content["product_codes"] and content["product_codes"][0]["ProductCodeId"]]
    told = {bool(fact) and MARK in fact for fact in facts} | {content["is_marketplace"]}
    assert len(told) == 1
    return told.pop()


def test_a_public_image_is_shown_to_everybody(claimant, owner, shown):
    sweep(owner, SECRET)
    assert (_is_told(shown()), _is_told(shown(OWNER))) == (False, True)

    Image.objects.update(is_public=True)

    assert (_is_told(shown()), _is_told(shown(OWNER))) == (True, True)


def test_whoever_comes_to_see_it_is_shown_it(claimant, owner, shown):
    sweep(owner, SECRET)

    sweep(claimant, SECRET)

    assert (_is_told(shown()), _is_told(shown(OWNER))) == (True, True)
    Sight.objects.filter(customer=owner.customer_id).delete()
    assert (_is_told(shown()), _is_told(shown(OWNER))) == (True, False)


def test_whoever_has_a_description_of_it_in_a_file_is_shown_it(claimant, owner, shown):
    """Only operators bring such files, so those who are metered by files alone see their images."""
    claimant.record(SECRET)

    assert (_is_told(shown()), _is_told(shown(OWNER))) == (True, False)
