"""Machines and images of Azure as descriptions, and what the verdict makes of them."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudigrade.clouds.azure.translate import MAX_IDENTITY, Machine, parse_image, parse_machine
from cloudigrade.clouds.protocol import ImageDescription, Unreadable
from cloudigrade.domain.rhel import Evidence, ImageFacts, judge
from tests.clouds.azure.documents import GROUP, MARKETPLACE, OTHER, SUBSCRIPTION, agent, machine

GOLDEN = {"id": f"{GROUP}/images/Golden"}
FOREIGN = f"/subscriptions/{OTHER}/resourceGroups/x/providers/Microsoft.Compute/galleries/g/images/base"


def answer(parsed: Machine) -> tuple[str, str]:
    image = parsed.image
    facts = ImageFacts(
        image.image,
        owner=image.owner,
        name=image.name,
        platform=image.platform,
        billing_code=image.billing_code,
        platform_details=image.platform_details,
        product_codes=image.product_codes,
    )
    verdict = judge(Evidence(facts), billing_code=parsed.billing_code)
    return verdict.rhel.value, verdict.payer.value


def test_a_machine_of_a_marketplace_image_tells_everything_of_itself_and_its_image():
    document = machine(licenseType="RHEL_BYOS", instanceView=agent("redhat", "9.4"))
    document["tags"] = {"cloudigrade-rhel-present": "", "other": "x"}
    document["plan"] = {"name": "rhel-lvm94", "publisher": "RedHat", "product": "rhel-byos", "promotionCode": None}

    assert parse_machine(document) == Machine(
        account=SUBSCRIPTION,
        region="westeurope",
        instance=f"{GROUP}/virtualMachines/Web01".lower(),
        instance_type="Standard_D4s_v5",
        billing_code="RHEL_BYOS",
        tags=("cloudigrade-rhel-present",),
        image=ImageDescription(
            region="westeurope",
            image="redhat:rhel:9_4:9.4.2024053113",
            owner="redhat",
            name="redhat:rhel:9_4",
            product_codes=(("redhat:rhel-byos:rhel-lvm94", "plan"),),
        ),
    )


def test_the_flat_form_that_az_prints_is_the_same():
    nested = machine(licenseType="RHEL_EUS", instanceView=agent("redhat", "9.4"))
    flat = {**nested, **nested["properties"], "plan": None, "tags": None}
    del flat["properties"]

    assert parse_machine(flat) == parse_machine(nested)


@pytest.mark.parametrize(
    ("reference", "identity"),
    [
        (MARKETPLACE, "redhat:rhel:9_4:9.4.2024053113"),
        ({**MARKETPLACE, "version": "latest"}, "redhat:rhel:9_4:latest"),
        ({**MARKETPLACE, "version": "latest", "exactVersion": "9.4.1"}, "redhat:rhel:9_4:9.4.1"),
        (GOLDEN, f"{GROUP}/images/golden".lower()),
        ({"id": FOREIGN, "exactVersion": "1.0.3"}, f"{FOREIGN}/versions/1.0.3".lower()),
        ({"id": f"{FOREIGN}/versions/1.0.2", "exactVersion": "1.0.2"}, f"{FOREIGN}/versions/1.0.2".lower()),
        (
            {"communityGalleryImageId": "/CommunityGalleries/Free-1/Images/rocky/Versions/1"},
            "/communitygalleries/free-1/images/rocky/versions/1",
        ),
        (
            {"sharedGalleryImageId": "/sharedGalleries/team-1/images/base/versions/latest", "exactVersion": "2.0.0"},
            "/sharedgalleries/team-1/images/base/versions/latest",
        ),
        # C40: neither names nor path; the disk it boots from is all there is
        ({}, f"{GROUP}/disks/os".lower()),
        ({"publisher": "RedHat"}, f"{GROUP}/disks/os".lower()),
    ],
)
def test_c39_c40_the_identity_of_an_image_is_all_of_its_names_or_its_path(reference, identity):
    assert parse_machine(machine(reference)).image.image == identity


def test_c39_the_same_sku_of_another_publisher_is_another_image():
    rocky = {"publisher": "resf", "offer": "rockylinux-x86_64", "sku": "9_4", "version": "9.4.2024053113"}

    assert answer(parse_machine(machine(MARKETPLACE))) == ("rhel", "cloud")
    assert answer(parse_machine(machine(rocky))) == ("not_rhel", "")


@pytest.mark.parametrize("absent", [None, "storageProfile", "imageReference", "osDisk"])
def test_c40_a_machine_without_an_image_costs_nobody_else_anything(absent):
    document = machine({})
    for place in (document["properties"], document["properties"]["storageProfile"]):
        if absent in place:
            place[absent] = None

    assert parse_machine(document).account == SUBSCRIPTION
    assert answer(parse_machine(document)) == ("undetermined", "")


@pytest.mark.parametrize(
    ("code", "expected"),
    [(None, ("rhel", "unknown")), ("RHEL_BYOS", ("rhel", "customer")), ("RHEL_BASE", ("rhel", "cloud"))],
)
def test_c41_an_own_image_is_rhel_by_what_the_agent_reports_and_paid_by_the_license_type(code, expected):
    parsed = parse_machine(machine(GOLDEN, licenseType=code, instanceView=agent("redhat", "8.10")))

    assert parsed.image.platform_details == "redhat 8.10"
    assert parsed.image.owner == SUBSCRIPTION
    assert answer(parsed) == expected


def test_nobody_speaks_for_an_image_of_somebody_else():
    document = machine({"id": f"{FOREIGN}/versions/1.0.2"}, instanceView=agent("redhat", "9.4"))

    assert parse_machine(document).image.platform_details == ""
    assert parse_machine(document, own=[OTHER.upper()]).image.platform_details == "redhat 9.4"


def test_a_machine_of_a_scale_set_is_one():
    document = machine()
    document["id"] = f"{GROUP}/virtualMachineScaleSets/pool/virtualMachines/3"

    assert parse_machine(document).instance.endswith("/virtualmachinescalesets/pool/virtualmachines/3")


def test_windows_is_not_rhel():
    document = machine(GOLDEN)
    document["properties"]["storageProfile"]["osDisk"]["osType"] = "Windows"

    assert answer(parse_machine(document)) == ("not_rhel", "")


def test_a_managed_image_is_described():
    document = {
        "id": f"{GROUP}/images/Golden",
        "name": "Golden",
        "location": "West Europe",
        "tags": {"cloudigrade-ocp-present": "1"},
        "properties": {"storageProfile": {"osDisk": {"osType": "Windows", "osState": "Generalized"}}},
    }

    assert parse_image(document) == ImageDescription(
        region="westeurope",
        image=f"{GROUP}/images/golden".lower(),
        owner=SUBSCRIPTION,
        name="Golden",
        platform="windows",
        tags=("cloudigrade-ocp-present",),
    )


def test_a_version_of_a_gallery_names_what_it_was_made_from_and_a_customers_plan_proves_nothing():
    document = {
        "id": f"{FOREIGN}/versions/1.0.2",
        "name": "1.0.2",
        "location": "westeurope",
        "plan": {"name": "rhel-lvm94", "publisher": "redhat", "product": "rhel-byos"},
        "properties": {"storageProfile": {"source": {"id": GOLDEN["id"]}}},
    }

    assert parse_image(document) == ImageDescription(
        region="westeurope",
        image=f"{FOREIGN}/versions/1.0.2".lower(),
        owner=OTHER,
        name="1.0.2",
        source_image=GOLDEN["id"].lower(),
    )


def test_a_marketplace_image_has_the_identity_that_machines_name():
    places = "/Publishers/RedHat/ArtifactTypes/VMImage/Offers/rhel-arm64/Skus/9_4-arm64/Versions/9.4.2024"
    document = {
        "id": f"/Subscriptions/{SUBSCRIPTION}/Providers/Microsoft.Compute/Locations/westeurope{places}",
        "name": "9.4.2024",
        "location": "westeurope",
        "properties": {"plan": None, "osDiskImage": {"operatingSystem": "Linux"}, "architecture": "Arm64"},
    }

    assert parse_image(document) == ImageDescription(
        region="westeurope",
        image="redhat:rhel-arm64:9_4-arm64:9.4.2024",
        owner="redhat",
        name="redhat:rhel-arm64:9_4-arm64",
        architecture="arm64",
    )


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"id": 5},
        {"id": "x" * (MAX_IDENTITY + 1)},
        {"id": f"{GROUP}/disks/os"},
        {**machine(), "properties": {"licenseType": ["RHEL_BYOS"]}},
        {**machine(), "id": f"{GROUP}/virtualMachines/\ud800"},
        {**machine(), "id": f"{GROUP}/virtualMachines/\0"},
    ],
)
def test_what_is_no_machine_is_unreadable(document):
    with pytest.raises(Unreadable):
        parse_machine(document)
    with pytest.raises(Unreadable):
        parse_image(document)


def test_texts_are_such_that_a_database_takes_them():
    parsed = parse_machine(machine(GOLDEN, licenseType="A\0\ud800" + "b" * 600, instanceView=agent("x\0", "\udfff")))

    assert parsed.billing_code == "A?" + "b" * 510
    assert parsed.image.platform_details == "x ?"


garbage = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
fields = ["id", "location", "plan", "tags", "licenseType", "storageProfile", "instanceView", "properties", "osType"]


@given(st.dictionaries(st.sampled_from(fields), garbage, max_size=6), st.booleans())
def test_garbage_is_a_description_or_unreadable(content, is_inside):
    document = machine(**content) if is_inside else {**machine(), **content}
    for parse in (parse_machine, parse_image):
        with contextlib.suppress(Unreadable):
            assert parse(document)
