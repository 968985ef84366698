"""Accounts are verified and let go against a made-up AWS that enforces trust and policies."""

import json
import logging

import pytest
from botocore import exceptions

from cloudigrade.clouds.aws import onboarding
from cloudigrade.clouds.cloud import Account
from cloudigrade.clouds.protocol import CustomerProblem, Unavailable
from cloudigrade.domain.problems import Problem
from tests import aws_patches
from tests.aws_server import HOMES
from tests.clouds.aws.customers import OURS, add_trail, calls_of

pytestmark = pytest.mark.enable_socket


@pytest.mark.parametrize("partition", HOMES)
def test_p10_verifying_makes_the_fewest_calls_and_changes_nothing(access, customer, partition):
    """P9, P10: four reads and three attempts to assume the role verify an account; nothing is listed or changed."""
    account = customer(partition=partition)
    before = calls_of(aws_patches.OWN_ACCOUNT).get(("sts", "AssumeRole"), 0)

    onboarding.verify(access, account)

    assert calls_of(account.native_id) == {
        ("iam", "CreateRole"): 1,
        ("iam", "PutRolePolicy"): 1,
        ("ec2", "DescribeRegions"): 1,
        ("ec2", "DescribeInstances"): 1,
        ("ec2", "DescribeImages"): 1,
        ("cloudtrail", "DescribeTrails"): 1,
    }
    assert calls_of(aws_patches.OWN_ACCOUNT)["sts", "AssumeRole"] - before == 3
    assert aws_patches.trails(account.native_id) == []


def test_p10_verifying_again_asks_sts_three_times(access, account):
    """P9, P10: once whether the role still lets us in, and twice whether it still demands the external id."""
    onboarding.verify(access, account)
    before = calls_of(aws_patches.OWN_ACCOUNT)["sts", "AssumeRole"]

    onboarding.verify(access, account)

    assert calls_of(aws_patches.OWN_ACCOUNT)["sts", "AssumeRole"] - before == 3


def test_a_role_whose_trust_is_withdrawn_is_found_at_once(access, account, aws):
    """What was kept would open the account for most of an hour more."""
    onboarding.verify(access, account)
    ec2 = access.client(account, "ec2", "us-east-1")
    iam = aws.client("iam", "us-east-1", account.native_id)
    name = account.credentials.rpartition("/")[2]
    before = calls_of(account.native_id)["ec2", "DescribeInstances"]
    trust = {"Effect": "Allow", "Principal": {"AWS": "999999999999"}, "Action": "sts:AssumeRole"}
    document = {"Version": "2012-10-17", "Statement": [trust]}
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(document))

    for _ in range(2):
        with pytest.raises(CustomerProblem, match="AWS answers AccessDenied") as caught:
            onboarding.verify(access, account)
        assert caught.value.problem is Problem.NO_ACCESS

    assert calls_of(account.native_id)["ec2", "DescribeInstances"] == before
    assert ec2.describe_instances()["Reservations"] == []  # whoever was at it ends it
    with pytest.raises(CustomerProblem):
        access.client(account, "ec2", "us-east-1")


def test_s1_a_role_that_opens_without_the_external_id_is_refused(access, customer):
    """S1: whoever knows the ARN of such a role could have it metered as theirs."""
    with pytest.raises(CustomerProblem, match="without the external id") as caught:
        onboarding.verify(access, customer(external_id=""))

    assert caught.value.problem is Problem.EXTERNAL_ID_NOT_DEMANDED


@pytest.mark.parametrize("condition", [{"StringLike": "*"}, {"Null": "false"}])
def test_s1_a_role_that_opens_with_any_external_id_is_refused(access, account, aws, condition):
    """S1: such a role would be metered for whoever names it first."""
    (operator, value), *_ = condition.items()
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": aws_patches.OWN_ACCOUNT},
        "Action": "sts:AssumeRole",
        "Condition": {operator: {"sts:ExternalId": value}},
    }
    document = {"Version": "2012-10-17", "Statement": [trust]}
    iam = aws.client("iam", "us-east-1", account.native_id)
    name = account.credentials.rpartition("/")[2]
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(document))

    with pytest.raises(CustomerProblem, match="or with any") as caught:
        onboarding.verify(access, account)

    assert caught.value.problem is Problem.EXTERNAL_ID_NOT_DEMANDED


