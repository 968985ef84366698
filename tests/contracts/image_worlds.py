"""The same account with images twice: behind the fake cloud, and behind the real one against a made-up AWS."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Final, Protocol

import pytest
from moto.sqs.models import sqs_backends

from cloudigrade.clouds.aws import cloud as real
from cloudigrade.clouds.aws import policy, snapshots
from cloudigrade.clouds.cloud import Account
from cloudigrade.clouds.inspecting import ImageDisks, InspectsImages, Outcome, Result, Snapshot, Step, Subject
from cloudigrade.clouds.protocol import Rejected
from tests import aws_storage, fake_images
from tests.aws_patches import OWN_ACCOUNT
from tests.aws_server import HOMES, ROLE, Aws
from tests.aws_storage import BLOCK
from tests.clouds.aws.inspecting import DEADLINE, HOME, NOW, REGION, copying, forget, left
from tests.fake_cloud import FakeCloud

ONE, OTHER = "000000000042", "210987654321"
PAGE: Final = 100
"""Blocks in a list where a test wants several, the least that EBS takes."""
Content = Mapping[int, bytes]
"""What is written of a disk, by the numbers of its blocks."""
DISK: Final[Content] = {0: b"x"}


class ImageWorld(Protocol):
    """What a customer has and does, and what our inspectors write, whichever cloud it is."""

    account: Account
    """It lets us look into its images, in both ways."""

    @property
    def cloud(self) -> InspectsImages:
        """The cloud in question."""

    def put(self, *disks: Content, is_public: bool = False, owner: str = ONE) -> str:
        """An image with these disks, the root's first, which the account sees; its id."""

    def put_windows(self) -> str:
        """An image that needs no look."""

    def put_hidden(self) -> str:
        """An image of somebody else's that the account may boot from, and whose storage it may not read."""

    def register_again(self, image: str) -> str:
        """Another image with the same disks."""

    def lose(self, snapshot: Snapshot) -> None:
        """Its owner has deleted the snapshot."""

    def deny(self, action: str) -> None:
        """The role's policy no longer allows it."""

    def shut_out(self) -> None:
        """The role is gone."""

    def left(self) -> tuple[int, int]:
        """How much of ours is there, and how much in the customer's account or shared from it."""

    def write(self, name: str, **images: Mapping[str, Any]) -> None:
        """An inspector has written what it found on these images."""

    def write_garbage(self, name: str) -> None:
        """It has written something else."""

    def unread(self) -> int:
        """How many messages of results nobody has acknowledged."""


