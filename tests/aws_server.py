"""A made-up AWS on 127.0.0.1: moto's server with our own side set up in it, for tests and for trying things out.

`python -m tests.aws_server` (`make aws`) runs until it is interrupted, and prints the environment that leads to it;
`--external-id ID` makes a customer's account too, with a role that demands this id, and a few instances.
"""

import argparse
import base64
import json
import logging
import shlex
import signal
import socket
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from cryptography.hazmat.primitives.asymmetric import rsa
from moto.ec2.models import ec2_backends
from moto.ec2.models.instances import Reservation
from moto.moto_api._internal.models import moto_api_backend
from moto.server import ThreadedMotoServer

from cloudigrade.simulator import digests
from tests import aws_patches, aws_storage
from tests.aws_patches import OWN_ACCOUNT
from tests.aws_storage import BLOCK

HOMES = {"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}
"""The region of each partition in which our side lies."""
MOST_RECEIVED = 5
CUSTOMER = "000000000042"
"""The account that is made for whoever tries things out."""
ROLE = "cloudigrade-metering"
RED_HAT = "309956199498"
MACHINE = "ecs"
"""The image that our machines start from."""

Json = dict[str, Any]


class Names:
    """What our own things are called in an environment."""

    def __init__(self, environment: str) -> None:
        self.environment = environment
        self.bucket = f"{environment}-cloudigrade-trails"
        self.log_queue = f"{environment}-cloudigrade-cloudtrail-s3"
        self.notice_queue = f"{environment}-cloudigrade-ec2-events"
        self.results_bucket = f"{environment}-cloudigrade-inspections"
        self.results_queue = f"{environment}-cloudigrade-inspections-s3"
        self.launch_template = f"cloudigrade-lt-{environment}"


class Aws:
    """The made-up AWS while it runs, and ways to change it that its own API does not have."""

    def __init__(self, url: str, names: Names) -> None:
        self.url = url
        self.names = names

    @property
    def variables(self) -> dict[str, str]:
        """The environment that leads every SDK there, and nowhere else."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",  # any will do
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self, service: str, region: str, account: str = OWN_ACCOUNT) -> Any:
        """A client of somebody who may do everything in the account."""
        return _client(self.url, service, region, account)

    def begin_anew(self, partitions: Iterable[str], *, visibility: int = 300) -> None:
        """Nothing is there but our own side."""
        moto_api_backend.reset()
        aws_patches.public_keys.clear()
        aws_patches.calls.clear()
        for partition in partitions:
            self.set_up_own_side(partition, visibility=visibility)

    def set_up_own_side(self, partition: str, *, visibility: int = 300) -> None:
        """Our bucket, the queues and the rule that feed them are there, as the installation's playbook makes them."""
        region, names = HOMES[partition], self.names
        logs = self._queue(region, names.log_queue, visibility)
        notices = self._queue(region, names.notice_queue, visibility)
        s3 = self.make_bucket(names.bucket, region)
        statement = {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "s3:PutObject"}
        policy = {"Version": "2012-10-17", "Statement": [statement | {"Resource": f"arn:{partition}:s3:::*"}]}
        s3.put_bucket_policy(Bucket=names.bucket, Policy=json.dumps(policy))
        _notify(s3, names.bucket, logs, "AWSLogs/", ".json.gz")
        self._set_up_inspection(region, visibility)
        events = self.client("events", region)
        pattern = {"source": ["aws.ec2"], "detail-type": ["EC2 Instance State-change Notification"]}
        events.put_rule(Name=names.notice_queue, EventPattern=json.dumps(pattern))
        events.put_targets(Rule=names.notice_queue, Targets=[{"Id": "queue", "Arn": notices}])

    def _set_up_inspection(self, region: str, visibility: int) -> None:
        """What machines that look at copies are made from, and where their results go."""
        results = self._queue(region, self.names.results_queue, visibility)
        s3 = self.make_bucket(self.names.results_bucket, region)
        _notify(s3, self.names.results_bucket, results, "InspectionResults/", ".json")
        ec2 = self.client("ec2", region)
        image = ec2.register_image(Name=MACHINE, RootDeviceName="/dev/xvda", Architecture="x86_64")["ImageId"]
        template = {"ImageId": image, "InstanceType": "t3.micro"}
        ec2.create_launch_template(LaunchTemplateName=self.names.launch_template, LaunchTemplateData=template)

    def put_disk(self, account: str, region: str, content: bytes, *, is_encrypted: bool = False) -> str:
        """A snapshot of the account that holds the content of a disk; what is zero was never written."""
        ebs = self.client("ebs", region, account)
        size = max(-(-len(content) // (1 << 30)), 1)
        name: str = ebs.start_snapshot(VolumeSize=size)["SnapshotId"]
        numbers = range(-(-len(content) // BLOCK))
        blocks = {number: content[number * BLOCK : (number + 1) * BLOCK] for number in numbers}
        # beside the API, which takes moto long for each block
        aws_storage.write(name, {number: block for number, block in blocks.items() if any(block)})
        ebs.complete_snapshot(SnapshotId=name, ChangedBlocksCount=len(blocks))
        ec2_backends[account][region].snapshots[name].encrypted = is_encrypted
        return name

    def put_image(self, account: str, region: str, *disks: bytes, name: str = "made", **facts: Any) -> str:
        """An image of the account with these disks, the root's first; `facts` are attributes of moto's image."""
        snapshots = [self.put_disk(account, region, disk) for disk in disks]
        return self.register(account, region, *snapshots, name=name, **facts)

    def register(self, account: str, region: str, *snapshots: str, name: str = "made", **facts: Any) -> str:
        """An image of the account that starts from these snapshots."""
        letters = "abcdefghijklmnopqrstuvwxyz"
        mappings = [
            {"DeviceName": f"/dev/sd{letter}{1 if letter == 'a' else ''}", "Ebs": {"SnapshotId": snapshot}}
            for letter, snapshot in zip(letters, snapshots, strict=False)
        ]
        made: str = self.client("ec2", region, account).register_image(
            Name=name, RootDeviceName="/dev/sda1", Architecture="x86_64", BlockDeviceMappings=mappings
        )["ImageId"]
        ec2_backends[account][region].amis[made].__dict__.update(facts)
        return made

    def _queue(self, region: str, name: str, visibility: int) -> str:
        """The ARN of a queue with its dead-letter queue."""
        sqs = self.client("sqs", region)
        dead = _arn(sqs, sqs.create_queue(QueueName=f"{name}-dlq")["QueueUrl"])
        redrive = {"deadLetterTargetArn": dead, "maxReceiveCount": MOST_RECEIVED}
        attributes = {"VisibilityTimeout": str(visibility), "RedrivePolicy": json.dumps(redrive)}
        return _arn(sqs, sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])

    def make_bucket(self, name: str, region: str, account: str = OWN_ACCOUNT) -> Any:
        """A client of the account that the new bucket belongs to."""
        s3 = self.client("s3", region, account)
        where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        s3.create_bucket(Bucket=name, **where)
        return s3

    def add_role(
        self, account: str, *, partition: str, external_id: str, policies: Iterable[Mapping[str, Any]], name: str = ROLE
    ) -> str:
        """The ARN of a role that lets us in with the external id; an empty one: with any or none."""
        iam = self.client("iam", HOMES[partition], account)
        statement: Json = {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:{partition}:iam::{OWN_ACCOUNT}:root"},
            "Action": "sts:AssumeRole",
        }
        if external_id:
            statement["Condition"] = {"StringEquals": {"sts:ExternalId": external_id}}
        trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        for number, policy in enumerate(policies):
            iam.put_role_policy(RoleName=name, PolicyName=f"policy-{number}", PolicyDocument=json.dumps(policy))
        return arn

    def put_policy(self, account: str, policy: Mapping[str, Any], *, partition: str = "aws", name: str = ROLE) -> None:
        """The role has this policy besides those it was made with."""
        iam = self.client("iam", HOMES[partition], account)
        iam.put_role_policy(RoleName=name, PolicyName="more", PolicyDocument=json.dumps(policy))

    def remove_role(self, account: str, *, partition: str, name: str = ROLE) -> None:
        """The customer no longer lets us in."""
        iam = self.client("iam", HOMES[partition], account)
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
            iam.delete_role_policy(RoleName=name, PolicyName=policy)
        iam.delete_role(RoleName=name)

    def describe(self, account: str, region: str, *, instances: Json, images: Json) -> None:
        """EC2 lists exactly these, given as the AWS CLI prints them, so with all that moto's own would not have."""
        backend = ec2_backends[account][region]
        backend.reservations.clear()
        for one in instances["Reservations"]:
            reservation = Reservation(one["ReservationId"], one["OwnerId"])
            # moto looks for no more than `_Described` has
            reservation.instances = [_Described(instance, "InstanceId") for instance in one["Instances"]]  # type: ignore[misc]
            backend.reservations[reservation.id] = reservation
        backend.amis.clear()
        backend.amis.update({one["ImageId"]: _Described(one, "ImageId") for one in images["Images"]})

    def trust(self, key: rsa.RSAPrivateKey) -> None:
        """CloudTrail lists the key as one of its own, with which it signs digests."""
        listed = digests.public_key(key)
        years = {"ValidityStartTime": 0, "ValidityEndTime": 4_000_000_000}
        aws_patches.public_keys.append({**listed, **years, "Value": base64.b64encode(listed["Value"]).decode()})

    def put_on_queue(self, queue: str, body: Json, *, partition: str = "aws") -> None:
        """A message waits there."""
        sqs = self.client("sqs", HOMES[partition])
        sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName=queue)["QueueUrl"], MessageBody=json.dumps(body))

    def waiting(self, queue: str, *, partition: str = "aws") -> int:
        """How many messages the queue holds, in flight or not."""
        sqs = self.client("sqs", HOMES[partition])
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        return sum(map(int, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values()))


def _notify(s3: Any, bucket: str, queue: str, prefix: str, suffix: str) -> None:
    """The queue is told of every such object that is written to the bucket."""
    rules = [{"Name": "prefix", "Value": prefix}, {"Name": "suffix", "Value": suffix}]
    notification = {"Id": "Notifications", "QueueArn": queue, "Events": ["s3:ObjectCreated:*"]}
    s3.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={"QueueConfigurations": [notification | {"Filter": {"Key": {"FilterRules": rules}}}]},
    )


class _Described:
    """An instance or image that says what it was told to, under the names of the API and those that filters use."""

    def __init__(self, facts: Mapping[str, Any], named: str) -> None:
        self.__dict__.update(facts)
        if "CreationDate" in facts:  # the one time that moto formats itself
            self.CreationDate = datetime.fromisoformat(facts["CreationDate"])
        self.id = facts[named]
        self.image_id = facts["ImageId"]
        self.state = facts["State"]["Name"] if isinstance(facts["State"], dict) else facts["State"]
        self.owner_id = facts.get("OwnerId", "")

    def get_filter_value(self, name: str, _method: str | None = None) -> Any:
        """As moto asks images."""
        return getattr(self, name.replace("-", "_")) if name != "image-id" else self.id


@cache
def _client(url: str, service: str, region: str, account: str) -> Any:
    client = _session().client(  # type: ignore[call-overload] # any service
        service, region_name=region, endpoint_url=url, config=Config(retries={"total_max_attempts": 1})
    )
    client.meta.events.register("before-sign.*.*", _Acting(account), unique_id="acting")
    return client


@cache
def _session() -> boto3.session.Session:
    """One for all clients: each that is made anew reads the large descriptions of services again."""
    return boto3.session.Session(aws_access_key_id="testing", aws_secret_access_key="testing")


class _Acting:
    """Says in each request which account it acts in; moto understands."""

    def __init__(self, account: str) -> None:
        self.account = account

    def __call__(self, request: Any, **_: object) -> None:
        request.headers["x-moto-account-id"] = self.account


def _arn(sqs: Any, url: str) -> str:
    arn: str = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return arn


@contextmanager
def running(
    partitions: Iterable[str] = ("aws",), *, environment: str = "test", port: int = 0, visibility: int = 300
) -> Iterator[Aws]:
    """A made-up AWS in this process, in threads of its own; everything in it is gone afterwards."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with socket.socket() as probe:  # moto waits for ever for a server that could not begin
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
    with aws_patches.applied():
        server = ThreadedMotoServer("127.0.0.1", port, verbose=False)
        server.start()
        host, bound = server.get_host_and_port()
        try:
            aws = Aws(f"http://{host}:{bound}", Names(environment))
            aws.begin_anew(partitions, visibility=visibility)
            yield aws
        finally:
            server.stop()
            _client.cache_clear()
            moto_api_backend.reset()


def main() -> None:
    """Run until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m tests.aws_server", description=__doc__)
    parser.add_argument("--port", type=int, default=5000)
    parser.add_argument("--environment", default="local", help="as CLOUDIGRADE_ENVIRONMENT, whose default it shares")
    parser.add_argument("--partition", choices=HOMES, action="append", default=[], help="may be repeated; default: aws")
    parser.add_argument("--external-id", help="makes a customer's account whose role demands this id")
    options = parser.parse_args()
    partitions = options.partition or ["aws"]
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with suppress(KeyboardInterrupt):
            _run(partitions, options)
    except OSError as error:
        parser.exit(1, f"port {options.port}: {error.strerror}\n")


def _run(partitions: list[str], options: argparse.Namespace) -> None:
    with running(partitions, environment=options.environment, port=options.port) as aws:
        lines = [f"export {name}={shlex.quote(value)}" for name, value in aws.variables.items()]
        if partitions != ["aws"]:
            lines.append(f"export AWS_PARTITIONS={','.join(partitions)}")
        if options.external_id:
            arn = add_customer(aws, external_id=options.external_id, partition=partitions[0])
            lines.append(f"# a customer's account with a few instances; its role is {arn}")
        lines.append("# a made-up AWS runs; Ctrl-C ends it")
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        sys.stdout.flush()
        signal.pause()


def add_customer(aws: Aws, *, external_id: str, partition: str = "aws", account: str = CUSTOMER) -> str:
    """The ARN of the role of a customer's account with two instances on RHEL, one on something else, and one off."""
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    arn = aws.add_role(account, partition=partition, external_id=external_id, policies=[policy])
    for region, image in zip(aws_patches.REGIONS[partition], (_RHEL, _PLAIN), strict=False):
        ec2 = aws.client("ec2", region, account)
        made = ec2.register_image(Name=image["name"], RootDeviceName="/dev/sda1", Architecture="x86_64")["ImageId"]
        ami = ec2_backends[account][region].amis[made]
        ami.__dict__.update(image)
        ids = [
            one["InstanceId"]
            for one in ec2.run_instances(ImageId=made, InstanceType="m5.large", MinCount=2, MaxCount=2)["Instances"]
        ]
    ec2.stop_instances(InstanceIds=ids[:1])
    return arn


_RHEL = {
    "name": "RHEL-9.4.0_HVM-20240605-x86_64-82-Access2-GP3",
    "owner_id": RED_HAT,
    "usage_operation": "RunInstances:00g0",
    "platform_details": "Red Hat BYOL Linux",
}
_PLAIN = {"name": "plain-2026.1"}


if __name__ == "__main__":
    main()
