"""Where digests lie, whose they are, and who may read them; on moto's S3.

ListPublicKeys is answered by `tests.clouds.aws.digested`.
"""

import json

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from cloudigrade.clouds.aws.config import Section
from cloudigrade.clouds.aws.session import Access
from cloudigrade.clouds.protocol import CustomerProblem, Unavailable
from cloudigrade.simulator.digests import Trail
from tests.builders import ACCOUNT, MIDNIGHT, REGION, clock
from tests.clouds.aws.digested import BUCKET, HOME, made_up, positions_after


@pytest.fixture
def make(monkeypatch):
    """Makes trails of the account that log to one bucket."""
    with made_up(monkeypatch) as made:
        yield made


@pytest.fixture
def trail(make):
    return make()


def test_another_trails_digests_in_the_same_bucket_are_passed_over(make, trail):
    trail.write(hours=2)
    for other in (Trail("other", HOME), Trail("test-trail", "eu-west-1"), Trail("test-trail_x", HOME)):
        make(trail=other).write(hours=4)

    assert [one.proven_until for one in trail.prove()] == [clock(2)]


def test_prefix_and_organization_are_part_of_the_place(make):
    trail = make(trail=Trail("org", HOME, "some/prefix/"), organization="o-1234567890")
    file = trail.log(0.1, "i-1")
    trail.write(hours=1)

    (proof,) = trail.prove()

    assert proof.files[0].source == file.key.removeprefix("some/prefix/")
    assert proof.files[0].source.startswith(f"AWSLogs/o-1234567890/{ACCOUNT}/CloudTrail/{REGION}/")
    assert proof.files[0].location == f"s3://{BUCKET}/{file.key}"


def test_regions_are_proven_apart_and_one_whose_keys_are_refused_costs_no_other(make):
    trail = make(access=Access(Section(), "test"))
    trail.write(hours=2)
    other = make(region="us-east-2", access=trail.access)
    other.write(hours=3)
    refused = {
        "Error": {"Code": "AccessDeniedException", "Message": "SCP"},
        "ResponseMetadata": {"HTTPStatusCode": 400},
    }
    response = AWSResponse("https://x", 400, HTTPHeaders(), None)
    trail.answer_keys("us-east-2", lambda **_: (response, refused))

    first, second = trail.prove()

    assert (first.region, first.proven_until, first.reason) == (REGION, clock(2), "")
    assert (second.region, second.proven_until, second.files) == ("us-east-2", MIDNIGHT, ())
    assert "SCP" in second.reason


def test_a_region_whose_digests_are_all_gone_says_nothing_new(trail):
    written = trail.write(hours=3)
    first = trail.prove()
    for digest in written:
        trail.remove(digest.key)

    assert trail.prove(positions_after(first)) == []


def test_keys_are_asked_for_once_for_the_time_of_the_digests_with_a_margin(trail):
    trail.write(hours=3)
    trail.prove(now=clock(5))

    assert [request.get("NextToken") for request in trail.asked] == [None, "more"]
    assert [trail.asked[0][name] for name in ("StartTime", "EndTime")] == [clock(-1), clock(7)]
    assert trail.prove(positions_after(trail.prove()), now=clock(5)) == []


def test_a_bucket_that_is_refused_to_us_is_no_fault_of_the_customers(make):
    trail = make(access=Access(Section(), "test"))
    client = trail.access.own("s3", "us-east-1")
    refused = {"Error": {"Code": "AccessDenied", "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": 403}}
    response = AWSResponse("https://x", 403, HTTPHeaders(), None)
    client.meta.events.register_first("before-call.s3.ListObjectsV2", lambda **_: (response, refused))

    with pytest.raises(Unavailable):
        trail.prove()


def test_a_bucket_that_is_refused_to_the_accounts_role_is_the_customers_affair(make):
    trail = make(reader=ACCOUNT, access=Access(Section(), "test"))
    client = trail.access.client(trail.account, "s3", HOME)
    refused = {"Error": {"Code": "AccessDenied", "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": 403}}
    response = AWSResponse("https://x", 403, HTTPHeaders(), None)
    client.meta.events.register_first("before-call.s3.ListObjectsV2", lambda **_: (response, refused))

    with pytest.raises(CustomerProblem):
        trail.prove()


def test_an_account_without_digests_proves_nothing(trail):
    trail.write(hours=2)
    trail.details["has_digests"] = False

    assert trail.prove() == []


def test_the_position_is_plain_json(trail):
    trail.write(hours=2)
    (proof,) = trail.prove()

    assert json.loads(json.dumps(proof.details)) == proof.details
    assert proof.details["tip"]["ends_at"] == clock(2)
