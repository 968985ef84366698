"""Machines in our account that look at copies: one for an attempt, however often it is asked for."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from botocore import exceptions

from cloudigrade.clouds.aws import ownership, remains, user_data
from cloudigrade.clouds.aws.ownership import Mark
from cloudigrade.clouds.aws.session import Access, code, translated
from cloudigrade.clouds.inspecting import Decided, Outcome
from cloudigrade.clouds.protocol import NotSetUp, Unavailable, Unreadable

if TYPE_CHECKING:  # type stubs, absent outside development
    from mypy_boto3_ec2 import EC2Client

_FULL: Final = frozenset(
    {
        "InstanceLimitExceeded",
        "InsufficientAddressCapacity",
        "InsufficientCapacity",
        "InsufficientInstanceCapacity",
        "MaxIOPSLimitExceeded",
        "VcpuLimitExceeded",
        "VolumeLimitExceeded",
    }
)
_SPENT: Final = frozenset({"IdempotentInstanceTerminated", "IdempotentParameterMismatch", "InvalidSnapshot.NotFound"})
_NO_TEMPLATE: Final = ("InvalidLaunchTemplate", "MalformedLaunchTemplate")
_HOPS: Final = 2
"""To the machine's metadata and back: one more than the machine itself, for the container that its role is for."""


class Order(NamedTuple):
    """What a machine is wanted for."""

    mark: Mark
    image: str
    copies: Sequence[str]
    """Snapshots of our account, the root's first."""


def container(access: Access) -> str:
    """The inspector, pinned by its digest; raises NotSetUp where none is set (S7)."""
    section = access.section
    if not section.inspector_name or not section.inspector_digest:
        raise NotSetUp(
            "no copy is looked at: set HOUNDIGRADE_ECS_IMAGE_NAME and HOUNDIGRADE_ECS_IMAGE_DIGEST to the inspector's"
            " container image"
        )
    return f"{section.inspector_name}@{section.inspector_digest}"


def is_full(client: "EC2Client", access: Access) -> bool:
    """Whether as many machines are there as there may be at one time (P14)."""
    there = remains.machines(client, access.environment, ownership.filters(access.environment))
    return sum(1 for _ in there) >= access.section.most_inspectors


def find(client: "EC2Client", access: Access, mark: Mark) -> str:
    """The machine of the attempt, if there is one already; else empty."""
    filters = ownership.filters(access.environment, mark.inspection, mark.attempt)
    return next((each.native_id for each in remains.machines(client, access.environment, filters)), "")


def launch(client: "EC2Client", access: Access, order: Order, region: str) -> str | Decided:
    """The machine that looks at the copies and ends itself; a repeated request gives the same one (C30).

    It has no key to log in with, and its role is given to nobody but who asks by IMDSv2 (S7).
    """
    look = user_data.Look(
        order.image, user_data.DEVICES[: len(order.copies)], container(access), access.results_bucket, region
    )
    with _launching(access.launch_template):
        try:
            answer = client.run_instances(**_request(access, order, look))
        except exceptions.ClientError as error:
            if code(error) == "OptInRequired" and "marketplace" in str(error).lower():
                return Decided(Outcome.SETTLED, "AWS refuses to copy the image: it is sold through AWS Marketplace")
            raise
    return answer["Instances"][0]["InstanceId"]


def _request(access: Access, order: Order, look: user_data.Look) -> dict[str, Any]:
    tags = ownership.tags(access.environment, order.mark)
    named = [{"Key": "Name", "Value": f"cloudigrade inspection of {order.image}"}, *tags]
    return {
        "LaunchTemplate": {"LaunchTemplateName": access.launch_template},
        "MinCount": 1,
        "MaxCount": 1,
        "ClientToken": f"{access.environment}-{order.mark.inspection}-{order.mark.attempt}",
        "InstanceInitiatedShutdownBehavior": "terminate",
        "MetadataOptions": {"HttpTokens": "required", "HttpEndpoint": "enabled", "HttpPutResponseHopLimit": _HOPS},
        "BlockDeviceMappings": [
            {"DeviceName": device, "Ebs": {"SnapshotId": copy, "VolumeType": "gp2", "DeleteOnTermination": True}}
            for device, copy in zip(look.devices, order.copies, strict=True)
        ],
        "TagSpecifications": [{"ResourceType": kind, "Tags": named} for kind in ("instance", "volume")],
        "UserData": user_data.written(look),
    }


@contextmanager
def _launching(template: str) -> Iterator[None]:
    with translated("launching a machine that looks at copies", denied=Unavailable):
        try:
            yield
        except exceptions.ClientError as error:
            failure = _meaning(template, error)
            if failure is None:
                raise
            raise failure from error


def _meaning(template: str, error: exceptions.ClientError) -> Exception | None:
    name = code(error)
    if name in _FULL:
        return Unavailable(f"no machine to look at a copy is to be had: {name}")
    if name in _SPENT:
        return Unreadable(f"the machine of this attempt cannot be had again: {name}")
    if name.startswith(_NO_TEMPLATE):
        return NotSetUp(f"launch template {template}: {name}; set AWS_INSPECTION_LAUNCH_TEMPLATE, or make it")
    return None
