"""Credentials for one purpose each: what one is good for, the others are not."""

from typing import Any

import pytest
from botocore.stub import Stubber
from moto import mock_aws

from cloudigrade.clouds.aws import policy
from cloudigrade.clouds.aws.config import Section
from cloudigrade.clouds.aws.policy import Purpose
from cloudigrade.clouds.aws.session import Access
from cloudigrade.clouds.cloud import Account
from cloudigrade.clouds.protocol import CustomerProblem
from tests.aws_patches import OWN_ACCOUNT

CUSTOMER = "000000000042"
ACCOUNT = Account(CUSTOMER, f"arn:aws:iam::{CUSTOMER}:role/metering", "ext-1")


@pytest.fixture
def access(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        yield Access(Section(), "prod")


def clients(access):
    return [access.client(ACCOUNT, "ec2", "us-east-1", purpose) for purpose in Purpose]


def test_s9_each_purpose_has_credentials_that_allow_no_more_than_it_needs(access):
    asked: list[dict[str, Any]] = []
    access.own("sts", "us-east-1").meta.events.register(
        "before-call.sts.AssumeRole", lambda params, **_: asked.append(params["body"])
    )

    first, again = clients(access), clients(access)

    assert again == first
    keys = {client._request_signer._credentials.get_frozen_credentials().access_key for client in first}
    assert len(keys) == 3
    assert [body["Policy"] for body in asked] == [
        policy.session_policy("aws", "prod", CUSTOMER),
        policy.session_policy("aws", "prod", CUSTOMER, purpose=Purpose.INSPECTION),
        policy.session_policy("aws", "prod", CUSTOMER, purpose=Purpose.COPYING, principal=OWN_ACCOUNT),
    ]
    assert {body["ExternalId"] for body in asked} == {"ext-1"}


def test_a_role_that_refuses_us_opens_nothing_any_more_for_whatever_purpose(access):
    before = clients(access)
    with Stubber(access.own("sts", "us-east-1")) as stub:
        stub.add_client_error("assume_role", "AccessDenied", "why", 403)
        with pytest.raises(CustomerProblem):
            access.renew(ACCOUNT)

    assert not {id(client) for client in before} & {id(client) for client in clients(access)}
