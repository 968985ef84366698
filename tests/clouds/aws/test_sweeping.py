"""What runs in an account: EC2 asked in all regions, as seldom as it can be, and no region at the cost of another."""

import threading

import pytest
from botocore.stub import Stubber

from cloudigrade.clouds.aws import ec2, sweeping
from cloudigrade.clouds.cloud import Unknown
from cloudigrade.clouds.protocol import CustomerProblem, Unavailable
from cloudigrade.domain.events import Event, Feed, Kind
from tests import aws_patches
from tests.builders import ACCOUNT, LARGE, XLARGE
from tests.clouds.aws.ec2_answers import CUSTOMER, customer, image, instance, reservations
from tests.clouds.aws.records import SECOND

REGIONS = sorted(aws_patches.REGIONS["aws"])


@pytest.fixture
def aws(monkeypatch):
    with customer(monkeypatch) as account:
        yield account


def by_region(aws):
    return {found.region: found for found in sweeping.sweep(aws.access, CUSTOMER)}


def names(descriptions):
    return [each.instance for each in descriptions]


def refused(aws, monkeypatch, region, **error):
    """EC2 in that region answers with this error; moto knows neither SCPs nor throttling, so the Stubber does."""
    client = aws.access.client(CUSTOMER, "ec2", region)
    stubber = Stubber(client)
    stubber.add_client_error("describe_instances", **error)
    stubber.activate()
    original = aws.access.client

    def chosen(account, service, where):
        return client if where == region else original(account, service, where)

    monkeypatch.setattr(aws.access, "client", chosen)


def test_every_enabled_region_is_looked_at_and_says_what_runs_there(aws):
    aws.says("us-east-1", [instance("i-0a1")], [image("ami-0f1")])
    aws.says("eu-west-1", [instance("i-0b2", zone="eu-west-1b", image="ami-0f2")], [image("ami-0f2")])

    found = by_region(aws)

    assert sorted(found) == REGIONS
    assert {name: names(each.instances) for name, each in found.items() if each.instances} == {
        "us-east-1": ["i-0a1"],
        "eu-west-1": ["i-0b2"],
    }
    assert [(each.region, each.image) for each in found["eu-west-1"].images.described_images] == [
        ("eu-west-1", "ami-0f2")
    ]
    assert {each.problem for each in found.values()} == {""}


def test_c52_times_are_those_that_the_cloud_gives(aws):
    """C52: a sweep that comes late tells when the instance went on and off, not when it looked."""
    off = {"State": {"Name": "stopped"}, "StateTransitionReason": "User initiated (2026-01-02 04:04:05 GMT)"}
    aws.says("us-east-1", [instance("i-0a1") | off], [image("ami-0f1")])

    (described,) = by_region(aws)["us-east-1"].instances

    assert described.billing_code == "RunInstances:00g0"
    assert described.events == (
        Event(
            "describe:i-0a1:2026-01-02T03:04:05Z",
            SECOND,
            Kind.POWER_ON,
            Feed.DESCRIPTION,
            billing_code="RunInstances:00g0",
        ),
        Event("describe:i-0a1:2026-01-02T04:04:05Z", SECOND + 3600, Kind.POWER_OFF, Feed.DESCRIPTION),
    )


def test_p9_a_sweep_makes_no_call_that_it_could_do_without(aws):
    """P9: one role is assumed once, and each region asked once for instances and once for the images of all."""
    aws.says("us-east-1", [instance(f"i-0a{n}", image=f"ami-0f{n % 3}") for n in range(9)], [image("ami-0f1")])

    by_region(aws)

    assert aws_patches.calls["123456789012", "sts", "AssumeRole"] == 1
    assert aws.calls("DescribeRegions") == 1
    assert aws.calls("DescribeInstances") == len(REGIONS)
    assert aws.calls("DescribeImages") == 1


def test_p9_regions_are_looked_at_side_by_side(aws, monkeypatch):
    """P9: one slow region after the other made a sweep take as long as all of them together."""
    waiting = threading.Barrier(len(REGIONS), timeout=20)
    original = ec2.read_instances

    def together(client, names=None):
        waiting.wait()
        return original(client, names)

    monkeypatch.setattr(ec2, "read_instances", together)

    assert sorted(by_region(aws)) == REGIONS


@pytest.mark.parametrize(
    "error",
    [
        {"service_error_code": "UnauthorizedOperation", "http_status_code": 403},
        {"service_error_code": "AuthFailure", "http_status_code": 401},
        {"service_error_code": "OptInRequired", "http_status_code": 401},
        {"service_error_code": "InternalError", "http_status_code": 500},
        {"service_error_code": "RequestLimitExceeded", "http_status_code": 503},
    ],
)
def test_c21_a_region_that_is_denied_not_enabled_or_throttled_costs_no_other(aws, monkeypatch, error):
    for region, zone in (("eu-west-1", "eu-west-1a"), ("us-west-2", "us-west-2a")):
        aws.says(region, [instance("i-0a1", zone=zone)], [image("ami-0f1")])
    refused(aws, monkeypatch, "eu-west-1", **error)

    found = by_region(aws)

    assert f"account {ACCOUNT} in eu-west-1" in found["eu-west-1"].problem
    assert error["service_error_code"] in found["eu-west-1"].problem
    assert (found["eu-west-1"].instances, found["eu-west-1"].images.described_images) == ([], [])
    assert names(found["us-west-2"].instances) == ["i-0a1"]
    assert found["us-west-2"].problem == ""


