"""What is decided of an image by its description, and which disks it has; whatever the document, nothing escapes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudigrade.clouds.aws import descriptions, image_disks
from cloudigrade.clouds.aws.descriptions import Document
from cloudigrade.clouds.aws.image_disks import Mapped
from cloudigrade.clouds.inspecting import Decided, Outcome, Snapshot
from cloudigrade.clouds.protocol import ImageDescription, Unavailable, Unreadable

PLAIN = {"ImageId": "ami-1", "State": "available", "RootDeviceName": "/dev/sda1", "RootDeviceType": "ebs"}
ACCESS = "RHEL-9.4.0_HVM-20240605-x86_64-82-Access2-GP3"


def decided(**facts):
    document = PLAIN | facts
    described = descriptions.parse_part(document, Document.IMAGES, source="x")
    assert isinstance(described, ImageDescription)
    return image_disks.decided(described, document)


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"Platform": "windows"}, "the image is Windows"),
        ({"ImageOwnerAlias": "aws-marketplace"}, "the image belongs to AWS Marketplace"),
        (
            {"ProductCodes": [{"ProductCodeId": "x", "ProductCodeType": "marketplace"}]},
            "the image has a product code of AWS Marketplace",
        ),
        ({"OwnerId": "309956199498", "Name": ACCESS}, "certain: "),
        ({"UsageOperation": "RunInstances:0010"}, "certain: "),
        ({"UsageOperation": "RunInstances:00g0"}, "certain: "),
        ({"UsageOperation": "RunInstances:000g"}, "certain: "),
    ],
    ids=str,
)
def test_what_the_cloud_is_certain_of_needs_no_look(facts, reason):
    found = decided(**facts)

    assert found is not None
    assert found.outcome is Outcome.SETTLED
    assert found.reason.startswith(reason)


@pytest.mark.parametrize("state", ["available", "disabled", ""])
def test_a_plain_image_must_be_looked_at(state):
    assert decided(State=state, UsageOperation="RunInstances", OwnerId="000000000042") is None


def test_the_name_of_a_red_hat_image_says_nothing_of_an_image_that_somebody_else_owns():
    assert decided(OwnerId="000000000042", Name=ACCESS) is None


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        ({"State": "deregistered"}, Decided(Outcome.GONE, "the image is deregistered")),
        ({"State": "failed"}, Decided(Outcome.IMPOSSIBLE, "the image's state is failed")),
        ({"State": "invalid"}, Decided(Outcome.IMPOSSIBLE, "the image's state is invalid")),
        (
            {"RootDeviceType": "instance-store"},
            Decided(Outcome.IMPOSSIBLE, "the image has an instance store, and no snapshot"),
        ),
    ],
)
def test_an_image_that_is_broken_or_gone_is_not_looked_at(facts, found):
    assert decided(**facts) == found


def test_an_image_that_is_only_being_made_is_for_later():
    with pytest.raises(Unavailable, match="pending"):
        decided(State="pending")


def disk(device, snapshot):
    return {"DeviceName": device, "Ebs": {"SnapshotId": snapshot}}


def test_c35_every_disk_counts_and_the_roots_comes_first():
    mappings = [disk("/dev/sdb", "snap-b"), disk("/dev/sdf", "snap-a"), disk("/dev/sda1", "snap-r")]
    others = [{"DeviceName": "/dev/sdc", "VirtualName": "ephemeral0"}, {"DeviceName": "/dev/sdd", "Ebs": {}}]

    assert image_disks.mapped(PLAIN | {"BlockDeviceMappings": mappings + others}) == [
        Mapped("snap-r", "/dev/sda1", is_root=True),
        Mapped("snap-b", "/dev/sdb", is_root=False),
        Mapped("snap-a", "/dev/sdf", is_root=False),
    ]


def test_a_snapshot_that_is_mapped_twice_is_looked_at_once():
    mappings = [disk("/dev/sda1", "snap-1"), disk("/dev/sdb", "snap-1")]

    assert image_disks.mapped(PLAIN | {"BlockDeviceMappings": mappings}) == [
        Mapped("snap-1", "/dev/sda1", is_root=True)
    ]


def test_more_disks_than_a_machine_can_have_are_said_to_be_too_many():
    most = [disk(f"/dev/sd{number}", f"snap-{number}") for number in range(25)]

    assert len(image_disks.mapped({"BlockDeviceMappings": most})) == 25
    with pytest.raises(Unreadable, match="26 disks"):
        image_disks.mapped({"BlockDeviceMappings": [*most, disk("/dev/sdz", "snap-z")]})


def test_a_snapshot_is_as_it_is_described_and_what_is_not_described_stays_as_it_is_mapped():
    wanted = [Mapped("snap-1", "/dev/sda1", is_root=True), Mapped("snap-2", "/dev/sdb", is_root=False)]
    described = [{"SnapshotId": "snap-1", "VolumeSize": 10, "Encrypted": True, "OwnerId": "000000000042"}]

    assert image_disks.snapshots(wanted, described) == [
        Snapshot("snap-1", "/dev/sda1", 10 << 30, is_encrypted=True, owner="000000000042", is_root=True),
        wanted[1],
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = ("State", "RootDeviceName", "RootDeviceType", "BlockDeviceMappings", "ImageOwnerAlias", "Platform", "Public")


@given(st.dictionaries(st.sampled_from(FIELDS), JSON), st.lists(st.dictionaries(st.text(max_size=8), JSON), max_size=3))
def test_whatever_the_documents_say_nothing_but_our_own_failures_escapes(facts, described):
    try:
        decided(**facts)
        wanted = image_disks.mapped(facts)
    except (Unavailable, Unreadable):
        return
    assert len(image_disks.snapshots(wanted, described)) == len(wanted)


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 9)), max_size=20), st.sampled_from("abcdefgh"))
def test_each_snapshot_comes_once_and_the_root_first_if_it_is_there(disks, root):
    mappings = [disk(f"/dev/{device}", f"snap-{number}") for device, number in disks]

    found = image_disks.mapped({"RootDeviceName": f"/dev/{root}", "BlockDeviceMappings": mappings})

    assert sorted(each.snapshot for each in found) == sorted({f"snap-{number}" for _, number in disks})
    roots = [each.is_root for each in found]
    assert roots == sorted(roots, reverse=True)
