"""The trail that we make in a customer's account: created, completed and removed, each safe to repeat."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from botocore import exceptions

from cloudigrade.clouds.aws import session
from cloudigrade.clouds.aws.details import Details
from cloudigrade.clouds.aws.trail_choice import Trail
from cloudigrade.clouds.cloud import Account
from cloudigrade.clouds.protocol import CustomerProblem, Unavailable
from cloudigrade.domain.problems import Problem

if TYPE_CHECKING:  # type stubs, absent outside development
    from mypy_boto3_cloudtrail import CloudTrailClient
    from mypy_boto3_cloudtrail.type_defs import EventSelectorTypeDef

logger = logging.getLogger(__name__)

_SELECTOR: Final["EventSelectorTypeDef"] = {"ReadWriteType": "WriteOnly", "IncludeManagementEvents": True}
_OUR_BUCKET: Final = frozenset(
    {"InsufficientS3BucketPolicyException", "InvalidS3BucketNameException", "S3BucketDoesNotExistException"}
)
_UNSETTLED: Final = frozenset({"ConflictException", "TrailAlreadyExistsException", "TrailNotFoundException"})
"""Contradicts what was listed a moment ago: another run is at it, or CloudTrail's answers lag behind."""
_KEY: Final = frozenset(
    {"InsufficientEncryptionPolicyException", "KmsException", "KmsKeyDisabledException", "KmsKeyNotFoundException"}
)


class TooNarrow(CustomerProblem):
    """The role's policy does not allow a call."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, Problem.POLICY_TOO_NARROW)


class TooManyTrails(CustomerProblem):
    """CloudTrail allows no further trail in the region."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, Problem.TOO_MANY_TRAILS)


class Wanted(NamedTuple):
    """Our trail of one account, as it has to be."""

    name: str
    bucket: str
    region: str


def wanted(access: session.Access, account: Account) -> Wanted:
    """What our trail of the account is called, and where it belongs."""
    region = access.home_region(access.partition_of(account))
    return Wanted(f"{access.environment}-{account.native_id}", access.bucket, region)


def create(client: "CloudTrailClient", want: Wanted) -> str:
    """The trail is there and logs; its ARN. Raises Unavailable if another run was quicker."""
    with _changing(f"creating the trail {want.name}", want.bucket):
        made = client.create_trail(
            Name=want.name,
            S3BucketName=want.bucket,
            IncludeGlobalServiceEvents=True,
            IsMultiRegionTrail=True,
            EnableLogFileValidation=True,
        )
    _select(client, want)
    _start(client, want)
    return made["TrailARN"]


def complete(client: "CloudTrailClient", trail: Trail, want: Wanted) -> None:
    """The existing trail is as we want it; only what differs is changed."""
    changes = _differences(trail)
    if changes:
        with _changing(f"updating the trail {want.name}", want.bucket):
            client.update_trail(Name=want.name, **changes)
    with _changing(f"reading the trail {want.name}", want.bucket):
        selectors = client.get_event_selectors(TrailName=want.name)
        status = client.get_trail_status(Name=want.name)
    if status.get("LatestDeliveryError"):
        logger.warning("trail %s cannot write to our bucket: %s", want.name, status["LatestDeliveryError"])
    if not _is_selected(selectors):
        _select(client, want)
    if not status["IsLogging"]:
        _start(client, want)


def delete(client: "CloudTrailClient", want: Wanted) -> None:
    """The trail is gone; gone before is no error."""
    with _changing(f"deleting the trail {want.name}", want.bucket):
        try:
            client.delete_trail(Name=want.name)
        except client.exceptions.TrailNotFoundException:
            return


def details(want: Wanted, arn: str, home_region: str) -> Details:
    """Where our trail writes: our own bucket, which our queue hears of and our identity reads."""
    return Details(
        bucket=want.bucket,
        trail_arn=arn,
        home_region=home_region,
        is_ours=True,
        is_notified=True,
        has_digests=True,
    )


def _differences(trail: Trail) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if not (trail.is_multi_region and trail.has_global_events and trail.has_digests):
        changes |= {"IsMultiRegionTrail": True, "IncludeGlobalServiceEvents": True, "EnableLogFileValidation": True}
    if trail.prefix:
        changes["S3KeyPrefix"] = ""
    if trail.key:
        changes["KmsKeyId"] = ""  # we could not read its files: the key is the customer's
    return changes


def _is_selected(selectors: Mapping[str, Any]) -> bool:
    basic = selectors.get("EventSelectors") or []
    return (
        len(basic) == 1
        and not selectors.get("AdvancedEventSelectors")
        and {key: value for key, value in basic[0].items() if value} == _SELECTOR
    )


def _select(client: "CloudTrailClient", want: Wanted) -> None:
    with _changing(f"selecting the events of the trail {want.name}", want.bucket):
        client.put_event_selectors(TrailName=want.name, EventSelectors=[_SELECTOR])


def _start(client: "CloudTrailClient", want: Wanted) -> None:
    with _changing(f"switching on the trail {want.name}", want.bucket):
        client.start_logging(Name=want.name)


@contextmanager
def _changing(subject: str, bucket: str) -> Iterator[None]:
    with session.translated(subject, denied=TooNarrow):
        try:
            yield
        except exceptions.ClientError as error:
            meant = _meaning(subject, error, bucket)
            if meant is None:
                raise
            raise meant from error


def _meaning(subject: str, error: exceptions.ClientError, bucket: str) -> Exception | None:
    code = error.response["Error"]["Code"]
    if code == "MaximumNumberOfTrailsExceededException":
        return TooManyTrails(f"{subject}: the region has as many trails as CloudTrail allows")
    if code in _OUR_BUCKET:
        return Unavailable(f"{subject}: CloudTrail may not write to our bucket {bucket}; its policy must allow it")
    if code in _KEY:
        return CustomerProblem(f"{subject}: {code}", Problem.LOGS_ENCRYPTED)
    if code in _UNSETTLED:
        return Unavailable(f"{subject}: CloudTrail is not done with another change")
    return None
