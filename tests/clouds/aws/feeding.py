"""Our side of a made-up AWS inside the test process: a bucket and two queues per partition, and ways to fill them."""

import json
from collections.abc import Collection, Mapping
from functools import cache
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.sqs.models import sqs_backends

from cloudigrade.clouds.aws import feeds
from cloudigrade.clouds.aws.config import PARTITIONS, Section
from cloudigrade.clouds.aws.session import Access
from cloudigrade.clouds.cloud import NOTICES as NOTICE
from cloudigrade.clouds.cloud import Delivery, Place, Route
from tests.clouds.aws.messages import BUCKET, s3_message, s3_record
from tests.clouds.aws.records import ACCOUNT, KEY, packed

LOGS, NOTICES = "test-cloudigrade-cloudtrail-s3", "test-cloudigrade-ec2-events"
OWNER = 7
ROUTES = {(BUCKET, ACCOUNT): Route(OWNER), (NOTICE, ACCOUNT): Route(OWNER)}
"""The account is the owner's, and logs to our own bucket."""


class Feeding:
    """What is there, for every partition asked for."""

    def __init__(self, *partitions: str) -> None:
        self.regions = {partition: PARTITIONS[partition] for partition in partitions or ("aws",)}
        self.access = Access(Section.model_validate({"AWS_PARTITIONS": ",".join(self.regions)}), "test")
        for region in self.regions.values():
            self._make(region)

    def _make(self, region: str) -> None:
        s3, sqs = self.s3(region), self.sqs(region)
        place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        s3.create_bucket(Bucket=BUCKET if region == "us-east-1" else f"{BUCKET}-{region}", **place)
        for name in (LOGS, NOTICES):
            dead = sqs.create_queue(QueueName=f"{name}-dlq")["QueueUrl"]
            arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
            redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 5})
            sqs.create_queue(QueueName=name, Attributes={"RedrivePolicy": redrive, "VisibilityTimeout": "300"})

    def s3(self, region: str = "us-east-1") -> Any:
        return _client("s3", region)

    def sqs(self, region: str = "us-east-1") -> Any:
        return _client("sqs", region)

    def put(self, *records: Any, key: str = KEY, bucket: str = BUCKET, content: bytes | None = None) -> str:
        """A log file lies there; its key."""
        self.s3().put_object(Bucket=bucket, Key=key, Body=packed(*records) if content is None else content)
        return key

    def send(self, body: str, *, queue: str = LOGS, region: str = "us-east-1") -> str:
        """A message waits; its id."""
        sqs = self.sqs(region)
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        return str(sqs.send_message(QueueUrl=url, MessageBody=body)["MessageId"])

    def tell(self, *keys: str, bucket: str = BUCKET) -> str:
        """One message tells of these log files; its id."""
        return self.send(s3_message(*(s3_record(key, bucket=bucket) for key in keys)))

    def messages(self, queue: str = LOGS, region: str = "us-east-1") -> list[Any]:
        """Everything in the queue, moto's own objects."""
        return list(sqs_backends[DEFAULT_ACCOUNT_ID][region].queues[queue]._messages)

    def later(self, queue: str = LOGS) -> None:
        """The time is over in which received messages are hidden."""
        for message in self.messages(queue):
            message.visible_at = 0.0


@cache
def _client(service: Any, region: str) -> Any:
    return boto3.client(service, region_name=region)


def router_of(routes: Mapping[Place, Route]) -> Any:
    """A router that knows these routes, and remembers what it was asked in `asked`."""

    def router(places: Collection[Place]) -> Mapping[Place, Route]:
        router.asked.append(set(places))  # type: ignore[attr-defined]  # set below
        return {place: routes[place] for place in places if place in routes}

    router.asked = []  # type: ignore[attr-defined]  # remembered for the test
    return router


def drained(feeding: Feeding, router: Any) -> list[Delivery]:
    """Every delivery, each left without an error."""
    found = []
    for waiting in feeds.deliveries(feeding.access, router):
        with waiting as delivery:
            found.append(delivery)
    return found


def refuse(feeding: Feeding, key: str, code: str, status: int, *, times: int = 1_000) -> list[str]:
    """S3 answers so to the next requests for the object; what was refused."""
    refused: list[str] = []

    def answer(params: Any, **_: Any) -> Any:
        if key not in params["url"] or len(refused) >= times:
            return None
        refused.append(params["url"])
        response = AWSResponse(params["url"], status, HTTPHeaders(), None)
        parsed = {"Error": {"Code": code, "Message": "why"}, "ResponseMetadata": {"HTTPStatusCode": status}}
        return response, parsed

    feeding.access.own("s3", "us-east-1").meta.events.register_first("before-call.s3.GetObject", answer)
    return refused


def counted(feeding: Feeding) -> list[str]:
    """The objects that are asked for from now on."""
    asked: list[str] = []
    feeding.access.own("s3", "us-east-1").meta.events.register(
        "before-parameter-build.s3.GetObject", lambda params, **_: asked.append(params["Key"])
    )
    return asked
