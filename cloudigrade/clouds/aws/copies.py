"""The way of a copy, step by step: an image of others copied, snapshots shared, copied, withdrawn, and looked at.

Each step does one thing that can be repeated, and what it is about to do stands in the progress of the step before.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from botocore import exceptions

from cloudigrade.clouds.aws import image_disks, images, machines, ownership, remains, shares
from cloudigrade.clouds.aws.ownership import Mark
from cloudigrade.clouds.aws.policy import Purpose
from cloudigrade.clouds.aws.session import Access, code, translated
from cloudigrade.clouds.inspecting import MACHINE, Decided, Outcome, Step, Subject
from cloudigrade.clouds.protocol import Unavailable, Unreadable

if TYPE_CHECKING:  # type stubs, absent outside development
    from mypy_boto3_ec2 import EC2Client

Progress = Mapping[str, Any]

SOON: Final = 15
"""Seconds in which most copies of an image or snapshot get on a little."""
LATER: Final = 120
"""Seconds in which a machine ends."""

_NAME: Final = 128  # letters of an image's name, the most that EC2 takes
_TOO_MANY: Final = frozenset({"ResourceLimitExceeded", "SnapshotLimitExceeded", "ConcurrentSnapshotLimitExceeded"})
_MARKETPLACE: Final = (
    "images from aws marketplace cannot be copied to another aws account",
    "images with ec2 billingproduct codes cannot be copied to another aws account",
)
_NO_STORAGE: Final = "you do not have permission to access the storage of this ami"


@dataclass(frozen=True)
class Way:
    """All that a step needs to know of where it goes."""

    access: Access
    subject: Subject

    @cached_property
    def partition(self) -> str:
        """Where the customer's account lies."""
        return self.access.partition_of(self.subject.account)

    @cached_property
    def home(self) -> str:
        """The region of our account that copies are made in."""
        return self.access.home_region(self.partition)

    @cached_property
    def ours(self) -> "EC2Client":
        """In our account, where the copies go."""
        return self.access.own("ec2", self.home, self.partition)

    @cached_property
    def theirs(self) -> "EC2Client":
        """In the customer's account, where the image is."""
        return self.access.client(self.subject.account, "ec2", self.subject.region, Purpose.COPYING)

    @cached_property
    def principal(self) -> str:
        """Our account."""
        return self.access.account_id(self.partition)

    def mark(self, source: str = "") -> Mark:
        """What everything that is made for the attempt carries."""
        return Mark(self.subject.inspection, self.subject.attempt, self.subject.deadline, source)

    def tags(self, source: str = "") -> list[dict[str, str]]:
        """The same as tags."""
        return ownership.tags(self.access.environment, self.mark(source))

    def filters(self) -> list[dict[str, Any]]:
        """What finds everything that was made for the attempt."""
        return ownership.filters(self.access.environment, self.subject.inspection, self.subject.attempt)


def copy(access: Access, subject: Subject, progress: Progress, *, now: int) -> Step | Decided:
    """One more step; raises Unreadable for a copy that cannot be made, or not in time."""
    machines.container(access)
    if now >= subject.deadline:
        raise Unreadable("the copy was not made and looked at in time")
    way = Way(access, subject)
    with translated(f"image {subject.image} of account {subject.account.native_id} in {subject.region}"):
        return _STEPS.get(str(progress.get("step")), _begin)(way, progress)


def _begin(way: Way, _: Progress) -> Step:
    disks = way.subject.snapshots
    if len(disks) > image_disks.MOST_DISKS:
        raise Unreadable(f"the image has {len(disks)} disks, and {image_disks.MOST_DISKS} can be looked at")
    if any(disk.owner not in {"", way.subject.account.native_id} for disk in disks):
        return Step({"step": "image"}, 0)
    return Step({"step": "share", "sources": [[disk.native_id, disk.is_encrypted] for disk in disks]}, 0)


def _image(way: Way, _: Progress) -> Step | Decided:
    """Only its owner can share a snapshot, so the customer's account needs a copy of its own."""
    known = next((each for each in _own_images(way)), None)
    made = known["ImageId"] if known else _copied_image(way)
    return made if isinstance(made, Decided) else Step({"step": "image made", "image": made}, SOON)


def _own_images(way: Way) -> list[dict[str, Any]]:
    found = way.theirs.describe_images(Owners=["self"], Filters=way.filters())["Images"]  # type: ignore[arg-type] # plain dicts
    return [dict(each) for each in found]


