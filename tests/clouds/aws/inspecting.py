"""Customers whose images are looked into, answers put in AWS's mouth, and copies driven step by step."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from moto.ec2.models import ec2_backends

from cloudigrade.clouds.aws import copies, images, policy, session
from cloudigrade.clouds.aws.config import Section
from cloudigrade.clouds.aws.policy import Inspection
from cloudigrade.clouds.aws.session import Access
from cloudigrade.clouds.aws.throttle import Throttle
from cloudigrade.clouds.cloud import Account
from cloudigrade.clouds.inspecting import ImageDisks, Snapshot, Step, Subject
from tests import aws_server
from tests.aws_patches import OWN_ACCOUNT

REGION = "eu-west-1"
HOME = "us-east-1"
DIGEST = "sha256:" + "5" * 64
NOW = 1_900_000_000
"""Long after whatever the made-up AWS makes, so that nothing of it is young."""
DEADLINE = NOW + 3600


def copying(environment: str = "test", **settings: str) -> Access:
    """One whose inspector is set; it waits for no token."""
    named = {"HOUNDIGRADE_ECS_IMAGE_NAME": "registry.example/houndigrade", "HOUNDIGRADE_ECS_IMAGE_DIGEST": DIGEST}
    throttle = Throttle(sleep=lambda _: None)
    return Access(Section.model_validate({**named, **settings}), environment, throttle=throttle)


def impatient(monkeypatch: pytest.MonkeyPatch) -> Access:
    """One that asks once only."""
    monkeypatch.setattr(session, "_PATIENT", Config(retries={"total_max_attempts": 1}))
    return copying()


@contextmanager
def answering(client: Any, operation: str, failures: list[Any]) -> Iterator[list[Mapping[str, Any]]]:
    """The next requests of this kind get these answers, then AWS's own: a code, a code with its reason, or a dict.

    The requests are kept, whoever answers.
    """
    seen: list[Mapping[str, Any]] = []
    waiting = list(failures)

    def answer(params: Mapping[str, Any], **_: object) -> tuple[AWSResponse, dict[str, Any]] | None:
        seen.append(params)
        given = waiting.pop(0) if waiting else None
        return None if given is None else _answered(given)

    events = client.meta.events
    events.register_first(f"before-call.*.{operation}", answer, unique_id=f"answering-{operation}")
    try:
        yield seen
    finally:
        events.unregister(f"before-call.*.{operation}", unique_id=f"answering-{operation}")


def _answered(given: Any) -> tuple[AWSResponse, dict[str, Any]]:
    if isinstance(given, dict):
        return AWSResponse("https://x", 200, HTTPHeaders(), None), given
    name, reason = given if isinstance(given, tuple) else (given, "why")
    said = {"Error": {"Code": name, "Message": reason}, "Reason": reason}
    metadata = {"ResponseMetadata": {"HTTPStatusCode": 400, "HTTPHeaders": {}}}
    return AWSResponse("https://x", 400, HTTPHeaders(), None), said | metadata


def add_customer(aws: Any, number: str, inspection: Inspection) -> Account:
    """A customer's account, for all tests of a module: the made-up AWS takes long to make one."""
    granted = policy.policy("aws", "test", account=number, inspection=inspection, principal=OWN_ACCOUNT)
    return Account(number, aws.add_role(number, partition="aws", external_id="id-1", policies=[granted]), "id-1")


def forget(*places: tuple[str, str]) -> None:
    """Nothing is there of these accounts and regions that a copy is made of or that is made of one."""
    for account, region in places:
        backend = ec2_backends[account][region]
        backend.reservations.clear()
        backend.snapshots.clear()
        for name in [name for name, ami in backend.amis.items() if ami.name != aws_server.MACHINE]:
            del backend.amis[name]


def subject(account: Account, image: str, snapshots: tuple[Snapshot, ...], **other: Any) -> Subject:
    given = {"inspection": 7, "attempt": 1, "deadline": DEADLINE} | other
    return Subject(account=account, region=REGION, image=image, snapshots=snapshots, **given)


def looked_at(access: Access, account: Account, image: str, **other: Any) -> Subject:
    """The image with the disks that the account sees."""
    found = images.look(access, account, REGION, image)
    assert isinstance(found, ImageDisks)
    return subject(account, image, found.snapshots, **other)


def one_step(access: Access, wanted: Subject, progress: Mapping[str, Any], *, now: int = NOW) -> Step:
    """The next step, where nothing is decided."""
    step = copies.copy(access, wanted, progress, now=now)
    assert isinstance(step, Step)
    return step


def steps(access: Access, wanted: Subject, progress: Mapping[str, Any] | None = None) -> Iterator[Step]:
    """Every step until the copy is looked at."""
    step = Step(progress or {}, 0)
    for _ in range(50):
        step = one_step(access, wanted, step.progress)
        yield step
        if step.again_in is None:
            return
    raise AssertionError("it takes no end")


def until(access: Access, wanted: Subject, name: str) -> Mapping[str, Any]:
    """The progress that the step of this name begins with."""
    progress: Mapping[str, Any] = {}
    for step in steps(access, wanted):
        progress = step.progress
        if progress["step"] == name:
            return progress
    raise AssertionError(f"{name} is never reached; last: {progress}")


def abandoned(access: Access, wanted: Subject, progress: Mapping[str, Any]) -> int:
    """Nothing is left; how many steps that took."""
    for number in range(1, 20):
        step = copies.abandon(access, wanted, progress)
        if step is None:
            return number
        progress = step.progress
    raise AssertionError("something stays")


def left(aws: Any, account: str) -> dict[str, list[str]]:
    """Everything of ours and what is shared, in both accounts."""
    tagged = [{"Name": "tag-key", "Values": ["cloudigrade-owner"]}]
    found: dict[str, list[str]] = {}
    for where, region, number in (("ours", HOME, OWN_ACCOUNT), ("theirs", REGION, account)):
        ec2 = aws.client("ec2", region, number)
        found[where] = [each["SnapshotId"] for each in ec2.describe_snapshots(Filters=tagged)["Snapshots"]]
        found[where] += [each["ImageId"] for each in ec2.describe_images(Filters=tagged, Owners=["self"])["Images"]]
        found[where] += _machines(ec2)
    ec2 = aws.client("ec2", REGION)
    shared = ec2.describe_snapshots(RestorableByUserIds=["self"])["Snapshots"]
    found["shared"] = [each["SnapshotId"] for each in shared if each["OwnerId"] == account]
    return found


NOTHING: dict[str, list[str]] = {"ours": [], "theirs": [], "shared": []}


def _machines(ec2: Any) -> list[str]:
    ours = [{"Name": "tag-key", "Values": ["cloudigrade-owner"]}]
    pages = ec2.get_paginator("describe_instances").paginate(Filters=ours)
    there = [one for page in pages for each in page["Reservations"] for one in each["Instances"]]
    return [one["InstanceId"] for one in there if one["State"]["Name"] != "terminated"]
