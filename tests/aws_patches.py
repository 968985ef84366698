"""Where moto is more forgiving than AWS, or says less, and our tests would be fooled: each with its reason.

`applied()` holds them for a time; outside of it moto is as it was. `denials` decides like IAM does, but for conditions
of permission policies, which all count as met.
"""

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from fnmatch import fnmatchcase
from functools import wraps
from typing import Any
from unittest.mock import patch

from moto.cloudtrail.exceptions import TrailNotFoundException
from moto.cloudtrail.models import CloudTrailBackend, Trail, cloudtrail_backends
from moto.cloudtrail.responses import CloudTrailResponse
from moto.core.authorization import ActionAuthenticatorMixin
from moto.core.exceptions import AccessDeniedError, JsonRESTError
from moto.core.responses import ActionResult, BaseResponse
from moto.core.utils import utcnow
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.amis import Ami
from moto.ec2.models.availability_zones_and_regions import Region, RegionsAndZonesBackend
from moto.ec2.models.instance_types import InstanceTypeBackend
from moto.ec2.models.instances import Instance
from moto.iam.exceptions import NotFoundException
from moto.iam.models import iam_backends
from moto.s3.exceptions import AccessDeniedByLock
from moto.s3.models import S3Backend, s3_backends
from moto.sqs import models as sqs_models
from moto.sqs.models import Queue, SQSBackend
from moto.sts.exceptions import STSValidationError
from moto.sts.models import STSBackend, sts_backends
from moto.utilities.utils import get_partition

from cloudigrade.simulator.sizes import SIZES
from tests import aws_storage

OWN_ACCOUNT = "123456789012"
"""moto's own: whoever comes with keys that it did not make acts there."""
MOST_TRAILS = 5
LONGEST_SESSION_POLICY = 2048
REGIONS = {
    "aws": ("us-east-1", "us-west-2", "eu-west-1", "ap-southeast-2"),
    "aws-cn": ("cn-north-1", "cn-northwest-1"),
    "aws-us-gov": ("us-gov-west-1", "us-gov-east-1"),
}
"""That accounts are enabled for; fewer than there are, so that sweeps in tests are quick."""

public_keys: list[dict[str, Any]] = []
"""What ListPublicKeys answers, in every account and region."""
calls: Counter[tuple[str, str, str]] = Counter()
"""How often each account was acted in: account, service, action."""


@contextmanager
def applied() -> Iterator[None]:
    """What moto does differs from AWS less."""
    environment = {
        # An account sees the buckets of another only where a policy says so, and we never need that.
        "MOTO_S3_ALLOW_CROSSACCOUNT_ACCESS": "false",
        # Hundreds of images that nobody boots from take a second for each region.
        "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",
    }
    with ExitStack() as stack:
        stack.enter_context(patch.dict(os.environ, environment))
        stack.enter_context(shared_queues())
        for owner, name, value in _REPLACEMENTS:
            stack.enter_context(patch.object(owner, name, value, create=True))
        yield


@contextmanager
def shared_queues() -> Iterator[None]:
    """Several may ask for messages at once: that is no difference to AWS, but breaks moto now and then."""
    with patch.object(Queue, "pending_message_groups", property(_pending_groups)):
        yield


# STS and IAM: moto lets anybody assume any role, also roles that do not exist, and then allows everything.


def _assume_role(self: STSBackend, **request: Any) -> Any:
    if len(request["policy"] or "") > LONGEST_SESSION_POLICY:
        raise STSValidationError(
            "1 validation error detected: Value at 'policy' failed to satisfy constraint: too long"
        )
    arn = request["role_arn"]
    account = arn.split(":")[4]
    try:
        role = iam_backends[account][self.partition].get_role_by_arn(arn)
    except NotFoundException:
        role = None
    if role is None or not is_trusted(role.assume_role_policy_document, self.account_id, request["external_id"]):
        raise AccessDeniedError(f"arn:{self.partition}:iam::{self.account_id}:user/cloudigrade", "sts:AssumeRole")
    return _original_assume_role(self, **request)


_original_assume_role = STSBackend.assume_role


def is_trusted(document: str, account: str, external_id: str | None) -> bool:
    """Whether the trust policy lets somebody of this account in, who says this external id."""
    for statement in _listed(json.loads(document)["Statement"]):
        principals = _listed(statement.get("Principal", {}).get("AWS", []))
        if (
            statement["Effect"] == "Allow"
            and "sts:AssumeRole" in _listed(statement["Action"])
            and any(account in principal.split(":") or principal == "*" for principal in principals)
            and _is_met(statement.get("Condition", {}), external_id)
        ):
            return True
    return False


