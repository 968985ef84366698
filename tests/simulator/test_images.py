import pytest

from cloudigrade.simulator import images
from cloudigrade.simulator.images import Image
from cloudigrade.simulator.places import Place
from tests.simulator import trees
from tests.simulator.conftest import Simulate

_PLACE = Place("012345678901", "us-east-1", "")


def _catalogue(place: Place = _PLACE, seed: int = 1) -> dict[str, Image]:
    return {image.archetype: image for image in images.catalogue(place, seed=seed)}


@pytest.mark.parametrize(
    ("archetype", "rhel", "payer"),
    [
        ("red-hat-hourly", "rhel", "cloud"),
        ("red-hat-hourly-arm", "rhel", "cloud"),
        ("red-hat-access", "rhel", "customer"),
        ("red-hat-access-arm", "rhel", "customer"),
        ("copy-of-access", "rhel", "customer"),
        ("marketplace", "rhel", "cloud"),
        ("found-server", "rhel", "customer"),
        ("found-workstation-arm", "rhel", "customer"),
        ("found-malformed", "rhel", "customer"),
        ("found-half-malformed", "rhel", "customer"),
        ("found-text-purpose", "rhel", "customer"),
        ("found-null-purpose", "rhel", "customer"),
        ("found-long-role", "rhel", "customer"),
        ("found-without-billing", "rhel", "unknown"),
        ("tagged", "rhel", "customer"),
        ("tagged-and-found", "rhel", "customer"),
        ("described-tag", "rhel", "customer"),
        ("untagged", "undetermined", ""),
        ("plain", "undetermined", ""),
        ("plain-arm", "undetermined", ""),
        ("inspection-failed", "undetermined", ""),
        ("nothing-found", "not_rhel", ""),
        ("windows", "not_rhel", ""),
        ("suse", "not_rhel", ""),
        ("ubuntu-pro", "not_rhel", ""),
    ],
)
def test_each_archetype_has_its_verdict(archetype: str, rhel: str, payer: str) -> None:
    image = _catalogue()[archetype]

    assert (image.rhel, image.payer) == (rhel, payer)


@pytest.mark.parametrize(
    ("archetype", "purpose"),
    [
        ("found-server", ("Red Hat Enterprise Linux Server", "Premium", "Production", "L1-L3")),
        ("found-workstation-arm", ("Red Hat Enterprise Linux Workstation", "Standard", "Development/Test", "")),
        ("found-malformed", ("", "", "", "")),
        ("found-half-malformed", ("", "Self-Support", "", "")),
        ("found-text-purpose", ("", "", "", "")),
        ("found-null-purpose", ("", "", "", "")),
        ("red-hat-access", ("", "", "", "")),
        ("found-long-role", (("Red Hat Enterprise Linux Compute Node " * 3)[:64], "Premium", "", "")),
    ],
)
def test_c16_what_is_no_text_counts_as_empty(archetype: str, purpose: tuple[str, str, str, str]) -> None:
    """C16: a malformed system purpose costs nobody the day."""
    assert _catalogue()[archetype].purpose == purpose


def test_public_images_are_shared_by_accounts_and_custom_ones_are_not() -> None:
    one, other = _catalogue(), _catalogue(Place("999999999999", "us-east-1", ""))
    elsewhere = _catalogue(Place("012345678901", "eu-west-1", ""))

    shared = {name for name in one if one[name].native_id == other[name].native_id}

    assert shared == {name for name, image in one.items() if image.is_public}
    assert {one[name].owner for name in one if name not in shared} == {"012345678901"}
    assert not {image.native_id for image in one.values()} & {image.native_id for image in elsewhere.values()}


def test_a_copy_names_its_source() -> None:
    catalogue = _catalogue()

    assert catalogue["copy-of-access"].source_image == catalogue["red-hat-access"].native_id


def test_every_archetype_is_used_and_described(simulate: Simulate) -> None:
    out = simulate()
    described = {image["ImageId"]: image for image in trees.document(out, "images")["Images"]}
    used = {
        item["imageId"]
        for record in trees.all_records(out)
        if record["eventName"] == "RunInstances" and "errorCode" not in record
        for item in record["responseElements"]["instancesSet"]["items"]
    } | {instance["ImageId"] for instance in trees.described(out)}
    found = {_kind(described[native_id]["Name"]) for native_id in used}

    assert used <= set(described)
    assert found == {_kind(image.name) for image in _catalogue().values()}


def _kind(name: str) -> str:
    return name.removeprefix("golden-").removesuffix("-2026.1")


def test_findings_are_given_for_inspected_images_only(simulate: Simulate) -> None:
    inspections = trees.document(simulate(), "inspections")
    names = {image["ImageId"]: _kind(image["Name"]) for image in trees.document(simulate(), "images")["Images"]}

    assert {names[native_id] for native_id in inspections["images"]} == {
        image.archetype for image in _catalogue().values() if image.findings is not None
    }


def test_tags_come_by_call_or_description(simulate: Simulate) -> None:
    out = simulate()
    names = {image["ImageId"]: image for image in trees.document(out, "images")["Images"]}
    calls = {"CreateTags": set[str](), "DeleteTags": set[str]()}
    for record in trees.all_records(out):
        if record["eventName"] in calls:
            ids = [item["resourceId"] for item in record["requestParameters"]["resourcesSet"]["items"]]
            calls[record["eventName"]] |= {_kind(names[one]["Name"]) for one in ids if one in names}

    assert calls == {"CreateTags": {"tagged", "tagged-and-found", "untagged"}, "DeleteTags": {"untagged"}}
    assert {_kind(image["Name"]) for image in names.values() if "Tags" in image} == {
        "tagged",
        "tagged-and-found",
        "described-tag",
    }
