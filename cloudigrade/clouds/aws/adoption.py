"""Trails that were there before us: asked what they log, and tried through whom their files can be read."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from botocore import exceptions

from cloudigrade.clouds.aws import details as stored
from cloudigrade.clouds.aws import session
from cloudigrade.clouds.aws.details import Details
from cloudigrade.clouds.aws.trail_choice import Answer, Refusal, Trail
from cloudigrade.clouds.cloud import Account
from cloudigrade.clouds.protocol import CustomerProblem, Unreadable
from cloudigrade.domain.problems import Problem

if TYPE_CHECKING:  # type stubs, absent outside development
    from mypy_boto3_s3 import S3Client

_ORGANIZATION: Final = re.compile(r"AWSLogs/(o-[0-9a-z]+)/\Z")
_UNTOLD: Final = frozenset(
    {
        "CloudTrailARNInvalidException",
        "InvalidHomeRegionException",
        "NoManagementAccountSLRExistsException",
        "OperationNotPermittedException",
        "TrailNotFoundException",
        "UnsupportedOperationException",
    }
)
"""How CloudTrail refuses to tell of a trail that belongs to another account."""
_MOST_READERS: Final = 50
"""That are tried for one bucket: a customer may have thousands of accounts, none of which may read it."""


class _Denied(Exception):
    """The reader may not."""


class _Empty(Exception):
    """The bucket holds nothing of the account."""


class _Encrypted(Exception):
    """The reader may read the object, but not use its key."""


def answers(
    access: session.Access, trail: Trail, account: Account, readers: Sequence[Account]
) -> tuple[Answer | None, Answer | None]:
    """What CloudTrail says of the trail's selectors and status; None where nobody may ask.

    An organization's trail tells all to the account that it belongs to, if that one is among the readers.
    """
    owner = next((each for each in (account, *readers) if each.native_id == trail.account), account)
    try:
        client = access.client(owner, "cloudtrail", trail.home_region)
    except CustomerProblem:
        return None, None
    return (
        _told(lambda: client.get_event_selectors(TrailName=trail.arn)),
        _told(lambda: client.get_trail_status(Name=trail.arn)),
    )


def details(access: session.Access, trail: Trail, account: Account, readers: Sequence[Account]) -> Details | Refusal:
    """Where the trail writes and through whom we read it: the account's own role, or else another of the readers."""
    refusal = Refusal(trail.name, f"its bucket {trail.bucket} may not be read")
    for reader in _readers(access, trail, account, readers):
        try:
            return _tried(access, trail, account, reader)
        except (_Denied, CustomerProblem, Unreadable):
            continue  # the next may
        except _Encrypted:
            refusal = Refusal(trail.name, "its log files are encrypted with a KMS key", Problem.LOGS_ENCRYPTED)
        except _Empty:
            refusal = Refusal(trail.name, f"its bucket {trail.bucket} holds nothing of the account yet")
    return refusal


def _readers(
    access: session.Access, trail: Trail, account: Account, readers: Sequence[Account]
) -> Sequence[Account | None]:
    """Who may be able to read the bucket, the likeliest first: who reads it for others, who the trail belongs to."""
    if trail.bucket == access.bucket:  # of all buckets only this one is read by our own right, whatever a trail names
        return (None,)
    partition = access.partition_of(account)
    others = [
        each for each in readers if each.native_id != account.native_id and access.partition_of(each) == partition
    ]
    kept = [stored.known(each.details) for each in others]
    proven = {each.reader for each in kept if each.bucket == trail.bucket}
    others.sort(key=lambda each: (each.native_id not in proven, each.native_id != trail.account))
    return (account, *others[:_MOST_READERS])


def _tried(access: session.Access, trail: Trail, account: Account, reader: Account | None) -> Details:
    store: S3Client
    if reader:
        store = access.client(reader, "s3", trail.home_region)
    else:
        partition = access.partition_of(account)
        store = access.own("s3", access.home_region(partition), partition)
    found = Details(
        bucket=trail.bucket,
        prefix=trail.prefix,
        organization=_organization(store, trail, account) if trail.is_organization else "",
        trail_arn=trail.arn,
        home_region=trail.home_region,
        is_notified=reader is None and not trail.prefix,  # our bucket's notices are of keys that begin with AWSLogs/
        has_digests=trail.has_digests,
        reader=reader.native_id if reader else "",
    )
    if reader:
        _read(store, trail, found.logs(account.native_id))
    return found


def _read(store: "S3Client", trail: Trail, folder: str) -> None:
    """A log file of the folder can be listed and read; raises _Denied, _Encrypted, Unreadable or Unavailable."""
    key = _first(store, trail.bucket, folder)
    try:
        with _tolerant(trail):
            # Whoever may list and read is told of a missing key that it is missing, and else that access is denied.
            store.get_object(Bucket=trail.bucket, Key=key or f"{folder}none")["Body"].close()
    except Unreadable:
        if key:
            raise


def _first(store: "S3Client", bucket: str, folder: str) -> str:
    with session.translated(f"s3://{bucket}", denied=_Denied):
        page = store.list_objects_v2(Bucket=bucket, Prefix=folder, MaxKeys=1)
    return next((entry["Key"] for entry in page.get("Contents", ())), "")


def _organization(store: "S3Client", trail: Trail, account: Account) -> str:
    """The organization's folder; its id stands nowhere else that a member may look. Raises _Empty."""
    start = Details(prefix=trail.prefix).folder("")
    with session.translated(f"s3://{trail.bucket}", denied=_Denied):
        page = store.list_objects_v2(Bucket=trail.bucket, Prefix=f"{start}o-", Delimiter="/")
    named = (_ORGANIZATION.search(entry["Prefix"]) for entry in page.get("CommonPrefixes", ()))
    for name in [each[1] for each in named if each]:
        folder = Details(prefix=trail.prefix, organization=name).folder(account.native_id)
        if _first(store, trail.bucket, folder):
            return name
    raise _Empty


@contextmanager
def _tolerant(trail: Trail) -> Iterator[None]:
    """Refusals that are of a key leave as _Encrypted, others as _Denied."""
    try:
        with session.translated(f"s3://{trail.bucket}", denied=_Denied):
            try:
                yield
            except exceptions.ClientError as error:
                if _is_of_key(error):
                    raise _Encrypted from error
                raise
    except _Denied as error:
        # S3 tells other accounts nothing but "access denied"; listing was allowed, so a key is the likely reason.
        if trail.key:
            raise _Encrypted from error
        raise


def _is_of_key(error: exceptions.ClientError) -> bool:
    told = error.response["Error"]
    return told.get("Code", "").startswith("KMS.") or "kms:" in told.get("Message", "")


def _told(ask: Callable[[], Mapping[str, Any]]) -> Answer | None:
    try:
        with session.translated("CloudTrail", denied=_Denied):
            try:
                return ask()
            except exceptions.ClientError as error:
                if error.response["Error"]["Code"] in _UNTOLD:
                    return None
                raise
    except _Denied:
        return None
