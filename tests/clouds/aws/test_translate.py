"""Every shape of cloud-facts 3.7, and what the predecessor got wrong about it."""

from typing import Any

import msgspec
import pytest

from cloudigrade.clouds.aws import cloudtrail, translate
from cloudigrade.clouds.aws.translate import Translation
from cloudigrade.clouds.protocol import InstanceActivity
from cloudigrade.domain.events import Event, Feed, Kind, Previous
from tests.clouds.aws.records import (
    ACCOUNT,
    EVENT_ID,
    OFF,
    OMITTED,
    ON,
    REGION,
    SECOND,
    TIME,
    items,
    launched,
    record,
    run_instances,
    switched,
    translated,
)


def activity(instance: str = "i-0a1", kind: Kind = Kind.POWER_ON, image: str = "", **changes: Any) -> InstanceActivity:
    """The activity that the example records lead to."""
    return InstanceActivity(ACCOUNT, REGION, instance, Event(EVENT_ID, SECOND, kind, **changes), image)


def launch(instance: str = "i-0a1", instance_type: str = "m6i.large", image: str = "ami-0f1") -> InstanceActivity:
    return activity(instance, image=image, is_launch=True, instance_type=instance_type)


def assert_instances(value: Any, *expected: InstanceActivity, **origin: str) -> None:
    assert translated(value, **origin) == Translation(list(expected), [], ACCOUNT)


def assert_rejected(value: Any, reason: str, *expected: InstanceActivity, account: str = ACCOUNT) -> None:
    assert translated(value) == Translation(list(expected), [], account, reason)


def test_c5_a_launch_template_gives_type_and_image_in_the_response():
    """C5: RunInstances without an inline instance type was dropped."""
    assert_instances(run_instances(), launch())


def test_a_launch_brings_up_every_instance_of_the_response_once():
    value = run_instances(launched("i-0a1"), launched("i-0a2", instanceType="t3.micro"), launched("i-0a1"))

    assert_instances(value, launch("i-0a1"), launch("i-0a2", "t3.micro"))


def test_c5_a_launch_takes_from_the_request_what_the_response_lacks():
    """C5: the request is the second place to look, not the only one."""
    bare = {"instanceId": "i-0a1"}
    request = {"instanceType": "t3.micro", **items({"imageId": "ami-0b2", "minCount": 1})}

    assert_instances(run_instances(bare, requestParameters=request), launch("i-0a1", "t3.micro", "ami-0b2"))
    assert_instances(run_instances(bare, requestParameters=None), launch("i-0a1", "", ""))
    assert_instances(
        run_instances(bare, requestParameters={"imageId": "ami-0c3"}),
        launch("i-0a1", "", "ami-0c3"),
    )


def test_a_malformed_image_id_is_left_out():
    assert_instances(run_instances(launched(imageId="ami-\0")), launch(image=""))


@pytest.mark.parametrize("response", [None, {}, OMITTED, [], "text", items(), {"instancesSet": None}])
def test_c4_a_launch_without_instances_in_its_response_is_rejected(response):
    """C4: a null or truncated body must be kept and shown, for nobody can tell its instances."""
    assert_rejected(run_instances(responseElements=response), "RunInstances gives no instances in its response")


@pytest.mark.parametrize(
    "odd", [None, 7, "i-0a1", [], {}, {"instanceId": 5}, {"instanceId": "i-"}, {"instanceId": "vm"}]
)
def test_c4_an_odd_item_costs_only_itself(odd):
    """C4: one odd item must not take its neighbours along."""
    reason = "RunInstances has an item without a valid instance id and type"
    assert_rejected(run_instances(launched("i-0a1"), odd, launched("i-0a2")), reason, launch("i-0a1"), launch("i-0a2"))

    reason = "StopInstances has an item that names no valid instance"
    value = switched("StopInstances", responseElements=items(odd, {"instanceId": "i-0a2", "previousState": ON}))
    assert_rejected(value, reason, activity("i-0a2", Kind.POWER_OFF, previous=Previous.ON))


@pytest.mark.parametrize("odd", ["", "m6i large", "a" * 65, "m6i\0", 5, {"value": "m6i.large"}])
def test_an_instance_type_of_no_known_form_is_not_taken_over(odd):
    reason = "RunInstances has an item without a valid instance id and type"

    assert_rejected(run_instances(launched(instanceType=odd), launched("i-0a2")), reason, launch("i-0a2"))