def _copied_image(way: Way) -> str | Decided:
    """The copy of the image within the customer's account, or why there is none."""
    subject = way.subject
    document = images.find(way.theirs, subject.image)
    if document is None:
        raise Unreadable("EC2 does not know the image any more")
    name = str(document.get("Name", ""))
    theirs = {"cloudigrade original image id": subject.image, "cloudigrade original image name": name}
    tags = [*way.tags(subject.image), *({"Key": key, "Value": value} for key, value in theirs.items())]
    title = f"cloudigrade reference copy ({name})"[:_NAME]
    kinds: list[Any] = [
        {"ResourceType": "image", "Tags": [{"Key": "Name", "Value": title}, *tags]},
        {"ResourceType": "snapshot", "Tags": tags},
    ]
    try:
        return way.theirs.copy_image(
            Name=title,
            SourceImageId=subject.image,
            SourceRegion=subject.region,
            ClientToken=f"{way.access.environment}-{subject.inspection}-{subject.attempt}",
            TagSpecifications=kinds,
        )["ImageId"]
    except exceptions.ClientError as error:
        return _refused_image(error, is_public=document.get("Public") is True)


def _refused_image(error: exceptions.ClientError, *, is_public: bool) -> Decided:
    """What the refusal says of the image, by its whole sentence (C34); raised again where it says nothing."""
    sentence = str(error.response.get("Error", {}).get("Message", "")).strip().removesuffix(".").lower()
    if code(error) == "InvalidRequest" and sentence in _MARKETPLACE:
        return Decided(Outcome.SETTLED, "AWS refuses to copy the image: it is billed by AWS or its marketplace")
    if code(error) == "InvalidRequest" and sentence == _NO_STORAGE:
        whose = "public" if is_public else "private"
        return Decided(Outcome.IMPOSSIBLE, f"{whose} image with inaccessible storage")
    if code(error) in _TOO_MANY:
        raise Unavailable(f"copying the image: {code(error)}") from error
    raise error


def _image_made(way: Way, progress: Progress) -> Step:
    made = images.find(way.theirs, str(progress["image"]))
    state = made and made.get("State")
    if made is None or state in {"failed", "error", "invalid", "deregistered"}:
        raise Unreadable(f"the copy of the image could not be made: {made or 'it is gone'!s:.200}")
    if state != "available":
        return Step(progress, SOON)
    names = [each.snapshot for each in image_disks.mapped(made)]
    known = {each["SnapshotId"]: each for each in images.describe_snapshots(way.theirs, **images.by_id(names))}
    if not names or len(known) < len(names):
        return Step(progress, SOON)
    sources = [[name, known[name].get("Encrypted") is True] for name in names]
    return Step({**progress, "step": "share", "sources": sources}, 0)


def _share(way: Way, progress: Progress) -> Step:
    is_shared = shares.share(way.theirs, _sources(progress), way.principal)
    return Step({**progress, "step": "copy"}, 0) if is_shared else Step(progress, SOON)


def _copy(way: Way, progress: Progress) -> Step:
    """Every source has one copy in our account, found by its tags if a step was lost."""
    with _own(way):
        copies = {each["tag"]: each["id"] for each in _own_copies(way)}
        for source, is_encrypted in progress["sources"]:
            if source not in copies:
                made = _copied(way, source, is_encrypted=is_encrypted)
                if not made:  # the share was withdrawn meanwhile, by whatever tidies up
                    return Step({**progress, "step": "share"}, SOON)
                copies[source] = made
    return Step({**progress, "step": "copied", "copies": [copies[each] for each in _sources(progress)]}, SOON)


def _sources(progress: Progress) -> list[str]:
    """The snapshots that are copied, the root's first: a list, for storage keeps no other order."""
    return [name for name, _ in progress.get("sources", ())]


def _own_copies(way: Way) -> Iterator[dict[str, str]]:
    for each in images.describe_snapshots(way.ours, OwnerIds=["self"], Filters=way.filters()):
        mark = ownership.read(way.access.environment, each.get("Tags", ()))
        if mark and each.get("State") != "error":
            yield {"id": each["SnapshotId"], "tag": mark.source}


