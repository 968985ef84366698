"""DescribeImages and DescribeSnapshots in; what is decided of an image from that alone, or its disks, out."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from cloudigrade.clouds.aws import identifiers
from cloudigrade.clouds.inspecting import Decided, Outcome, Snapshot
from cloudigrade.clouds.protocol import ImageDescription, Unavailable, Unreadable
from cloudigrade.domain import rhel

MOST_DISKS: Final = 25
"""As many as a machine of ours can have besides its own."""

_GIB: Final = 1 << 30
_MOST_GIB: Final = 64 << 10  # the largest volume of EBS
_CERTAIN: Final = "certain: "
_LOST: Final = {"failed", "error", "invalid"}
_NOT_YET: Final = {"pending", "transient"}


class Mapped(NamedTuple):
    """A snapshot that an image starts a disk from."""

    snapshot: str
    device: str
    is_root: bool


def decided(image: ImageDescription, document: Mapping[str, Any]) -> Decided | None:
    """What the cloud's own word settles, or makes impossible; None where the disks must tell.

    Raises Unavailable for an image that is only being made.
    """
    state = identifiers.cleaned(document.get("State"))
    if state == "deregistered":
        return Decided(Outcome.GONE, "the image is deregistered")
    settled = _settled(image, document)
    if settled:
        return Decided(Outcome.SETTLED, settled)
    if state in _LOST:
        return Decided(Outcome.IMPOSSIBLE, f"the image's state is {state}")
    if state in _NOT_YET:
        raise Unavailable(f"{image.image}: the image is {state}")
    if document.get("RootDeviceType") == "instance-store":
        return Decided(Outcome.IMPOSSIBLE, "the image has an instance store, and no snapshot")
    return None


def _settled(image: ImageDescription, document: Mapping[str, Any]) -> str:
    """The reason why nobody needs to look at its disks; empty where there is none."""
    if image.platform == "windows":
        return "the image is Windows"
    if document.get("ImageOwnerAlias") == "aws-marketplace":
        return "the image belongs to AWS Marketplace"
    if any(kind == "marketplace" for _, kind in image.product_codes):
        return "the image has a product code of AWS Marketplace"
    verdict = rhel.judge(rhel.Evidence(_facts(image)))
    # whatever is less than certain leaves the last word to the disk
    return next((reason for reason in verdict.reasons if reason.startswith(_CERTAIN)), "")


def _facts(image: ImageDescription) -> rhel.ImageFacts:
    return rhel.ImageFacts(
        native_id=image.image,
        owner=image.owner,
        name=image.name,
        architecture=image.architecture,
        platform=image.platform,
        billing_code=image.billing_code,
        platform_details=image.platform_details,
        product_codes=image.product_codes,
    )


def mapped(document: Mapping[str, Any]) -> list[Mapped]:
    """Every snapshot of the image, the root's first (C35); raises Unreadable where there are too many."""
    root = identifiers.cleaned(document.get("RootDeviceName"))
    found = {each.snapshot: each for each in reversed(list(_mapped(document.get("BlockDeviceMappings"), root)))}
    if len(found) > MOST_DISKS:
        raise Unreadable(f"the image has {len(found)} disks, and {MOST_DISKS} can be looked at")
    return sorted(found.values(), key=lambda each: (not each.is_root, each.device))


def _mapped(listed: object, root: str) -> Iterator[Mapped]:
    for each in listed if isinstance(listed, list) else []:
        match each:
            case {"DeviceName": str() as name, "Ebs": {"SnapshotId": snapshot}}:
                device = identifiers.cleaned(name)
                if identifiers.checked(snapshot, identifiers.SNAPSHOT):
                    yield Mapped(snapshot, device, device == root)


def snapshots(wanted: Iterable[Mapped], described: Iterable[Mapping[str, Any]]) -> list[Snapshot | Mapped]:
    """The snapshots as they are described; those that are not described stay as they are mapped."""
    known = {each.get("SnapshotId"): each for each in described}
    return [_snapshot(each, known[each.snapshot]) if each.snapshot in known else each for each in wanted]


def _snapshot(each: Mapped, described: Mapping[str, Any]) -> Snapshot:
    gib = described.get("VolumeSize")
    return Snapshot(
        native_id=each.snapshot,
        device=each.device,
        size=min(max(gib, 0), _MOST_GIB) * _GIB if type(gib) is int else 0,
        is_encrypted=described.get("Encrypted") is True,
        owner=identifiers.checked(described.get("OwnerId"), identifiers.ACCOUNT),
        is_root=each.is_root,
    )
