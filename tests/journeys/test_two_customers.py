"""S1: two customers, each of whom names the other's role, and one who forges what the other's account did."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from cloudigrade.clouds.cloud import NOTICES
from cloudigrade.domain import days
from cloudigrade.domain.problems import Problem
from cloudigrade.models import CloudAccount, Instance, InstanceEvent
from cloudigrade.services import feeds
from cloudigrade.services.connecting import Result
from cloudigrade.simulator.timestamps import HOUR, MINUTE, compact, zulu
from tests import aws_patches, aws_server
from tests.aws_server import Aws
from tests.clouds.aws import records
from tests.journeys.service import Service

pytestmark = [pytest.mark.enable_socket, pytest.mark.django_db]

RED, BLUE = "000000000042", "210987654321"
START = days.opening(date(2026, 3, 3))
REGION = "us-east-1"
OUR_BUCKET = "test-cloudigrade-trails"


@pytest.fixture(scope="module")
def server() -> Iterator[Aws]:
    with aws_server.running() as aws:
        yield aws


@pytest.fixture
def service(server, monkeypatch) -> Service:
    server.begin_anew(["aws"])
    service = Service(server, monkeypatch)
    service.second = START
    return service


class Two:
    """Two customers, each with an account and a role that demands the customer's own external id."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.red, self.blue = service.customer("11"), service.customer("12")
        self.arns = {RED: self._role(self.red, RED), BLUE: self._role(self.blue, BLUE)}

    def _role(self, customer_id: int, native_id: str) -> str:
        word = self.service.external_id(customer_id)
        policy = self.service.cloud.instructions(external_id=word).policy
        return self.service.aws.add_role(native_id, partition="aws", external_id=word, policies=[policy])


@pytest.fixture
def two(service) -> Two:
    return Two(service)


def log_file(account: str, name: str, *told: Any) -> tuple[str, bytes]:
    file = f"{account}_CloudTrail_{REGION}_{compact(START + HOUR)}_{name}.json.gz"
    return f"AWSLogs/{account}/CloudTrail/{REGION}/2026/03/03/{file}", records.packed(*told)


def launch(account: str, instance: str) -> Any:
    return records.run_instances(
        records.launched(instance), eventTime=zulu(START + HOUR), recipientAccountId=account, eventID=f"e-{instance}"
    )


def put(aws: Aws, bucket: str, file: tuple[str, bytes]) -> None:
    aws.client("s3", REGION).put_object(Bucket=bucket, Key=file[0], Body=file[1])


def known() -> list[tuple[str | None, str]]:
    """Every instance with the customer whom it is stored for."""
    return sorted(Instance.objects.values_list("account__customer__org_id", "native_id"), key=str)


def test_s1_neither_ever_sees_the_others_account(two, service):
    """S1: the role lets nobody in who does not say its owner's word."""
    claims = [service.claim(two.red, two.arns[BLUE]), service.claim(two.blue, two.arns[RED])]

    for _ in range(2):
        outcomes = [service.connect(claim) for claim in claims]
        assert [(each.result, each.code) for each in outcomes] == [(Result.PROBLEM, Problem.NO_ACCESS.value)] * 2
        service.second += 2 * HOUR

    assert not CloudAccount.objects.filter(is_verified=True).exists()
    assert {service for account, service, _ in aws_patches.calls if account in (RED, BLUE)} == {"iam"}  # their owners'
    put(service.aws, OUR_BUCKET, log_file(BLUE, "a", launch(BLUE, "i-0b1")))
    service.ingest()
    service.sweep()
    assert known() == []


def test_s1_an_unverified_claim_never_blocks_the_owner(two, service):
    """S1: whoever came first with a name alone has nothing."""
    squatted = service.claim(two.red, two.arns[BLUE])
    service.connect(squatted)

    own = service.claim(two.blue, two.arns[BLUE])
    assert service.connect(own).result is Result.DONE

    assert CloudAccount.objects.get(pk=own).is_enabled
    assert not CloudAccount.objects.get(pk=squatted).is_verified
    put(service.aws, OUR_BUCKET, log_file(BLUE, "a", launch(BLUE, "i-0b1")))
    service.ingest()
    assert known() == [("12", "i-0b1")]

    service.second += 2 * HOUR
    assert service.connect(squatted).code == Problem.NO_ACCESS.value
    assert known() == [("12", "i-0b1")]


