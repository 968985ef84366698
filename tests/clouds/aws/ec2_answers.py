"""What EC2 says, as the AWS CLI prints it, and a customer's account in moto that says it."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from moto import mock_aws
from moto.iam.models import iam_backends

from cloudigrade.clouds.aws.config import Section
from cloudigrade.clouds.aws.session import Access
from cloudigrade.clouds.cloud import Account
from tests import aws_patches
from tests.aws_server import Aws, Names
from tests.builders import ACCOUNT

ROLE = f"arn:aws:iam::{ACCOUNT}:role/metering"
CUSTOMER = Account(ACCOUNT, ROLE, "an-external-id")
LAUNCHED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

Json = dict[str, Any]

_TRUST = '{"Statement": [{"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "sts:AssumeRole"}]}'
_POLICY = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'


def instance(name: str, *, image: str = "ami-0f1", zone: str = "us-east-1a", **changes: Any) -> Json:
    """One that runs since its launch."""
    return {
        "InstanceId": name,
        "ImageId": image,
        "InstanceType": "m6i.large",
        "LaunchTime": LAUNCHED,
        "Placement": {"AvailabilityZone": zone},
        "State": {"Code": 16, "Name": "running"},
        "StateTransitionReason": "",
        "UsageOperation": "RunInstances:00g0",
        "UsageOperationUpdateTime": LAUNCHED,
    } | changes


def image(name: str, **changes: Any) -> Json:
    """One of Red Hat's, for customers with subscriptions."""
    return {
        "ImageId": name,
        "OwnerId": "309956199498",
        "Name": "RHEL-9.4.0_HVM-20240605-x86_64-82-Access2-GP3",
        "Architecture": "x86_64",
        "State": "available",
        "PlatformDetails": "Red Hat BYOL Linux",
        "UsageOperation": "RunInstances:00g0",
    } | changes


def reservations(instances: Iterable[Json], owner: str = ACCOUNT) -> Json:
    """Each in a reservation of its own."""
    return {
        "Reservations": [
            {"ReservationId": f"r-{place}", "OwnerId": owner, "Instances": [each]}
            for place, each in enumerate(instances)
        ]
    }


def _printed(facts: Json) -> Json:
    """The facts with their times as text, as the CLI prints them."""
    return {key: value.isoformat() if isinstance(value, datetime) else value for key, value in facts.items()}


class Ec2:
    """A customer's account, and our way into it."""

    def __init__(self, access: Access) -> None:
        self.access = access

    def says(self, region: str, instances: Iterable[Json] = (), images: Iterable[Json] = ()) -> None:
        """EC2 lists exactly these there."""
        listed = [_printed(each | {"CreationDate": LAUNCHED}) for each in images]
        told = {"instances": reservations(map(_printed, instances)), "images": {"Images": listed}}
        Aws("", Names("test")).describe(ACCOUNT, region, **told)

    @staticmethod
    def calls(action: str, account: str = ACCOUNT) -> int:
        """How often the action was asked for in the account."""
        return aws_patches.calls[account, "ec2", action]


@contextmanager
def customer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ec2]:
    """The account with its role, in moto in this process, which says of instances and images what it is told to."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with aws_patches.applied(), mock_aws():
        aws_patches.calls.clear()
        backend = iam_backends[ACCOUNT]["aws"]
        role = backend.create_role("metering", _TRUST, "/", None, "", [], "3600")
        backend.put_role_policy(role.name, "all", _POLICY)
        yield Ec2(Access(Section(), "test"))
