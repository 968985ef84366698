"""An image as the customer's role sees it: settled, gone, beyond reach, or with all its disks.

moto knows no states but those that are set, and no marketplace: facts are put into its images. What it does not share
across accounts, `tests.aws_storage` does.
"""

import pytest

from cloudigrade.clouds.aws import images
from cloudigrade.clouds.aws.policy import Inspection, Purpose
from cloudigrade.clouds.inspecting import Decided, ImageDisks, Outcome, Snapshot
from cloudigrade.clouds.protocol import CustomerProblem, Unavailable
from cloudigrade.domain.problems import Problem
from tests.clouds.aws.customers import calls_of
from tests.clouds.aws.inspecting import REGION, add_customer, answering, impatient

pytestmark = pytest.mark.enable_socket


@pytest.fixture(scope="module")
def account(aws):
    return add_customer(aws, "000000000075", Inspection.DIRECT)


def share(aws, owner, image, snapshot, *, reader):
    """The owner lets the reader boot the image, and read its storage if a snapshot is named."""
    ec2 = aws.client("ec2", REGION, owner)
    ec2.modify_image_attribute(ImageId=image, LaunchPermission={"Add": [{"UserId": reader}]})
    if snapshot:
        ec2.modify_snapshot_attribute(
            SnapshotId=snapshot, Attribute="createVolumePermission", OperationType="add", UserIds=[reader]
        )


def test_c35_an_image_has_all_its_disks_the_roots_first(aws, access, account):
    image = aws.put_image(account.native_id, REGION, b"root", b"data")

    found = images.look(access, account, REGION, image)

    assert isinstance(found, ImageDisks)
    assert [(each.device, each.is_root, each.size, each.owner) for each in found.snapshots] == [
        ("/dev/sda1", True, 1 << 30, account.native_id),
        ("/dev/sdb", False, 1 << 30, account.native_id),
    ]
    assert not found.is_public
    assert {each.is_encrypted for each in found.snapshots} == {False}


def test_an_encrypted_snapshot_says_so_and_an_image_for_everybody_too(aws, access, account):
    disk = aws.put_disk(account.native_id, REGION, b"x", is_encrypted=True)
    image = aws.register(account.native_id, REGION, disk, launch_permissions=[{"Group": "all"}])

    found = images.look(access, account, REGION, image)

    root = Snapshot(disk, "/dev/sda1", 1 << 30, is_encrypted=True, owner=account.native_id, is_root=True)
    assert found == ImageDisks((root,), is_public=True)


def test_an_image_that_vanished_is_gone(aws, access, account):
    assert images.look(access, account, REGION, "ami-0123456789abcdef0") == Decided(
        Outcome.GONE, "EC2 does not know the image"
    )


def test_what_ec2_says_of_it_may_settle_an_image_without_any_look_at_its_snapshots(aws, access, account):
    image = aws.put_image(account.native_id, REGION, b"x", platform="windows")
    before = calls_of(account.native_id)

    assert images.look(access, account, REGION, image) == Decided(Outcome.SETTLED, "the image is Windows")
    assert calls_of(account.native_id).get(("ec2", "DescribeSnapshots")) == before.get(("ec2", "DescribeSnapshots"))


def test_a_failed_image_cannot_be_looked_at_and_a_pending_one_not_yet(aws, access, account):
    failed = aws.put_image(account.native_id, REGION, b"x", state="failed")
    pending = aws.put_image(account.native_id, REGION, b"x", state="pending")

    assert images.look(access, account, REGION, failed) == Decided(Outcome.IMPOSSIBLE, "the image's state is failed")
    with pytest.raises(Unavailable, match="pending"):
        images.look(access, account, REGION, pending)


@pytest.mark.parametrize("whose", ["private", "public"])
def test_an_image_of_others_whose_storage_is_not_shared_is_beyond_reach(aws, access, account, customer, whose):
    owner = customer().native_id
    image = aws.put_image(owner, REGION, b"x")
    if whose == "public":
        aws.client("ec2", REGION, owner).modify_image_attribute(
            ImageId=image, LaunchPermission={"Add": [{"Group": "all"}]}
        )
    else:
        share(aws, owner, image, "", reader=account.native_id)

    found = images.look(access, account, REGION, image)

    assert found == Decided(Outcome.IMPOSSIBLE, f"{whose} image with inaccessible storage")


def test_an_image_of_others_that_is_shared_with_its_storage_is_looked_at(aws, access, account, customer):
    owner = customer().native_id
    disk = aws.put_disk(owner, REGION, b"x")
    image = aws.register(owner, REGION, disk)
    share(aws, owner, image, disk, reader=account.native_id)

    found = images.look(access, account, REGION, image)

    assert isinstance(found, ImageDisks)
    assert [(each.native_id, each.owner) for each in found.snapshots] == [(disk, owner)]


def test_a_snapshot_that_is_gone_makes_a_look_impossible(aws, access, account):
    disks = [aws.put_disk(account.native_id, REGION, b"x") for _ in range(2)]
    image = aws.register(account.native_id, REGION, *disks)
    ec2 = aws.client("ec2", REGION, account.native_id)
    ec2.deregister_image(ImageId=aws.register(account.native_id, REGION, disks[1]))  # moto: the last one holds it
    ec2.delete_snapshot(SnapshotId=disks[1])

    assert images.look(access, account, REGION, image) == Decided(
        Outcome.IMPOSSIBLE, "private image with inaccessible storage"
    )


def test_a_role_for_metering_alone_does_not_let_us_look_into_images(aws, access, customer):
    account = customer()
    image = aws.put_image(account.native_id, REGION, b"x")

    with pytest.raises(CustomerProblem) as caught:
        images.look(access, account, REGION, image)

    assert caught.value.problem is Problem.POLICY_TOO_NARROW


def test_throttling_is_for_later(aws, account, monkeypatch):
    access = impatient(monkeypatch)
    client = access.client(account, "ec2", REGION, Purpose.INSPECTION)
    with answering(client, "DescribeImages", ["RequestLimitExceeded"]), pytest.raises(Unavailable):
        images.look(access, account, REGION, "ami-1")