@pytest.mark.parametrize(
    ("name", "previous", "expected"),
    [
        ("StartInstances", OFF, activity(previous=Previous.OFF)),
        ("StartInstances", ON, activity(previous=Previous.ON)),
        ("StopInstances", ON, activity(kind=Kind.POWER_OFF, previous=Previous.ON)),
        ("StopInstances", OFF, activity(kind=Kind.POWER_OFF, previous=Previous.OFF)),
        ("TerminateInstances", ON, activity(kind=Kind.POWER_OFF, previous=Previous.ON, is_termination=True)),
        ("TerminateInstances", OFF, activity(kind=Kind.POWER_OFF, previous=Previous.OFF, is_termination=True)),
    ],
)
def test_starts_stops_and_terminations_carry_the_state_before(name, previous, expected):
    assert_instances(switched(name, previous=previous), expected)


@pytest.mark.parametrize(
    ("state", "previous"),
    [
        ({"name": "pending"}, Previous.ON),
        ({"name": "stopping"}, Previous.OFF),
        ({"name": "shutting-down"}, Previous.GONE),
        ({"name": "terminated"}, Previous.GONE),
        ({"code": 0}, Previous.ON),
        ({"code": 16}, Previous.ON),
        ({"code": 64}, Previous.OFF),
        ({"code": 80}, Previous.OFF),
        ({"code": 32}, Previous.GONE),
        ({"code": 48}, Previous.GONE),
        ({"code": 0x1234_0010}, Previous.ON),
        ({"name": "unheard of", "code": 80}, Previous.OFF),
        ({"name": ["running"], "code": True}, Previous.UNKNOWN),
        ({"name": "unheard of"}, Previous.UNKNOWN),
        ({"code": 99}, Previous.UNKNOWN),
        ({"code": 16.0}, Previous.UNKNOWN),
        ({}, Previous.UNKNOWN),
        (None, Previous.UNKNOWN),
        ("running", Previous.UNKNOWN),
    ],
)
def test_the_state_before_is_known_by_name_or_else_by_code(state, previous):
    assert_instances(switched("StopInstances", previous=state), activity(kind=Kind.POWER_OFF, previous=previous))


@pytest.mark.parametrize("response", [None, {}, OMITTED, items(), {"instancesSet": {"items": None}}])
def test_c4_without_an_answer_the_request_names_the_instances(response):
    """C4: `responseElements: null` raised; request instanceId and instancesSet together raised, too."""
    request = {"instanceId": "i-0a1", **items({"instanceId": "i-0a2"}, {"instanceId": "i-0a1"})}
    value = switched("StopInstances", requestParameters=request, responseElements=response)

    assert_instances(value, activity("i-0a2", Kind.POWER_OFF), activity("i-0a1", Kind.POWER_OFF))


@pytest.mark.parametrize("name", ["StartInstances", "StopInstances", "TerminateInstances"])
@pytest.mark.parametrize("request_body", [None, {}, OMITTED, items(), 5])
def test_c4_a_record_that_names_no_instance_at_all_is_rejected(name, request_body):
    """C4: `requestParameters: null` raised."""
    assert_rejected(switched(name, requestParameters=request_body, responseElements=None), f"{name} names no instance")


def test_a_call_that_is_no_real_api_does_not_matter():
    """C6: `StartInstance` was listed among the names."""
    assert translated(switched("StartInstance")) is None


@pytest.mark.parametrize("source", ["autoscaling.amazonaws.com", "ec2.amazonaws.com"])
def test_c6_a_termination_by_auto_scaling_ends_the_instance(source):
    """C6: it was mapped, but could never match its source."""
    value = record(
        "TerminateInstanceInAutoScalingGroup",
        eventSource=source,
        requestParameters={"instanceId": "i-0a1", "shouldDecrementDesiredCapacity": True},
        responseElements={"activity": {"statusCode": "InProgress"}},
    )

    assert_instances(value, activity(kind=Kind.POWER_OFF, is_termination=True))


def test_c6_a_spot_interruption_is_a_power_off_and_no_termination():
    """C6: spot interruptions were not observed at all."""
    value = record(
        "BidEvictedEvent", eventType="AwsServiceEvent", serviceEventDetails={"instanceIdSet": ["i-0a1", "i-0a2"]}
    )

    assert_instances(value, activity(kind=Kind.POWER_OFF), activity("i-0a2", Kind.POWER_OFF))


