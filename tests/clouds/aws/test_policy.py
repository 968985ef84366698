"""What customers are asked to allow: as little as can be, and no word of it more than AWS takes."""

import json
from importlib import resources
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from cloudigrade.clouds.aws import policy
from cloudigrade.clouds.aws.config import PARTITIONS, Section
from cloudigrade.clouds.aws.policy import Inspection, Purpose

ACCOUNT = "000000000042"
OURS = "000000000001"
ENVIRONMENT = "a-name-as-long-as-names-may-be-32"[:32]
AUTHORIZATION: Any = json.loads(resources.files("cfnlint.data.AdditionalSpecs").joinpath("Policies.json").read_text())
"""Which actions and resources AWS knows, as the linter of its templates has it."""


class OneIdentity:
    """As much of Access as instructions need."""

    environment = "prod"

    def __init__(self, **settings):
        self.section = Section.model_construct(
            **{"partitions": ("aws",), "template_url": "", "event_bus_arn": "", **settings}
        )

    def account_id(self, partition):  # noqa: ARG002 - the same everywhere
        return OURS

    def home_region(self, partition):
        return PARTITIONS[partition]


def actions(document):
    return [action for each in document["Statement"] for action in each["Action"]]


def allowed(sid, actions, resource, condition=None):
    statement = {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resource}
    return {**statement, "Condition": condition} if condition else statement


@pytest.mark.parametrize("partition", PARTITIONS)
def test_s9_metering_asks_for_what_it_uses_and_writes_to_our_own_trail_only(partition):
    looks = ["DescribeImages", "DescribeInstances", "DescribeRegions"]
    keeps = ["CreateTrail", "DeleteTrail", "PutEventSelectors", "StartLogging", "UpdateTrail"]
    own = {"StringEquals": {"aws:ResourceAccount": ["${aws:PrincipalAccount}"]}}
    log_files = [f"arn:{partition}:s3:::*/AWSLogs/*/{folder}/*" for folder in ("CloudTrail", "CloudTrail-Digest")]

    assert policy.policy(partition, "prod", account=ACCOUNT) == {
        "Version": "2012-10-17",
        "Statement": [
            allowed(
                "Look",
                ["cloudtrail:DescribeTrails", "cloudtrail:ListPublicKeys", *(f"ec2:{each}" for each in looks)],
                "*",
            ),
            allowed(
                "LookAtTrails",
                ["cloudtrail:GetEventSelectors", "cloudtrail:GetTrailStatus"],
                f"arn:{partition}:cloudtrail:*:*:trail/*",
            ),
            allowed(
                "KeepOurTrail",
                [f"cloudtrail:{each}" for each in keeps],
                f"arn:{partition}:cloudtrail:*:{ACCOUNT}:trail/prod-{ACCOUNT}",
            ),
            allowed(
                "ListLogFiles",
                ["s3:ListBucket"],
                f"arn:{partition}:s3:::*",
                {"StringLike": {"s3:prefix": ["AWSLogs/*", "*/AWSLogs/*"]}, **own},
            ),
            allowed("ReadLogFiles", ["s3:GetObject"], log_files, own),
            allowed(
                "DecryptLogFiles",
                ["kms:Decrypt"],
                f"arn:{partition}:kms:*:*:key/*",
                {"StringLike": {"kms:ViaService": "s3.*.amazonaws.com*"}, **own},
            ),
        ],
    }


def test_s9_inspection_is_its_own_part_and_copies_shares_and_tags_nothing():
    without = policy.policy("aws", "prod")
    whole = policy.policy("aws", "prod", inspection=Inspection.DIRECT)

    via = {"StringLike": {"kms:ViaService": ["ebs.*.amazonaws.com*", "ec2.*.amazonaws.com*"]}}
    assert whole["Statement"] == [
        *without["Statement"],
        allowed("LookAtSnapshots", ["ec2:DescribeSnapshots"], "*"),
        allowed("ReadSnapshots", ["ebs:GetSnapshotBlock", "ebs:ListSnapshotBlocks"], "arn:aws:ec2:*::snapshot/*"),
        allowed("DecryptSnapshots", ["kms:Decrypt"], "arn:aws:kms:*:*:key/*", via),
    ]
    assert not {"ec2:CreateTags", "ec2:CopyImage", "ec2:ModifySnapshotAttribute"} & set(actions(whole))


