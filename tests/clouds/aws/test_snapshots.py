"""Snapshots read where they are: every failure that EBS knows, as what it means, and many threads at one time.

The made-up AWS gives out blocks by tokens of its own (`tests.aws_storage`); refusals, expired tokens and altered blocks
are put in its mouth, for moto has none.
"""

import base64
import hashlib
import io
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore import exceptions

from cloudigrade.clouds.aws import snapshots
from cloudigrade.clouds.aws.config import Section
from cloudigrade.clouds.aws.policy import Inspection, Purpose
from cloudigrade.clouds.aws.session import Access
from cloudigrade.clouds.aws.snapshots import BLOCK
from cloudigrade.clouds.aws.throttle import Limit, Throttle
from cloudigrade.clouds.inspecting import Snapshot
from cloudigrade.clouds.protocol import Absent, CustomerProblem, Unavailable, Unreadable
from cloudigrade.domain.problems import Problem
from tests.aws_storage import snapshot_of, write
from tests.clouds.aws.inspecting import REGION, add_customer, answering

pytestmark = pytest.mark.enable_socket


@pytest.fixture(scope="module")
def account(aws):
    return add_customer(aws, "000000000077", Inspection.DIRECT)


@pytest.fixture
def client(access, account):
    return access.client(account, "ebs", REGION, Purpose.INSPECTION)


def content(*blocks):
    """A disk of such blocks; empty ones are never written."""
    return b"".join(block.ljust(BLOCK, b"\0") for block in blocks)


def opened(access, account, name):
    snapshot = Snapshot(name, "/dev/sda1", 1 << 30, is_encrypted=False, owner=account.native_id, is_root=True)
    return snapshots.blocks(access, account, REGION, snapshot)


@pytest.fixture
def disk(aws, access, account):
    name = aws.put_disk(account.native_id, REGION, content(b"first", b"", b"third", b"fourth"))
    return opened(access, account, name)


def test_blocks_that_were_never_written_are_not_listed(disk):
    tokens, following = disk.page(0)

    assert (sorted(tokens), following) == ([0, 2, 3], None)
    assert (disk.size, disk.block_size) == (1 << 30, 512 << 10)
    assert [disk.get(number, token)[:6] for number, token in sorted(tokens.items())] == [
        b"first\0",
        b"third\0",
        b"fourth",
    ]


@pytest.fixture
def long(aws, access, account, monkeypatch):
    """A disk of 250 blocks, of which each second one is written, listed by 100, the least that EBS takes."""
    monkeypatch.setattr(snapshots, "PAGE", 100)
    name = aws.put_disk(account.native_id, REGION, b"")
    write(name, dict.fromkeys(range(0, 500, 2), b"x"))
    return opened(access, account, name)


def test_a_list_begins_where_it_is_asked_to_and_goes_on_where_it_ended(long):
    pages = [long.page(start) for start in (0, 199, 399)]

    assert [(min(tokens), max(tokens), len(tokens), following) for tokens, following in pages] == [
        (0, 198, 100, 199),
        (200, 398, 100, 399),
        (400, 498, 50, None),
    ]
    assert min(long.page(301)[0]) == 302
    assert long.page(499) == ({}, None)


def test_no_page_can_expire_for_each_is_asked_for_by_its_first_block(long, client):
    with answering(client, "ListSnapshotBlocks", []) as seen:
        _, following = long.page(0)
        long.page(following)

    assert [each["query_string"].get("startingBlockIndex") for each in seen] == [0, 199]
    assert [each["query_string"].get("pageToken") for each in seen] == [None, None]


def test_a_page_without_blocks_is_passed_over(disk, client):
    empty = {"Blocks": [], "NextToken": "2", "BlockSize": BLOCK, "VolumeSize": 1}
    with answering(client, "ListSnapshotBlocks", [empty, empty]) as seen:
        tokens, following = disk.page(0)

    assert (sorted(tokens), following) == ([2, 3], None)
    assert [each["query_string"].get("pageToken") for each in seen] == [None, "2", "2"]


def test_a_list_without_end_ends_for_us(disk, client):
    empty = {"Blocks": [], "NextToken": "2", "BlockSize": BLOCK, "VolumeSize": 1}
    with answering(client, "ListSnapshotBlocks", [empty] * 200), pytest.raises(Unavailable, match="100 pages"):
        disk.page(0)


def test_a_block_whose_token_has_expired_is_listed_anew(disk, client):
    with answering(client, "ListSnapshotBlocks", []) as seen:
        assert disk.get(2, "a-token-of-last-week")[:6] == b"third\0"

    assert [each["query_string"]["startingBlockIndex"] for each in seen] == [2]


def test_a_block_whose_new_token_is_refused_too_is_for_later(disk, client):
    refused = [("ValidationException", "INVALID_BLOCK_TOKEN")] * 2
    with answering(client, "GetSnapshotBlock", refused), pytest.raises(Unavailable, match="just given"):
        disk.get(2, "old")


def test_a_block_that_is_no_longer_there_cannot_be_read(disk):
    with pytest.raises(Unreadable, match="block 1 is no longer listed"):
        disk.get(1, "old")


def test_a_snapshot_that_is_deleted_midway_is_absent(aws, disk, account):
    tokens, _ = disk.page(0)
    aws.client("ec2", REGION, account.native_id).delete_snapshot(SnapshotId=disk._snapshot)

    with pytest.raises(Absent, match="is not there any more"):
        disk.get(0, tokens[0])
    with pytest.raises(Absent):
        disk.page(0)