@pytest.mark.parametrize("details", [None, {}, {"instanceIdSet": None}, {"instanceIdSet": []}, "i-0a1"])
def test_a_spot_interruption_of_nothing_is_rejected(details):
    assert_rejected(record("BidEvictedEvent", serviceEventDetails=details), "BidEvictedEvent names no instance")


@pytest.mark.parametrize(
    "request_body",
    [
        {"instanceId": "i-0a1", "instanceType": {"value": "m6i.xlarge"}},
        {"instanceId": "i-0a1", "instanceType": "m6i.xlarge"},
        {"instanceId": "i-0a1", "attribute": "instanceType", "value": "m6i.xlarge"},
    ],
)
@pytest.mark.parametrize("response", [{"_return": True}, None, OMITTED])
def test_a_change_of_the_instance_type_is_an_attribute_change(request_body, response):
    value = record("ModifyInstanceAttribute", requestParameters=request_body, responseElements=response)

    assert_instances(value, activity(kind=Kind.ATTRIBUTE_CHANGE, instance_type="m6i.xlarge"))


@pytest.mark.parametrize(
    ("request_body", "response"),
    [
        ({"instanceId": "i-0a1", "disableApiTermination": {"value": True}}, {"_return": True}),
        ({"instanceId": "i-0a1", "instanceType": {"value": "m6i.xlarge"}}, {"_return": False}),
        ({"instanceId": "i-0a1", "instanceType": None, "userData": "<sensitiveDataRemoved>"}, {"_return": True}),
    ],
)
def test_changes_of_other_attributes_and_refused_ones_do_not_matter(request_body, response):
    value = record("ModifyInstanceAttribute", requestParameters=request_body, responseElements=response)

    assert translated(value) is None


@pytest.mark.parametrize(
    ("request_body", "reason"),
    [
        (None, "does not say which attribute changed"),
        (OMITTED, "does not say which attribute changed"),
        ({"instanceId": "i-0a1", "instanceType": {}}, "gives no valid instance type"),
        ({"instanceId": "i-0a1", "instanceType": {"value": "no type"}}, "gives no valid instance type"),
        ({"instanceType": {"value": "t3.micro"}}, "names no instance"),
    ],
)
def test_an_attribute_change_that_cannot_be_told_is_rejected(request_body, reason):
    value = record("ModifyInstanceAttribute", requestParameters=request_body)

    assert_rejected(value, f"ModifyInstanceAttribute {reason}")


@pytest.mark.parametrize(
    "failure",
    [
        {"errorCode": "Client.DryRunOperation", "errorMessage": "Request would have succeeded, but DryRun is set."},
        {"errorCode": "Server.InsufficientInstanceCapacity"},
        {"errorMessage": "You are not authorized."},
        {"errorCode": 5},
    ],
)
@pytest.mark.parametrize("name", ["RunInstances", "StopInstances", "CreateTags", "ModifyInstanceAttribute"])
def test_failed_calls_and_dry_runs_do_not_matter(name, failure):
    assert translated(record(name, **failure)) is None


def test_an_empty_error_is_none():
    assert_instances(run_instances(errorCode=None, errorMessage=""), launch())


@pytest.mark.parametrize("name", ["RunInstances", "StopInstances", "CreateTags", "BidEvictedEvent"])
def test_events_of_other_services_do_not_matter_whatever_their_name(name):
    assert translated(record(name, eventSource="robomaker.amazonaws.com")) is None


@pytest.mark.parametrize("name", ["DescribeInstances", "RebootInstances", "AssumeRole"])
def test_other_calls_do_not_matter(name):
    assert translated(record(name)) is None


@pytest.mark.parametrize("value", [None, 5, "text", [], {}, {"eventName": None}, {"eventName": 5}, {"eventName": ""}])
def test_what_cannot_be_told_is_rejected_not_lost(value):
    assert_rejected(value, "is no object with an event name", account="")


@pytest.mark.parametrize("source", [None, "", 5, ["ec2.amazonaws.com"]])
def test_a_relevant_name_without_a_source_cannot_be_told_and_is_rejected(source):
    assert_rejected(run_instances(eventSource=source), "RunInstances names no event source")


def test_c36_account_ids_are_text_with_their_leading_zeros():
    """C36: account ids were stored as numbers."""
    found = translated(run_instances(recipientAccountId="000000000007"))

    assert found is not None
    assert [each.account for each in found.instances] == ["000000000007"]


