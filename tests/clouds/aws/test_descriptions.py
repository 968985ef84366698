"""Descriptions as the AWS CLI prints them, and what they say of the times between the logs."""

import json
from typing import Any

import pytest
from hypothesis import given

from cloudigrade.clouds.aws import descriptions
from cloudigrade.clouds.aws.descriptions import Document
from cloudigrade.clouds.protocol import (
    Findings,
    ImageDescription,
    InstanceDescription,
    Rejected,
    TypeDefinition,
    Unreadable,
)
from cloudigrade.domain.events import Event, Feed, Kind
from tests.clouds.aws.records import ACCOUNT, SECOND
from tests.clouds.aws.test_cloudtrail import JSON

LAUNCHED = "2026-01-02T03:04:05+00:00"
STOPPED_AT = SECOND + 3600
ON_ID = "describe:i-0a1:2026-01-02T03:04:05Z"
OFF_ID = "describe:i-0a1:2026-01-02T04:04:05Z"
STOPPED = {"State": {"Name": "stopped"}, "StateTransitionReason": "User initiated (2026-01-02 04:04:05 GMT)"}


def instance(**changes: Any) -> dict[str, Any]:
    return {
        "InstanceId": "i-0a1",
        "ImageId": "ami-0f1",
        "InstanceType": "m6i.large",
        "LaunchTime": LAUNCHED,
        "Placement": {"AvailabilityZone": "us-east-1a"},
        "State": {"Code": 16, "Name": "running"},
        "StateTransitionReason": "",
    } | changes


def page(*instances: Any, **changes: Any) -> dict[str, Any]:
    return {"Reservations": [{"ReservationId": "r-1", "OwnerId": ACCOUNT, "Instances": list(instances)} | changes]}


def parsed(value: Any, kind: Document = Document.INSTANCES) -> list[Any]:
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    return [
        part for each in descriptions.documents(content) for part in descriptions.parse(each, kind, source="f.json")
    ]


def described(**changes: Any) -> InstanceDescription:
    (part,) = parsed(page(instance(**changes)))
    assert isinstance(part, InstanceDescription)
    return part


def on(second: int = SECOND, **changes: Any) -> Event:
    return Event(ON_ID, second, Kind.POWER_ON, Feed.DESCRIPTION, **changes)


def off(**changes: Any) -> Event:
    return Event(OFF_ID, STOPPED_AT, Kind.POWER_OFF, Feed.DESCRIPTION, **changes)


@pytest.mark.parametrize("state", ["pending", "running"])
def test_a_running_instance_is_on_since_its_launch(state):
    assert described(State={"Name": state}) == InstanceDescription(
        account=ACCOUNT,
        region="us-east-1",
        instance="i-0a1",
        image="ami-0f1",
        instance_type="m6i.large",
        billing_code="",
        launched_at=SECOND,
        described_until=SECOND,
        is_stop_undated=False,
        events=(on(instance_type="m6i.large"),),
    )


@pytest.mark.parametrize(
    ("state", "is_termination"),
    [("stopping", False), ("stopped", False), ("shutting-down", True), ("terminated", True)],
)
@pytest.mark.parametrize(
    "reason",
    [
        "User initiated (2026-01-02 04:04:05 GMT)",
        "Server.SpotInstanceShutdown: Spot instance shutdown (2026-01-02 04:04:05 UTC)",
    ],
)
def test_an_instance_that_is_off_was_on_until_its_transition(state, is_termination, reason):
    found = described(State={"Name": state}, StateTransitionReason=reason)

    assert found.events == (on(), off(is_termination=is_termination))
    assert (found.launched_at, found.described_until, found.is_stop_undated) == (SECOND, STOPPED_AT, False)


@pytest.mark.parametrize(
    "reason", ["", None, "User initiated", "User initiated (2026-02-30 00:00:00 GMT)", "(2025-12-31 00:00:00 GMT)"]
)
def test_a_stop_without_a_time_is_said_to_be_so_and_not_guessed(reason):
    found = described(State={"Name": "stopped"}, StateTransitionReason=reason)

    assert found.events == (on(),)
    assert (found.described_until, found.is_stop_undated) == (SECOND, True)


def test_on_and_off_within_a_second_is_nothing():
    found = described(**STOPPED, LaunchTime="2026-01-02T04:04:05.000Z")

    assert found.events == ()
    assert (found.described_until, found.is_stop_undated) == (STOPPED_AT, False)


def test_without_a_launch_time_only_the_stop_is_known():
    assert described(**STOPPED, LaunchTime=None).events == (off(),)
    assert described(LaunchTime=None).events == ()


