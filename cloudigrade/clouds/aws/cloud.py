"""AWS as a cloud: each thing that is asked of it, and the module that answers."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar

from cloudigrade.clouds.aws import (
    arn,
    copies,
    feeds,
    images,
    log_listing,
    onboarding,
    policy,
    proof,
    queues,
    reaper,
    results,
    session,
    snapshots,
    sweeping,
)
from cloudigrade.clouds.aws.config import Section
from cloudigrade.clouds.cloud import (
    Account,
    Delivery,
    Instructions,
    Place,
    Proof,
    QueueLength,
    RegionSweep,
    Route,
    Router,
    Trail,
    Unknown,
)
from cloudigrade.clouds.inspecting import Blocks, Decided, ImageDisks, Reaped, ResultDelivery, Snapshot, Step, Subject
from cloudigrade.clouds.protocol import Batch, CustomerProblem, Rejected, TypeDefinition
from cloudigrade.domain.problems import Problem


class Aws:
    """Amazon Web Services, in every partition that we have an identity in."""

    name: ClassVar[str] = "aws"

    def __init__(self, access: session.Access) -> None:
        self._access = access

    def parse_credentials(self, text: str) -> tuple[str, str]:
        """Account id and exact ARN of the role; raises CustomerProblem."""
        role = arn.parse(text)
        if role.partition not in self._access.section.partitions:
            raise CustomerProblem(f"the partition {role.partition} is not metered here", Problem.INVALID_ARN)
        return role.account, str(role)

    def instructions(self, *, external_id: str, partition: str = "") -> Instructions:
        """The role that lets us in, and a link that makes it."""
        return policy.instructions(self._access, external_id=external_id, partition=partition)

    def verify(self, account: Account) -> None:
        """The role opens with the external id only, and may read what metering needs; raises CustomerProblem."""
        onboarding.verify(self._access, account)

    def connect(self, account: Account, *, readers: Sequence[Account] = ()) -> Mapping[str, Any]:
        """A trail writes the account's activity to where we may read it; the details to keep."""
        return onboarding.connect(self._access, account, readers=readers)

    def disconnect(self, account: Account) -> None:
        """Our trail is gone; whatever was there before us stays."""
        onboarding.disconnect(self._access, account)

    def places(self, account: Account) -> Collection[Place]:
        """The bucket that the account logs to."""
        return onboarding.places(self._access, account)

    def deliveries(self, router: Router, *, most: int | None = None) -> Iterator[AbstractContextManager[Delivery]]:
        """What waits in our queues, read and ready to be recorded."""
        return feeds.deliveries(self._access, router, most=most)

    def queues(self) -> Iterable[QueueLength]:
        """How much waits in our queues."""
        return queues.lengths(self._access)

    def redrive(self, queue: str) -> int:
        """The dead letters of the queue wait in it again; their number."""
        return queues.redrive(self._access, queue)

    def reread(self, item: Rejected, router: Router, owner: Route | None = None) -> Delivery:
        """What says a file, record or message that could not be read before."""
        return feeds.reread(self._access, item, router, owner)

    def trail(self, account: Account) -> Trail | None:
        """The account's trail, as it was when the account was connected."""
        return onboarding.trail(self._access, account)

    def sweep(self, account: Account) -> Iterator[RegionSweep]:
        """What runs, region by region."""
        return sweeping.sweep(self._access, account)

    def describe(self, account: Account, unknown: Mapping[str, Unknown]) -> Batch:
        """Descriptions of what EC2 still knows of these."""
        return sweeping.describe(self._access, account, unknown)

    def log_files(
        self, account: Account, *, since: int, until: int, known: Callable[[Collection[str]], Collection[str]]
    ) -> Iterator[Batch]:
        """What the account's log files of this period hold, but for the known ones."""
        return log_listing.log_files(self._access, account, since=since, until=until, known=known)

    def read_files(self, account: Account, locations: Collection[str]) -> Batch:
        """What these log files hold."""
        return log_listing.read_files(self._access, account, locations)

    def prove(
        self, account: Account, positions: Mapping[str, Mapping[str, Any]], *, since: int, now: int
    ) -> Iterator[Proof]:
        """What the digest files say that were written after these positions."""
        return proof.prove(self._access, account, positions, since=since, now=now)

    def definitions(self) -> Iterable[TypeDefinition]:
        """The size of every instance type that we may see."""
        return sweeping.definitions(self._access)

    def look(self, account: Account, region: str, image: str) -> ImageDisks | Decided:
        """The image's disks as the account sees them, or why they are not to be looked at."""
        return images.look(self._access, account, region, image)

    def blocks(self, account: Account, region: str, snapshot: Snapshot) -> Blocks:
        """The snapshot, read where it is through the EBS direct API."""
        return snapshots.blocks(self._access, account, region, snapshot)

    def copy(self, subject: Subject, progress: Mapping[str, Any], *, now: int) -> Step | Decided:
        """One more step towards a machine of ours that looks at copies of the disks."""
        return copies.copy(self._access, subject, progress, now=now)

    def abandon(self, subject: Subject, progress: Mapping[str, Any], *, now: int) -> Step | None:  # noqa: ARG002 - of the protocol
        """One more step towards nothing being left of the copy; None: nothing is."""
        return copies.abandon(self._access, subject, progress)

    def results(self) -> Iterator[AbstractContextManager[ResultDelivery]]:
        """What the machines have written to our bucket."""
        return results.results(self._access)

    def reap(self, accounts: Collection[Account], *, alive: Collection[int], now: int) -> Iterator[Reaped]:
        """What was made for inspections that nobody waits for is gone."""
        return reaper.reap(self._access, accounts, alive=alive, now=now)


def build(section: Section, *, environment: str) -> Aws:
    """AWS, as set up for this installation; nothing is asked of it yet."""
    return Aws(session.Access(section, environment))
