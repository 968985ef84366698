"""What outlived its inspection is found and removed everywhere; nothing else is ever touched.

moto shows shared snapshots across accounts through `tests.aws_storage`.
"""

import pytest
from moto.ec2.models import ec2_backends

from cloudigrade.clouds.aws import reaper
from cloudigrade.clouds.aws.config import Section
from cloudigrade.clouds.aws.policy import Inspection
from cloudigrade.clouds.aws.remains import YOUNG
from cloudigrade.clouds.aws.session import Access
from cloudigrade.clouds.protocol import Unavailable
from tests.aws_patches import OWN_ACCOUNT
from tests.aws_storage import snapshot_of
from tests.clouds.aws.customers import calls_of
from tests.clouds.aws.inspecting import (
    DEADLINE,
    HOME,
    NOTHING,
    NOW,
    REGION,
    add_customer,
    answering,
    copying,
    forget,
    left,
    looked_at,
    steps,
    until,
)

pytestmark = pytest.mark.enable_socket


@pytest.fixture(scope="module")
def access(aws):
    return copying()


@pytest.fixture(scope="module")
def account(aws):
    return add_customer(aws, "000000000073", Inspection.COPY)


@pytest.fixture(scope="module")
def stranger(aws):
    """Somebody whose images are shared with the customer."""
    return add_customer(aws, "000000000074", Inspection.NONE).native_id


@pytest.fixture(autouse=True)
def tidy(aws, account, stranger):
    forget((OWN_ACCOUNT, HOME), (account.native_id, REGION), (stranger, REGION))


def wanted(aws, access, account, *, owner="", **other):
    """An image to copy, of the account or of another owner."""
    owner = owner or account.native_id
    disk = aws.put_disk(owner, REGION, b"x")
    image = aws.register(owner, REGION, disk)
    ec2 = aws.client("ec2", REGION, owner)
    ec2.modify_image_attribute(ImageId=image, LaunchPermission={"Add": [{"UserId": account.native_id}]})
    if owner != account.native_id:
        snapshot_of(disk).create_volume_permission_userids.add(account.native_id)
    return looked_at(access, account, image, **other)


def reaped(access, *accounts, alive=(), now=NOW):
    return sorted(
        (each.kind, each.native_id, each.account, each.region)
        for each in reaper.reap(access, accounts, alive=alive, now=now)
    )


def test_what_a_dead_inspection_left_is_gone_from_our_account(aws, access, account):
    progress = list(steps(access, wanted(aws, access, account)))[-1].progress

    found = reaped(access, account, alive={8})

    assert found == [
        ("instance", progress["machine"], OWN_ACCOUNT, HOME),
        ("snapshot", progress["copies"][0], OWN_ACCOUNT, HOME),
    ]
    assert left(aws, account.native_id) == NOTHING
    assert reaped(access, account, alive={8}) == []


def test_what_somebody_waits_for_stays_until_its_deadline(aws, access, account):
    list(steps(access, wanted(aws, access, account)))
    there = left(aws, account.native_id)

    assert reaped(access, account, alive={7}) == []
    assert left(aws, account.native_id) == there
    assert len(reaped(access, account, alive={7}, now=DEADLINE)) == 2


