"""Snapshots of a customer that our account may read: shared for a copy, and withdrawn, each seen to be so."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from botocore import exceptions

from cloudigrade.clouds.aws.session import code, translated
from cloudigrade.clouds.protocol import Absent, Unreadable

if TYPE_CHECKING:  # type stubs, absent outside development
    from mypy_boto3_ec2 import EC2Client

NOT_FOUND: Final = "InvalidSnapshot.NotFound"
_UNSHARABLE: Final = frozenset({"OperationNotPermitted", "InvalidParameter", "InvalidParameterValue"})


def share(client: "EC2Client", snapshots: Sequence[str], principal: str) -> bool:
    """The account may read the snapshots; False where EC2 does not say so yet. Safe to repeat."""
    for snapshot in snapshots:
        with _sharing(snapshot):
            client.modify_snapshot_attribute(
                SnapshotId=snapshot, Attribute="createVolumePermission", OperationType="add", UserIds=[principal]
            )
    return all(_is_shared(client, snapshot, principal) for snapshot in snapshots)


def withdraw(client: "EC2Client", snapshots: Sequence[str], principal: str) -> bool:
    """The account may not read the snapshots any more; False where EC2 does not say so yet. Safe to repeat."""
    withdrawn = [_is_withdrawn(client, snapshot, principal) for snapshot in snapshots]  # each, whatever the others say
    return all(withdrawn)


def _is_withdrawn(client: "EC2Client", snapshot: str, principal: str) -> bool:
    try:
        with _sharing(snapshot):
            client.modify_snapshot_attribute(
                SnapshotId=snapshot, Attribute="createVolumePermission", OperationType="remove", UserIds=[principal]
            )
        return not _is_shared(client, snapshot, principal)
    except Unreadable:  # gone, and its permissions with it; or it cannot be shared, and never was
        return True


def _is_shared(client: "EC2Client", snapshot: str, principal: str) -> bool:
    with _sharing(snapshot):
        answer = client.describe_snapshot_attribute(SnapshotId=snapshot, Attribute="createVolumePermission")
    return principal in {each.get("UserId") for each in answer.get("CreateVolumePermissions", ())}


@contextmanager
def _sharing(snapshot: str) -> Iterator[None]:
    with translated(f"sharing snapshot {snapshot}"):
        try:
            yield
        except exceptions.ClientError as error:
            if code(error) == NOT_FOUND:
                raise Absent(f"snapshot {snapshot} is not there any more") from error
            if code(error) in _UNSHARABLE:  # with AWS's own key for EBS, or of the marketplace
                raise Unreadable(
                    f"snapshot {snapshot} cannot be shared: {error.response['Error']['Message']}"
                ) from error
            raise
