"""What was made for inspections, known by its tags alone: found and removed, in our account and in customers'."""

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from botocore import exceptions

from cloudigrade.clouds.aws import ec2, images, ownership, times
from cloudigrade.clouds.aws.ownership import Mark
from cloudigrade.clouds.aws.session import code
from cloudigrade.domain import days

if TYPE_CHECKING:  # type stubs, absent outside development
    from mypy_boto3_ec2 import EC2Client

INSTANCE: Final = "instance"
SNAPSHOT: Final = "snapshot"
IMAGE: Final = "image"

YOUNG: Final = 900
"""Seconds within which something may belong to an inspection that was not there yet when the living were counted."""

_THERE: Final = ["pending", "running", "shutting-down", "stopping", "stopped"]
_GONE: Final = frozenset(
    {
        "InvalidAMIID.NotFound",
        "InvalidAMIID.Unavailable",
        "InvalidInstanceID.NotFound",
        "InvalidSnapshot.NotFound",
    }
)
_NOT_YET: Final = "InvalidSnapshot.InUse"
"""An image starts from it; that goes first."""

_log = logging.getLogger(__name__)


class Remain(NamedTuple):
    """Something of ours that is there."""

    kind: str
    native_id: str
    mark: Mark
    state: str
    born_at: int
    """Seconds since 1970; 0 where not told."""

    def is_wanted(self, alive: Collection[int], now: int) -> bool:
        """Whether somebody waits for it, or may do so."""
        is_young = now - self.born_at < YOUNG
        return now < self.mark.deadline and (self.mark.inspection in alive or is_young)


def ours(client: "EC2Client", environment: str, inspection: int | None = None) -> list[Remain]:
    """Machines that look at copies, and the copies, in our account; of one inspection, or of all."""
    filters = ownership.filters(environment, inspection)
    return [*machines(client, environment, filters), *_snapshots(client, environment, filters)]


def theirs(client: "EC2Client", environment: str, inspection: int | None = None) -> list[Remain]:
    """Images that we copied within a customer's account, and their snapshots; the images first."""
    filters = ownership.filters(environment, inspection)
    found = ec2.image_documents(client, Owners=["self"], Filters=filters)
    copied = [
        _remain(environment, IMAGE, each["ImageId"], each, each.get("State"), each.get("CreationDate"))
        for each in found
    ]
    return [*(each for each in copied if each), *_snapshots(client, environment, filters)]


def machines(client: "EC2Client", environment: str, filters: Sequence[Mapping[str, Any]]) -> Iterator[Remain]:
    """Those of the filters that are not terminated."""
    there: list[Any] = [*filters, {"Name": "instance-state-name", "Values": _THERE}]
    for page in client.get_paginator("describe_instances").paginate(Filters=there):
        for each in (instance for reservation in page["Reservations"] for instance in reservation["Instances"]):
            state, born = each.get("State", {}).get("Name"), each.get("LaunchTime")
            found = _remain(environment, INSTANCE, each["InstanceId"], each, state, born)
            if found:
                yield found


def remove(client: "EC2Client", remain: Remain) -> None:
    """It is gone, or on its way; gone before is no error, and what an image still holds goes the next time."""
    try:
        if remain.kind == INSTANCE:
            client.terminate_instances(InstanceIds=[remain.native_id])
        elif remain.kind == IMAGE:
            client.deregister_image(ImageId=remain.native_id)
        else:
            client.delete_snapshot(SnapshotId=remain.native_id)
    except exceptions.ClientError as error:
        if code(error) not in {*_GONE, _NOT_YET}:
            raise
        _log.info("%s %s is not removed: %s", remain.kind, remain.native_id, code(error))


def _snapshots(client: "EC2Client", environment: str, filters: Sequence[Mapping[str, Any]]) -> Iterator[Remain]:
    for each in images.describe_snapshots(client, OwnerIds=["self"], Filters=filters):
        found = _remain(environment, SNAPSHOT, each["SnapshotId"], each, each.get("State"), each.get("StartTime"))
        if found:
            yield found


def _remain(
    environment: str, kind: str, native_id: str, described: Mapping[str, Any], state: object, born: object
) -> Remain | None:
    """None where the tags do not say that it is ours, whatever the filter said."""
    mark = ownership.read(environment, described.get("Tags", ()))
    return Remain(kind, native_id, mark, str(state or ""), _second(born)) if mark else None


def _second(born: object) -> int:
    return days.second_of(born) if isinstance(born, datetime) else times.parse_time(born) or 0
