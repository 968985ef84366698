"""Snapshots by the EBS direct API and results into S3: what is read, and what becomes of every way to fail."""

import base64
import hashlib
import re
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ConnectTimeoutError
from moto import mock_aws

from cloudigrade.inspector import aws
from cloudigrade.inspector.aws import Bucket, Gone, Refused, SnapshotBlocks, Unavailable
from cloudigrade.inspector.blocks import BlockDisk, Cost, TokenExpired
from tests.inspector.fake_ebs import BLOCK, FakeEbs, answered, block_of, refused

NOW = datetime(2026, 11, 28, 9, 5, 7, tzinfo=UTC)


@pytest.fixture(autouse=True)
def credentials(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


@pytest.fixture
def slept(monkeypatch):
    """Seconds that the SDK has waited for."""
    seconds: list[float] = []
    monkeypatch.setattr("botocore.endpoint.time.sleep", seconds.append)
    return seconds


def _opened(ebs):
    return SnapshotBlocks(ebs.client(aws._CONFIG), "snap-1")


def test_a_snapshot_in_moto_reads_like_its_disk():
    content = [b"a" * 512, bytes(512), b"c" * 512]
    with mock_aws():
        client = boto3.client("ebs")
        snapshot = client.start_snapshot(VolumeSize=1)["SnapshotId"]
        for number in (0, 2):
            digest = base64.b64encode(hashlib.sha256(content[number]).digest()).decode()
            client.put_snapshot_block(
                SnapshotId=snapshot,
                BlockIndex=number,
                BlockData=content[number],
                DataLength=512,
                Checksum=digest,
                ChecksumAlgorithm="SHA256",
            )
        client.complete_snapshot(SnapshotId=snapshot, ChangedBlocksCount=2)
        cost = Cost()
        disk = BlockDisk(aws.snapshot_blocks(snapshot), cost)

        assert disk.size == 1 << 30
        assert disk.read(100, 1400) == b"".join(content)[100:1500]
        assert disk.read((1 << 30) - 10, 10) == bytes(10)
        assert (cost.lists, cost.blocks) == (1, 2)


def test_blocks_that_were_never_written_are_zeros_and_cost_nothing():
    ebs = FakeEbs({1: b"b" * BLOCK})
    cost = Cost()
    disk = BlockDisk(_opened(ebs), cost)

    assert disk.read(BLOCK - 2, BLOCK + 4) == b"\0\0" + b"b" * BLOCK + b"\0\0"

    assert ebs.asked == ["blocks", "blocks/1"]
    assert (cost.lists, cost.blocks, cost.bytes) == (1, 1, BLOCK)


def test_lists_of_several_pages_are_followed_by_the_number_of_a_block():
    ebs = FakeEbs({number: bytes([number]) * BLOCK for number in range(1, 8)}, longest_list=3)
    source = _opened(ebs)

    assert source.page(0) == ({1: "1/0", 2: "2/0", 3: "3/0"}, 4)
    assert source.page(4) == ({4: "4/0", 5: "5/0", 6: "6/0"}, 7)
    assert source.page(7) == ({7: "7/0"}, None)
    assert len(ebs.asked) == 3


def test_empty_pages_are_followed_but_not_for_ever():
    empty = b'{"Blocks": [], "NextToken": "1", "VolumeSize": 1, "BlockSize": 524288}'
    ebs = FakeEbs({5: b"x" * BLOCK})
    ebs.failures = [answered(200, empty), answered(200, empty)]

    assert _opened(ebs).page(0) == ({5: "5/0"}, None)

    ebs.failures = [answered(200, empty) for _ in range(1000)]
    with pytest.raises(Unavailable, match="100 lists of blocks are empty"):
        _opened(ebs)


@pytest.mark.parametrize(
    "altered",
    [block_of(b"x" * BLOCK, checksum="AAAA"), block_of(b"x" * 100), block_of(b"x" * (BLOCK + 1))],
    ids=["checksum", "short", "long"],
)
def test_a_block_that_arrives_altered_is_fetched_again(altered):
    ebs = FakeEbs({0: b"a" * BLOCK})
    source = _opened(ebs)
    ebs.failures = [altered]

    assert source.get(0, "0/0") == b"a" * BLOCK
    assert len(ebs.asked) == 3


def test_a_block_that_always_arrives_altered_is_a_failure():
    ebs = FakeEbs({0: b"a" * BLOCK})
    source = _opened(ebs)
    ebs.failures = [block_of(b"x" * BLOCK, checksum="AAAA") for _ in range(9)]

    with pytest.raises(Unavailable, match="block 0 did not arrive whole in 4 attempts"):
        source.get(0, "0/0")


def test_throttling_is_waited_for(slept):
    ebs = FakeEbs({0: b"a" * BLOCK})
    source = _opened(ebs)
    ebs.failures = [refused("RequestThrottledException", "ACCOUNT_THROTTLED")] * 3

    assert source.get(0, "0/0") == b"a" * BLOCK
    assert len(slept) == 3


def test_throttling_without_end_is_a_failure_that_may_pass(slept):
    ebs = FakeEbs({0: b"a" * BLOCK})
    source = _opened(ebs)
    ebs.failures = [refused("RequestThrottledException", "ACCOUNT_THROTTLED")] * 99

    with pytest.raises(Unavailable):
        source.get(0, "0/0")

    assert len(slept) == 5


def test_an_expired_token_is_replaced_by_a_new_list():
    ebs = FakeEbs({0: b"a" * BLOCK, 9: b"j" * BLOCK})
    cost = Cost()
    disk = BlockDisk(_opened(ebs), cost)
    disk.read(0, 1)
    ebs.generation = 1

    assert disk.read(9 * BLOCK, 1) == b"j"

    assert ebs.asked == ["blocks", "blocks/0", "blocks/9", "blocks", "blocks/9"]
    assert cost.lists == 2


def test_an_expired_token_is_declared():
    ebs = FakeEbs({0: b"a" * BLOCK})
    with pytest.raises(TokenExpired):
        _opened(ebs).get(0, "0/old")


@pytest.mark.parametrize(
    ("answer", "failure", "reason"),
    [
        (refused("AccessDeniedException", "DEPENDENCY_ACCESS_DENIED", 403), Refused, "kms:Decrypt"),
        (refused("ValidationException", "INVALID_CUSTOMER_KEY"), Refused, "kms:Decrypt"),
        (refused("ResourceNotFoundException", "DEPENDENCY_RESOURCE_NOT_FOUND", 404), Refused, "the KMS key"),
        (refused("AccessDeniedException", "UNAUTHORIZED_ACCOUNT", 403), Refused, "AccessDenied"),
        (refused("UnrecognizedClientException", "", 403), Refused, "UnrecognizedClient"),
        (refused("ResourceNotFoundException", "SNAPSHOT_NOT_FOUND", 404), Gone, "so it is"),
        (refused("ValidationException", "INVALID_SNAPSHOT_ID"), Refused, "so it is"),
        (refused("InternalServerException", "", 500), Unavailable, "InternalServer"),
        (refused("ServiceQuotaExceededException", "", 402), Unavailable, "ServiceQuota"),
    ],
)
def test_every_refusal_has_its_meaning_at_the_beginning_and_midway(slept, answer, failure, reason):
    ebs = FakeEbs({0: b"a" * BLOCK})
    ebs.failures = [answer] * 99
    with pytest.raises(failure, match=reason):
        _opened(ebs)

    ebs.failures = []
    source = _opened(ebs)
    ebs.failures = [answer] * 99
    with pytest.raises(failure, match=reason):
        BlockDisk(source, Cost()).read(0, 1)


def test_missing_credentials_or_regions_are_refusals(monkeypatch):
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    with pytest.raises(Refused, match="region"):
        aws.snapshot_blocks("snap-1")


class _S3:
    """S3 as far as a bucket asks it."""

    def __init__(self, *failures):
        self.failures = list(failures)
        self.put = []

    def put_object(self, **arguments):
        self.put.append(arguments)
        if self.failures:
            raise self.failures.pop(0)


def test_a_result_is_put_with_its_checksum():
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="results")
        results = aws.bucket("results")

        results.check()
        results.put("InspectionResults/a.json", b"{}")

        stored = client.get_object(Bucket="results", Key="InspectionResults/a.json")
        assert (stored["Body"].read(), stored["ContentType"]) == (b"{}", "application/json")


