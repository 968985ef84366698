"""An image as the customer's account sees it: settled, beyond reach, or with the disks that are to be looked at."""

from typing import TYPE_CHECKING, Any, Final

from cloudigrade.clouds.aws import ec2, image_disks
from cloudigrade.clouds.aws.policy import Purpose
from cloudigrade.clouds.aws.session import Access, translated
from cloudigrade.clouds.cloud import Account
from cloudigrade.clouds.inspecting import Decided, ImageDisks, Outcome, Snapshot
from cloudigrade.clouds.protocol import Rejected, Unreadable

if TYPE_CHECKING:  # type stubs, absent outside development
    from mypy_boto3_ec2 import EC2Client

SNAPSHOTS: Final = 1000
"""Snapshots in an answer, the most that EC2 gives."""


def look(access: Access, account: Account, region: str, image: str) -> ImageDisks | Decided:
    """The image's disks as the account sees them, or why they are not to be looked at.

    Raises Unavailable for an image that is only being made, and Unreadable for one that has too many disks.
    """
    with translated(f"image {image} of account {account.native_id} in {region}"):
        client = access.client(account, "ec2", region, Purpose.INSPECTION)
        document = find(client, image)
        if document is None:
            return Decided(Outcome.GONE, "EC2 does not know the image")
        return _looked_at(client, document)


def find(client: "EC2Client", image: str) -> dict[str, Any] | None:
    """The image as EC2 describes it to the client's account; None where it does not.

    Asked for by filter: an id that vanished, or is no id, is no error then.
    """
    found = ec2.image_documents(client, Filters=[{"Name": "image-id", "Values": [image]}])
    return next((dict(each) for each in found), None)


def describe_snapshots(client: "EC2Client", **asked: Any) -> list[dict[str, Any]]:
    """The snapshots that are asked for, of those that the client's account may see."""
    pages = client.get_paginator("describe_snapshots").paginate(**asked, PaginationConfig={"PageSize": SNAPSHOTS})
    return [dict(each) for page in pages for each in page["Snapshots"]]


def by_id(names: list[str]) -> dict[str, Any]:
    """What asks for these snapshots only; one that is gone, or that nobody may see, is no error."""
    return {"Filters": [{"Name": "snapshot-id", "Values": names}]}


def _looked_at(client: "EC2Client", document: dict[str, Any]) -> ImageDisks | Decided:
    described = ec2.described(client, document)  # type: ignore[arg-type] # the same document
    if isinstance(described, Rejected):
        raise Unreadable(f"the image {described.reason}")
    decided = image_disks.decided(described, document)
    if decided:
        return decided
    wanted = image_disks.mapped(document)
    if not wanted:
        return Decided(Outcome.IMPOSSIBLE, "the image has no snapshot")
    known = describe_snapshots(client, **by_id([each.snapshot for each in wanted]))
    return _with_disks(image_disks.snapshots(wanted, known), is_public=document.get("Public") is True)


def _with_disks(disks: list[Snapshot | image_disks.Mapped], *, is_public: bool) -> ImageDisks | Decided:
    """The disks, if the account may see their content."""
    seen = tuple(each for each in disks if isinstance(each, Snapshot))
    if len(seen) < len(disks):
        whose = "public" if is_public else "private"
        return Decided(Outcome.IMPOSSIBLE, f"{whose} image with inaccessible storage")
    return ImageDisks(seen, is_public)
