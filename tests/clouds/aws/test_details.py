"""What is kept of a connected account, and the folders that follow from it."""

import pytest

from cloudigrade.clouds.aws import details
from cloudigrade.clouds.aws.details import Details
from cloudigrade.clouds.protocol import Unreadable

ACCOUNT = "000000000042"


@pytest.mark.parametrize(
    ("found", "logs", "digests"),
    [
        (Details(), f"AWSLogs/{ACCOUNT}/CloudTrail/", f"AWSLogs/{ACCOUNT}/CloudTrail-Digest/"),
        (
            Details(prefix="some/where", organization="o-abc123"),
            f"some/where/AWSLogs/o-abc123/{ACCOUNT}/CloudTrail/",
            f"some/where/AWSLogs/o-abc123/{ACCOUNT}/CloudTrail-Digest/",
        ),
    ],
)
def test_folders_are_those_of_cloudtrail(found, logs, digests):
    assert found.logs(ACCOUNT) == logs
    assert found.digests(ACCOUNT) == digests


def test_what_is_stored_is_what_is_parsed():
    found = Details(bucket="b", organization="o-1", is_notified=True, reader=ACCOUNT)

    assert found.stored() == {
        "bucket": "b",
        "prefix": "",
        "organization": "o-1",
        "trail_arn": "",
        "home_region": "",
        "is_ours": False,
        "is_notified": True,
        "has_digests": False,
        "reader": ACCOUNT,
    }
    assert details.parse(found.stored()) == found


def test_an_account_that_is_not_connected_has_none():
    assert details.parse({}) == Details()
    assert details.parse({}).bucket == ""


def test_details_of_a_wrong_kind_cannot_be_read_and_are_none_where_they_are_found_out_anew():
    with pytest.raises(Unreadable, match=r"^its details are malformed: Expected `str`, got `int` - at `\$\.bucket`$"):
        details.parse({"bucket": 1})
    assert details.known({"bucket": 1}) == Details()
    assert details.known({"bucket": "b"}) == Details(bucket="b")
