"""Our own trail in a customer's account: made, completed, put right, and what may stand in its way."""

import logging

import pytest

from cloudigrade.clouds.aws import onboarding
from cloudigrade.clouds.protocol import CustomerProblem, Unavailable
from cloudigrade.domain.problems import Problem
from tests import aws_patches
from tests.aws_server import HOMES
from tests.clouds.aws.customers import OURS, WANTED, WRITE_ONLY, add_trail, calls_of, ours, own_trail, say_undelivered

pytestmark = pytest.mark.enable_socket

READS = {("cloudtrail", name): 1 for name in ("DescribeTrails", "GetEventSelectors", "GetTrailStatus")}


@pytest.mark.parametrize("partition", HOMES)
def test_without_a_trail_ours_is_made(access, aws, customer, partition):
    account = customer(partition=partition)

    details = onboarding.connect(access, account)

    assert details == ours(account.native_id, partition)
    assert own_trail(aws, account.native_id, HOMES[partition]) == WANTED


def test_c24_connecting_twice_is_no_error_and_changes_nothing(access, aws, account):
    """C24: and P10: what is as it should be is read, and not written again."""
    first = onboarding.connect(access, account)
    before = calls_of(account.native_id)

    second = onboarding.connect(access, account._replace(details=first))

    after = calls_of(account.native_id)
    assert second == first
    assert {call: after[call] - before.get(call, 0) for call in after if after[call] != before.get(call)} == READS
    assert own_trail(aws, account.native_id) == WANTED


@pytest.mark.parametrize("call", ["cloudtrail:PutEventSelectors", "cloudtrail:StartLogging"])
def test_what_an_interruption_left_undone_is_completed(access, aws, account, put, call):
    take_away = put(account, call, "InternalFailure", status=500)
    with pytest.raises(Unavailable):
        onboarding.connect(access, account)
    half_done = own_trail(aws, account.native_id)
    take_away()

    details = onboarding.connect(access, account)

    assert half_done != WANTED
    assert details == ours(account.native_id)
    assert own_trail(aws, account.native_id) == WANTED


@pytest.mark.parametrize(
    "change",
    [
        {"IsMultiRegionTrail": False},
        {"IncludeGlobalServiceEvents": False},
        {"EnableLogFileValidation": False},
        {"S3KeyPrefix": "elsewhere"},
        {"KmsKeyId": "arn:aws:kms:us-east-1:000000000001:key/x"},
    ],
)
def test_a_trail_of_ours_that_was_changed_is_ours_again(access, aws, account, change):
    onboarding.connect(access, account)
    client = aws.client("cloudtrail", "us-east-1", account.native_id)
    client.update_trail(Name=f"test-{account.native_id}", **change)

    assert onboarding.connect(access, account) == ours(account.native_id)

    (listed,) = client.describe_trails()["trailList"]
    assert not listed.get("S3KeyPrefix")
    assert not listed.get("KmsKeyId")
    assert own_trail(aws, account.native_id) == WANTED


@pytest.mark.parametrize(
    "selectors",
    [
        [{"ReadWriteType": "All", "IncludeManagementEvents": True}],
        [{"ReadWriteType": "WriteOnly", "IncludeManagementEvents": False}],
        [{"ReadWriteType": "WriteOnly", "IncludeManagementEvents": True, "ExcludeManagementEventSources": ["kms.x"]}],
        WRITE_ONLY * 2,
    ],
)
def test_other_selectors_and_a_trail_that_is_off_are_put_right(access, aws, account, selectors):
    onboarding.connect(access, account)
    client = aws.client("cloudtrail", "us-east-1", account.native_id)
    client.put_event_selectors(TrailName=f"test-{account.native_id}", EventSelectors=selectors)
    client.stop_logging(Name=f"test-{account.native_id}")

    onboarding.connect(access, account)

    assert own_trail(aws, account.native_id) == WANTED


def test_our_trail_is_changed_in_its_own_home_region(access, aws, account):
    """An installation that moved: shadows of the trail show everywhere, but only its home region takes changes."""
    add_trail(aws, account.native_id, f"test-{account.native_id}", bucket=OURS, region="eu-west-1")

    details = onboarding.connect(access, account)

    arn = f"arn:aws:cloudtrail:eu-west-1:{account.native_id}:trail/test-{account.native_id}"
    assert details == ours(account.native_id) | {"home_region": "eu-west-1", "trail_arn": arn}
    assert own_trail(aws, account.native_id, "eu-west-1") == WANTED
    onboarding.disconnect(access, account)
    assert aws_patches.trails(account.native_id) == []


@pytest.mark.parametrize("code", ["TrailAlreadyExistsException", "ConflictException"])
def test_another_run_at_the_same_time_is_waited_for(access, account, put, code):
    put(account, "cloudtrail:CreateTrail", code)

    with pytest.raises(Unavailable, match="not done with another change"):
        onboarding.connect(access, account)


@pytest.mark.parametrize("code", ["InsufficientS3BucketPolicyException", "S3BucketDoesNotExistException"])
def test_what_our_own_bucket_lacks_is_never_the_customers_problem(access, account, put, code):
    put(account, "cloudtrail:CreateTrail", code)

    with pytest.raises(Unavailable, match=f"may not write to our bucket {OURS}; its policy must allow it"):
        onboarding.connect(access, account)


def test_a_key_that_cloudtrail_may_not_use_has_its_own_message(access, account, put):
    put(account, "cloudtrail:CreateTrail", "InsufficientEncryptionPolicyException")

    with pytest.raises(CustomerProblem, match="InsufficientEncryptionPolicy") as caught:
        onboarding.connect(access, account)

    assert caught.value.problem is Problem.LOGS_ENCRYPTED


@pytest.mark.parametrize("action", ["CreateTrail", "PutEventSelectors", "StartLogging"])
def test_a_change_that_the_policy_does_not_allow_is_named(access, account, put, action):
    put(account, f"cloudtrail:{action}", "AccessDeniedException", f"not authorized to perform: cloudtrail:{action}")

    with pytest.raises(CustomerProblem, match=f"cloudtrail:{action}") as caught:
        onboarding.connect(access, account)

    assert caught.value.problem is Problem.POLICY_TOO_NARROW


def test_c19_throttled_cloudtrail_is_tried_again(access, account, put):
    """C19: connecting changes nothing then, and is nobody's fault."""
    put(account, "cloudtrail:DescribeTrails", "ThrottlingException")

    with pytest.raises(Unavailable):
        onboarding.connect(access, account)

    assert aws_patches.trails(account.native_id) == []


def test_what_our_own_trail_cannot_write_is_told_to_our_operator(access, account, caplog):
    onboarding.connect(access, account)
    say_undelivered(account.native_id, f"test-{account.native_id}")

    with caplog.at_level(logging.WARNING, logger="cloudigrade.clouds.aws"):
        onboarding.connect(access, account)

    expected = f"trail test-{account.native_id} cannot write to our bucket: AccessDenied"
    assert [record.getMessage() for record in caplog.records] == [expected]