@pytest.mark.parametrize("account", [12_345_678_901, 7, "7", "0123456789012", "०१२३४५६७८९०१", "", [], "01234567890\0"])
def test_c36_anything_but_twelve_digits_of_text_is_no_account(account):
    """C36: a number has lost its zeros already."""
    value = run_instances(recipientAccountId=account)

    assert_rejected(value, "RunInstances names no account of 12 digits", account="")
    found = translated(value, account="111111111111")
    assert found is not None
    assert found.reason == "RunInstances names no account of 12 digits"


def test_the_recipient_is_the_account_then_the_key_then_the_caller():
    caller = {"userIdentity": {"accountId": "222222222222"}}
    without = run_instances(recipientAccountId=None, **caller)

    for value, origin, expected in (
        (run_instances(**caller), "111111111111", ACCOUNT),
        (without, "111111111111", "111111111111"),
        (without, "", "222222222222"),
    ):
        found = translated(value, account=origin)
        assert found is not None
        assert [each.account for each in found.instances] == [expected]


@pytest.mark.parametrize("identity", [None, {}, {"accountId": None}, {"accountId": 5}, "text", [], 5])
def test_c4_without_any_account_a_relevant_record_is_rejected(identity):
    """C4: a missing userIdentity.accountId raised."""
    value = run_instances(recipientAccountId=None, userIdentity=identity)

    assert_rejected(value, "RunInstances names no account of 12 digits", account="")


@pytest.mark.parametrize(
    "time", [None, "", 5, "yesterday", "2026-02-30T00:00:00Z", "2026-01-02T03:04:05", "1969-12-31T23:59:59Z"]
)
def test_without_a_valid_time_a_relevant_record_is_rejected(time):
    assert_rejected(run_instances(eventTime=time), "RunInstances has no valid event time")
    assert translated(record("DescribeInstances", eventTime=time)) is None


@pytest.mark.parametrize("time", ["2026-01-02T03:04:05.999Z", "2026-01-02T04:34:05+01:30", "2026-01-01T22:04:05-05:00"])
def test_times_are_utc_seconds_rounded_down(time):
    assert_instances(run_instances(eventTime=time), launch())


def test_the_region_is_the_records_or_else_the_keys():
    assert_rejected(run_instances(awsRegion=None), "RunInstances names no region")
    assert_rejected(run_instances(awsRegion="US East"), "RunInstances names no region")
    found = translated(run_instances(awsRegion=None), region="eu-west-1")
    assert found is not None
    assert [each.region for each in found.instances] == ["eu-west-1"]


@pytest.mark.parametrize("event_id", [None, "", 5, "with\0nul", "x" * 129, "é"])
def test_a_record_without_a_usable_id_gets_one_from_its_content(event_id):
    first, again = (translated(run_instances(eventID=event_id)) for _ in range(2))
    other = translated(run_instances(launched("i-0a2"), eventID=event_id))

    assert first == again
    assert first is not None
    assert other is not None
    ids = {found.instances[0].event.source_id for found in (first, other)}
    assert len(ids) == 2
    assert all(each.startswith("sha256:") and len(each) == len("sha256:") + 64 for each in ids)


def test_an_addendum_takes_the_place_of_the_original():
    addendum = {"reason": "UPDATED_DATA", "updatedFields": "responseElements", "originalEventID": "the-original"}

    found = translated(run_instances(addendum=addendum))

    assert found is not None
    assert found.instances == [
        launch()._replace(
            event=Event(
                "the-original",
                SECOND,
                Kind.POWER_ON,
                is_launch=True,
                instance_type="m6i.large",
                revision=f"{TIME}|{EVENT_ID}",
            )
        )
    ]


def test_events_name_their_feed():
    found = translated(run_instances())

    assert found is not None
    assert [each.event.feed for each in found.instances] == [Feed.CLOUDTRAIL]


def test_a_body_that_cannot_be_decoded_costs_its_record():
    raw = msgspec.Raw(b'{"instancesSet": "\xff"}')
    value = cloudtrail.Record(
        event_time=TIME, event_source="ec2.amazonaws.com", event_name="StopInstances", region=REGION, response=raw
    )

    assert translate.translate(value) == Translation([], [], "", "StopInstances has a body that cannot be decoded")