def test_s9_copying_shares_with_us_alone_and_deletes_only_what_it_tagged_as_ours():
    without = policy.policy("aws", "prod")
    whole = policy.policy("aws", "prod", inspection=Inspection.COPY, principal=OURS)

    snapshots, images = "arn:aws:ec2:*::snapshot/*", "arn:aws:ec2:*::image/*"

    def equal(key, value):
        return {"StringEquals": {key: value}}

    assert whole["Statement"] == [
        *without["Statement"],
        allowed("LookAtSnapshots", ["ec2:DescribeSnapshots"], "*"),
        allowed("LookAtShares", ["ec2:DescribeSnapshotAttribute"], snapshots),
        allowed("ShareWithUs", ["ec2:ModifySnapshotAttribute"], snapshots, equal("ec2:Add/userId", OURS)),
        allowed("ShareNoMore", ["ec2:ModifySnapshotAttribute"], snapshots, equal("ec2:Remove/userId", OURS)),
        allowed(
            "CopyImages", ["ec2:CopyImage"], [images, snapshots], equal("aws:RequestTag/cloudigrade-owner", "prod")
        ),
        allowed("TagCopies", ["ec2:CreateTags"], [images, snapshots], equal("ec2:CreateAction", "CopyImage")),
        allowed(
            "DeleteCopies",
            ["ec2:DeleteSnapshot", "ec2:DeregisterImage"],
            [images, snapshots],
            equal("aws:ResourceTag/cloudigrade-owner", "prod"),
        ),
    ]
    assert not {"ebs:GetSnapshotBlock", "kms:Decrypt"} & {
        action for each in whole["Statement"][len(without["Statement"]) :] for action in each["Action"]
    }


@pytest.mark.parametrize("inspection", Inspection)
def test_s9_everything_is_allowed_on_everything_only_where_aws_knows_no_resources(inspection):
    for each in policy.policy("aws", "prod", inspection=inspection, principal=OURS)["Statement"]:
        for action in each["Action"]:
            service, _, name = action.partition(":")
            has_resources = "Resources" in AUTHORIZATION[service]["Actions"][name.lower()]
            assert (action, each["Resource"] == "*") == (action, not has_resources)


@pytest.mark.parametrize("inspection", Inspection)
def test_s9_no_action_is_a_pattern_and_each_is_known_to_aws(inspection):
    named = actions(policy.policy("aws", "prod", inspection=inspection, principal=OURS))

    assert [name for name in named if "*" in name] == []
    known = {
        name for name in named if name.partition(":")[2].lower() in AUTHORIZATION[name.partition(":")[0]]["Actions"]
    }
    assert known == set(named)


@pytest.mark.parametrize("inspection", Inspection)
def test_s9_every_condition_on_ec2_is_one_that_aws_knows_of_the_resource(inspection):
    resources = {name: AUTHORIZATION["ec2"]["Resources"][name]["ConditionKeys"] for name in ("snapshot", "image")}
    of_calls = {"ec2:CreateAction"}  # of CreateTags, by the service authorization reference
    for each in policy.policy("aws", "prod", inspection=inspection, principal=OURS)["Statement"]:
        if not each["Action"][0].startswith("ec2:"):
            continue
        for key in each.get("Condition", {}).get("StringEquals", {}):
            general = key.replace("cloudigrade-owner", "${TagKey}")
            assert general in of_calls or all(general in keys for keys in _of(each["Resource"], resources))


def _of(named, resources):
    listed = named if isinstance(named, list) else [named]
    return [keys for name, keys in resources.items() if any(f"::{name}/" in each for each in listed)]


def test_where_the_account_is_not_known_yet_the_trail_is_limited_by_its_name():
    statements = {each["Sid"]: each for each in policy.policy("aws", "prod")["Statement"]}

    assert statements["KeepOurTrail"]["Resource"] == "arn:aws:cloudtrail:*:*:trail/prod-*"


@pytest.mark.parametrize("partition", PARTITIONS)
def test_credentials_are_limited_to_metering_in_as_many_letters_as_sts_takes(partition):
    text = policy.session_policy(partition, ENVIRONMENT, ACCOUNT)

    assert len(text) <= 2048 * 0.75
    assert text.isascii()
    expected = policy.policy(partition, ENVIRONMENT, account=ACCOUNT, log_accounts=())
    assert json.loads(text) == expected
    assert "ebs:GetSnapshotBlock" not in actions(expected)
    assert [each for each in expected["Statement"] if "aws:ResourceAccount" in str(each)] == []