def test_a_billing_code_holds_from_its_update_on():
    since = "2026-01-02T03:30:00+00:00"
    changed = Event(
        "describe:i-0a1:2026-01-02T03:30:00Z",
        SECOND + 1555,
        Kind.ATTRIBUTE_CHANGE,
        Feed.DESCRIPTION,
        billing_code="RunInstances:0010",
    )

    found = described(UsageOperation="RunInstances:0010", UsageOperationUpdateTime=since)

    assert found.billing_code == "RunInstances:0010"
    assert found.events == (on(instance_type="m6i.large"), changed)


def test_a_billing_code_since_launch_stands_in_the_launch():
    found = described(UsageOperation="RunInstances:0010:SV006", UsageOperationUpdateTime=LAUNCHED)

    assert found.billing_code == "RunInstances:0010:SV006"
    assert found.events == (on(instance_type="m6i.large", billing_code="RunInstances:0010:SV006"),)


def test_a_billing_code_since_the_stop_stands_in_the_stop_for_a_second_has_one_source_id():
    found = described(
        **STOPPED, UsageOperation="RunInstances:00g0", UsageOperationUpdateTime="2026-01-02T04:04:05+00:00"
    )

    assert found.events == (on(), off(billing_code="RunInstances:00g0"))


def test_a_billing_code_without_a_time_is_an_attribute_and_no_event():
    found = described(UsageOperation="RunInstances")

    assert (found.billing_code, found.events) == ("RunInstances", (on(instance_type="m6i.large"),))


@pytest.mark.parametrize(
    ("zone", "region"),
    [
        ("us-east-1a", "us-east-1"),
        ("us-east-1-bos-1a", "us-east-1"),
        ("us-east-1-wl1-bos-wlz-1", "us-east-1"),
        ("us-gov-west-1b", "us-gov-west-1"),
        ("ap-southeast-12c", "ap-southeast-12"),
        ("us-isob-east-1a", "us-isob-east-1"),
    ],
)
def test_the_region_follows_from_the_zone(zone, region):
    assert described(Placement={"AvailabilityZone": zone}).region == region


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"InstanceId": None}, "has an instance without a valid InstanceId"),
        ({"InstanceId": "i-\0"}, "has an instance without a valid InstanceId"),
        ({"InstanceType": 5}, "has an instance without a valid InstanceType"),
        ({"State": None}, "has an instance without a known state"),
        ({"State": {"Name": "confused"}}, "has an instance without a known state"),
        ({"Placement": {}}, "has an instance without a valid availability zone"),
        ({"Placement": None}, "has an instance without a valid availability zone"),
    ],
)
def test_a_description_that_cannot_be_told_costs_itself(changes, reason):
    odd = instance(**changes)

    first, second = parsed(page(odd, instance(InstanceId="i-0a2")))

    assert first == Rejected("f.json", reason, ACCOUNT, json.dumps(odd, separators=(",", ":")).encode())
    assert second.instance == "i-0a2"


def test_a_description_without_an_owner_is_rejected():
    (part,) = parsed(page(instance(), OwnerId=None))

    assert (part.reason, part.account) == ("has an instance without a valid owner", "")


def test_c36_owners_keep_their_leading_zeros():
    """C36: account ids were stored as numbers."""
    (part,) = parsed(page(instance(), OwnerId="000000000007"))

    assert part.account == "000000000007"


@pytest.mark.parametrize(
    "content",
    [
        json.dumps([page(instance()), page(instance(InstanceId="i-0a2"))]).encode(),
        (json.dumps(page(instance())) + "\n" + json.dumps(page(instance(InstanceId="i-0a2"))) + "\n").encode(),
        json.dumps(page(instance(), instance(InstanceId="i-0a2")), indent=4).encode("utf-8-sig"),
        json.dumps(page(instance(), instance(InstanceId="i-0a2"))).encode("utf-16"),
    ],
)
def test_documents_come_in_a_list_or_one_after_the_other_in_any_encoding(content):
    assert [part.instance for part in parsed(content)] == ["i-0a1", "i-0a2"]


@pytest.mark.parametrize(("content", "reason"), [(b"", "is empty"), (b" \n", "is empty"), (b"text", "is not JSON")])
def test_what_is_no_json_is_unreadable(content, reason):
    with pytest.raises(Unreadable, match=f"^{reason}$"):
        parsed(content)


