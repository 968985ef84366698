"""Copies, step by step, each repeated and interrupted: nothing is made twice, and nothing is left behind.

What moto lacks of sharing and copying, `tests.aws_storage` has; refusals and states that take minutes are put in.
"""

import json

import pytest
from moto.ec2.models import ec2_backends

from cloudigrade.clouds.aws import copies
from cloudigrade.clouds.aws.policy import Inspection, Purpose
from cloudigrade.clouds.inspecting import Decided, Outcome, Step
from cloudigrade.clouds.protocol import Absent, CustomerProblem, Unavailable, Unreadable
from tests.aws_patches import OWN_ACCOUNT
from tests.aws_storage import NO_STORAGE, snapshot_of
from tests.clouds.aws.customers import calls_of
from tests.clouds.aws.inspecting import (
    DEADLINE,
    HOME,
    NOTHING,
    NOW,
    REGION,
    abandoned,
    add_customer,
    answering,
    copying,
    forget,
    impatient,
    left,
    looked_at,
    one_step,
    steps,
    until,
)

pytestmark = pytest.mark.enable_socket


@pytest.fixture(scope="module")
def access(aws):
    return copying()


@pytest.fixture(scope="module")
def account(aws):
    return add_customer(aws, "000000000071", Inspection.COPY)


@pytest.fixture(scope="module")
def stranger(aws):
    """Somebody whose images are shared with the customer."""
    return add_customer(aws, "000000000072", Inspection.NONE).native_id


@pytest.fixture(autouse=True)
def tidy(aws, account, stranger):
    forget((OWN_ACCOUNT, HOME), (account.native_id, REGION), (stranger, REGION))


@pytest.fixture
def wanted(aws, access, account):
    """An image of the customer's own, of two disks."""
    image = aws.put_image(account.native_id, REGION, b"root", b"data")
    return looked_at(access, account, image)


@pytest.fixture
def foreign(aws, access, account, stranger):
    """An image of somebody else's that is shared with the customer, storage and all."""
    disk = aws.put_disk(stranger, REGION, b"x")
    image = aws.register(stranger, REGION, disk, name="n" * 120)
    ec2 = aws.client("ec2", REGION, stranger)
    ec2.modify_image_attribute(ImageId=image, LaunchPermission={"Add": [{"UserId": account.native_id}]})
    snapshot_of(disk).create_volume_permission_userids.add(account.native_id)
    return looked_at(access, account, image)


def theirs(access, account):
    return access.client(account, "ec2", REGION, Purpose.COPYING)


def names(found):
    return [step.progress["step"] for step in found]


def test_an_image_of_the_customers_own_is_shared_copied_withdrawn_and_looked_at(aws, access, account, wanted):
    found = list(steps(access, wanted))

    assert names(found) == ["share", "copy", "copied", "withdraw", "launch", "look"]
    assert [step.again_in for step in found] == [0, 0, 15, 0, 0, None]
    assert all(json.loads(json.dumps(step.progress)) == step.progress for step in found)
    last = found[-1].progress
    there = left(aws, account.native_id)
    assert (there["theirs"], there["shared"]) == ([], [])
    assert sorted(there["ours"]) == sorted([*last["copies"], last["machine"]])
    # the root's copy comes first, and each copy holds what its source does
    assert [snapshot_of(name).volume.size for name in last["copies"]] == [1, 1]
    tags = [{tag["key"]: tag["value"] for tag in snapshot_of(name).get_tags()} for name in last["copies"]]
    assert tags == [
        {
            "cloudigrade-owner": "test",
            "cloudigrade-inspection": "7",
            "cloudigrade-attempt": "1",
            "cloudigrade-deadline": str(DEADLINE),
            "cloudigrade-source": disk.native_id,
        }
        for disk in wanted.snapshots
    ]


def test_c32_an_image_of_others_is_copied_within_the_account_and_the_copy_is_removed(aws, access, account, foreign):
    found = list(steps(access, foreign))

    assert names(found)[:4] == ["image", "image made", "share", "copy"]
    assert names(found)[-1] == "look"
    assert found[-1].again_in is None
    there = left(aws, account.native_id)
    assert (there["theirs"], there["shared"]) == ([], [])
    assert len(there["ours"]) == 2


