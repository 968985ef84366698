"""A snapshot read where it is, through the EBS direct API, as the customer's role."""

import base64
import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from botocore import exceptions

from cloudigrade.clouds.aws.policy import Purpose
from cloudigrade.clouds.aws.session import Access, code, translated
from cloudigrade.clouds.cloud import Account
from cloudigrade.clouds.inspecting import Snapshot
from cloudigrade.clouds.protocol import Absent, CustomerProblem, Unavailable, Unreadable
from cloudigrade.domain.problems import Problem

if TYPE_CHECKING:  # type stubs, absent outside development
    from mypy_boto3_ebs import EBSClient

BLOCK: Final = 512 << 10
"""Bytes of a block; EBS knows no other."""
PAGE: Final = 10_000
"""Blocks in a list, the most that EBS gives."""

_TRIES: Final = 3  # of what came altered
_EMPTY_PAGES: Final = 100
_FEW: Final = 100  # the least that a list may be limited to


class _OldToken(Exception):
    """The token of a block is good for seven days, and these are over."""


class SnapshotBlocks:
    """The blocks of a snapshot; threads may share it."""

    block_size: int = BLOCK

    def __init__(self, client: "EBSClient", snapshot: str, size: int) -> None:
        self.size = size
        self._client = client
        self._snapshot = snapshot

    def page(self, start: int) -> tuple[Mapping[int, str], int | None]:
        """Tokens of written blocks from this one on, and where the next page begins.

        Asked for by the number of a block: there is no token of a page that could expire.
        """
        return self._listed(start, PAGE)

    def get(self, number: int, token: str) -> bytes:
        """The block, as its checksum has it; listed anew where its token has expired."""
        try:
            return self._got(number, token)
        except _OldToken:
            pass
        fresh = self._listed(number, _FEW)[0].get(number)
        if fresh is None:
            raise Unreadable(f"{self._snapshot}: block {number} is no longer listed")
        try:
            return self._got(number, fresh)
        except _OldToken as error:
            raise Unavailable(f"{self._snapshot}: EBS refuses a token that it has just given") from error

    def _listed(self, start: int, most: int) -> tuple[dict[int, str], int | None]:
        asked: dict[str, Any] = {"SnapshotId": self._snapshot, "MaxResults": most}
        where: dict[str, Any] = {"StartingBlockIndex": start}
        for _ in range(_EMPTY_PAGES):
            with _reading(self._snapshot):
                answer = self._client.list_snapshot_blocks(**asked, **where)
            tokens = {each["BlockIndex"]: each["BlockToken"] for each in answer["Blocks"]}
            following = answer.get("NextToken")
            if tokens or not following:
                return tokens, max(tokens) + 1 if tokens and following else None
            where = {"NextToken": following}
        raise Unavailable(f"{self._snapshot}: EBS lists nothing in {_EMPTY_PAGES} pages, and does not end")

    def _got(self, number: int, token: str) -> bytes:
        for _ in range(_TRIES):
            with _reading(self._snapshot):
                answer = self._client.get_snapshot_block(SnapshotId=self._snapshot, BlockIndex=number, BlockToken=token)
                content = answer["BlockData"].read(BLOCK + 1)
            if len(content) == BLOCK and _is_as_sent(content, answer):
                return content
        raise Unavailable(f"{self._snapshot}: block {number} does not arrive as its checksum has it")


def blocks(access: Access, account: Account, region: str, snapshot: Snapshot) -> SnapshotBlocks:
    """The snapshot's blocks as the account's role reads them; raises CustomerProblem or Unavailable."""
    client = access.client(account, "ebs", region, Purpose.INSPECTION)
    return SnapshotBlocks(client, snapshot.native_id, snapshot.size)


def _is_as_sent(content: bytes, answer: Mapping[str, Any]) -> bool:
    digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
    return answer.get("ChecksumAlgorithm") == "SHA256" and answer.get("Checksum") == digest


@contextmanager
def _reading(snapshot: str) -> Iterator[None]:
    """What EBS itself distinguishes beyond the names of its errors."""
    with translated(f"snapshot {snapshot}"):
        try:
            yield
        except exceptions.ClientError as error:
            failure = _meaning(snapshot, error)
            if failure is None:
                raise
            raise failure from error


def _meaning(snapshot: str, error: exceptions.ClientError) -> Exception | None:
    """By the reason that EBS gives, which says more than the error's name, or else by the name."""
    made, says = _MEANINGS.get(str(error.response.get("Reason", ""))) or _MEANINGS.get(code(error)) or (None, "")
    message = error.response.get("Error", {}).get("Message", "")
    return made(f"snapshot {snapshot} {says} ({message})") if made else None


def _of_key(reason: str) -> CustomerProblem:
    return CustomerProblem(reason, Problem.POLICY_TOO_NARROW)


_KEY: Final = "is encrypted with a KMS key that the role may not use: allow it kms:Decrypt"
_MEANINGS: Final[Mapping[str, tuple[Callable[[str], Exception], str]]] = {
    "DEPENDENCY_ACCESS_DENIED": (_of_key, _KEY),
    "DEPENDENCY_RESOURCE_NOT_FOUND": (_of_key, _KEY),
    "INVALID_CUSTOMER_KEY": (_of_key, _KEY),
    "INVALID_DEPENDENCY_REQUEST": (_of_key, _KEY),
    "INVALID_BLOCK_TOKEN": (_OldToken, "has a block whose token has expired"),
    "INVALID_PAGE_TOKEN": (Unavailable, "has to be listed anew"),
    # it belongs to another account, and everybody may see it
    "UNAUTHORIZED_ACCOUNT": (CustomerProblem, "is public, or not shared with this account: it can only be copied"),
    "ResourceNotFoundException": (Absent, "is not there any more"),
    # archived, not completed, none at all
    "ValidationException": (Unreadable, "cannot be read where it is"),
}
