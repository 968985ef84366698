"""Which trail is taken, and why not the others; answers as CloudTrail gives them."""

from typing import Any

import pytest

from cloudigrade.clouds.aws import trail_choice
from cloudigrade.clouds.aws.trail_choice import Refusal, Trail
from cloudigrade.domain.problems import Problem

ACCOUNT = "000000000042"
LISTED: dict[str, Any] = {
    "Name": "audit",
    "S3BucketName": "audit-logs",
    "IncludeGlobalServiceEvents": True,
    "IsMultiRegionTrail": True,
    "HomeRegion": "eu-west-1",
    "TrailARN": f"arn:aws:cloudtrail:eu-west-1:{ACCOUNT}:trail/audit",
    "LogFileValidationEnabled": True,
    "HasCustomEventSelectors": False,
    "HasInsightSelectors": False,
    "IsOrganizationTrail": False,
}
ALL = {"EventSelectors": [{"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": []}]}
ON = {"IsLogging": True}


def trail(name: str = "audit", **changes: Any) -> Trail:
    arn = f"arn:aws:cloudtrail:eu-west-1:{ACCOUNT}:trail/{name}"
    (found,) = trail_choice.trails([LISTED | {"Name": name, "TrailARN": arn}])
    return found._replace(**changes)


def choose(*found: Trail, selectors: Any = ALL, status: Any = ON, **more: Any) -> trail_choice.Choice:
    return trail_choice.choose(
        found, {each.arn: selectors for each in found}, {each.arn: status for each in found}, **more
    )


def field(name: str, **conditions: list[str]) -> dict[str, Any]:
    return {"Field": name, **conditions}


def advanced(*fields: dict[str, Any]) -> dict[str, Any]:
    return {"AdvancedEventSelectors": [{"Name": "x", "FieldSelectors": list(fields)}]}


MANAGEMENT = field("eventCategory", Equals=["Management"])


def test_a_listed_trail_is_translated():
    more = {"S3KeyPrefix": "some/prefix", "KmsKeyId": "arn:aws:kms:x", "IsOrganizationTrail": True}

    assert trail_choice.trails([LISTED | more]) == [
        Trail(
            name="audit",
            arn=f"arn:aws:cloudtrail:eu-west-1:{ACCOUNT}:trail/audit",
            home_region="eu-west-1",
            bucket="audit-logs",
            prefix="some/prefix",
            key="arn:aws:kms:x",
            is_multi_region=True,
            is_organization=True,
            has_global_events=True,
            has_digests=True,
        )
    ]


@pytest.mark.parametrize(
    ("arn", "account"),
    [
        (f"arn:aws-cn:cloudtrail:cn-north-1:{ACCOUNT}:trail/a.b-c_d", ACCOUNT),
        ("arn:aws:cloudtrail:eu-west-1:42:trail/x", ""),
        (f"arn:aws:s3:eu-west-1:{ACCOUNT}:trail/x", ""),
        ("", ""),
    ],
)
def test_a_trail_belongs_to_the_account_of_its_arn(arn, account):
    assert trail(arn=arn).account == account


@pytest.mark.parametrize(
    ("selectors", "is_enough"),
    [
        (ALL, True),
        ({"EventSelectors": [{"ReadWriteType": "WriteOnly", "IncludeManagementEvents": True}]}, True),
        ({"EventSelectors": [{}]}, True),
        ({"EventSelectors": [{"ReadWriteType": "ReadOnly"}, {"ReadWriteType": "WriteOnly"}]}, True),
        ({"EventSelectors": [{"ReadWriteType": "ReadOnly", "IncludeManagementEvents": True}]}, False),
        ({"EventSelectors": [{"ReadWriteType": "All", "IncludeManagementEvents": False}]}, False),
        ({"EventSelectors": [{"ExcludeManagementEventSources": ["kms.amazonaws.com"]}]}, True),
        ({"EventSelectors": [{"ExcludeManagementEventSources": ["ec2.amazonaws.com"]}]}, False),
        (advanced(MANAGEMENT), True),
        (advanced(MANAGEMENT, field("readOnly", Equals=["false"])), True),
        (advanced(MANAGEMENT, field("readOnly", Equals=["true"])), False),
        (advanced(MANAGEMENT, field("readOnly", NotEquals=["false"])), False),
        (advanced(MANAGEMENT, field("eventSource", NotEquals=["kms.amazonaws.com"])), True),
        (advanced(MANAGEMENT, field("eventSource", NotEquals=["kms.amazonaws.com", "ec2.amazonaws.com"])), False),
        (advanced(MANAGEMENT, field("eventSource", Equals=["autoscaling.amazonaws.com", "ec2.amazonaws.com"])), True),
        (advanced(MANAGEMENT, field("eventSource", Equals=["ec2.amazonaws.com"])), False),
        (advanced(MANAGEMENT, field("eventSource", NotStartsWith=["ec2"])), False),
        (advanced(MANAGEMENT, field("eventName", Equals=["RunInstances"])), False),
        (advanced(field("eventCategory", Equals=["Data"])), False),
        (advanced(field("readOnly", Equals=["false"])), False),
    ],
)
def test_a_trail_is_enough_if_it_logs_every_change_of_an_instance(selectors, is_enough):
    choice = choose(trail(has_own_selectors=True), selectors=selectors)

    assert [each.name for each in choice.others] == (["audit"] if is_enough else [])
    refusals = () if is_enough else (Refusal("audit", "does not log every change of an instance"),)
    assert choice.refused == refusals


@pytest.mark.parametrize("selectors", [None, {}, {"EventSelectors": [], "AdvancedEventSelectors": []}])
def test_without_selectors_of_its_own_a_trail_logs_everything(selectors):
    organization = trail(is_organization=True)

    assert choose(organization, selectors=selectors).others == (organization,)
    assert choose(organization._replace(has_own_selectors=True), selectors=selectors).others == ()


@pytest.mark.parametrize(
    ("changes", "status", "refusal"),
    [
        ({"is_multi_region": False}, ON, Refusal("audit", "covers one region only")),
        ({}, {"IsLogging": False}, Refusal("audit", "is switched off")),
        ({}, None, Refusal("audit", "does not let us ask whether it is on")),
        (
            {},
            {"IsLogging": True, "LatestDeliveryError": "AccessDenied"},
            Refusal("audit", "cannot write to its bucket: AccessDenied", Problem.TRAIL_CANNOT_WRITE),
        ),
    ],
)
def test_whatever_keeps_events_from_us_refuses_a_trail(changes, status, refusal):
    choice = choose(trail(**changes), status=status)

    assert choice.others == ()
    assert choice.refused == (refusal,)


def test_only_trails_that_may_be_taken_are_asked():
    assert trail_choice.worth_asking([trail("a"), trail("b", is_multi_region=False)]) == [trail("a")]


def test_the_trail_in_use_stays_then_digests_count_then_the_organization():
    plain, organization = trail("c", has_digests=False), trail("b", has_digests=False, is_organization=True)
    proven, both = trail("d"), trail("e", is_organization=True)

    assert choose(plain, organization, proven, both).others == (both, proven, organization, plain)
    assert choose(plain, organization, proven, both, current=plain.arn).others == (plain, both, proven, organization)


def test_ours_has_our_name_and_our_bucket():
    name, bucket = f"test-{ACCOUNT}", "test-cloudigrade-trails"
    own = trail(name, bucket=bucket)
    found = [trail(name), trail("audit", bucket=bucket), own]

    assert trail_choice.ours(found, name=name, bucket=bucket) is own
    assert trail_choice.ours(found[:2], name=name, bucket=bucket) is None
