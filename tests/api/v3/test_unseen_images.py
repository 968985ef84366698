"""Verdicts and runs of an image that one only claims to boot from say nothing of what others were told of it."""

import pytest

from cloudigrade.domain.rhel_codes import RHEL_TAG
from cloudigrade.models import Image, Instance
from cloudigrade.services import activity
from tests.builders import AS_OF, REGION, batch, custom_image, found, launch, red_hat_image, tag
from tests.services.stored import Stored

IMAGE, SOURCE, THEIRS, MARK = "ami-claimed", "ami-zq9-source", "000000000099", "zq9"
RHEL_CODE = {"billing_code": "RunInstances:00g0", "platform_details": "Red Hat BYOL Linux"}
WINDOWS = {"platform": "windows", "billing_code": "RunInstances:0002"}
UNTOLD = "facts of the image that your accounts have not been told of"


def private(**facts):
    marked = {"owner": THEIRS, "name": f"{MARK}-name", "architecture": f"{MARK}-arch", "source_image": SOURCE}
    return custom_image(IMAGE, **marked, product_codes=((f"{MARK}-code", "marketplace"),), **facts)


@pytest.fixture
def owner(db):
    made = Stored("22", [THEIRS])
    made.record(launch("i-true", 1, image=IMAGE, account=THEIRS), launch("i-2", 1, image=SOURCE, account=THEIRS))
    return made


def sweep(customer, *descriptions):
    """The customer's account is told of the images by its cloud."""
    given = batch(*(each._replace(region=REGION) for each in descriptions))
    activity.record(customer_id=customer.customer_id, cloud="aws", feed="sweep", batch=given, as_of=AS_OF)


@pytest.fixture
def claimant(stored):
    stored.meter(launch("i-forged", 1, image=IMAGE))
    return stored


def path_of(image=IMAGE):
    return f"images/{Image.objects.get(native_id=image).pk}/verdict"


def answers(asking):
    """The verdict, and the runs of the instance that is said to boot from the image."""
    runs = f"instances/{Instance.objects.get(native_id='i-forged').pk}/runs"
    return asking.get(path_of()).content, asking.get(runs).content


def test_an_undetermined_image_is_answered_byte_for_byte_as_if_it_had_never_been_described(
    asking, other, claimant, owner
):
    before = answers(asking)

    sweep(owner, private(platform_details=f"{MARK}-details", billing_code=f"RunInstances:{MARK}"))
    owner.record(found(IMAGE, rhel_version=f"{MARK}-version"))

    assert answers(asking) == before
    assert other.get(path_of()).content.count(MARK.encode()) > 5


PAID = ("rhel", "RHEL", "customer")


@pytest.mark.parametrize(
    ("told", "counted"),
    [
        ([private(**RHEL_CODE)], PAID),
        ([private(**WINDOWS)], ("not_rhel", "", "")),
        ([private(), red_hat_image(SOURCE)], PAID),
        ([private(), custom_image(SOURCE, owner=THEIRS, name=MARK, **RHEL_CODE)], PAID),
    ],
)
def test_what_decides_is_not_said_to_those_who_do_not_see_the_image(asking, other, claimant, owner, told, counted):
    """The verdict itself is the claimant's own: its usage is counted by it. Not even Red Hat's source is named."""
    sweep(owner, *told)
    claimant.recalculate()

    answer = asking.get(path_of())

    content = answer.json()
    assert (content["rhel"], content["product"], content["payer"]) == counted
    assert (content["reasons"], content["conflicts"], content["unknown_codes"]) == (
        [f"untold: {UNTOLD} decide"],
        [],
        [],
    )
    assert content["evidence"]["lineage"] == []
    assert set(map(str, content["evidence"]["image"].values())) == {IMAGE, "", "[]"}
    for said in answers(asking):
        assert not [word for word in (MARK, THEIRS, SOURCE, "RunInstances", "309956199498") if word.encode() in said]
    assert MARK.encode() in other.get(path_of()).content


def test_ones_own_tag_is_said_whether_it_agrees_or_loses(asking, claimant, owner):
    claimant.record(tag(2, image=IMAGE))
    alone = asking.get(path_of()).json()
    assert alone["reasons"][0] == f"declared: tag {RHEL_TAG} says RHEL"

    sweep(owner, private(**RHEL_CODE))
    agreeing = asking.get(path_of()).json()
    sweep(owner, private(**WINDOWS))
    losing = asking.get(path_of()).json()

    assert (agreeing["rhel"], agreeing["reasons"], agreeing["conflicts"]) == (
        "rhel",
        [f"untold: {UNTOLD} decide", f"declared: tag {RHEL_TAG} says RHEL"],
        [],
    )
    assert (losing["rhel"], losing["reasons"], losing["conflicts"]) == (
        "not_rhel",
        [f"untold: {UNTOLD} decide"],
        [f"tag {RHEL_TAG} says RHEL; but {UNTOLD} say otherwise"],
    )


def test_to_claim_an_instance_of_the_image_that_ones_own_was_copied_from_is_not_enough(asking, stored, owner):
    sweep(owner, custom_image(SOURCE, owner=THEIRS, name=f"{MARK}-name", **RHEL_CODE))
    stored.record(launch("i-1", 1, image="ami-copy"), launch("i-forged", 1, image=SOURCE))
    sweep(stored, custom_image("ami-copy", source_image=SOURCE))

    answer = asking.get(path_of("ami-copy"))

    assert answer.json()["evidence"]["lineage"] == []
    assert answer.json()["reasons"][0] == "strong: an image that it was copied from, which is not yours, is RHEL"
    assert MARK.encode() not in answer.content

    sweep(stored, custom_image(SOURCE, owner=THEIRS, name=f"{MARK}-name", **RHEL_CODE))
    assert MARK.encode() in asking.get(path_of("ami-copy")).content


def test_public_images_are_told_to_everybody_and_others_to_those_who_come_to_see_them(asking, claimant, owner):
    sweep(owner, private(**RHEL_CODE), custom_image(SOURCE, name=f"{MARK}-source"))

    def told():
        evidence = asking.get(path_of()).json()["evidence"]
        return evidence["image"]["name"], [source["name"] for source in evidence["lineage"]]

    assert told() == ("", [])
    Image.objects.filter(native_id=IMAGE).update(is_public=True)
    assert told() == (f"{MARK}-name", [])
    Image.objects.update(is_public=True)
    assert told() == (f"{MARK}-name", [f"{MARK}-source"])
    Image.objects.update(is_public=False)
    assert told() == ("", [])
    claimant.record(private(**RHEL_CODE))
    assert told() == (f"{MARK}-name", [])
