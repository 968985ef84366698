"""Where log files lie, and what else lies there."""

import pytest

from cloudigrade.clouds.aws.keys import Place, decoded_key, place_of, printable

FILE = "012345678901_CloudTrail_us-east-1_20260102T0305Z_Ab12Cd34Ef56Gh78.json.gz"
DAY = "012345678901/CloudTrail/us-east-1/2026/01/02"


@pytest.mark.parametrize("prefix", ["", "/", "some/prefix/", "/data/AWSLogs/old/"])
@pytest.mark.parametrize("organization", ["", "o-a1b2c3d4e5/"])
def test_the_layout_gives_a_stable_name_account_and_region(prefix, organization):
    name = f"AWSLogs/{organization}{DAY}/{FILE}"

    assert place_of(prefix + name) == Place(name, "012345678901", "us-east-1")


@pytest.mark.parametrize(
    "service", ["CloudTrail-Digest", "CloudTrail-Insight", "elasticloadbalancing", "vpcflowlogs", "Config"]
)
def test_objects_of_other_services_are_skipped(service):
    name = f"AWSLogs/012345678901/{service}/us-east-1/2026/01/02/x.json.gz"

    assert place_of(name).skipped == f"belongs to {service}"


@pytest.mark.parametrize("kind", ["Digest", "Insight"])
@pytest.mark.parametrize("folder", ["", "somewhere/", f"AWSLogs/{DAY}/"])
def test_digests_and_insights_are_skipped_anywhere(folder, kind):
    name = f"{folder}012345678901_CloudTrail-{kind}_us-east-1_x_20260102T030500Z.json.gz"

    assert place_of(name).skipped == "is a digest or insight file"


def test_outside_the_layout_the_file_name_tells_account_and_region():
    assert place_of(f"logs/{FILE}") == Place("", "012345678901", "us-east-1")


@pytest.mark.parametrize("path", ["x.json", "a/x.json.gz", "AWSLogs/x.json"])
def test_other_json_files_are_read_without_knowing_whose_they_are(path):
    assert place_of(path) == Place()


@pytest.mark.parametrize("path", ["README", "x.gz", "x.json.bak", "x.log.gz", f"AWSLogs/{DAY}/x.csv", "json"])
def test_files_of_other_kinds_are_skipped(path):
    assert place_of(path).skipped == "is neither .json nor .json.gz"


def test_c53_keys_of_notifications_are_url_decoded():
    """C53: object keys were used without URL-decoding."""
    assert decoded_key("a%2Fb+c") == "a/b c"
    assert decoded_key("AWSLogs/o-1/012345678901/CloudTrail/x%2By.json.gz") == (
        "AWSLogs/o-1/012345678901/CloudTrail/x+y.json.gz"
    )


@pytest.mark.parametrize(("name", "expected"), [("é/x.json", "é/x.json"), ("a\nb\0\udcff", "a�b��")])
def test_names_are_one_storable_line(name, expected):
    assert printable(name) == expected