def test_content_md5_is_that_of_the_content():
    s3: Any = _S3()
    Bucket(s3, "results").put("key", b"{}")

    assert [put["ContentMD5"] for put in s3.put] == ["mZFLkyvTelC5g8XnyQrpOw=="]


def test_a_bucket_that_is_not_there_is_known_before_anything_is_done():
    with mock_aws(), pytest.raises(Gone, match="bucket results"):
        aws.bucket("results").check()


def test_an_unreachable_bucket_is_tried_again_with_longer_and_longer_waits():
    away = ConnectTimeoutError(endpoint_url="https://s3")
    s3: Any = _S3(away, away, away)
    waits: list[float] = []

    Bucket(s3, "results").put("key", b"{}", sleep=waits.append)

    assert waits == [1, 2, 4]
    assert [put["Key"] for put in s3.put] == ["key"] * 4


def test_a_bucket_that_stays_unreachable_is_a_failure():
    s3: Any = _S3(*[ConnectTimeoutError(endpoint_url="https://s3")] * 9)
    waits: list[float] = []

    with pytest.raises(Unavailable):
        Bucket(s3, "results").put("key", b"{}", sleep=waits.append)

    assert waits == [1, 2, 4, 8, 16]


def test_a_refused_result_is_not_put_again():
    waits: list[float] = []
    with mock_aws(), pytest.raises(Gone):
        aws.bucket("absent").put("key", b"{}", sleep=waits.append)

    assert waits == []


def test_keys_are_those_that_the_consumer_is_notified_of():
    form = r"InspectionResults/2026-11/28/09\.05\.07-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.json"

    assert re.fullmatch(form, aws.key(NOW))
    assert aws.key(NOW) != aws.key(NOW)
