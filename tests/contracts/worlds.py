"""The same small world twice: behind the fake cloud, and behind the real one against a made-up AWS."""

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from moto.ec2.models import ec2_backends

from cloudigrade.clouds.aws import cloud as real
from cloudigrade.clouds.aws.config import Section
from cloudigrade.clouds.cloud import Account, Cloud, Delivery, Place, Route
from cloudigrade.clouds.protocol import Batch, InstanceActivity, InstanceDescription
from cloudigrade.domain.events import Event, Feed, Kind
from cloudigrade.simulator.timestamps import compact, moment, zulu
from tests import aws_patches
from tests.aws_server import ROLE, Aws
from tests.clouds.aws import records
from tests.fake_accounts import LogFile, Message
from tests.fake_cloud import BUCKET, LOGS, FakeCloud

REGION = "us-east-1"
OTHER_REGION = "us-west-2"
OUR_BUCKET = "test-cloudigrade-trails"
TIME = 1_772_500_000


class World(Protocol):
    """What a customer does, and what happens to them, whichever cloud it is."""

    queue: str

    @property
    def cloud(self) -> Cloud:
        """The cloud in question."""

    def unread(self) -> int:
        """How many messages nobody has acknowledged."""

    def add(self, native_id: str, external_id: str) -> Account:
        """An account whose role lets us in with this external id; an empty one: with any."""

    def remove_role(self, native_id: str) -> None:
        """It no longer lets us in."""

    def deny(self, native_id: str, action: str) -> None:
        """Its role's policy no longer allows it."""

    def has_our_trail(self, native_id: str) -> bool:
        """We made a trail there."""

    def run(self, native_id: str, region: str) -> str:
        """An instance runs from now on; its id."""

    def vanish(self, native_id: str, region: str, instance: str) -> None:
        """The cloud has forgotten the instance."""

    def deliver(self, native_id: str, instance: str) -> None:
        """A log file arrives in our bucket that tells of the instance's launch."""

    def bury(self, native_id: str) -> None:
        """A message lies in the dead-letter queue."""


class FakeWorld:
    """The fake cloud."""

    def __init__(self) -> None:
        self.fake = FakeCloud()
        self.queue = LOGS
        self._count = 0

    @property
    def cloud(self) -> Cloud:
        return self.fake

    def unread(self) -> int:
        return len(self.fake.waiting[LOGS])

    def add(self, native_id: str, external_id: str) -> Account:
        owner = self.fake.add(native_id, external_id, instances={REGION: [], OTHER_REGION: []})
        return owner.as_account(external_id or "any")

    def remove_role(self, native_id: str) -> None:
        self.fake.accounts[native_id].has_role = False

    def deny(self, native_id: str, action: str) -> None:
        self.fake.accounts[native_id].denied += (action,)

    def has_our_trail(self, native_id: str) -> bool:
        return self.fake.accounts[native_id].has_our_trail

    def run(self, native_id: str, region: str) -> str:
        self._count += 1
        instance = f"i-{self._count}"
        event = Event(f"describe:{instance}", TIME, Kind.POWER_ON, Feed.DESCRIPTION)
        self.fake.accounts[native_id].instances[region].append(
            InstanceDescription(
                account=native_id,
                region=region,
                instance=instance,
                image="ami-1",
                instance_type="m5.large",
                billing_code="RunInstances",
                launched_at=TIME,
                described_until=TIME,
                is_stop_undated=False,
                events=(event,),
            )
        )
        return instance

    def vanish(self, native_id: str, region: str, instance: str) -> None:
        listed = self.fake.accounts[native_id].instances[region]
        listed[:] = [one for one in listed if one.instance != instance]

    def deliver(self, native_id: str, instance: str) -> None:
        message = self.fake.send(self._message(native_id, instance))
        if owner := self.fake.accounts.get(native_id):
            owner.log_files.append(LogFile(REGION, f"AWSLogs/{instance}", TIME, message.batch))

    def bury(self, native_id: str) -> None:
        self.fake.dead[LOGS].append(self._message(native_id, "i-dead"))

    def _message(self, native_id: str, instance: str) -> Message:
        event = Event(f"launch-{instance}", TIME, Kind.POWER_ON, is_launch=True)
        told = InstanceActivity(native_id, REGION, instance, event, "ami-1")
        return Message((BUCKET, native_id), Batch(instances=[told], records_read=1, records_relevant=1))