@pytest.mark.parametrize("partition", PARTITIONS)
def test_credentials_for_inspection_and_copying_are_good_for_nothing_else(partition):
    looking, copying = (
        json.loads(policy.session_policy(partition, ENVIRONMENT, ACCOUNT, purpose=purpose, principal=OURS))
        for purpose in (Purpose.INSPECTION, Purpose.COPYING)
    )
    granted = {
        inspection: policy.policy(partition, ENVIRONMENT, account=ACCOUNT, inspection=inspection, principal=OURS)
        for inspection in Inspection
    }

    base = len(granted[Inspection.NONE]["Statement"])
    assert looking["Statement"] == [
        allowed("LookAtImages", ["ec2:DescribeImages"], "*"),
        *granted[Inspection.DIRECT]["Statement"][base:],
    ]
    assert copying["Statement"] == [
        allowed("LookAtImages", ["ec2:DescribeImages", "ec2:DescribeRegions"], "*"),
        *granted[Inspection.COPY]["Statement"][base:],
    ]
    assert not {
        action for action in [*actions(looking), *actions(copying)] if action.startswith(("s3:", "cloudtrail:"))
    }
    for purpose in Purpose:
        text = policy.session_policy(partition, ENVIRONMENT, ACCOUNT, purpose=purpose, principal=OURS)
        assert (purpose, len(text) <= 2048 * 0.75) == (purpose, True)


def test_s1_the_role_trusts_our_account_alone_and_only_with_the_external_id():
    assert policy.trust_policy(OURS, "ext-1", partition="aws-cn") == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "OnlyWithTheExternalId",
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws-cn:iam::{OURS}:root"},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"sts:ExternalId": "ext-1"}},
            }
        ],
    }


def test_instructions_have_all_that_a_customer_needs():
    access = OneIdentity()

    found = policy.instructions(access, external_id="ext-1", partition="aws-cn")

    assert found.principal == OURS
    assert found.external_id == "ext-1"
    assert found.policy == policy.policy("aws-cn", "prod")
    assert found.trust_policy == policy.trust_policy(OURS, "ext-1", partition="aws-cn")
    assert found.launch_link == "https://console.amazonaws.cn/cloudformation/home?region=cn-north-1#/stacks/create"


def test_unless_named_the_partition_is_our_first():
    access = OneIdentity(partitions=("aws-us-gov", "aws"))

    found = policy.instructions(access, external_id="ext-1")

    assert found.policy == policy.policy("aws-us-gov", "prod")


@pytest.mark.parametrize(
    ("partition", "host", "region", "template", "bus"),
    [
        (
            "aws",
            "console.aws.amazon.com",
            "us-east-1",
            "https://templates.s3.us-east-1.amazonaws.com/a%20b.yaml",
            "arn:aws:events:us-east-1:000000000001:event-bus/cloudigrade",
        ),
        (
            "aws-cn",
            "console.amazonaws.cn",
            "cn-north-1",
            "https://templates.s3.cn-north-1.amazonaws.com.cn/x.yaml",
            "arn:aws-cn:events:cn-north-1:000000000001:event-bus/cloudigrade",
        ),
        (
            "aws-us-gov",
            "console.amazonaws-us-gov.com",
            "us-gov-west-1",
            "https://templates.s3.us-gov-west-1.amazonaws.com/x.yaml",
            "arn:aws-us-gov:events:us-gov-west-1:000000000001:event-bus/cloudigrade",
        ),
    ],
)
def test_the_link_fills_the_template_in(partition, host, region, template, bus):
    access = OneIdentity(template_url=template, event_bus_arn=bus)

    link = policy.instructions(access, external_id="a+b=c,d.e@f:g/h-1", partition=partition).launch_link

    parts = urlsplit(link)
    path, _, query = parts.fragment.partition("?")
    assert (parts.scheme, parts.netloc, parts.path, parts.query) == (
        "https",
        host,
        "/cloudformation/home",
        f"region={region}",
    )
    assert path == "/stacks/create/review"
    assert parse_qs(query) == {
        "templateURL": [template],
        "stackName": ["cloudigrade"],
        "param_ExternalId": ["a+b=c,d.e@f:g/h-1"],
        "param_TrustedAccountId": [OURS],
        "param_Environment": ["prod"],
        "param_EventBusArn": [bus],
    }


def test_a_template_or_bus_of_another_partition_is_left_out():
    elsewhere = OneIdentity(template_url="https://templates.s3.cn-north-1.amazonaws.com.cn/x.yaml")
    no_bus = OneIdentity(
        template_url="https://templates.s3.amazonaws.com/x.yaml",
        event_bus_arn="arn:aws-cn:events:cn-north-1:000000000001:event-bus/cloudigrade",
    )

    assert policy.instructions(elsewhere, external_id="ext-1", partition="aws").launch_link == (
        "https://console.aws.amazon.com/cloudformation/home?region=us-east-1#/stacks/create"
    )
    assert "EventBusArn" not in policy.instructions(no_bus, external_id="ext-1", partition="aws").launch_link
