"""Access: whose credentials, how long, how often, and whose fault it is where there are none.

moto's AssumeRole, in process, accepts every request: refusals come from botocore's Stubber, and what matters of a
request is asserted on the request itself.
"""

import json
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore import exceptions
from botocore.stub import Stubber
from moto import mock_aws

from cloudigrade.clouds.aws import policy, session
from cloudigrade.clouds.aws.config import Section
from cloudigrade.clouds.aws.session import Access
from cloudigrade.clouds.aws.throttle import Limit, Throttle
from cloudigrade.clouds.cloud import Account
from cloudigrade.clouds.protocol import CustomerProblem, Unavailable
from cloudigrade.domain.problems import Problem

CUSTOMER = "000000000042"
ARN = f"arn:aws:iam::{CUSTOMER}:role/some/path/metering"
EXTERNAL_ID = "ext-1"
ACCOUNT = Account(CUSTOMER, ARN, EXTERNAL_ID)


@pytest.fixture(autouse=True)
def identity(monkeypatch, tmp_path):
    """Made-up credentials, for none must ever leave this machine."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    return tmp_path


@pytest.fixture
def aws():
    with mock_aws():
        yield


class Calls:
    """What was asked of STS, in requests as they leave."""

    def __init__(self, access, partition="aws"):
        self.bodies = []
        client = access.own("sts", access.home_region(partition), partition)
        client.meta.events.register("before-call.sts.AssumeRole", self._note)
        self._client = client

    def _note(self, params, **_):
        self.bodies.append(params["body"])


def made(**settings) -> Access:
    return Access(Section.model_validate({"AWS_PARTITIONS": "aws,aws-cn,aws-us-gov", **settings}), "prod")


def refused(access: Access, code: str, status: int = 400, *, times: int = 1) -> Stubber:
    stub = Stubber(access.own("sts", "us-east-1"))
    for _ in range(times):
        stub.add_client_error("assume_role", code, "why", status)
    return stub


# Who we are


def test_names_follow_the_environment_unless_set():
    plain = made()
    named = made(
        AWS_TRAILS_BUCKET="a-bucket",
        AWS_CLOUDTRAIL_QUEUE="logs",
        AWS_EC2_EVENTS_QUEUE="notices",
        SQS_DEFAULT_REGION="eu-west-1",
    )

    assert (plain.bucket, plain.log_queue, plain.notice_queue) == (
        "prod-cloudigrade-trails",
        "prod-cloudigrade-cloudtrail-s3",
        "prod-cloudigrade-ec2-events",
    )
    assert (named.bucket, named.log_queue, named.notice_queue) == ("a-bucket", "logs", "notices")
    assert [plain.home_region(each) for each in ("aws", "aws-cn", "aws-us-gov")] == [
        "us-east-1",
        "cn-north-1",
        "us-gov-west-1",
    ]
    assert [named.home_region(each) for each in ("aws", "aws-cn")] == ["eu-west-1", "cn-north-1"]


def test_an_account_lies_in_the_partition_of_its_role():
    assert made().partition_of(Account("1", "arn:aws-cn:iam::000000000042:role/x", "e")) == "aws-cn"


def test_our_own_account_is_asked_for_once(aws):
    access = made()
    calls = []
    access.own("sts", "us-east-1").meta.events.register("before-call.sts", lambda **_: calls.append(1))

    assert {access.account_id("aws") for _ in range(3)} == {"123456789012"}
    assert len(calls) == 1


def test_each_partition_has_an_identity_of_its_own(identity, monkeypatch):
    (identity / "credentials").write_text(
        "[china]\naws_access_key_id = CN\naws_secret_access_key = x\n"
        "[gov]\naws_access_key_id = GOV\naws_secret_access_key = x\n"
    )
    access = made(AWS_CN_PROFILE="china", AWS_US_GOV_PROFILE="gov")

    clients: list[Any] = [access.own("sqs", access.home_region(each), each) for each in ("aws", "aws-cn", "aws-us-gov")]

    assert [each._request_signer._credentials.access_key for each in clients] == ["testing", "CN", "GOV"]


def test_an_endpoint_is_the_sdks_own_business(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:5000")

    assert made().own("sqs", "us-east-1").meta.endpoint_url == "http://127.0.0.1:5000"


@pytest.mark.parametrize(
    ("partition", "endpoint"),
    [
        ("aws", "https://sts.us-east-1.amazonaws.com"),
        ("aws-cn", "https://sts.cn-north-1.amazonaws.com.cn"),
        ("aws-us-gov", "https://sts.us-gov-west-1.amazonaws.com"),
    ],
)
def test_c21_tokens_come_from_a_regional_endpoint_whatever_the_machine_says(partition, endpoint, monkeypatch):
    """C21: those of the global endpoint are not valid in regions that one opts in to."""
    monkeypatch.setenv("AWS_STS_REGIONAL_ENDPOINTS", "legacy")
    access = made()

    assert access.own("sts", access.home_region(partition), partition).meta.endpoint_url == endpoint


# In a customer's account


def test_s1_the_external_id_is_always_sent_and_so_are_the_limits_of_what_the_credentials_are_good_for(aws):
    access = made()
    calls = Calls(access)

    identity = access.client(ACCOUNT, "sts", "us-east-1").get_caller_identity()

    (body,) = calls.bodies
    assert {name: value for name, value in body.items() if name not in {"Action", "Version", "Policy"}} == {
        "RoleArn": ARN,
        "RoleSessionName": f"cloudigrade-{CUSTOMER}",
        "ExternalId": EXTERNAL_ID,
        "DurationSeconds": 3600,
    }
    assert json.loads(body["Policy"]) == policy.policy("aws", "prod", account=CUSTOMER, log_accounts=())
    assert identity["Account"] == CUSTOMER
    assert identity["Arn"].endswith(f"/cloudigrade-{CUSTOMER}")


def test_s1_without_an_external_id_nothing_is_even_asked(aws):
    access = made()
    calls = Calls(access)

    with pytest.raises(ValueError, match=f"account {CUSTOMER} is never opened without an external id"):
        access.client(ACCOUNT._replace(external_id=""), "ec2", "us-east-1")

    assert calls.bodies == []


def test_s1_the_role_of_one_account_never_opens_under_the_name_of_another(aws):
    access = made()
    calls = Calls(access)

    with pytest.raises(ValueError, match="belongs to account 000000000042"):
        access.client(ACCOUNT._replace(native_id="000000000043"), "ec2", "us-east-1")

    assert calls.bodies == []


def test_s1_another_external_id_never_profits_from_credentials_that_are_there(aws):
    access = made()
    calls = Calls(access)

    first = access.client(ACCOUNT, "ec2", "us-east-1")
    second = access.client(ACCOUNT._replace(external_id="ext-2"), "ec2", "us-east-1")

    assert first is not second
    assert [each["ExternalId"] for each in calls.bodies] == ["ext-1", "ext-2"]


def test_p9_credentials_and_clients_are_made_once_for_all_services_and_regions(aws):
    access = made()
    calls = Calls(access)

    clients = [
        access.client(ACCOUNT, service, region)
        for _ in range(3)
        for service in ("ec2", "cloudtrail")
        for region in ("us-east-1", "eu-west-1")
    ]

    assert len(calls.bodies) == 1
    assert Counter(map(id, clients)).most_common() == [(id(each), 3) for each in clients[:4]]


def test_p9_twenty_threads_that_ask_at_once_assume_the_role_once(aws):
    access = made()
    calls = Calls(access)
    start = threading.Barrier(20)
    found = []

    def ask():
        start.wait()
        found.append(access.client(ACCOUNT, "ec2", "us-east-1"))

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert len(calls.bodies) == 1
    assert len(found) == 20
    assert {id(each) for each in found} == {id(found[0])}


def test_credentials_are_fetched_anew_five_minutes_before_they_expire_under_clients_that_stay():
    now = [1000.0]
    access = Access(Section(), "prod", clock=lambda: now[0])
    with Stubber(access.own("sts", "us-east-1")) as stub:
        for key in ("A" * 16, "B" * 16):
            stub.add_response("assume_role", _credentials(key))

        client: Any = access.client(ACCOUNT, "ec2", "us-east-1")
        keys = []
        for seconds in (0, 3299, 1, 3299):
            now[0] += seconds
            keys.append(client._request_signer._credentials.get_frozen_credentials().access_key)

        assert keys == ["A" * 16, "A" * 16, "B" * 16, "B" * 16]
        assert access.client(ACCOUNT, "ec2", "us-east-1") is client
        stub.assert_no_pending_responses()


def _credentials(key: str) -> dict[str, Any]:
    expires = datetime(2030, 1, 1, tzinfo=UTC) + timedelta(hours=1)
    return {"Credentials": {"AccessKeyId": key, "SecretAccessKey": "s" * 8, "SessionToken": "t", "Expiration": expires}}


def test_p9_the_oldest_clients_give_way_so_that_memory_is_bounded(aws, monkeypatch):
    monkeypatch.setattr(session, "_CLIENTS", 2)
    access = made()
    first = access.own("sqs", "us-east-1")
    second = access.own("sqs", "us-east-2")

    assert access.own("sqs", "us-east-1") is first
    access.own("sqs", "us-west-2")

    assert access.own("sqs", "us-east-1") is first
    assert access.own("sqs", "us-east-2") is not second


def test_requests_in_customers_accounts_are_throttled_and_our_own_are_not(aws):
    waits: list[float] = []
    throttle = Throttle({"ec2-read": Limit(1, 1)}, clock=lambda: 0.0, sleep=waits.append)
    access = Access(Section(), "prod", throttle=throttle)

    for region in ("us-east-1", "eu-west-1"):
        access.client(ACCOUNT, "ec2", region).describe_regions()
        access.own("ec2", region).describe_regions()

    assert waits == [1.0]


def test_waiting_is_bounded_and_retries_adapt():
    config: Any = made().own("sqs", "us-east-1").meta.config

    assert (config.connect_timeout, config.read_timeout, config.max_pool_connections) == (5, 30, session.CONNECTIONS)
    assert config.retries == {"mode": "adaptive", "total_max_attempts": 5}


# Whose fault it is


@pytest.mark.parametrize("code", ["AccessDenied", "AccessDeniedException"])
def test_a_role_that_does_not_let_us_in_is_the_customers_to_mend(code):
    access = made()
    with refused(access, code, 403), pytest.raises(CustomerProblem) as raised:
        access.client(ACCOUNT, "ec2", "us-east-1")

    assert raised.value.problem is Problem.NO_ACCESS
    assert str(raised.value) == f"AWS answers {code} for {ACCOUNT.credentials}"
    assert EXTERNAL_ID not in str(raised.value)


@pytest.mark.parametrize(
    "code",
    [
        "ExpiredToken",
        "InvalidClientTokenId",
        "SignatureDoesNotMatch",
        "InvalidAccessKeyId",
        "UnrecognizedClientException",
    ],
)
def test_c19_our_own_bad_credentials_are_never_the_customers_fault(code):
    access = made()
    with refused(access, code, 403), pytest.raises(Unavailable, match=code):
        access.client(ACCOUNT, "ec2", "us-east-1")


@pytest.mark.parametrize(
    ("code", "status"), [("Throttling", 400), ("ServiceUnavailable", 503), ("InternalFailure", 500)]
)
def test_c19_throttling_and_outages_of_sts_are_never_the_customers_fault(code, status):
    access = made()
    with refused(access, code, status), pytest.raises(Unavailable, match=code):
        access.client(ACCOUNT, "ec2", "us-east-1")


def test_c19_without_an_identity_of_ours_nothing_is_the_customers_fault(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)

    with pytest.raises(Unavailable, match=r"Unable to locate credentials"):
        made().client(ACCOUNT, "ec2", "us-east-1")
    with pytest.raises(Unavailable, match=r"^our own identity in aws: Unable to locate credentials"):
        made().account_id("aws")
    with pytest.raises(Unavailable, match=r"^our own identity in aws-cn: .*china"):
        made(AWS_CN_PROFILE="china").own("sqs", "cn-north-1", "aws-cn")


def test_a_request_that_sts_finds_wrong_is_our_bug():
    access = made()
    with refused(access, "PackedPolicyTooLarge"), pytest.raises(exceptions.ClientError, match="PackedPolicyTooLarge"):
        access.client(ACCOUNT, "ec2", "us-east-1")


def test_what_was_refused_is_asked_again(aws):
    access = made()
    with refused(access, "AccessDenied", 403), pytest.raises(CustomerProblem):
        access.client(ACCOUNT, "ec2", "us-east-1")

    assert access.client(ACCOUNT, "sts", "us-east-1").get_caller_identity()["Account"] == CUSTOMER


def test_nothing_secret_is_logged(aws, caplog):
    caplog.set_level("WARNING")
    access = made()
    with refused(access, "AccessDenied", 403), pytest.raises(CustomerProblem):
        access.client(ACCOUNT, "ec2", "us-east-1")
    access.client(ACCOUNT, "ec2", "us-east-1").describe_regions()

    assert caplog.text == ""


# Whether the role needs the external id


def test_s1_a_role_that_opens_without_the_external_id_is_found_out_with_credentials_that_are_good_for_nothing(aws):
    access = made()
    calls = Calls(access)

    assert access.is_open_to_anyone(ACCOUNT) is True

    (body,) = calls.bodies
    assert "ExternalId" not in body
    assert (body["RoleArn"], body["DurationSeconds"]) == (ARN, 900)
    assert json.loads(body["Policy"])["Statement"] == [{"Effect": "Deny", "Action": "*", "Resource": "*"}]


def test_s1_a_role_that_demands_its_external_id_is_closed_to_none_and_to_a_new_one_each_time():
    access = made()
    calls = []
    access.own("sts", "us-east-1").meta.events.register(
        "provide-client-params.sts.AssumeRole", lambda params, **_: calls.append(params.get("ExternalId"))
    )
    with refused(access, "AccessDenied", 403, times=4):
        assert access.is_open_to_anyone(ACCOUNT) is False
        assert access.is_open_to_anyone(ACCOUNT) is False

    assert calls[::2] == [None, None]
    assert len({*calls[1::2], EXTERNAL_ID, None}) == 4


def test_c19_whether_a_role_is_open_is_not_guessed():
    access = made()
    with refused(access, "Throttling"), pytest.raises(Unavailable):
        access.is_open_to_anyone(ACCOUNT)