def test_the_copy_of_an_image_says_what_it_is(aws, access, account, foreign):
    until(access, foreign, "share")
    ec2 = aws.client("ec2", REGION, account.native_id)

    (made,) = ec2.describe_images(Owners=["self"])["Images"]
    (snapshot,) = ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]

    tags = {each["Key"]: each["Value"] for each in made["Tags"]}
    assert made["Name"] == tags["Name"] == f"cloudigrade reference copy ({'n' * 120})"[:128]
    assert tags["cloudigrade original image id"] == foreign.image
    assert tags["cloudigrade original image name"] == "n" * 120
    assert tags["cloudigrade-owner"] == "test"
    assert {each["Key"] for each in snapshot["Tags"]} >= {"cloudigrade-owner", "cloudigrade-deadline"}


@pytest.mark.parametrize("whose", ["wanted", "foreign"])
def test_c30_every_step_may_lose_its_progress_and_makes_nothing_twice(aws, access, account, request, whose):
    wanted = request.getfixturevalue(whose)
    step = Step({}, 0)
    while step.again_in is not None:
        copies.copy(access, wanted, step.progress, now=NOW)  # the worker dies, and what it did is not stored
        step = one_step(access, wanted, step.progress)
    progress = step.progress

    there = left(aws, account.native_id)
    assert (there["theirs"], there["shared"]) == ([], [])
    assert sorted(there["ours"]) == sorted([*progress["copies"], progress["machine"]])


ON_THE_WAY = ["share", "copy", "copied", "withdraw", "launch", "look"]


@pytest.mark.parametrize(
    ("whose", "begun"), [("wanted", ON_THE_WAY), ("foreign", ["image", "image made", *ON_THE_WAY])]
)
def test_c31_from_whatever_step_a_copy_is_abandoned_nothing_is_left(aws, access, account, request, whose, begun):
    wanted = request.getfixturevalue(whose)
    for attempt, name in enumerate(begun, 1):
        wanted = wanted._replace(attempt=attempt)
        progress = until(access, wanted, name)
        copies.copy(access, wanted, progress, now=NOW)  # and what it made is not stored
        abandoned(access, wanted, progress)
        assert (name, left(aws, account.native_id)) == (name, NOTHING)


def test_what_was_looked_at_is_tidied_without_the_customer(aws, access, account, wanted):
    assert copies.abandon(access, wanted, {}) is None
    progress = list(steps(access, wanted))[-1].progress
    before = calls_of(account.native_id)

    abandoned(access, wanted, progress)

    assert calls_of(account.native_id) == before
    assert left(aws, account.native_id) == NOTHING


def test_who_shuts_us_out_keeps_us_from_their_account_only(aws, access, account, wanted):
    progress = until(access, wanted, "withdraw")
    with (
        answering(theirs(access, account), "ModifySnapshotAttribute", ["UnauthorizedOperation"]),
        pytest.raises(CustomerProblem),
    ):
        copies.abandon(access, wanted, progress)

    assert left(aws, account.native_id)["ours"] == []
    assert abandoned(access, wanted, progress) < 10


def test_c31_a_copy_that_fails_leaves_nothing_shared(aws, access, account, wanted):
    progress = until(access, wanted, "copied")
    snapshot_of(progress["copies"][1]).status = "error"

    with pytest.raises(Unreadable, match="could not be made"):
        copies.copy(access, wanted, progress, now=NOW)

    assert left(aws, account.native_id)["shared"] == []


def test_c31_a_copy_that_takes_too_long_is_given_up_and_abandoned(aws, access, account, wanted):
    progress = until(access, wanted, "copied")
    for name in progress["copies"]:
        snapshot_of(name).status = "pending"

    assert copies.copy(access, wanted, progress, now=DEADLINE - 1) == Step(progress, 15)
    with pytest.raises(Unreadable, match="in time"):
        copies.copy(access, wanted, progress, now=DEADLINE)
    abandoned(access, wanted, progress)

    assert left(aws, account.native_id) == NOTHING


def test_a_share_that_was_withdrawn_before_its_copy_began_is_given_again(aws, access, account, wanted):
    progress = until(access, wanted, "copy")
    for disk in wanted.snapshots:
        snapshot_of(disk.native_id).create_volume_permission_userids.clear()

    again = one_step(access, wanted, progress)

    assert again.progress["step"] == "share"
    assert names(steps(access, wanted, again.progress))[-1] == "look"