def _copied(way: Way, source: str, *, is_encrypted: bool) -> str:
    """The new copy; empty where EC2 does not let us see the source."""
    tags: list[Any] = [{"ResourceType": "snapshot", "Tags": way.tags(source)}]
    encrypted: dict[str, Any] = {"Encrypted": True} if is_encrypted else {}  # by our key, not the customer's
    try:
        return way.ours.copy_snapshot(
            SourceRegion=way.subject.region,
            SourceSnapshotId=source,
            Description=f"cloudigrade inspection of {way.subject.image}",
            TagSpecifications=tags,
            **encrypted,
        )["SnapshotId"]
    except exceptions.ClientError as error:
        if code(error) in _TOO_MANY:
            raise Unavailable(f"copying {source}: {code(error)}") from error
        if code(error) != shares.NOT_FOUND:
            raise
        return ""


def _copied_whole(way: Way, progress: Progress) -> Step:
    """Waits for the copies; if one fails, nothing stays shared (C31)."""
    names = list(progress["copies"])
    with _own(way):
        known = {each["SnapshotId"]: each for each in images.describe_snapshots(way.ours, **images.by_id(names))}
    failed = [name for name in names if known.get(name, {}).get("State", "error") == "error"]
    if failed:
        shares.withdraw(way.theirs, _sources(progress), way.principal)
        why = known.get(failed[0], {}).get("StateMessage") or "it is gone"
        raise Unreadable(f"copy {failed[0]} could not be made: {why}")
    is_whole = all(known[name].get("State") == "completed" for name in names)
    return Step({**progress, "step": "withdraw"}, 0) if is_whole else Step(progress, SOON)


def _withdraw(way: Way, progress: Progress) -> Step:
    """Nothing of ours stays in the customer's account, once we have what we need (C31, C32)."""
    is_clean = shares.withdraw(way.theirs, _sources(progress), way.principal)
    if "image" in progress:
        is_clean = not _tidied(way) and is_clean
    return Step({**progress, "step": "launch"}, 0) if is_clean else Step(progress, SOON)


def _tidied(way: Way) -> int:
    """How much was there of what we made in the customer's account; all of it is removed or going."""
    left = remains.theirs(way.theirs, way.access.environment, way.subject.inspection)
    for each in left:
        remains.remove(way.theirs, each)
    return len(left)


def _launch(way: Way, progress: Progress) -> Step | Decided:
    with _own(way):
        machine: str | Decided = machines.find(way.ours, way.access, way.mark())
        if not machine and machines.is_full(way.ours, way.access):
            return Step(progress, LATER)
    order = machines.Order(way.mark(), way.subject.image, progress["copies"])
    machine = machine or machines.launch(way.ours, way.access, order, way.home)
    return machine if isinstance(machine, Decided) else Step({**progress, "step": "look", MACHINE: machine}, None)


def _look(_: Way, progress: Progress) -> Step:
    return Step(progress, None)


_STEPS: Final[Mapping[str, Callable[[Way, Progress], Step | Decided]]] = {
    "image": _image,
    "image made": _image_made,
    "share": _share,
    "copy": _copy,
    "copied": _copied_whole,
    "withdraw": _withdraw,
    "launch": _launch,
    "look": _look,
}
_IN_THEIRS: Final = frozenset({"image", "image made", "share", "copy", "copied", "withdraw"})
"""Steps at which something of ours may be in the customer's account."""


def abandon(access: Access, subject: Subject, progress: Progress) -> Step | None:
    """One more step towards nothing being left; ours first, for a customer may have shut us out."""
    way = Way(access, subject)
    with _own(way):
        left = remains.ours(way.ours, access.environment, subject.inspection)
        for each in left:
            if each.state != "shutting-down":
                remains.remove(way.ours, each)
    is_clean = not left
    if progress.get("step") in _IN_THEIRS:
        is_clean = _is_clean_there(way, progress) and is_clean
    return None if is_clean else Step(progress, SOON)


def _is_clean_there(way: Way, progress: Progress) -> bool:
    with translated(f"account {way.subject.account.native_id} in {way.subject.region}"):
        is_withdrawn = shares.withdraw(way.theirs, _sources(progress), way.principal)
        has_copied_image = "image" in progress or progress.get("step") == "image"
        return (not has_copied_image or not _tidied(way)) and is_withdrawn


@contextmanager
def _own(way: Way) -> Iterator[None]:
    """What happens in our own account is nobody's trouble but ours."""
    with translated(f"our own account in {way.home}", denied=Unavailable):
        yield
