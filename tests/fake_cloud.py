"""A cloud in memory that answers to the whole protocol: honest where it is not told to fail, and it fails on demand.

It is a cloud like AWS in what services may notice: credentials are role ARNs, roles demand an external id, log files
lie in buckets, messages reappear until they are acknowledged. `tests/contracts/test_clouds.py` holds it to the same
tests as the real one.

No method may be called inside a database transaction (P8). The transactions that pytest-django itself opens around a
test are told apart: Django marks their blocks.
"""

import re
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import groupby, islice
from typing import Any, ClassVar, NamedTuple

import pytest
from django.db import connection

from cloudigrade.clouds.cloud import (
    Account,
    Cloud,
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
from cloudigrade.clouds.protocol import (
    Batch,
    CustomerProblem,
    Rejected,
    TypeDefinition,
    Unreadable,
)
from cloudigrade.domain.problems import Problem
from cloudigrade.services import clouds
from tests.fake_accounts import LOOKED_AT, Call, CustomerAccount, LogFile, Message
from tests.fake_images import Disks, FakeImages

BUCKET = "test-cloudigrade-trails"
LOGS, NOTICES = "test-logs", "test-notices"
MOST_RECEIVED = 5
"""Times a message is received before it is a dead letter."""
DAY = 86_400

_ARN = re.compile(r"arn:(aws|aws-cn|aws-us-gov):iam::([0-9]{12}):role/[\w+=,.@/-]{1,64}", re.ASCII)


class _Failure(NamedTuple):
    error: BaseException
    native_id: str
    is_after: bool


class FakeCloud(FakeImages):
    """Implements `clouds.cloud.Cloud`, and `clouds.inspecting.InspectsImages`."""

    name: ClassVar[str] = "aws"

    def __init__(self) -> None:
        self.accounts: dict[str, CustomerAccount] = {}
        self.waiting: dict[str, deque[Message]] = {LOGS: deque(), NOTICES: deque()}
        self.dead: dict[str, list[Message]] = {LOGS: [], NOTICES: []}
        self.types: list[TypeDefinition] = []
        self.readable: dict[str, Batch] = {}
        """What could not be read and can be now, by its source."""
        self.calls: list[Call] = []
        self.looked_at = LOOKED_AT
        self.disks = Disks()
        self._failures: dict[str, list[_Failure]] = {}

    # What tests say

    def add(self, native_id: str, external_id: str, **more: Any) -> CustomerAccount:
        """An account exists, with a role that demands this external id."""
        self.accounts[native_id] = account = CustomerAccount(native_id, external_id, **more)
        return account

    def fail(
        self, method: str, error: BaseException, *, times: int = 1, account: str = "", after: bool = False
    ) -> None:
        """The next so many calls of the method (for the account) end so; `after` having taken effect.

        A method that gives one thing after the other fails before its first, or after its last.
        """
        self._failures.setdefault(method, []).extend([_Failure(error, account, after)] * times)

    def heal(self, method: str = "") -> None:
        """No further call of the method, or of any, fails."""
        for name in [method] if method else list(self._failures):
            self._failures.pop(name, None)

    def send(self, message: Message, *, queue: str = LOGS) -> Message:
        """The message waits in the queue."""
        self.waiting[queue].append(message)
        return message

    def called(self, method: str) -> list[str]:
        """The native ids of the accounts it was called for, in order."""
        return [call.native_id for call in self.calls if call.method == method]

    # The protocol

    def parse_credentials(self, text: str) -> tuple[str, str]:
        found = _ARN.fullmatch(text.strip())
        if found is None:
            raise CustomerProblem("is no ARN of an IAM role", Problem.INVALID_ARN)
        return found[2], found[0]

    def instructions(self, *, external_id: str, partition: str = "") -> Instructions:
        with self._called("instructions"):
            return Instructions(
                principal="999999999999",
                external_id=external_id,
                policy={"Version": "2012-10-17", "Statement": []},
                trust_policy={"Version": "2012-10-17", "Statement": []},
                launch_link=f"https://console.example/{partition or 'aws'}",
            )

    def verify(self, account: Account) -> None:
        with self._called("verify", account):
            owner = self._opened(account)
            if not owner.external_id:
                raise CustomerProblem("the role demands no external id", Problem.EXTERNAL_ID_NOT_DEMANDED)
            if owner.denied:
                raise CustomerProblem(f"denied: {', '.join(owner.denied)}", Problem.POLICY_TOO_NARROW)

    def connect(self, account: Account, *, readers: Sequence[Account] = ()) -> Mapping[str, Any]:
        with self._called("connect", account):
            owner = self._opened(account)
            reader = owner.bucket_owner or owner.native_id
            is_adopted = bool(owner.bucket) and reader in {owner.native_id, *(each.native_id for each in readers)}
            owner.has_our_trail = owner.has_our_trail or not is_adopted
            return {
                "bucket": owner.bucket if is_adopted else BUCKET,
                "prefix": "",
                "organization": "",
                "trail_arn": f"arn:{owner.partition}:cloudtrail:us-east-1:{owner.native_id}:trail/test",
                "home_region": "us-east-1",
                "is_ours": not is_adopted,
                "is_notified": not is_adopted,
                "has_digests": True,
                "reader": reader if is_adopted else "",
            }

    def disconnect(self, account: Account) -> None:
        with self._called("disconnect", account):
            owner = self.accounts.get(account.native_id)
            if owner and owner.has_role and owner.external_id in ("", account.external_id):
                owner.has_our_trail = False

    def places(self, account: Account) -> Collection[Place]:
        bucket = account.details.get("bucket", "")
        return {(bucket, account.native_id)} if bucket else set()

    def trail(self, account: Account) -> Trail | None:
        bucket = account.details.get("bucket", "")
        name, is_ours = account.details.get("trail_arn", ""), bool(account.details.get("is_ours"))
        return Trail(name, bucket, is_ours) if bucket else None

    def deliveries(self, router: Router, *, most: int | None = None) -> Iterator[AbstractContextManager[Delivery]]:
        with self._called("deliveries"):
            for queue, first in islice(self._parts(), most):
                yield self._delivered(queue, first, router)

    def _parts(self) -> Iterator[tuple[str, list[Message]]]:
        for queue in self.waiting:
            visible = list(self.waiting[queue])
            for first in range(0, len(visible), 10):
                yield queue, visible[first : first + 10]

    def queues(self) -> Iterable[QueueLength]:
        with self._called("queues"):
            return [QueueLength(name, len(self.waiting[name]), len(self.dead[name])) for name in self.waiting]

    def redrive(self, queue: str) -> int:
        with self._called("redrive"):
            if queue not in self.waiting:
                raise Unreadable(f"{queue}: no queue of ours")
            letters, self.dead[queue] = self.dead[queue], []
            for letter in letters:
                letter.received = 0
            self.waiting[queue].extend(letters)
            return len(letters)

    def reread(self, item: Rejected, router: Router, owner: Route | None = None) -> Delivery:
        with self._called("reread"):
            read = self.readable.get(item.source)
            if read is None:
                raise Unreadable(item.reason)
            account = item.account or min(read.accounts, default="")  # a message does not say whose it is
            route = owner or next(iter(router({(BUCKET, account)}).values()), None)
            if route is None:
                return Delivery("", messages=1, foreign=1)
            return Delivery("", messages=1, batches={route.owner: added([read])})

    def sweep(self, account: Account) -> Iterator[RegionSweep]:
        with self._called("sweep", account):
            owner = self._opened(account)
            for region in sorted({*owner.instances, *owner.problems}):
                outside_transactions()
                instances = [] if region in owner.problems else list(owner.instances[region])
                names = {instance.image for instance in instances}
                images = [image for (where, name), image in owner.images.items() if where == region and name in names]
                looked = Batch(described_images=images)
                yield RegionSweep(region, self.looked_at, instances, looked, owner.problems.get(region, ""))

    def describe(self, account: Account, unknown: Mapping[str, Unknown]) -> Batch:
        with self._called("describe", account):
            owner = self._opened(account)
            return Batch(
                accounts={account.native_id},
                described_instances=[
                    instance
                    for region, wanted in unknown.items()
                    for instance in owner.instances.get(region, ())
                    if instance.instance in wanted.instances
                ],
                described_images=[
                    owner.images[region, image]
                    for region, wanted in unknown.items()
                    for image in wanted.images
                    if (region, image) in owner.images
                ],
            )

    def log_files(
        self, account: Account, *, since: int, until: int, known: Callable[[Collection[str]], Collection[str]]
    ) -> Iterator[Batch]:
        with self._called("log_files", account):
            owner = self._opened(account)
            delivered = [file for file in owner.log_files if since <= file.delivered_at < until]
            delivered.sort(key=_day_and_region)
            for _, group in groupby(delivered, key=_day_and_region):
                outside_transactions()
                files = list(group)
                passed_over = set(known([file.name for file in files]))
                yield added([file.batch for file in files if file.name not in passed_over])

    def read_files(self, account: Account, locations: Collection[str]) -> Batch:
        with self._called("read_files", account):
            files = self._opened(account).log_files
            found = {name: file for file in files for name in (f"s3://{BUCKET}/{file.name}", file.name)}
            read = added([found[location].batch for location in locations if location in found])
            for location in locations:
                if location not in found:
                    name = location.partition("AWSLogs/")
                    source = "".join(name[1:])
                    read.rejected.append(Rejected(source, "is not there", account.native_id, location=location))
            return read

    def prove(
        self, account: Account, positions: Mapping[str, Mapping[str, Any]], *, since: int, now: int
    ) -> Iterator[Proof]:
        with self._called("prove", account):
            for proof in self._opened(account).proofs:
                outside_transactions()
                if positions.get(proof.region, {}).get("until", since) < proof.proven_until <= now:
                    yield proof._replace(details={**proof.details, "until": proof.proven_until})

    def definitions(self) -> Iterable[TypeDefinition]:
        with self._called("definitions"):
            return list(self.types)

    # What both need

    @contextmanager
    def _called(self, method: str, account: Account | None = None) -> Iterator[None]:
        """The call is in the log, is not inside a transaction, and fails if the next one is to."""
        outside_transactions()
        call = Call(method, account.native_id, account.external_id) if account else Call(method)
        self.calls.append(call)
        failure = self._next_failure(call)
        if failure and not failure.is_after:
            raise failure.error
        yield
        if failure:
            raise failure.error

    def _next_failure(self, call: Call) -> _Failure | None:
        failures = self._failures.get(call.method, [])
        for place, failure in enumerate(failures):
            if failure.native_id in ("", call.native_id):
                return failures.pop(place)
        return None

    def _opened(self, account: Account) -> CustomerAccount:
        """The account that these credentials open, with the right external id only."""
        if not account.external_id:
            raise ValueError("no external id")
        owner = self.accounts.get(account.native_id)
        if (
            owner is None
            or not owner.has_role
            or owner.arn != account.credentials
            or owner.external_id not in ("", account.external_id)
        ):
            raise CustomerProblem("the role cannot be assumed", Problem.NO_ACCESS)
        return owner

    @contextmanager
    def _delivered(self, queue: str, messages: list[Message], router: Router) -> Iterator[Delivery]:
        outside_transactions()
        for message in messages:
            message.received += 1
            if message.received > MOST_RECEIVED:
                self.waiting[queue].remove(message)
                self.dead[queue].append(message)
        messages = [message for message in messages if message.received <= MOST_RECEIVED]
        routes = router({message.place for message in messages if message.place[1]})
        delivery = Delivery(queue, messages=len(messages))
        read = [message for message in messages if _is_read(message, routes, delivery)]
        if messages:
            delivery.oldest_at = min(message.sent_at for message in messages)
        yield delivery
        outside_transactions()
        for message in read:
            self.waiting[queue].remove(message)


def _is_read(message: Message, routes: Mapping[Place, Route], delivery: Delivery) -> bool:
    """What the message leads to is in the delivery, or it stays in the queue."""
    if message.rejected:
        delivery.rejected += message.rejected
    elif message.is_passed_over:
        delivery.passed_over += 1
    elif message.place not in routes:
        delivery.foreign += 1
    elif message.unavailable:
        message.unavailable -= 1
        delivery.left += 1
        return False
    else:
        owner = routes[message.place].owner
        delivery.batches[owner] = added([delivery.batches.get(owner, Batch()), message.batch])
    return True


def _day_and_region(file: LogFile) -> tuple[int, str]:
    return file.delivered_at // DAY, file.region


def added(batches: Iterable[Batch]) -> Batch:
    """Everything that the batches hold, in order; they themselves stay as they are."""
    whole = Batch()
    for batch in batches:
        whole.add(batch)
    return whole


def outside_transactions() -> None:
    """P8: no transaction is open but those that pytest-django put around the test."""
    # how Django itself tells them apart, for `durable`
    ours = [block for block in connection.atomic_blocks if not getattr(block, "_from_testcase", False)]
    assert not ours, "the cloud was called inside a database transaction"


def installed(monkeypatch: pytest.MonkeyPatch) -> FakeCloud:
    """A fake cloud that services get for `aws`."""
    cloud = FakeCloud()

    def get(name: str) -> Cloud:
        if name != cloud.name:
            raise LookupError(f"no cloud {name!r}")
        return cloud

    monkeypatch.setattr(clouds, "get", get)
    return cloud
