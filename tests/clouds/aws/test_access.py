"""The published policy at work: it suffices for all that metering does, nothing else goes, the external id opens it.

On the made-up AWS, where roles' trust, their policies and those of sessions hold.
"""

import pytest
from botocore.stub import Stubber

from cloudigrade.clouds.aws import cloud, policy, session
from cloudigrade.clouds.aws.config import Section
from cloudigrade.clouds.cloud import Account
from cloudigrade.clouds.protocol import CustomerProblem, Unavailable
from cloudigrade.domain.problems import Problem
from tests import aws_patches, aws_server

CUSTOMER = "000000000042"
PARTITIONS = ("aws", "aws-cn", "aws-us-gov")

pytestmark = pytest.mark.enable_socket


@pytest.fixture(scope="module")
def server():
    with aws_server.running(()) as running:
        yield running


@pytest.fixture(params=PARTITIONS)
def partition(request):
    return request.param


@pytest.fixture
def aws(server, partition, monkeypatch):
    for name, value in server.variables.items():
        monkeypatch.setenv(name, value)
    server.begin_anew([partition])
    return server


@pytest.fixture
def section():
    return Section.model_validate({"AWS_PARTITIONS": ",".join(PARTITIONS)})


@pytest.fixture
def access(aws, section):
    return session.Access(section, aws.names.environment)


def customer(aws, partition, *, allowed=None):
    """An account with the published role, or one that allows something else."""
    policies = [allowed or policy.policy(partition, aws.names.environment, account=CUSTOMER)]
    role = aws.add_role(CUSTOMER, partition=partition, external_id="ext-1", policies=policies)
    return Account(CUSTOMER, role, "ext-1")


def test_s9_what_is_asked_for_suffices_for_all_that_metering_does(aws, section, partition):
    account = customer(aws, partition)
    meter = cloud.build(section, environment=aws.names.environment)

    meter.verify(account)
    connected = account._replace(details=meter.connect(account))
    swept = list(meter.sweep(connected))
    proofs = list(meter.prove(connected, {}, since=0, now=0))
    read = list(meter.log_files(connected, since=0, until=0, known=lambda _: ()))
    meter.disconnect(connected)

    assert connected.details["is_ours"] is True
    assert {each.region: each.problem for each in swept} == dict.fromkeys(aws_patches.REGIONS[partition], "")
    assert ([each.reason for each in proofs if each.reason], read) == ([], [])
    trails = aws.client("cloudtrail", aws_server.HOMES[partition], CUSTOMER)
    assert trails.describe_trails()["trailList"] == []


def test_s9_nothing_else_goes_whatever_the_role_allows(aws, access, partition):
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    account = customer(aws, partition, allowed=everything)
    home = access.home_region(partition)
    ec2, trails = access.client(account, "ec2", home), access.client(account, "cloudtrail", home)

    attempts = [
        lambda: ec2.create_tags(Resources=["ami-12345678"], Tags=[{"Key": "a", "Value": "b"}]),
        lambda: ec2.copy_image(Name="copy", SourceImageId="ami-12345678", SourceRegion=home),
        ec2.describe_snapshots,
        lambda: ec2.terminate_instances(InstanceIds=["i-12345678"]),
        lambda: trails.create_trail(Name="another", S3BucketName=access.bucket),
        lambda: trails.delete_trail(Name=f"another-{CUSTOMER}"),
        lambda: access.client(account, "s3", home).list_buckets(),
    ]
    for attempt in attempts:
        with pytest.raises(CustomerProblem) as raised, session.translated("attempt"):
            attempt()
        assert raised.value.problem is Problem.POLICY_TOO_NARROW


def test_s1_the_role_opens_with_its_own_external_id_only(aws, access, partition):
    account = customer(aws, partition)
    home = access.home_region(partition)

    assert access.client(account, "sts", home).get_caller_identity()["Account"] == CUSTOMER
    assert access.is_open_to_anyone(account) is False
    with pytest.raises(CustomerProblem) as raised:
        access.client(account._replace(external_id="ext-2"), "ec2", home)
    assert raised.value.problem is Problem.NO_ACCESS


def test_renewing_keeps_the_clients_and_an_outage_of_sts_costs_nobody_the_old_credentials(aws, access, partition):
    account, home = customer(aws, partition), access.home_region(partition)
    ec2 = access.client(account, "ec2", home)
    first = ec2._request_signer._credentials.get_frozen_credentials()

    access.renew(account)
    second = ec2._request_signer._credentials.get_frozen_credentials()
    with Stubber(access.own("sts", home, partition)) as stub:
        stub.add_client_error("assume_role", "ServiceUnavailable", "why", 503)
        with pytest.raises(Unavailable):
            access.renew(account)
        assert access.client(account, "ec2", home) is ec2

    assert first.token != second.token
    assert ec2._request_signer._credentials.get_frozen_credentials() == second


def test_s1_a_role_without_a_condition_is_found_out(aws, access, partition):
    role = aws.add_role(CUSTOMER, partition=partition, external_id="", policies=[])

    assert access.is_open_to_anyone(Account(CUSTOMER, role, "ext-1")) is True


def test_a_role_that_is_gone_is_no_access(aws, access, partition):
    account = customer(aws, partition)
    aws.remove_role(CUSTOMER, partition=partition)

    with pytest.raises(CustomerProblem) as raised:
        access.client(account, "ec2", access.home_region(partition))
    assert raised.value.problem is Problem.NO_ACCESS