def _is_met(condition: dict[str, Any], external_id: str | None) -> bool:
    """Of conditions on the external id, those with StringEquals, StringLike and Null are known."""
    equal, like, is_null = (
        condition.get(operator, {}).get("sts:ExternalId") for operator in ("StringEquals", "StringLike", "Null")
    )
    return (
        (equal is None or external_id in _listed(equal))
        and (like is None or any(fnmatchcase(external_id or "", one) for one in _listed(like) if external_id))
        and (is_null is None or (external_id is None) == (str(is_null).lower() == "true"))
    )


def _call_action(self: BaseResponse) -> Any:
    """The action is counted, and carried out if the role that calls may."""
    service, action = str(self.service_name), self._get_action()
    calls[self.current_account, service, action] += 1
    if not denials(self, f"{service}:{action}", _resource(self, service)):
        return _original_call_action(self)
    if service == "ec2":
        error = EC2ClientError("UnauthorizedOperation", "You are not authorized to perform this operation.")
        _, headers, body = self.serialized(ActionResult(error))
        return 403, headers | {"status": "403"}, body
    refused = JsonRESTError("AccessDeniedException", f"User is not authorized to perform: {service}:{action}")
    return 403, {"status": "403"}, refused.description


_original_call_action = BaseResponse.call_action


def _authorize_s3(self: Any, bucket_name: str | None = None, key_name: str | None = None) -> None:
    action = f"s3:{self._get_action()}"
    calls[self.current_account, "s3", self._get_action()] += 1
    place = "/".join(part for part in (bucket_name, key_name) if part)
    if denials(self, action, f"arn:{self.partition}:s3:::{place}"):
        raise AccessDeniedByLock


def denials(response: Any, action: str, resource: str) -> list[str]:
    """Which of the role's and the session's policies do not allow it; none for who is no assumed role."""
    account, partition = response.current_account, response.partition
    roles = sts_backends[account][partition].assumed_roles
    role = next((role for role in reversed(roles) if role.access_key_id == response.access_key), None)
    if role is None or action == "sts:GetCallerIdentity":
        return []
    groups = {"role": _role_policies(account, partition, role.role_arn.split("/")[-1])}
    if role.policy:
        groups["session"] = [json.loads(role.policy)]
    return [name for name, policies in groups.items() if not _is_allowed(policies, action, resource)]


def _role_policies(account: str, partition: str, name: str) -> list[dict[str, Any]]:
    """Its inline policies, for nothing here attaches managed ones; none where the role is gone by now."""
    backend = iam_backends[account][partition]
    if name not in {role.name for role in backend.get_roles()}:
        return []
    return [json.loads(backend.get_role_policy(name, policy)[1]) for policy in backend.list_role_policies(name)]


def _is_allowed(policies: list[dict[str, Any]], action: str, resource: str) -> bool:
    effects = {
        statement["Effect"]
        for policy in policies
        for statement in _listed(policy["Statement"])
        if any(fnmatchcase(action.lower(), pattern.lower()) for pattern in _listed(statement["Action"]))
        and any(fnmatchcase(resource, pattern) or resource == "*" for pattern in _listed(statement["Resource"]))
    }
    return effects == {"Allow"}


def _resource(response: BaseResponse, service: str) -> str:
    """The ARN of the trail that is called for; `*` for all else."""
    name = response._get_param("Name") if service == "cloudtrail" else None
    if not name or name.startswith("arn:"):
        return name or "*"
    return f"arn:{response.partition}:cloudtrail:{response.region}:{response.current_account}:trail/{name}"


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


# CloudTrail: moto overwrites an existing trail, knows no limit, wants the bucket in the same account, and has no keys.


def _create_trail(self: CloudTrailBackend, name: str, *details: Any, **more: Any) -> Trail:
    if name in self.trails:
        raise JsonRESTError("TrailAlreadyExistsException", f"Trail {name} already exists")
    if len(list(self.describe_trails(include_shadow_trails=True))) >= MOST_TRAILS:
        raise JsonRESTError("MaximumNumberOfTrailsExceededException", f"User: {self.account_id} already has 5 trails")
    trail: Trail = _original_create_trail(self, name, *details, **more)
    return trail


_original_create_trail = CloudTrailBackend.create_trail


def _check_bucket(self: Trail) -> None:
    """The bucket may lie in another account, if its policy lets CloudTrail write."""
    for account, by_partition in list(s3_backends.items()):
        bucket = by_partition[self.partition].buckets.get(self.bucket_name)
        if bucket is None:
            continue
        if account != self.account_id and "cloudtrail.amazonaws.com" not in str(bucket.policy):
            raise JsonRESTError("InsufficientS3BucketPolicyException", f"Incorrect S3 bucket policy: {bucket.name}")
        return
    raise JsonRESTError("S3BucketDoesNotExistException", f"S3 bucket {self.bucket_name} does not exist!")


