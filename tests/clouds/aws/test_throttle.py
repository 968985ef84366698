"""The token buckets, on a clock that the test turns."""

import threading
from typing import Any

import boto3
import pytest
from moto import mock_aws

from cloudigrade.clouds.aws import throttle
from cloudigrade.clouds.aws.throttle import LIMITS, Limit, Throttle


class Clock:
    """Time goes on only where somebody sleeps or the test says so."""

    def __init__(self):
        self.now = 1000.0
        self.slept = []

    def time(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock():
    return Clock()


def made(clock, **limits):
    named = {name.replace("_", "-"): limit for name, limit in limits.items()}
    return Throttle(named, clock=clock.time, sleep=clock.sleep)


def test_a_burst_is_free_and_what_follows_waits_for_its_token(clock):
    buckets = made(clock, ec2_read=Limit(3, 2))

    for _ in range(5):
        buckets.take("1", "ec2-read")

    assert clock.slept == [0.5, 0.5]


def test_tokens_come_back_with_time_and_never_beyond_the_burst(clock):
    buckets = made(clock, ec2_read=Limit(3, 2))
    for _ in range(3):
        buckets.take("1", "ec2-read")

    clock.now += 1
    for _ in range(2):
        buckets.take("1", "ec2-read")
    assert clock.slept == []

    clock.now += 1000
    for _ in range(4):
        buckets.take("1", "ec2-read")
    assert clock.slept == [0.5]


def test_accounts_and_families_do_not_share(clock):
    buckets = made(clock, ec2_read=Limit(1, 1), s3_read=Limit(1, 1))

    for account in ("1", "2"):
        for family in ("ec2-read", "s3-read", "unknown-read"):
            buckets.take(account, family)

    assert clock.slept == []
    buckets.take("1", "ec2-read")
    assert clock.slept == [1.0]


def test_a_clock_that_goes_back_gives_nothing_twice(clock):
    buckets = made(clock, ec2_read=Limit(2, 1))
    buckets.take("1", "ec2-read")
    clock.now -= 10
    buckets.take("1", "ec2-read")
    clock.now += 10
    buckets.take("1", "ec2-read")

    assert clock.slept == [1.0]


def test_threads_that_ask_at_once_get_their_tokens_one_after_another():
    waits: list[float] = []
    buckets = Throttle({"ec2-read": Limit(4, 2)}, clock=lambda: 0.0, sleep=waits.append)
    start = threading.Barrier(20)

    def take():
        start.wait()
        buckets.take("1", "ec2-read")

    threads = [threading.Thread(target=take) for _ in range(20)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert sorted(waits) == [number / 2 for number in range(1, 17)]


def test_full_buckets_of_many_accounts_are_forgotten(clock):
    buckets = made(clock, ec2_read=Limit(1, 1))
    for number in range(throttle._MANY):
        buckets.take(str(number), "ec2-read")
    assert len(buckets._buckets) == throttle._MANY

    clock.now += 1
    buckets.take("another", "ec2-read")

    assert list(buckets._buckets) == [("another", "ec2-read")]


@pytest.mark.parametrize(
    ("service", "operation", "family"),
    [
        ("ec2", "DescribeInstances", "ec2-read"),
        ("ec2", "CreateTags", "ec2-write"),
        ("cloudtrail", "GetTrailStatus", "cloudtrail-read"),
        ("cloudtrail", "ListPublicKeys", "cloudtrail-read"),
        ("cloudtrail", "CreateTrail", "cloudtrail-write"),
        ("s3", "GetObject", "s3-read"),
        ("s3", "HeadBucket", "s3-read"),
        ("sts", "GetCallerIdentity", "sts-read"),
    ],
)
def test_operations_belong_to_families_that_have_limits(service, operation, family):
    assert throttle.family(service, operation) == family
    assert family in LIMITS


def test_one_onboarding_and_one_sweep_of_twenty_regions_never_wait(clock):
    buckets = Throttle(clock=clock.time, sleep=clock.sleep)

    for operation in ("CreateTrail", "PutEventSelectors", "StartLogging"):
        buckets.take("1", throttle.family("cloudtrail", operation))
    for _ in range(1 + 2 * 20):
        buckets.take("1", throttle.family("ec2", "DescribeInstances"))

    assert clock.slept == []


def test_our_rates_leave_at_least_half_of_what_aws_documents():
    documented = {"ec2-read": 20, "cloudtrail-read": 10, "cloudtrail-write": 1, "s3-read": 5500}

    assert {family: LIMITS[family].rate <= rate / 2 for family, rate in documented.items()} == dict.fromkeys(
        documented, True
    )
    assert LIMITS["ec2-read"].burst <= 100 / 2


@mock_aws
def test_every_request_of_a_watched_client_takes_a_token_and_so_does_each_retry(clock, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    buckets = made(clock, ec2_read=Limit(1, 0.5))
    client: Any = boto3.client("ec2", region_name="us-east-1")
    buckets.watch(client, "123456789012")

    client.describe_regions()
    client.describe_regions()
    assert clock.slept == [2.0]

    retries: Any = iter([0, None])  # seconds until the next attempt; None ends them
    client.meta.events.register_first("needs-retry.ec2", lambda **_: next(retries))
    client.meta.events.unregister("needs-retry.ec2", unique_id="retry-config-ec2")
    client.describe_regions()
    assert clock.slept == [2.0, 2.0, 2.0]
