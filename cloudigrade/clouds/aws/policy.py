"""What we ask customers to allow, and whom: kept here, and deploy/customer/aws is tested against it."""

import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, Protocol
from urllib.parse import urlencode, urlsplit

from cloudigrade.clouds.aws import ownership
from cloudigrade.clouds.aws.config import Section
from cloudigrade.clouds.cloud import Instructions

VERSION: Final = "2012-10-17"
OWN: Final = "${aws:PrincipalAccount}"
"""IAM puts the role's own account here."""
STACK: Final = "cloudigrade"

# EC2's Describe calls, DescribeTrails and ListPublicKeys know no resources (AWS service authorization reference): only
# "*" allows them. They read settings, never content.
_LOOK: Final = (
    "cloudtrail:DescribeTrails",
    "cloudtrail:ListPublicKeys",
    "ec2:DescribeImages",
    "ec2:DescribeInstances",
    "ec2:DescribeRegions",
)
_LOOK_AT_TRAILS: Final = ("cloudtrail:GetEventSelectors", "cloudtrail:GetTrailStatus")
_KEEP_OUR_TRAIL: Final = (
    "cloudtrail:CreateTrail",
    "cloudtrail:DeleteTrail",
    "cloudtrail:PutEventSelectors",
    "cloudtrail:StartLogging",
    "cloudtrail:UpdateTrail",
)
_CONSOLES: Final = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}

Statement = dict[str, Any]


class Inspection(StrEnum):
    """How far a customer lets us look into images."""

    NONE = "none"
    DIRECT = "direct"
    """Snapshots are read where they are."""
    COPY = "copy"
    """They are shared with us and copied, and their content is read in our account."""


class Purpose(StrEnum):
    """What credentials for a customer's account are fetched for; each allows no more than that."""

    METERING = "metering"
    INSPECTION = "inspection"
    COPYING = "copying"


class Identity(Protocol):
    """Who we are, as session.Access knows it."""

    section: Section
    environment: str

    def account_id(self, partition: str) -> str:
        """Our own account there."""

    def home_region(self, partition: str) -> str:
        """Our own region there."""


def policy(
    partition: str,
    environment: str,
    *,
    account: str = "*",
    log_accounts: Sequence[str] = (OWN,),
    inspection: Inspection = Inspection.NONE,
    principal: str = "",
) -> dict[str, Any]:
    """The least that metering needs, and what looking into images needs besides if that is asked for.

    `log_accounts` own the buckets and keys of the trails that may be read; none given means any. Copies may be shared
    with the `principal`, our account, alone.
    """
    statements = _metering(partition, environment, account=account, log_accounts=log_accounts)
    if inspection is Inspection.DIRECT:
        statements += _inspection(partition)
    elif inspection is Inspection.COPY:
        statements += _copying(partition, environment, principal)
    return _document(statements)


def session_policy(
    partition: str, environment: str, account: str, *, purpose: Purpose = Purpose.METERING, principal: str = ""
) -> str:
    """What credentials for a customer's account are good for, whatever else the role allows; STS takes 2,048 letters.

    Whose bucket may be read is left to the customer: a role may be allowed to read that of another account. The
    `principal` is our account, whom alone copies may be shared with.
    """
    match purpose:
        case Purpose.METERING:
            statements = _metering(partition, environment, account=account, log_accounts=())
        case Purpose.INSPECTION:
            statements = [_allow("LookAtImages", ["ec2:DescribeImages"], "*"), *_inspection(partition)]
        case Purpose.COPYING:
            looks = ("ec2:DescribeImages", "ec2:DescribeRegions")
            statements = [_allow("LookAtImages", looks, "*"), *_copying(partition, environment, principal)]
    return json.dumps(_document(statements), separators=(",", ":"))


def _document(statements: list[Statement]) -> dict[str, Any]:
    return {"Version": VERSION, "Statement": statements}


def _metering(partition: str, environment: str, *, account: str, log_accounts: Sequence[str]) -> list[Statement]:
    """Statements for metering: what runs, which trail logs it, our own trail, and the log files of any."""
    owned = {"aws:ResourceAccount": list(log_accounts)} if log_accounts else {}
    return [
        _allow("Look", _LOOK, "*"),
        # of any account: an organization's trail belongs to the account that manages the organization
        _allow("LookAtTrails", _LOOK_AT_TRAILS, f"arn:{partition}:cloudtrail:*:*:trail/*"),
        _allow(
            "KeepOurTrail",
            _KEEP_OUR_TRAIL,
            f"arn:{partition}:cloudtrail:*:{account}:trail/{environment}-{account}",
        ),
        _allow(
            "ListLogFiles",
            ["s3:ListBucket"],
            f"arn:{partition}:s3:::*",
            {"StringLike": {"s3:prefix": ["AWSLogs/*", "*/AWSLogs/*"]}, **_equals(owned)},
        ),
        _allow(
            "ReadLogFiles",
            ["s3:GetObject"],
            [f"arn:{partition}:s3:::*/AWSLogs/*/{folder}/*" for folder in ("CloudTrail", "CloudTrail-Digest")],
            _equals(owned),
        ),
        _allow(
            "DecryptLogFiles",
            ["kms:Decrypt"],
            f"arn:{partition}:kms:*:*:key/*",
            {"StringLike": {"kms:ViaService": "s3.*.amazonaws.com*"}, **_equals(owned)},
        ),
    ]