class AwsWorld:
    """AWS, against moto."""

    def __init__(self, aws: Aws) -> None:
        self.aws = aws
        self._cloud = real.build(Section(), environment="test")
        self.queue = aws.names.log_queue
        self._count = 0

    @property
    def cloud(self) -> Cloud:
        return self._cloud

    def unread(self) -> int:
        return self.aws.waiting(self.queue)

    def add(self, native_id: str, external_id: str) -> Account:
        policy = dict(self.cloud.instructions(external_id="any").policy)
        arn = self.aws.add_role(native_id, partition="aws", external_id=external_id, policies=[policy])
        return Account(native_id, arn, external_id or "any")

    def remove_role(self, native_id: str) -> None:
        self.aws.remove_role(native_id, partition="aws")

    def deny(self, native_id: str, action: str) -> None:
        statement = {"Effect": "Deny", "Action": [action], "Resource": "*"}
        self.aws.put_policy(native_id, {"Version": "2012-10-17", "Statement": [statement]}, name=ROLE)

    def has_our_trail(self, native_id: str) -> bool:
        return aws_patches.trails(native_id) == [f"test-{native_id}"]

    def run(self, native_id: str, region: str) -> str:
        ec2 = self.aws.client("ec2", region, native_id)
        image = ec2.register_image(Name="golden", RootDeviceName="/dev/sda1", Architecture="x86_64")["ImageId"]
        made = ec2.run_instances(ImageId=image, InstanceType="m5.large", MinCount=1, MaxCount=1)["Instances"]
        return str(made[0]["InstanceId"])

    def vanish(self, native_id: str, region: str, instance: str) -> None:
        reservations = ec2_backends[native_id][region].reservations
        for name in [name for name, one in reservations.items() if one.instances[0].id == instance]:
            del reservations[name]

    def deliver(self, native_id: str, instance: str) -> None:
        told = records.run_instances(
            records.launched(instance), eventTime=zulu(TIME), recipientAccountId=native_id, eventID=f"e-{instance}"
        )
        s3 = self.aws.client("s3", REGION)
        s3.put_object(Bucket=OUR_BUCKET, Key=self._key(native_id), Body=records.packed(told))

    def bury(self, native_id: str) -> None:
        body = {"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": _object(native_id)}]}
        self.aws.put_on_queue(f"{self.queue}-dlq", body)

    def _key(self, native_id: str) -> str:
        self._count += 1
        name = f"{native_id}_CloudTrail_{REGION}_{compact(TIME)}_{self._count:016d}.json.gz"
        return f"AWSLogs/{native_id}/CloudTrail/{REGION}/{moment(TIME):%Y/%m/%d}/{name}"


def _object(native_id: str) -> Mapping[str, Any]:
    key = f"AWSLogs/{native_id}/CloudTrail/{REGION}/2026/03/03/x.json.gz"
    return {"bucket": {"name": OUR_BUCKET}, "object": {"key": key, "size": 1}}


class Routes:
    """A router for some accounts, which remembers what it was asked."""

    def __init__(self, bucket: str, owners: Mapping[str, int]) -> None:
        self.bucket = bucket
        self.owners = owners
        self.asked: list[Place] = []

    def __call__(self, places: Collection[Place]) -> dict[Place, Route]:
        self.asked += places
        return {
            place: Route(self.owners[place[1]])
            for place in places
            if place[0] == self.bucket and place[1] in self.owners
        }


def told(deliveries: list[Delivery]) -> dict[int, list[str]]:
    """The instances that the deliveries tell of, by owner."""
    found: dict[int, list[str]] = {}
    for delivery in deliveries:
        for owner, batch in delivery.batches.items():
            found.setdefault(owner, []).extend(each.instance for each in batch.instances)
    return {owner: sorted(instances) for owner, instances in found.items()}
