"""Snapshots by the EBS direct API, and results into S3, with the credentials of whoever runs the inspector."""

import base64
import hashlib
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore import exceptions
from botocore.config import Config

from cloudigrade.inspector.blocks import TokenExpired

if TYPE_CHECKING:  # type stubs, absent outside development
    from mypy_boto3_ebs import EBSClient
    from mypy_boto3_s3 import S3Client

GIB: Final = 1024 * 1024 * 1024
_PAGE: Final = 10_000
_TRIES: Final = 4  # of a block that arrives altered or not whole
_EMPTY_PAGES: Final = 100
_WAITS: Final = (1, 2, 4, 8, 16)
"""Seconds between attempts to put a result, each of which the SDK itself repeats."""
_CONFIG: Final = Config(
    retries={"mode": "standard", "total_max_attempts": 6}, connect_timeout=10, read_timeout=30, max_pool_connections=16
)
_UNREACHED: Final = (
    exceptions.ConnectionError,
    exceptions.HTTPClientError,
    exceptions.IncompleteReadError,
    exceptions.ResponseStreamingError,
)
_KEY: Final = "it is encrypted with a KMS key that may not be used; kms:Decrypt on the key is needed"
_REASONS: Final = {
    "DEPENDENCY_ACCESS_DENIED": _KEY,
    "DEPENDENCY_RESOURCE_NOT_FOUND": "the KMS key that it is encrypted with is not there",
    "INVALID_CUSTOMER_KEY": _KEY,
    "INVALID_DEPENDENCY_REQUEST": _KEY,
}
_THROTTLED: Final = frozenset(
    {
        "ConcurrentLimitExceededException",
        "RequestLimitExceeded",
        "RequestThrottledException",
        "ServiceQuotaExceededException",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
_GONE: Final = frozenset({"404", "NoSuchBucket", "ResourceNotFoundException"})
_SERVER: Final = 500


class Failure(Exception):
    """AWS did not do what was asked; the message says why, in one line."""


class Refused(Failure):
    """Permissions, credentials, or a state that does not allow it: asking again changes nothing."""


class Gone(Failure):
    """There is no such snapshot or bucket, or none any more."""


class Unavailable(Failure):
    """AWS cannot be reached, or wants to be asked less often; so it stayed for as long as we tried."""


class SnapshotBlocks:
    """The blocks of a completed snapshot; threads may share it."""

    def __init__(self, client: "EBSClient", snapshot: str) -> None:
        self._client = client
        self._snapshot = snapshot
        self.size = 0
        self.block_size = 0
        self._first: tuple[Mapping[int, str], int | None] | None = self._listed(0)

    def page(self, start: int) -> tuple[Mapping[int, str], int | None]:
        """Tokens of written blocks from this one on, and where the next page begins."""
        first, self._first = self._first, None  # it was needed for the size, and is good for its first use only
        return first if first is not None and start == 0 else self._listed(start)

    def get(self, number: int, token: str) -> bytes:
        """The block, as its checksum has it; raises TokenExpired where the token is not good any more."""
        for _ in range(_TRIES):
            try:
                content = self._got(number, token)
            except _UNREACHED:
                continue
            if content is not None:
                return content
        raise Unavailable(f"{self._snapshot}: block {number} did not arrive whole in {_TRIES} attempts")

    def _got(self, number: int, token: str) -> bytes | None:
        with _asking(self._snapshot):
            answer = self._client.get_snapshot_block(SnapshotId=self._snapshot, BlockIndex=number, BlockToken=token)
        content = answer["BlockData"].read(self.block_size + 1)
        digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
        is_whole = len(content) == self.block_size and answer.get("Checksum") == digest
        return content if is_whole else None

    def _listed(self, start: int) -> tuple[dict[int, str], int | None]:
        """Asked for by the number of a block, so that there is no token of a page that could expire."""
        where: dict[str, Any] = {"StartingBlockIndex": start}
        for _ in range(_EMPTY_PAGES):
            with _asking(self._snapshot):
                answer = self._client.list_snapshot_blocks(SnapshotId=self._snapshot, MaxResults=_PAGE, **where)
            self.size, self.block_size = answer["VolumeSize"] * GIB, answer["BlockSize"]
            tokens = {each["BlockIndex"]: each["BlockToken"] for each in answer["Blocks"]}
            following = answer.get("NextToken")
            if tokens or not following:
                return tokens, max(tokens) + 1 if following else None
            where = {"NextToken": following}
        raise Unavailable(f"{self._snapshot}: {_EMPTY_PAGES} lists of blocks are empty, and there are more")


class Bucket:
    """Where results go."""

    def __init__(self, client: "S3Client", name: str) -> None:
        self._client = client
        self._name = name

    def check(self) -> None:
        """The bucket is there and can be seen; to be asked before any work is done."""
        with _asking(f"bucket {self._name}"):
            self._client.head_bucket(Bucket=self._name)

    def put(self, key: str, content: bytes, *, sleep: Callable[[float], None] = time.sleep) -> None:
        """The content is there under the key; tried again for half a minute where AWS cannot be reached."""
        for wait in _WAITS:
            try:
                self._put(key, content)
            except Unavailable:
                sleep(wait)
            else:
                return
        self._put(key, content)

    def _put(self, key: str, content: bytes) -> None:
        digest = hashlib.md5(content, usedforsecurity=False).digest()
        with _asking(f"bucket {self._name}"):
            self._client.put_object(
                Bucket=self._name,
                Key=key,
                Body=content,
                ContentMD5=base64.b64encode(digest).decode(),
                ContentType="application/json",
            )


def snapshot_blocks(snapshot: str, region: str | None = None) -> SnapshotBlocks:
    """The snapshot's blocks, once its first list is there; raises a Failure without it."""
    with _asking(snapshot):
        client = boto3.client("ebs", region_name=region, config=_CONFIG)
    return SnapshotBlocks(client, snapshot)


def bucket(name: str) -> Bucket:
    """The bucket, not yet looked for."""
    with _asking(f"bucket {name}"):
        return Bucket(boto3.client("s3", config=_CONFIG), name)


def key(now: datetime) -> str:
    """Under which a result of this time is put: never the same twice."""
    return f"InspectionResults/{now:%Y-%m/%d/%H.%M.%S}-{uuid.uuid4()}.json"


@contextmanager
def _asking(subject: str) -> Iterator[None]:
    """Errors of the SDK leave as ours."""
    try:
        yield
    except exceptions.ClientError as error:
        raise _meaning(subject, error) from error
    except _UNREACHED as error:
        raise Unavailable(f"{subject}: {_line(error)}") from error
    except exceptions.BotoCoreError as error:  # credentials or configuration: missing, partial or wrong
        raise Refused(f"{subject}: {_line(error)}") from error


def _meaning(subject: str, error: exceptions.ClientError) -> Exception:
    name = str(error.response.get("Error", {}).get("Code", ""))
    reason = str(error.response.get("Reason", ""))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if reason == "INVALID_BLOCK_TOKEN":
        return TokenExpired(subject)
    if reason in _REASONS:
        return Refused(f"{subject}: {_REASONS[reason]}")
    if name in _THROTTLED or status >= _SERVER:
        return Unavailable(f"{subject}: {_line(error)}")
    return (Gone if name in _GONE else Refused)(f"{subject}: {_line(error)}")


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
