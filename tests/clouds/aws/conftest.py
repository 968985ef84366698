"""A made-up AWS that enforces trust and policies, customers' accounts in it, and answers put in its mouth.

What moto cannot be brought to answer (throttling, KMS, an organization's member, other people's policies) is put in by
a handler of botocore's `before-call`; its Stubber does the same, but in a fixed order, and some calls are parallel.
"""

from typing import Any
from zlib import crc32

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from moto import mock_aws

from cloudigrade.clouds.aws import policy, queues
from cloudigrade.clouds.aws.config import Section
from cloudigrade.clouds.aws.session import Access
from cloudigrade.clouds.cloud import Account
from tests import aws_patches, aws_server
from tests.aws_patches import OWN_ACCOUNT
from tests.aws_server import HOMES
from tests.clouds.aws.feeding import Feeding


@pytest.fixture(scope="module")
def aws():
    with aws_server.running(tuple(HOMES)) as made, pytest.MonkeyPatch.context() as patch:
        for name, value in made.variables.items():
            patch.setenv(name, value)
        for name in ("AWS_PROFILE", "AWS_DEFAULT_REGION", "AWS_REGION"):
            patch.delenv(name, raising=False)
        patch.setenv("AWS_PARTITIONS", ",".join(HOMES))
        yield made


@pytest.fixture(scope="module")
def access(aws):
    """One for all tests, as in a process; their accounts differ."""
    return Access(Section(), "test")


@pytest.fixture
def customer(aws, request):
    """Makes accounts; each test has numbers of its own, for the made-up AWS is shared."""
    taken = iter(range(100))
    first = crc32(request.node.nodeid.encode()) * 100

    def made(
        *,
        partition: str = "aws",
        external_id: str = "id-1",
        without: tuple[str, ...] = (),
        inspection: policy.Inspection = policy.Inspection.NONE,
    ) -> Account:
        number = f"{first + next(taken):012d}"
        granted = policy.policy(
            partition, "test", account=number, log_accounts=(), inspection=inspection, principal=OWN_ACCOUNT
        )
        for statement in granted["Statement"]:
            statement["Action"] = [action for action in statement["Action"] if action not in without]
        granted["Statement"] = [statement for statement in granted["Statement"] if statement["Action"]]
        arn = aws.add_role(number, partition=partition, external_id=external_id, policies=[granted])
        return Account(number, arn, "id-1")

    return made


@pytest.fixture
def account(customer):
    return customer()


@pytest.fixture
def put(access):
    """Puts an answer in the way of a call: an error of AWS by its code, or one of the connection."""

    def into(account: Account, call: str, failure: str | Exception, message: str = "why", status: int = 400) -> Any:
        service, operation = call.split(":")

        def answer(**_: object) -> tuple[AWSResponse, dict[str, Any]]:
            if isinstance(failure, Exception):
                raise failure
            said = {"Error": {"Code": failure, "Message": message}}
            response = AWSResponse("https://x", status, HTTPHeaders(), None)
            return response, said | {"ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": {}}}

        region = HOMES[access.partition_of(account)]
        events = access.client(account, service, region).meta.events
        events.register_first(f"before-call.*.{operation}", answer, unique_id="put")
        return lambda: events.unregister(f"before-call.*.{operation}", unique_id="put")

    return into


@pytest.fixture
def feeding(monkeypatch):
    """Our bucket and queues in a made-up AWS inside this process; nothing waits, and nothing leaves this machine."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(queues, "WAIT", 0)
    with aws_patches.shared_queues(), mock_aws():
        yield Feeding()
