"""Errors of AWS's SDK: which of our kinds each leaves as."""

from typing import Any

import pytest
from botocore import exceptions

from cloudigrade.clouds.aws import failures, session
from cloudigrade.clouds.aws.config import Section
from cloudigrade.clouds.protocol import CustomerProblem, NotSetUp, Unavailable, Unreadable
from cloudigrade.domain.problems import Problem


def answer(code: str, operation: str = "DescribeInstances", status: int = 400) -> exceptions.ClientError:
    response: Any = {"Error": {"Code": code, "Message": "why"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return exceptions.ClientError(response, operation)


@pytest.mark.parametrize(
    "error",
    [
        *(
            answer(code)
            for code in (
                "Throttling",
                "ThrottlingException",
                "ThrottledException",
                "RequestLimitExceeded",
                "RequestThrottled",
                "RequestThrottledException",
                "TooManyRequestsException",
                "EC2ThrottledException",
                "SlowDown",
                "BandwidthLimitExceeded",
                "PriorRequestNotComplete",
                "ProvisionedThroughputExceededException",
                "InternalError",
                "InternalFailure",
                "ServiceUnavailable",
                "Unavailable",
                "RequestTimeout",
                "KMS.ThrottlingException",
            )
        ),
        answer("Anything", status=500),
        answer("AccessDenied", status=503),
        answer("Anything", status=429),
        exceptions.EndpointConnectionError(endpoint_url="https://x"),
        exceptions.ConnectTimeoutError(endpoint_url="https://x"),
        exceptions.ReadTimeoutError(endpoint_url="https://x"),
        exceptions.SSLError(endpoint_url="https://x", error=OSError("e")),
        exceptions.ConnectionClosedError(endpoint_url="https://x"),
        exceptions.ResponseStreamingError(error="e"),
        exceptions.IncompleteReadError(actual_bytes=1, expected_bytes=2),
    ],
    ids=str,
)
def test_c19_throttling_outages_and_lost_connections_mean_try_again(error):
    with pytest.raises(Unavailable, match=r"^ec2: [^\n]+$"), session.translated("ec2"):
        raise error


@pytest.mark.parametrize(
    "code",
    [
        "AccessDenied",
        "AccessDeniedException",
        "UnauthorizedOperation",
        "AuthFailure",
        "OptInRequired",
        "UnrecognizedClientException",
        "InvalidClientTokenId",
        "SubscriptionRequiredException",
        "KMS.DisabledException",
        "403",
    ],
)
def test_c21_refused_access_means_what_the_caller_says(code):
    class RegionClosed(Exception):
        pass

    with pytest.raises(CustomerProblem, match=f"^ec2: .*{code}") as raised, session.translated("ec2"):
        raise answer(code, status=403)
    with pytest.raises(RegionClosed, match=f"^ec2: .*{code}"), session.translated("ec2", denied=RegionClosed):
        raise answer(code, status=403)

    assert raised.value.problem is Problem.POLICY_TOO_NARROW


@pytest.mark.parametrize("code", ["NoSuchKey", "NoSuchBucket", "InvalidBucketName", "PermanentRedirect", "404"])
def test_what_is_not_there_cannot_be_read(code):
    with pytest.raises(Unreadable, match=f"^s3://b: .*{code}"), session.translated("s3://b"):
        raise answer(code, status=404)


@pytest.mark.parametrize(
    "code", ["InvalidParameterValue", "MissingParameter", "ValidationError", "MalformedPolicyDocument", ""]
)
def test_what_aws_finds_wrong_with_a_request_is_our_bug_and_stays_as_it_is(code):
    error = answer(code)
    with pytest.raises(exceptions.ClientError) as raised, session.translated("ec2"):
        raise error

    assert raised.value is error


@pytest.mark.parametrize(
    "error",
    [answer("ExpiredToken"), answer("SignatureDoesNotMatch"), answer("AccessDenied"), exceptions.NoCredentialsError()],
    ids=str,
)
def test_what_is_our_own_is_our_operators_trouble(error):
    with pytest.raises(Unavailable, match=r"^our queue: "), session.translated("our queue", denied=Unavailable):
        raise error


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (exceptions.NoCredentialsError(), "our own credentials are missing"),
        (exceptions.PartialCredentialsError(provider="env", cred_var="k"), "our own credentials are missing"),
        (answer("ExpiredToken"), "our own credentials are not valid"),
        (answer("SignatureDoesNotMatch", status=403), "our own credentials are not valid"),
        (answer("InvalidClientTokenId", status=403), "our own credentials are not valid"),
    ],
    ids=str,
)
def test_missing_or_bad_credentials_of_our_own_are_said_with_what_to_set(error, advice):
    with pytest.raises(NotSetUp) as raised, session.translated("our queue", denied=Unavailable):
        raise error

    expected = f"our queue: {error}; {advice}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
    assert str(raised.value) == expected


def test_a_profile_that_is_not_there_is_our_operators_to_mend_and_no_outage():
    with pytest.raises(NotSetUp) as raised, session.translated("us", denied=Unavailable):
        raise exceptions.ProfileNotFound(profile="x")

    assert str(raised.value) == "us: The config profile (x) could not be found"


@pytest.mark.parametrize("error", [answer("AccessDenied", status=403), answer("SlowDown", status=503)], ids=str)
def test_what_may_pass_or_needs_a_policy_is_no_lack_of_credentials(error):
    with pytest.raises(Unavailable) as raised, session.translated("our queue", denied=Unavailable):
        raise error

    assert type(raised.value) is Unavailable


def test_an_endpoint_that_is_none_is_our_operators_to_mend(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    section = Section()
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", "nonsense")  # as a profile of the SDK's would say it, unseen by us

    with pytest.raises(NotSetUp, match=r"^the AWS SDK's configuration: Invalid endpoint: nonsense$"):
        session.Access(section, "test").own("sqs", "us-east-1")


def test_our_own_failures_pass_as_they_are():
    for failure in (CustomerProblem("x", Problem.NO_ACCESS), Unavailable("x"), Unreadable("x")):
        with pytest.raises(type(failure)) as raised, session.translated("ec2"):
            raise failure
        assert raised.value is failure


def test_there_is_one_place_for_it():
    assert session.translated is failures.translated
    assert session.code is failures.code
    assert failures.code(answer("SlowDown")) == "SlowDown"