def test_documents_before_the_first_that_is_not_json_count():
    found = descriptions.documents(json.dumps(page(instance())).encode() + b"{broken")

    assert len(list(descriptions.parse(next(found), Document.INSTANCES, source=""))) == 1
    with pytest.raises(Unreadable, match=r"^is not JSON$"):
        next(found)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"Images": []}, "is describe-images output, not describe-instances output"),
        ({"InstanceTypes": []}, "is describe-instance-types output, not describe-instances output"),
        ({"images": {}}, "is inspection results, not describe-instances output"),
        ({"Records": []}, "is a CloudTrail log file, not describe-instances output"),
        ({}, "is not describe-instances output"),
        (5, "is not describe-instances output"),
        ({"Reservations": None}, "is not describe-instances output"),
    ],
)
def test_a_file_of_another_kind_is_named(value, reason):
    with pytest.raises(Unreadable, match=f"^{reason}$"):
        parsed(value)


def test_an_image_is_described():
    value = {
        "Images": [
            {
                "ImageId": "ami-0f1",
                "OwnerId": "309956199498",
                "Name": "RHEL-9.4.0_HVM-20240605-x86_64-82-Hourly2-GP3",
                "Architecture": "x86_64",
                "PlatformDetails": "Red Hat Enterprise Linux",
                "UsageOperation": "RunInstances:0010",
                "ProductCodes": [{"ProductCodeId": "6cd5", "ProductCodeType": "marketplace"}, {}, 5],
                "SourceImageId": "ami-0b2",
                "Tags": [{"Key": "cloudigrade-rhel-present", "Value": ""}, {"Key": "Name", "Value": "x"}, None],
            },
            {"ImageId": "ami-0c3", "Platform": "Windows", "Name": "a\0b", "OwnerId": 5},
            {"ImageId": "image"},
            5,
        ]
    }

    full, bare, *rejected = parsed(value, Document.IMAGES)

    assert full == ImageDescription(
        region="",
        image="ami-0f1",
        owner="309956199498",
        name="RHEL-9.4.0_HVM-20240605-x86_64-82-Hourly2-GP3",
        architecture="x86_64",
        platform="",
        billing_code="RunInstances:0010",
        platform_details="Red Hat Enterprise Linux",
        product_codes=(("6cd5", "marketplace"),),
        source_image="ami-0b2",
        tags=("cloudigrade-rhel-present",),
    )
    assert bare == ImageDescription(region="", image="ami-0c3", name="ab", platform="windows")
    assert [each.reason for each in rejected] == ["has an image without a valid id", "has a part that is no object"]


def test_instance_types_are_described_by_their_default_size():
    def kind(vcpu: Any, memory: Any) -> dict[str, Any]:
        return {"InstanceType": "m6i.large", "VCpuInfo": {"DefaultVCpus": vcpu}, "MemoryInfo": {"SizeInMiB": memory}}

    odd = [kind(*each) for each in ((0, 1), (-1, 1), (1 << 31, 1), (True, 1), (2.0, 1), (None, 1), (2, "8192"))]

    good, *rejected = parsed({"InstanceTypes": [kind(2, 8192), *odd, {"InstanceType": "x"}]}, Document.INSTANCE_TYPES)

    assert good == TypeDefinition("m6i.large", 2, 8192)
    assert {each.reason for each in rejected} == {"has an instance type without a valid name, vCPU or memory"}
    assert len(rejected) == 8


def test_inspection_results_are_findings_by_image():
    content = {"rhel_found": True, "syspurpose": {"role": "x"}}
    value = {"cloud": "aws", "errors": [], "images": {"ami-0f1": content, "vhd-1": {}, "ami-0b2": None}}

    good, *rejected = parsed(value, Document.INSPECTIONS)

    assert good == Findings("ami-0f1", content)
    assert [each.reason for each in rejected] == [
        "has findings of something that is no image",
        "has findings that are no object",
    ]


def test_findings_of_excessive_size_are_rejected():
    (part,) = parsed({"images": {"ami-0f1": {"x": "y" * (1 << 20)}}}, Document.INSPECTIONS)

    assert part.reason == "has findings of more than 1024 KiB"


@pytest.mark.parametrize("kind", list(Document))
@given(value=JSON)
def test_no_json_of_any_shape_raises_more_than_unreadable(kind, value):
    field = descriptions._FIELDS[kind]
    wrapped = [value, {field: value}, {field: [value]}, {field: {"ami-0f1": value}}, page(value)]

    for each in wrapped:
        try:
            parts = parsed(each, kind)
        except Unreadable:
            continue
        assert all(isinstance(part, descriptions.Part | Rejected) for part in parts)