def test_s1_a_role_is_not_opened_by_the_external_id_of_another_customer(access, customer):
    """S1: the ARN alone opens nothing."""
    with pytest.raises(CustomerProblem, match="AWS answers AccessDenied") as caught:
        onboarding.verify(access, customer(external_id="id-2"))

    assert caught.value.problem is Problem.NO_ACCESS


def test_a_role_that_does_not_exist_is_the_customers_problem(access):
    with pytest.raises(CustomerProblem, match="AWS answers AccessDenied") as caught:
        onboarding.verify(access, Account("000000000001", "arn:aws:iam::000000000001:role/none", "id-1"))

    assert caught.value.problem is Problem.NO_ACCESS


def test_every_action_that_is_not_allowed_is_named(access, customer):
    account = customer(without=("ec2:DescribeImages", "cloudtrail:DescribeTrails"))

    with pytest.raises(CustomerProblem) as caught:
        onboarding.verify(access, account)

    assert str(caught.value) == "the role may not call ec2:DescribeImages, cloudtrail:DescribeTrails in us-east-1"
    assert caught.value.problem is Problem.POLICY_TOO_NARROW


def test_what_the_organization_denies_is_told_apart(access, account, put):
    said = "You are not authorized to perform this operation with an explicit deny in a service control policy"
    put(account, "ec2:DescribeInstances", "UnauthorizedOperation", said, 403)

    with pytest.raises(CustomerProblem) as caught:
        onboarding.verify(access, account)

    expected = "the role may not call ec2:DescribeInstances (a service control policy denies it) in us-east-1"
    assert str(caught.value) == expected


@pytest.mark.parametrize(
    ("call", "failure", "status"),
    [
        ("ec2:DescribeInstances", "RequestLimitExceeded", 503),
        ("ec2:DescribeRegions", "InternalError", 500),
        ("cloudtrail:DescribeTrails", "ThrottlingException", 400),
        ("ec2:DescribeImages", exceptions.EndpointConnectionError(endpoint_url="https://x"), 0),
        ("ec2:DescribeImages", exceptions.ReadTimeoutError(endpoint_url="https://x"), 0),
    ],
)
def test_c19_throttling_and_outages_are_never_the_customers_fault(access, customer, put, call, failure, status):
    """C19: even where something else is denied, so that nobody is told half of the truth."""
    account = customer(without=("ec2:DescribeImages",))
    put(account, call, failure, status=status)

    with pytest.raises(Unavailable, match=call):
        onboarding.verify(access, account)


def test_disconnecting_removes_our_trail_and_no_other(access, aws, account):
    onboarding.connect(access, account)
    add_trail(aws, account.native_id)
    add_trail(aws, account.native_id, "into-our-bucket", bucket=OURS)

    onboarding.disconnect(access, account)
    onboarding.disconnect(access, account)

    assert aws_patches.trails(account.native_id) == ["audit", "into-our-bucket"]


def test_a_trail_that_goes_while_we_disconnect_is_no_error(access, account, put):
    onboarding.connect(access, account)
    put(account, "cloudtrail:DeleteTrail", "TrailNotFoundException")

    onboarding.disconnect(access, account)


def test_an_account_that_no_longer_lets_us_in_is_let_go(access, aws, account, caplog):
    aws.remove_role(account.native_id, partition="aws")

    with caplog.at_level(logging.WARNING, logger=onboarding.__name__):
        onboarding.disconnect(access, account)

    expected = f"account {account.native_id} no longer lets us in; if our trail is still there, it stays"
    assert [record.getMessage() for record in caplog.records] == [expected]


def test_a_policy_that_no_longer_lets_us_delete_is_no_error(access, aws, customer):
    account = customer(without=("cloudtrail:DeleteTrail",))
    onboarding.connect(access, account)

    onboarding.disconnect(access, account)

    assert aws_patches.trails(account.native_id) == [f"test-{account.native_id}"]


def test_c19_an_outage_while_disconnecting_is_tried_again(access, account, put):
    """C19: else the customer's trail would stay, and cost."""
    onboarding.connect(access, account)
    put(account, "cloudtrail:DeleteTrail", "ThrottlingException")

    with pytest.raises(Unavailable):
        onboarding.disconnect(access, account)


def test_an_account_logs_to_its_bucket_once_it_is_connected(access):
    account = Account("000000000042", "arn:aws:iam::000000000042:role/x", "id-1")

    assert onboarding.places(access, account) == set()
    assert onboarding.places(access, account._replace(details={"bucket": "b"})) == {("b", "000000000042")}