@pytest.mark.parametrize(
    "answer",
    [
        ("AccessDeniedException", "DEPENDENCY_ACCESS_DENIED"),
        ("ValidationException", "INVALID_CUSTOMER_KEY"),
        ("ResourceNotFoundException", "DEPENDENCY_RESOURCE_NOT_FOUND"),
    ],
)
def test_a_key_that_the_role_may_not_use_is_the_customers_to_allow(disk, client, answer):
    with answering(client, "GetSnapshotBlock", [answer]), pytest.raises(CustomerProblem, match="kms:Decrypt") as caught:
        disk.get(0, "token")

    assert caught.value.problem is Problem.POLICY_TOO_NARROW


def test_a_public_snapshot_of_others_is_said_to_be_one_that_can_only_be_copied(aws, access, account, customer):
    name = aws.put_disk(customer().native_id, REGION, content(b"x"))
    snapshot_of(name).create_volume_permission_groups.add("all")

    with pytest.raises(CustomerProblem, match="can only be copied"):
        opened(access, account, name).page(0)


def test_a_role_that_may_not_read_snapshots_is_too_narrow(aws, access, customer):
    account = customer(inspection=Inspection.COPY)
    name = aws.put_disk(account.native_id, REGION, content(b"x"))

    with pytest.raises(CustomerProblem) as caught:
        opened(access, account, name).page(0)

    assert caught.value.problem is Problem.POLICY_TOO_NARROW


@pytest.mark.parametrize("reason", ["ACCOUNT_THROTTLED", "RESOURCE_LEVEL_THROTTLE"])
def test_throttling_is_tried_again_and_then_for_later(disk, client, reason):
    throttled = ("RequestThrottledException", reason)
    with answering(client, "GetSnapshotBlock", [throttled]), pytest.raises(Unavailable, match="snapshot snap-"):
        disk.get(0, "token")


@pytest.mark.parametrize("error", ["ValidationException", ("ValidationException", "INVALID_SNAPSHOT_ID")])
def test_what_ebs_cannot_read_is_unreadable(disk, client, error):
    with (
        answering(client, "ListSnapshotBlocks", [error]),
        pytest.raises(Unreadable, match="cannot be read where it is"),
    ):
        disk.page(0)


def sent(block, *, digest=None):
    checksum = base64.b64encode(digest or hashlib.sha256(block).digest()).decode()
    return {"BlockData": io.BytesIO(block), "Checksum": checksum, "ChecksumAlgorithm": "SHA256"}


def test_a_block_that_came_altered_is_fetched_again(disk, client):
    tokens, _ = disk.page(0)
    altered = sent(content(b"altered"), digest=b"x" * 32)
    with answering(client, "GetSnapshotBlock", [altered]) as seen:
        assert disk.get(0, tokens[0])[:6] == b"first\0"

    assert len(seen) == 2


@pytest.mark.parametrize(
    "answer",
    [
        lambda: sent(content(b"x"), digest=b"x" * 32),
        lambda: sent(b"short"),
        lambda: sent(bytes(BLOCK + 1)),
        lambda: sent(content(b"x")) | {"ChecksumAlgorithm": "MD5"},
    ],
    ids=["another checksum", "too short", "too long", "an unknown checksum"],
)
def test_a_block_that_never_comes_as_its_checksum_has_it_is_for_later(disk, client, answer):
    answers = [answer() for _ in range(3)]
    with answering(client, "GetSnapshotBlock", answers), pytest.raises(Unavailable, match="checksum"):
        disk.get(0, "token")


def test_a_connection_that_breaks_within_a_block_is_for_later(disk, client):
    class Breaking:
        def read(self, _size):
            raise exceptions.IncompleteReadError(actual_bytes=1, expected_bytes=2)

    broken = sent(b"") | {"BlockData": Breaking()}
    with answering(client, "GetSnapshotBlock", [broken]), pytest.raises(Unavailable):
        disk.get(0, "token")


def test_many_threads_may_share_a_snapshot(aws, access, account):
    blocks = [f"block {number}".encode() for number in range(12)]
    shared = opened(access, account, aws.put_disk(account.native_id, REGION, content(*blocks)))
    tokens, _ = shared.page(0)

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda item: shared.get(*item)[:8].rstrip(b"\0"), sorted(tokens.items())))

    assert found == [block[:8] for block in blocks]


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self):
        self.now = 0.0
        self.slept = []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(round(seconds, 6))
        self.now += seconds


def test_each_account_has_tokens_of_its_own_and_every_role_is_asked_with_its_external_id(aws, customer):
    clock = Clock()
    throttle = Throttle({"ebs-read": Limit(3, 0.5)}, clock=clock, sleep=clock.sleep)
    access = Access(Section(), "test", throttle=throttle)
    requests = []
    access.own("sts", "us-east-1").meta.events.register(
        "before-call.sts.AssumeRole", lambda params, **_: requests.append(params["body"])
    )
    accounts = [customer(inspection=Inspection.DIRECT) for _ in range(2)]
    disks = [
        opened(access, account, aws.put_disk(account.native_id, REGION, content(b"x", b"y"))) for account in accounts
    ]

    for disk in disks:  # three requests each are free
        tokens, _ = disk.page(0)
        assert [disk.get(*item)[:1] for item in sorted(tokens.items())] == [b"x", b"y"]
    assert clock.slept == []
    disks[0].page(0)

    assert clock.slept == [2.0]
    asked = {(each["RoleArn"], each["ExternalId"]) for each in requests}
    assert asked == {(account.credentials, account.external_id) for account in accounts}
    allowed = [json.loads(each["Policy"])["Statement"] for each in requests]
    assert all("ebs:GetSnapshotBlock" in str(statements) and "s3:" not in str(statements) for statements in allowed)