def test_what_is_younger_than_the_count_of_the_living_stays(aws, access, account):
    progress = list(steps(access, wanted(aws, access, account)))[-1].progress
    born = int(snapshot_of(progress["copies"][0]).start_time.timestamp())

    assert reaped(access, account, now=born + YOUNG // 2) == []


def test_c32_copies_of_images_are_gone_from_the_customers_account_in_two_rounds_at_most(aws, access, account, customer):
    owner = customer().native_id
    until(access, wanted(aws, access, account, owner=owner), "share")
    assert len(left(aws, account.native_id)["theirs"]) == 2

    kinds = [each[0] for _ in range(2) for each in reaped(access, account)]

    assert kinds[0] == "image"
    assert left(aws, account.native_id) == NOTHING


def test_c31_a_share_that_nobody_withdrew_is_withdrawn(aws, access, account):
    image = wanted(aws, access, account)
    until(access, image, "copy")
    name = image.snapshots[0].native_id
    assert left(aws, account.native_id)["shared"] == [name]

    assert reaped(access, account) == [("share", name, account.native_id, REGION)]
    assert left(aws, account.native_id) == NOTHING


def test_a_share_stays_while_its_snapshot_is_being_copied_for_somebody(aws, access, account):
    image = wanted(aws, access, account)
    progress = until(access, image, "copied")
    snapshot_of(progress["copies"][0]).status = "pending"

    assert reaped(access, account, alive={7}) == []
    assert left(aws, account.native_id)["shared"] == [image.snapshots[0].native_id]
    assert [each[0] for each in reaped(access, account, alive=set())] == ["share", "snapshot"]


def test_nothing_is_touched_that_is_neither_tagged_as_ours_nor_shared_with_us_by_the_account(
    aws, access, account, stranger
):
    there = {}
    for number, region in ((OWN_ACCOUNT, HOME), (account.native_id, REGION)):
        ec2 = aws.client("ec2", region, number)
        disk = aws.put_disk(number, region, b"x")
        image = aws.register(number, region, disk)
        (machine,) = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1)["Instances"]
        ec2.create_tags(
            Resources=[disk, image, machine["InstanceId"]],
            Tags=[{"Key": "cloudigrade-owner", "Value": "stage"}, {"Key": "cloudigrade-inspection", "Value": "7"}],
        )
        there[number] = (disk, image, machine["InstanceId"])
    shared = aws.put_disk(stranger, REGION, b"x")
    snapshot_of(shared).create_volume_permission_userids.add(OWN_ACCOUNT)

    assert reaped(access, account) == []
    for number, region in ((OWN_ACCOUNT, HOME), (account.native_id, REGION)):
        backend = ec2_backends[number][region]
        disk, image, machine = there[number]
        assert disk in backend.snapshots
        assert image in backend.amis
        assert backend.get_instance(machine).state == "running"
    assert OWN_ACCOUNT in snapshot_of(shared).create_volume_permission_userids


def test_an_answer_that_holds_what_is_not_ours_costs_nobody_anything(aws, access, account):
    """Should a filter be taken for none, tags decide."""
    disk = aws.put_disk(OWN_ACCOUNT, HOME, b"x")
    client = access.own("ec2", HOME)
    foreign = {"Snapshots": [{"SnapshotId": disk, "OwnerId": OWN_ACCOUNT, "State": "completed"}]}
    with answering(client, "DescribeSnapshots", [foreign]):
        assert reaped(access, account) == []

    assert disk in ec2_backends[OWN_ACCOUNT][HOME].snapshots


def test_an_account_that_does_not_let_us_look_costs_no_other(aws, access, account, customer):
    closed = customer(inspection=Inspection.NONE)
    gone = customer(inspection=Inspection.COPY)
    aws.remove_role(gone.native_id, partition="aws")
    image = wanted(aws, access, account)
    until(access, image, "copy")

    found = reaped(access, closed, gone, account)

    assert found == [("share", image.snapshots[0].native_id, account.native_id, REGION)]


def test_our_own_account_that_does_not_answer_is_said_after_the_rest(aws, access, account, stranger):
    until(access, wanted(aws, access, account, owner=stranger), "share")
    found: list[str] = []
    with (
        answering(access.own("ec2", HOME), "DescribeInstances", ["UnauthorizedOperation"]),
        pytest.raises(Unavailable, match="our own account"),
    ):
        found.extend(each.kind for each in reaper.reap(access, [account], alive=(), now=NOW))

    assert found[0] == "image"
    reaped(access, account)
    assert left(aws, account.native_id) == NOTHING


def test_nobody_is_asked_where_no_copies_are_made(aws, account):
    before = calls_of(account.native_id)

    assert reaped(Access(Section(), "test"), account) == []
    assert calls_of(account.native_id) == before


def test_each_customer_is_asked_with_its_own_external_id_and_what_copying_allows(aws, customer):
    access = copying()
    accounts = [customer(inspection=Inspection.COPY) for _ in range(2)]
    requests = []
    access.own("sts", HOME).meta.events.register(
        "before-call.sts.AssumeRole", lambda params, **_: requests.append(params["body"])
    )

    reaped(access, *accounts)

    assert {(each["RoleArn"], each["ExternalId"]) for each in requests} == {
        (each.credentials, each.external_id) for each in accounts
    }
    assert all("DeleteCopies" in each["Policy"] for each in requests)
    assert all(f'"ec2:Add/userId":"{OWN_ACCOUNT}"' in each["Policy"] for each in requests)
