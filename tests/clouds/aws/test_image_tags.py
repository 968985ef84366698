"""CreateTags and DeleteTags: which of them concern our tags of images."""

import pytest

from cloudigrade.clouds.aws.translate import Translation
from cloudigrade.clouds.protocol import TagChange
from tests.clouds.aws.records import ACCOUNT, EVENT_ID, OMITTED, REGION, SECOND, TIME, record, tagging, translated

RHEL = "cloudigrade-rhel-present"
OPENSHIFT = "cloudigrade-ocp-present"


def tag(image: str, key: str, *, is_present: bool) -> TagChange:
    return TagChange(ACCOUNT, REGION, image, key, is_present, SECOND, EVENT_ID)


@pytest.mark.parametrize(("name", "is_present"), [("CreateTags", True), ("DeleteTags", False)])
def test_our_tags_on_images_are_changes_of_each_image_and_key(name, is_present):
    value = tagging(name, ["ami-0f1", "i-0a1", "ami-0b2"], [RHEL, "Name", OPENSHIFT])

    changes = [tag(image, key, is_present=is_present) for image in ("ami-0f1", "ami-0b2") for key in (RHEL, OPENSHIFT)]
    assert translated(value) == Translation([], changes, ACCOUNT)


@pytest.mark.parametrize("name", ["CreateTags", "DeleteTags"])
@pytest.mark.parametrize(
    ("resources", "keys"),
    [(["i-0a1", "vol-1"], [RHEL]), (["ami-0f1"], ["Name"]), ([], [RHEL]), (["i-0a1", None], ["Name"])],
)
def test_other_tags_and_tags_of_other_things_do_not_matter(name, resources, keys):
    assert translated(tagging(name, resources, keys)) is None


def test_deleting_tags_without_naming_any_deletes_both_of_ours():
    value = record("DeleteTags", requestParameters={"resourcesSet": {"items": [{"resourceId": "ami-0f1"}]}})

    changes = [tag("ami-0f1", key, is_present=False) for key in (OPENSHIFT, RHEL)]
    assert translated(value) == Translation([], changes, ACCOUNT)


@pytest.mark.parametrize("request_body", [None, OMITTED, []])
def test_c4_a_tag_event_that_cannot_be_told_is_rejected(request_body):
    """C4: a null body must be kept and shown."""
    assert translated(record("CreateTags", requestParameters=request_body)) == Translation(
        [], [], ACCOUNT, "CreateTags does not say what was tagged"
    )


@pytest.mark.parametrize(
    ("resources", "keys"), [(["ami-0f1", 5], [RHEL]), (["ami-0f1", "ami-\0"], [RHEL]), (["ami-0f1"], [RHEL, 5])]
)
def test_an_odd_image_or_key_costs_only_itself(resources, keys):
    reason = "CreateTags has an item that names no valid resource or tag"

    assert translated(tagging("CreateTags", resources, keys)) == Translation(
        [], [tag("ami-0f1", RHEL, is_present=True)], ACCOUNT, reason
    )


@pytest.mark.parametrize(
    "addendum", [{"reason": "DELIVERY_DELAY"}, {"originalEventID": ""}, {"originalEventID": 5}, []]
)
def test_an_addendum_without_an_original_keeps_its_own_id(addendum):
    found = translated(tagging("CreateTags", ["ami-0f1"], [RHEL], addendum=addendum))

    assert found is not None
    assert [(each.source_id, each.revision) for each in found.tags] == [(EVENT_ID, f"{TIME}|{EVENT_ID}")]