def test_a_snapshot_that_is_gone_is_absent(aws, access, account, wanted):
    progress = until(access, wanted, "share")
    del ec2_backends[account.native_id][REGION].snapshots[wanted.snapshots[0].native_id]

    with pytest.raises(Absent):
        copies.copy(access, wanted, progress, now=NOW)


def test_a_snapshot_under_awss_own_key_cannot_be_shared_and_is_said_to_be_so(access, account, wanted):
    progress = until(access, wanted, "share")
    client = theirs(access, account)
    with (
        answering(client, "ModifySnapshotAttribute", ["OperationNotPermitted"]),
        pytest.raises(Unreadable, match="cannot be shared"),
    ):
        copies.copy(access, wanted, progress, now=NOW)


def test_an_encrypted_snapshot_is_copied_under_our_own_key(aws, access, account):
    image = aws.register(account.native_id, REGION, aws.put_disk(account.native_id, REGION, b"x", is_encrypted=True))
    wanted = looked_at(access, account, image)
    with answering(access.own("ec2", HOME), "CopySnapshot", []) as seen:
        progress = until(access, wanted, "copied")

    assert [each["body"]["Encrypted"] for each in seen] == ["true"]
    assert snapshot_of(progress["copies"][0]).encrypted


@pytest.mark.parametrize(
    ("message", "decided"),
    [
        (
            "Images from AWS Marketplace cannot be copied to another AWS account",
            Decided(Outcome.SETTLED, "AWS refuses to copy the image: it is billed by AWS or its marketplace"),
        ),
        (
            "Images with EC2 BillingProduct codes cannot be copied to another AWS account.",
            Decided(Outcome.SETTLED, "AWS refuses to copy the image: it is billed by AWS or its marketplace"),
        ),
        (f"{NO_STORAGE}.", Decided(Outcome.IMPOSSIBLE, "private image with inaccessible storage")),
    ],
)
def test_c34_a_refusal_is_understood_by_its_whole_sentence(access, account, foreign, message, decided):
    progress = until(access, foreign, "image")
    with answering(theirs(access, account), "CopyImage", [("InvalidRequest", message)]):
        assert copies.copy(access, foreign, progress, now=NOW) == decided


@pytest.mark.parametrize("message", ["storage", "You do not have permission", "the", ""])
def test_c34_a_part_of_the_sentence_is_another_sentence(access, account, foreign, message):
    progress = until(access, foreign, "image")
    with (
        answering(theirs(access, account), "CopyImage", [("InvalidRequest", message)]),
        pytest.raises(Exception, match="InvalidRequest") as caught,
    ):
        copies.copy(access, foreign, progress, now=NOW)

    assert type(caught.value).__name__ == "ClientError"


def test_limits_of_copies_are_for_later_and_end_nothing(access, account, wanted, foreign, monkeypatch):
    access = impatient(monkeypatch)
    progress = until(access, wanted, "copy")
    with answering(access.own("ec2", HOME), "CopySnapshot", ["ResourceLimitExceeded"]), pytest.raises(Unavailable):
        copies.copy(access, wanted, progress, now=NOW)
    other = foreign._replace(inspection=8)
    progress = until(access, other, "image")
    with answering(theirs(access, account), "CopyImage", ["ResourceLimitExceeded"]), pytest.raises(Unavailable):
        copies.copy(access, other, progress, now=NOW)


def test_a_role_that_allows_no_copies_is_the_customers_to_change(access, customer, wanted):
    narrow = wanted._replace(account=customer(inspection=Inspection.DIRECT))
    progress = until(access, wanted, "share")

    with pytest.raises(CustomerProblem):
        copies.copy(access, narrow, progress, now=NOW)


def test_another_attempt_makes_everything_anew(aws, access, account, wanted):
    first = list(steps(access, wanted))[-1].progress
    second = list(steps(access, wanted._replace(attempt=2)))[-1].progress

    assert not {*first["copies"], first["machine"]} & {*second["copies"], second["machine"]}
    abandoned(access, wanted, second)
    assert left(aws, account.native_id) == NOTHING