def _delete_trail(self: CloudTrailBackend, name: str) -> None:
    """Where there is no such trail, moto says nothing."""
    trail = next((trail for trail in self.trails.values() if name in (trail.trail_name, trail.arn)), None)
    if trail is None:
        raise TrailNotFoundException(account_id=self.account_id, name=name)
    del self.trails[trail.trail_name]


def _list_public_keys(_self: CloudTrailResponse) -> str:
    return json.dumps({"PublicKeyList": public_keys})


# EC2: moto leaves out the billing facts, says UTC where AWS says GMT, and a start leaves the launch time as it was.


def _said_in_gmt(original: Callable[[Instance], Any]) -> Callable[[Instance], Any]:
    @wraps(original)
    def change(self: Instance) -> Any:
        previous = original(self)
        self._reason = self._reason.replace("UTC)", "GMT)")
        return previous

    return change


def _start(self: Instance) -> Any:
    previous = _original_start(self)
    self.launch_time = utcnow()
    return previous


_original_start = Instance.start


def _of_image(name: str, default: str) -> property:
    """The image's value, which AWS copies to its instances."""

    def value(self: Instance) -> str:
        found: str = getattr(self.ec2_backend.amis.get(self.image_id), name, default)
        return found

    return property(value)


def _regions(self: Any, region_names: list[str] | None = None) -> list[Region]:
    """Those of the partition; moto names those of `aws` everywhere."""
    enabled = REGIONS[get_partition(self.region_name)]
    return [
        Region(name, f"ec2.{name}.amazonaws.com", "opt-in-not-required")
        for name in enabled
        if not region_names or name in region_names
    ]


# S3: moto lets no two partitions have buckets of one name.


def _create_bucket(self: S3Backend, bucket_name: str, *details: Any, **more: Any) -> Any:
    partition, _ = s3_backends.bucket_accounts.get(bucket_name, (self.partition, ""))
    if partition != self.partition:
        del s3_backends.bucket_accounts[bucket_name]
    return _original_create_bucket(self, bucket_name, *details, **more)


_original_create_bucket = S3Backend.create_bucket

# SQS: for each message that moto hands out, it counts all that wait, by a clock that takes 40 microseconds to read.


def _is_retained(_self: Any, _queue: str, _message: Any) -> bool:
    """No message here grows days old."""
    return True


def _milliseconds() -> float:
    return time.time() * 1000  # noqa: TID251 - moto's own clock


_BILLING: Mapping[str, str] = {"usage_operation": "RunInstances", "platform_details": "Linux/UNIX"}


def _pending_groups(self: Queue) -> set[str]:
    """Moto goes through the set while another request adds to it; a tuple of it is made at once."""
    return {message.group_id for message in tuple(self.pending_messages) if message.group_id is not None}


_REPLACEMENTS: tuple[tuple[Any, str, Any], ...] = (
    (STSBackend, "assume_role", _assume_role),
    (BaseResponse, "call_action", _call_action),
    (ActionAuthenticatorMixin, "_authenticate_and_authorize_s3_action", _authorize_s3),
    (CloudTrailBackend, "create_trail", _create_trail),
    (CloudTrailBackend, "delete_trail", _delete_trail),
    (Trail, "check_bucket_exists", _check_bucket),
    (CloudTrailResponse, "list_public_keys", _list_public_keys),
    (Instance, "start", _start),
    (Instance, "stop", _said_in_gmt(Instance.stop)),
    (Instance, "terminate", _said_in_gmt(Instance.terminate)),
    (Instance, "usage_operation_update_time", property(lambda self: self.launch_time)),
    *((Instance, name, _of_image(name, default)) for name, default in _BILLING.items()),
    *((Ami, name, default) for name, default in _BILLING.items()),
    (RegionsAndZonesBackend, "describe_regions", _regions),
    (S3Backend, "create_bucket", _create_bucket),
    (SQSBackend, "is_message_valid_based_on_retention_period", _is_retained),
    (sqs_models, "unix_time_millis", _milliseconds),
    # to list all of its 1,395 types takes moto five seconds for each region
    (
        InstanceTypeBackend,
        "instance_types",
        [t for t in InstanceTypeBackend.instance_types if t["InstanceType"] in SIZES],
    ),
    *aws_storage.REPLACEMENTS,
)


def trails(account: str) -> list[str]:
    """The names of the trails that were made in the account, whatever their region."""
    return sorted(name for backend in cloudtrail_backends[account].values() for name in backend.trails)