def _inspection(partition: str) -> list[Statement]:
    """Statements for looking into images where they are: nothing is copied, shared, tagged or started."""
    return [
        _allow("LookAtSnapshots", ("ec2:DescribeSnapshots",), "*"),
        # a snapshot's ARN names no account, and EBS knows no condition on it
        _allow(
            "ReadSnapshots", ("ebs:GetSnapshotBlock", "ebs:ListSnapshotBlocks"), f"arn:{partition}:ec2:*::snapshot/*"
        ),
        _allow(
            "DecryptSnapshots",
            ["kms:Decrypt"],
            f"arn:{partition}:kms:*:*:key/*",
            {"StringLike": {"kms:ViaService": ["ebs.*.amazonaws.com*", "ec2.*.amazonaws.com*"]}},
        ),
    ]


def _copying(partition: str, environment: str, principal: str) -> list[Statement]:
    """Statements for copies: snapshots are shared with us alone, and images of others copied; nothing is deleted but
    what was tagged as ours when it was made.
    """
    snapshots, images = f"arn:{partition}:ec2:*::snapshot/*", f"arn:{partition}:ec2:*::image/*"
    asked_as_ours = _equals({f"aws:RequestTag/{ownership.OWNER}": environment})
    made_as_ours = _equals({f"aws:ResourceTag/{ownership.OWNER}": environment})
    return [
        _allow("LookAtSnapshots", ("ec2:DescribeSnapshots",), "*"),
        _allow("LookAtShares", ("ec2:DescribeSnapshotAttribute",), snapshots),
        _allow("ShareWithUs", ("ec2:ModifySnapshotAttribute",), snapshots, _equals({"ec2:Add/userId": principal})),
        _allow("ShareNoMore", ("ec2:ModifySnapshotAttribute",), snapshots, _equals({"ec2:Remove/userId": principal})),
        _allow("CopyImages", ("ec2:CopyImage",), [images, snapshots], asked_as_ours),
        _allow("TagCopies", ("ec2:CreateTags",), [images, snapshots], _equals({"ec2:CreateAction": "CopyImage"})),
        _allow("DeleteCopies", ("ec2:DeleteSnapshot", "ec2:DeregisterImage"), [images, snapshots], made_as_ours),
    ]


def trust_policy(principal: str, external_id: str, *, partition: str) -> dict[str, Any]:
    """Who may assume the role: our account alone, and only with this external id."""
    statement = {
        "Sid": "OnlyWithTheExternalId",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:{partition}:iam::{principal}:root"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": external_id}},
    }
    return {"Version": VERSION, "Statement": [statement]}


def instructions(access: Identity, *, external_id: str, partition: str = "") -> Instructions:
    """How the customer lets us in; the partition is our first one unless named."""
    partition = partition or access.section.partitions[0]
    principal = access.account_id(partition)
    values = {
        "ExternalId": external_id,
        "TrustedAccountId": principal,
        "Environment": access.environment,
        "EventBusArn": _fitting(access.section.event_bus_arn, partition),
    }
    return Instructions(
        principal=principal,
        external_id=external_id,
        policy=policy(partition, access.environment),
        trust_policy=trust_policy(principal, external_id, partition=partition),
        launch_link=launch_link(
            partition, access.home_region(partition), template_url=access.section.template_url, values=values
        ),
    )


def launch_link(partition: str, region: str, *, template_url: str, values: Mapping[str, str]) -> str:
    """Opens the console where the stack is made: with template and values filled in, where it can read the template."""
    start = f"https://{_CONSOLES[partition]}/cloudformation/home?region={region}#/stacks/create"
    if not template_url or _partition_of_url(template_url) != partition:
        return start
    filled = {f"param_{name}": value for name, value in values.items() if value}
    return f"{start}/review?{urlencode({'templateURL': template_url, 'stackName': STACK, **filled})}"


def _fitting(arn: str, partition: str) -> str:
    return arn if arn.startswith(f"arn:{partition}:") else ""


def _partition_of_url(url: str) -> str:
    host = urlsplit(url).hostname or ""
    if host.endswith(".amazonaws.com.cn"):
        return "aws-cn"
    return "aws-us-gov" if "us-gov-" in host else "aws"


def _allow(
    sid: str, actions: Sequence[str], resource: str | list[str], condition: Mapping[str, Any] | None = None
) -> Statement:
    statement: Statement = {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": resource}
    return {**statement, "Condition": dict(condition)} if condition else statement


def _equals(values: Mapping[str, Any]) -> dict[str, Any]:
    return {"StringEquals": dict(values)} if values else {}