def test_an_account_that_does_not_let_us_in_is_a_problem_of_the_customer(aws):
    with pytest.raises(CustomerProblem, match="AWS answers AccessDenied"):
        list(sweeping.sweep(aws.access, CUSTOMER._replace(credentials=f"arn:aws:iam::{ACCOUNT}:role/other")))


def test_images_that_are_not_told_cost_no_instances(aws, monkeypatch, caplog):
    aws.says("us-east-1", [instance("i-0a1")], [image("ami-0f1")])

    def unavailable(client, names):
        raise Unavailable("too many requests")

    monkeypatch.setattr(ec2, "read_images", unavailable)
    found = by_region(aws)["us-east-1"]

    assert (names(found.instances), found.images.described_images, found.problem) == (["i-0a1"], [], "")
    assert "images are not described: too many requests" in caplog.text


def test_an_odd_instance_costs_itself(aws, monkeypatch):
    odd = instance("i-0a2") | {"InstanceType": ""}
    answer = reservations([instance("i-0a1"), odd, instance("i-0a3")])
    client = aws.access.client(CUSTOMER, "ec2", "us-east-1")
    # moto refuses to answer with what is odd
    monkeypatch.setattr(client, "get_paginator", lambda _: _Paginator(answer))

    found = by_region(aws)["us-east-1"]

    assert names(found.instances) == ["i-0a1", "i-0a3"]
    (rejected,) = found.images.rejected
    assert rejected[:3] == (
        "us-east-1/DescribeInstances",
        "has an instance without a valid InstanceType",
        ACCOUNT,
    )
    assert b'"LaunchTime":"2026-01-02T03:04:05+00:00"' in rejected.content


class _Paginator:
    def __init__(self, answer):
        self.answer = answer

    def paginate(self, **_):
        return [self.answer | {"Images": []}]


def test_c7_what_vanished_is_left_out_of_a_description(aws):
    """C7: a list of ids fails as a whole when one of them is gone; a filter does not."""
    aws.says("us-east-1", [instance("i-0a1"), instance("i-0a2", image="ami-0f2")], [image("ami-0f1"), image("ami-0f3")])
    aws.says("eu-west-1", [instance("i-0b1", zone="eu-west-1a")], [])

    batch = sweeping.describe(
        aws.access,
        CUSTOMER,
        {
            "us-east-1": Unknown(instances=["i-0a1", "i-0gone"], images=["ami-0f3", "ami-0gone"]),
            "eu-west-1": Unknown(images=["ami-0gone"]),
        },
    )

    assert names(batch.described_instances) == ["i-0a1"]
    assert [(each.region, each.image) for each in batch.described_images] == [
        ("us-east-1", "ami-0f1"),  # of the instance
        ("us-east-1", "ami-0f3"),
    ]
    assert batch.accounts == {ACCOUNT}


def test_nothing_unknown_asks_for_nothing(aws):
    assert sweeping.describe(aws.access, CUSTOMER, {}).described_instances == []
    assert aws.calls("DescribeInstances") == 0


def test_a_description_that_is_not_available_says_so(aws, monkeypatch):
    refused(aws, monkeypatch, "us-east-1", service_error_code="RequestLimitExceeded", http_status_code=503)

    with pytest.raises(Unavailable, match="RequestLimitExceeded"):
        sweeping.describe(aws.access, CUSTOMER, {"us-east-1": Unknown(instances=["i-0a1"])})


def test_c13_sizes_are_those_of_every_region_of_our_own_account(aws, monkeypatch, caplog):
    """C13: sizes are read from the cloud, and read again; a region that does not answer costs no other."""
    sizes = {"us-east-1": [LARGE], "us-west-2": [LARGE, XLARGE]}

    def read(client):
        if client.meta.region_name == "eu-west-1":
            raise Unavailable("not just now")
        yield from sizes.get(client.meta.region_name, [])

    monkeypatch.setattr(ec2, "read_definitions", read)  # moto takes seconds for all of them

    assert list(sweeping.definitions(aws.access)) == [LARGE, XLARGE]
    assert "sizes of instance types are not read: not just now" in caplog.text


def test_no_sizes_at_all_are_a_failure_and_not_an_empty_answer(aws, monkeypatch):
    def unavailable(client):
        raise Unavailable("not just now")

    monkeypatch.setattr(ec2, "read_regions", unavailable)

    with pytest.raises(Unavailable, match=r"^no region tells the sizes of instance types$"):
        sweeping.definitions(aws.access)
