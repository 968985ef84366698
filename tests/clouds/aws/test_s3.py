"""Trails in S3: listing, fetching ahead, and the SDK's errors as ours."""

from typing import Any

import boto3
import pytest
from botocore import exceptions
from botocore.stub import Stubber
from moto import mock_aws

from cloudigrade.clouds.aws import reading, session, trail
from cloudigrade.clouds.aws.trail import Skipped, Source
from cloudigrade.clouds.protocol import CustomerProblem, Rejected, Unavailable, Unreadable
from tests.clouds.aws.records import ACCOUNT, KEY, REGION, launched, packed, run_instances

BUCKET = "trail-bucket"


@pytest.fixture(autouse=True)
def credentials(monkeypatch):
    """Made-up credentials, for none must ever leave this machine."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.delenv("AWS_PROFILE", raising=False)


@pytest.fixture
def s3():
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket=BUCKET)
        yield client


def answer(code: str, status: int = 400) -> exceptions.ClientError:
    response: Any = {"Error": {"Code": code, "Message": "why"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return exceptions.ClientError(response, "GetObject")


def test_every_page_of_a_prefix_is_read_in_order(s3, monkeypatch):
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "7")
    names = [KEY.replace("Ab12", f"A{number:03}") for number in range(40)]
    for number, name in enumerate(names):
        s3.put_object(Bucket=BUCKET, Key=f"some/prefix/{name}", Body=packed(run_instances(launched(f"i-{number}"))))
    s3.put_object(Bucket=BUCKET, Key=f"some/prefix/AWSLogs/{ACCOUNT}/CloudTrail-Digest/x.json.gz", Body=b"x")
    s3.put_object(Bucket=BUCKET, Key="some/prefix/", Body=b"")
    s3.put_object(Bucket=BUCKET, Key=f"elsewhere/{KEY}", Body=b"x")

    (batch,) = reading.read_trail(trail.sources(f"s3://{BUCKET}/some/prefix"))

    assert batch.read_sources == names
    assert [each.instance for each in batch.instances] == [f"i-{number}" for number in range(40)]
    assert batch.files_skipped == 1
    assert batch.rejected == []
    assert list(batch.newest) == [(ACCOUNT, REGION)]


def test_sources_say_whose_they_are_and_a_named_object_is_read_whatever_its_name(s3):
    for key in (KEY, "x_CloudTrail-Digest_y", "x y/ü+%2F.json"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=packed())

    found = list(trail.sources(f"s3://{BUCKET}"))
    (named,) = trail.sources(f"s3://{BUCKET}/x_CloudTrail-Digest_y")

    assert [each[:4] for each in found if isinstance(each, Source)] == [
        (KEY, ACCOUNT, REGION, len(packed())),
        (f"s3://{BUCKET}/x y/ü+%2F.json", "", "", len(packed())),
    ]
    assert [each for each in found if isinstance(each, Skipped)] == [
        Skipped(f"s3://{BUCKET}/x_CloudTrail-Digest_y", "is a digest or insight file")
    ]
    assert isinstance(named, Source)
    assert trail.read(named) == packed()


def test_an_empty_prefix_gives_nothing(s3):
    assert list(reading.read_trail(trail.sources(f"s3://{BUCKET}/nothing"))) == []


def test_a_missing_bucket_is_unreadable_at_once(s3):
    with pytest.raises(Unreadable, match=r"^s3://missing-bucket/x: .*NoSuchBucket.*does not exist"):
        trail.sources("s3://missing-bucket/x")


@pytest.mark.parametrize("location", ["s3://", "s3:///key", "s3://no such bucket/x"])
def test_a_malformed_location_is_unreadable_at_once(s3, location):
    with pytest.raises(Unreadable, match=r"^s3://"):
        trail.sources(location)


def test_an_object_that_is_gone_costs_that_object(s3):
    for key in (KEY, KEY.replace("Ab12", "Aa00")):
        s3.put_object(Bucket=BUCKET, Key=key, Body=packed(run_instances()))
    found = list(trail.sources(f"s3://{BUCKET}"))
    s3.delete_object(Bucket=BUCKET, Key=KEY.replace("Ab12", "Aa00"))

    (batch,) = reading.read_trail(found)

    assert batch.read_sources == [KEY]
    assert [(each.source, each.account) for each in batch.rejected] == [(KEY.replace("Ab12", "Aa00"), ACCOUNT)]
    assert "NoSuchKey" in batch.rejected[0].reason


@mock_aws
def test_a_refused_listing_is_the_customers_problem(monkeypatch):
    client = session.s3()
    monkeypatch.setattr(session, "s3", lambda: client)
    with Stubber(client) as stub:
        stub.add_client_error("list_objects_v2", "AccessDenied", "Access Denied", 403)

        with pytest.raises(CustomerProblem, match=f"^s3://{BUCKET}/x: .*AccessDenied"):
            trail.sources(f"s3://{BUCKET}/x")


@pytest.mark.parametrize(
    ("code", "status", "expected"), [("AccessDenied", 403, Rejected), ("InvalidObjectState", 403, Rejected)]
)
def test_a_refused_object_costs_that_object(s3, code, status, expected):
    client = session.s3()
    source = Source(KEY, ACCOUNT, REGION, 1, KEY, BUCKET, client)
    with Stubber(client) as stub:
        stub.add_client_error("get_object", code, "why", status)

        (found,) = trail.contents([source])

    assert isinstance(found, expected)


@pytest.mark.parametrize(
    ("code", "status", "expected"), [("SlowDown", 503, Unavailable), ("ExpiredToken", 400, CustomerProblem)]
)
def test_what_concerns_every_object_ends_the_reading(s3, code, status, expected):
    client = session.s3()
    source = Source(KEY, ACCOUNT, REGION, 1, KEY, BUCKET, client)
    with Stubber(client) as stub:
        stub.add_client_error("get_object", code, "why", status)

        with pytest.raises(expected, match=code):
            list(trail.contents([source]))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (answer("NoSuchBucket", 404), Unreadable),
        (answer("AccessDenied", 403), CustomerProblem),
        (answer("InvalidAccessKeyId", 403), CustomerProblem),
        (answer("SignatureDoesNotMatch", 403), CustomerProblem),
        (answer("SlowDown", 503), Unavailable),
        (answer("InternalError", 500), Unavailable),
        (answer("TooManyRequests", 429), Unavailable),
        (exceptions.NoCredentialsError(), CustomerProblem),
        (exceptions.ProfileNotFound(profile="x"), CustomerProblem),
        (exceptions.EndpointConnectionError(endpoint_url="https://x"), Unavailable),
        (exceptions.ReadTimeoutError(endpoint_url="https://x"), Unavailable),
        (exceptions.IncompleteReadError(actual_bytes=1, expected_bytes=2), Unavailable),
        (exceptions.ParamValidationError(report="x"), Unreadable),
    ],
)
def test_errors_of_the_sdk_leave_as_ours_on_one_line(error, expected):
    with pytest.raises(expected, match=r"^s3://b: [^\n]+$"), session.translated("s3://b"):
        raise error


def test_other_errors_are_our_bugs_and_stay_as_they_are():
    with pytest.raises(KeyError), session.translated("s3://b"):
        raise KeyError("x")


def test_leaving_early_ends_the_fetching_ahead(s3):
    for number in range(40):
        s3.put_object(Bucket=BUCKET, Key=KEY.replace("Ab12", f"A{number:03}"), Body=packed())

    found = trail.contents(trail.sources(f"s3://{BUCKET}"))
    next(found)
    found.close()

    assert list(found) == []