def test_s1_a_role_that_lets_anybody_in_is_nobodys(two, service):
    """S1: of a role without a condition nobody can tell whose it is."""
    arn = service.aws.add_role("000000000099", partition="aws", external_id="", policies=[])

    outcome = service.connect(service.claim(two.red, arn))

    assert (outcome.result, outcome.code) == (Result.PROBLEM, Problem.EXTERNAL_ID_NOT_DEMANDED.value)


def connected(two: Two, service: Service) -> None:
    for customer, native_id in ((two.red, RED), (two.blue, BLUE)):
        assert service.connect(service.claim(customer, two.arns[native_id])).result is Result.DONE


def test_s1_a_forged_log_file_changes_nothing_for_the_other(two, service, monkeypatch):
    """S1: in a bucket that one customer can write to, nothing speaks for another; though it is open to the world."""
    monkeypatch.setenv("MOTO_S3_ALLOW_CROSSACCOUNT_ACCESS", "true")
    aws = service.aws
    aws.make_bucket("red-trails", REGION, RED)
    trail = aws.client("cloudtrail", REGION, RED)
    trail.create_trail(Name="own", S3BucketName="red-trails", IsMultiRegionTrail=True)
    trail.put_event_selectors(TrailName="own", EventSelectors=[{"ReadWriteType": "All"}])
    trail.start_logging(Name="own")
    connected(two, service)
    assert CloudAccount.objects.get(native_id=RED).details["bucket"] == "red-trails"
    put(aws, OUR_BUCKET, log_file(BLUE, "a", launch(BLUE, "i-0b1")))
    service.second += 2 * HOUR
    service.ingest()
    assert known() == [("12", "i-0b1")]
    before = everything()

    s3 = aws.client("s3", REGION, RED)
    stop = records.switched("StopInstances", "i-0b1", eventTime=zulu(START + 90 * MINUTE), recipientAccountId=BLUE)
    for file in (
        log_file(BLUE, "forged", stop, launch(BLUE, "i-0f1")),  # the other's folder in one's own bucket
        log_file(
            RED, "forged", stop, launch(BLUE, "i-0f2"), launch(RED, "i-0a1")
        ),  # the other's records in one's own file
    ):
        s3.put_object(Bucket="red-trails", Key=file[0], Body=file[1])
        told = {"bucket": {"name": "red-trails"}, "object": {"key": file[0], "size": len(file[1])}}
        record = {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": told}
        aws.put_on_queue(aws.names.log_queue, {"Records": [record]})
    service.poll()
    service.ingest()

    assert known() == [("11", "i-0a1"), ("12", "i-0b1")]
    assert everything(account=BLUE) == before


def test_s1_a_forged_notice_in_the_queue_of_log_files_changes_nothing(two, service):
    """S1: S3 may be made to write into that queue by others; notices have a queue of their own."""
    connected(two, service)
    put(service.aws, OUR_BUCKET, log_file(BLUE, "a", launch(BLUE, "i-0b1")))
    service.ingest()
    before = everything()

    service.aws.put_on_queue(service.aws.names.log_queue, notice(BLUE, "i-0b1"))
    service.ingest()
    assert everything() == before

    service.aws.put_on_queue(service.aws.names.notice_queue, notice(BLUE, "i-0b1"))
    service.ingest()
    assert len(everything()) == len(before) + 1


def test_s1_a_bucket_called_as_notices_are_is_nobodys(two, service):
    connected(two, service)

    routes = feeds.router(service.cloud)({(NOTICES, BLUE), ("red-trails", BLUE), (OUR_BUCKET, BLUE)})

    assert {place: route.owner for place, route in routes.items()} == {
        (NOTICES, BLUE): two.blue,
        (OUR_BUCKET, BLUE): two.blue,
    }


def notice(account: str, instance: str) -> Any:
    return {
        "version": "0",
        "id": "7bf73129-1428-4cd3-a780-95db273d1602",
        "detail-type": "EC2 Instance State-change Notification",
        "source": "aws.ec2",
        "account": account,
        "time": zulu(START + 90 * MINUTE),
        "region": REGION,
        "resources": [],
        "detail": {"instance-id": instance, "state": "stopping"},
    }


def everything(account: str = "") -> list[Any]:
    """Every event that is stored, of one account or all."""
    found = InstanceEvent.objects.filter(**({"instance__account__native_id": account} if account else {}))
    return sorted(found.values_list("instance__native_id", "source_id", "occurred_at", "kind"))