class FakeImageWorld:
    """The fake cloud."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        patch.setattr(fake_images, "PAGE", PAGE)
        self.fake = FakeCloud()
        self.account = self.fake.add(ONE, "mine-42").as_account()
        self._count = 0

    @property
    def cloud(self) -> InspectsImages:
        return self.fake

    def put(self, *disks: Content, is_public: bool = False, owner: str = ONE) -> str:
        image = self._name("ami")
        names = [self._name("snap") for _ in disks]
        self.fake.disks.contents |= {name: _whole(disk) for name, disk in zip(names, disks, strict=True)}
        found = self.fake.show(ONE, REGION, image, *names, is_public=is_public)
        owned = tuple(each._replace(owner=owner) for each in found.snapshots)
        self.fake.disks.seen[ONE, REGION, image] = found._replace(snapshots=owned)
        return image

    def put_windows(self) -> str:
        return self._say(Outcome.SETTLED)

    def put_hidden(self) -> str:
        return self._say(Outcome.IMPOSSIBLE)

    def register_again(self, image: str) -> str:
        found = self.fake.disks.seen[ONE, REGION, image]
        assert isinstance(found, ImageDisks)
        again = self._name("ami")
        self.fake.show(ONE, REGION, again, *(each.native_id for each in found.snapshots))
        return again

    def lose(self, snapshot: Snapshot) -> None:
        del self.fake.disks.contents[snapshot.native_id]

    def deny(self, action: str) -> None:
        named = fake_images.SHARE if action == "ec2:ModifySnapshotAttribute" else action
        self.fake.accounts[ONE].denied += (named,)

    def shut_out(self) -> None:
        self.fake.accounts[ONE].has_role = False

    def left(self) -> tuple[int, int]:
        where = [made.account == fake_images.OURS for made in self.fake.disks.made.values()]
        return where.count(True), where.count(False)

    def write(self, name: str, **images: Mapping[str, Any]) -> None:
        self.fake.write(*(Result(image, content, f"s3://results/{name}.json") for image, content in images.items()))

    def write_garbage(self, name: str) -> None:
        location = f"s3://results/{name}.json"
        self.fake.write(rejected=[Rejected(location, "is not inspection results", location=location)])

    def unread(self) -> int:
        return len(self.fake.disks.written)

    def _say(self, outcome: Outcome) -> str:
        image = self._name("ami")
        self.fake.say(ONE, REGION, image, outcome, "told so")
        return image

    def _name(self, kind: str) -> str:
        self._count += 1
        return f"{kind}-{self._count}"


class AwsImages:
    """What all worlds of a module share, for the made-up AWS takes long to make it."""

    def __init__(self, aws: Aws) -> None:
        self.aws = aws
        self.cloud = real.Aws(copying())
        self.account = Account(ONE, self._let_in(), "id-1")
        self.aws.add_role(OTHER, partition="aws", external_id="id-1", policies=[])

    def _let_in(self) -> str:
        allowed = [
            policy.policy("aws", "test", account=ONE, inspection=way, principal=OWN_ACCOUNT)
            for way in (policy.Inspection.DIRECT, policy.Inspection.COPY)
        ]
        return self.aws.add_role(ONE, partition="aws", external_id="id-1", policies=allowed)

    def begin_anew(self) -> None:
        """Nothing is there of images, snapshots, machines and messages, and the role is as it was made."""
        forget((OWN_ACCOUNT, HOME), (ONE, REGION), (OTHER, REGION))
        queue = sqs_backends[OWN_ACCOUNT][HOME].queues[self.aws.names.results_queue]  # its API does so once a minute
        queue._messages.clear()
        queue.pending_messages.clear()
        iam = self.aws.client("iam", HOMES["aws"], ONE)
        with suppress(iam.exceptions.NoSuchEntityException):
            self.aws.remove_role(ONE, partition="aws")
        self._let_in()


class AwsImageWorld:
    """AWS, against moto."""

    def __init__(self, shared: AwsImages, patch: pytest.MonkeyPatch) -> None:
        patch.setattr(snapshots, "PAGE", PAGE)
        shared.begin_anew()
        self.aws = shared.aws
        self.account = shared.account
        self._cloud = shared.cloud

    @property
    def cloud(self) -> InspectsImages:
        return self._cloud

    def put(self, *disks: Content, is_public: bool = False, owner: str = ONE) -> str:
        names = [self._disk(owner, disk) for disk in disks]
        if owner != ONE:
            for name in names:
                aws_storage.snapshot_of(name).create_volume_permission_userids.add(ONE)
        image = self.aws.register(owner, REGION, *names)
        self._let_boot(owner, image, {"Group": "all"} if is_public else {"UserId": ONE})
        return image

    def put_windows(self) -> str:
        return self.aws.put_image(ONE, REGION, b"x", platform="windows")

    def put_hidden(self) -> str:
        image = self.aws.put_image(OTHER, REGION, b"x")
        self._let_boot(OTHER, image, {"UserId": ONE})
        return image

    def register_again(self, image: str) -> str:
        (found,) = self.aws.client("ec2", REGION, ONE).describe_images(ImageIds=[image])["Images"]
        names = [each["Ebs"]["SnapshotId"] for each in found["BlockDeviceMappings"]]
        return self.aws.register(ONE, REGION, *reversed(names), name="again")

    def lose(self, snapshot: Snapshot) -> None:
        ec2 = self.aws.client("ec2", REGION, snapshot.owner)
        for image in ec2.describe_images(Owners=["self"])["Images"]:  # which hold it
            ec2.deregister_image(ImageId=image["ImageId"])
        ec2.delete_snapshot(SnapshotId=snapshot.native_id)

    def deny(self, action: str) -> None:
        statement = {"Effect": "Deny", "Action": [action], "Resource": "*"}
        self.aws.put_policy(ONE, {"Version": "2012-10-17", "Statement": [statement]}, name=ROLE)

    def shut_out(self) -> None:
        self.aws.remove_role(ONE, partition="aws")

    def left(self) -> tuple[int, int]:
        found = left(self.aws, ONE)
        return len(found["ours"]), len(found["theirs"]) + len(found["shared"])

    def write(self, name: str, **images: Mapping[str, Any]) -> None:
        self._write(name, json.dumps({"cloud": "aws", "errors": [], "images": images}).encode())

    def write_garbage(self, name: str) -> None:
        self._write(name, b"{garbage")

    def unread(self) -> int:
        return self.aws.waiting(self.aws.names.results_queue)

    def _write(self, name: str, content: bytes) -> None:
        key = f"InspectionResults/2026-11/28/11.00.00-{name}.json"
        self.aws.client("s3", HOME).put_object(Bucket=self.aws.names.results_bucket, Key=key, Body=content)

    def _disk(self, owner: str, disk: Content) -> str:
        name = self.aws.put_disk(owner, REGION, b"")
        aws_storage.write(name, dict(disk))
        return name

    def _let_boot(self, owner: str, image: str, whom: Mapping[str, str]) -> None:
        ec2 = self.aws.client("ec2", REGION, owner)
        ec2.modify_image_attribute(ImageId=image, LaunchPermission={"Add": [whom]})


def _whole(disk: Content) -> bytes:
    blocks = bytearray((max(disk, default=-1) + 1) * BLOCK)
    for number, block in disk.items():
        blocks[number * BLOCK : number * BLOCK + len(block)] = block
    return bytes(blocks)


def disks_of(world: ImageWorld, image: str) -> ImageDisks:
    found = world.cloud.look(world.account, REGION, image)
    assert isinstance(found, ImageDisks)
    return found


def subject(world: ImageWorld, *, owner: str = ONE, **other: Any) -> Subject:
    """An image of one disk that is to be copied."""
    image = world.put(DISK, owner=owner)
    given = {"inspection": 7, "attempt": 1, "deadline": DEADLINE} | other
    snapshots = disks_of(world, image).snapshots
    return Subject(account=world.account, region=REGION, image=image, snapshots=snapshots, **given)


def stepped(world: ImageWorld, wanted: Subject, step: Step) -> Step:
    """The next one, as from a database."""
    following = world.cloud.copy(wanted, json.loads(json.dumps(step.progress)), now=NOW)
    assert isinstance(following, Step)
    return following


def steps(world: ImageWorld, wanted: Subject) -> Iterator[Step]:
    """Every step until the copy is looked at."""
    step = Step({}, 0)
    for _ in range(30):
        step = stepped(world, wanted, step)
        yield step
        if step.again_in is None:
            return
    raise AssertionError("it takes no end")


def abandon(world: ImageWorld, wanted: Subject, progress: Mapping[str, Any]) -> None:
    """Nothing is left of it, by its cloud's own word, which it repeats."""
    for _ in range(20):
        step = world.cloud.abandon(wanted, progress, now=NOW)
        if step is None:
            assert world.cloud.abandon(wanted, progress, now=NOW) is None
            return
        assert step.again_in is not None
        progress = step.progress
    raise AssertionError("something stays")
