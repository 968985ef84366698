"""Log files: the quick way and the careful one tell the same, and one odd record costs only itself."""

import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudigrade.clouds.aws import cloudtrail, translate
from cloudigrade.clouds.aws.translate import Translation
from cloudigrade.clouds.protocol import Unreadable
from tests.clouds.aws.records import (
    ACCOUNT,
    REGION,
    SECOND,
    TIME,
    launched,
    log,
    record,
    run_instances,
    switched,
    tagging,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from(
    [
        "eventTime",
        "eventSource",
        "eventName",
        "awsRegion",
        "errorCode",
        "requestParameters",
        "responseElements",
        "serviceEventDetails",
        "eventID",
        "addendum",
        "recipientAccountId",
        "userIdentity",
    ]
)
NAMES = st.sampled_from(sorted(cloudtrail.CANDIDATES))
BODIES = st.dictionaries(
    st.sampled_from(
        [
            "instancesSet",
            "resourcesSet",
            "tagSet",
            "instanceId",
            "instanceType",
            "instanceIdSet",
            "attribute",
            "_return",
        ]
    ),
    JSON | st.fixed_dictionaries({"items": JSON | st.lists(JSON)}),
)
RECORDS = st.builds(
    lambda name, body, odd: record(name, requestParameters=body, responseElements=body, serviceEventDetails=body) | odd,
    NAMES,
    BODIES,
    st.dictionaries(FIELDS, JSON, max_size=3),
)


def translations(parsed: cloudtrail.Log) -> list[Translation]:
    found = [translate.translate(candidate.record) for candidate in parsed.candidates]
    return [each for each in found if each is not None]


def carefully(content: bytes) -> cloudtrail.Log:
    """The file read record by record, as it is when a whole does not decode."""
    records = [cloudtrail._leniently(raw) for raw in cloudtrail._raw_records(content)]
    return cloudtrail.Log(content, records, "", "")


def piecemeal(content: bytes) -> cloudtrail.Log:
    """The file read field by field, as an odd record is."""
    records = [cloudtrail._piecemeal(raw) for raw in cloudtrail._raw_records(content)]
    return cloudtrail.Log(content, records, "", "")


@given(st.lists(RECORDS | JSON, max_size=4))
def test_c4_no_record_of_any_shape_raises_or_costs_a_neighbour(odd):
    """C4: one odd record poisoned a whole file."""
    parsed = cloudtrail.parse(log(run_instances(), *odd, switched("StopInstances")))

    good = [translations(cloudtrail.parse(log(value)))[0] for value in (run_instances(), switched("StopInstances"))]
    found = translations(parsed)
    assert [found[0], found[-1]] == good
    assert parsed.records_read == len(odd) + 2
    assert parsed.newest[ACCOUNT, REGION] >= SECOND


@given(st.lists(RECORDS | JSON, max_size=4))
def test_the_quick_way_and_the_careful_ways_tell_the_same(values):
    content = log(*values)

    quick = cloudtrail.parse(content)

    for other in (carefully(content), piecemeal(content)):
        assert translations(quick) == translations(other)
        assert quick.newest == other.newest
        assert quick.records_read == other.records_read == len(values)


@given(JSON)
def test_any_other_json_is_unreadable_at_worst(value):
    content = json.dumps(value).encode()
    if isinstance(value, dict) and isinstance(value.get("Records"), list):
        return

    with pytest.raises(Unreadable, match="has no list of CloudTrail records"):
        cloudtrail.parse(content)


@given(st.binary(max_size=40))
def test_bytes_are_no_json_unless_they_are(content):
    with pytest.raises(Unreadable, match=r"is not JSON|has no list of CloudTrail records"):
        cloudtrail.parse(content)


@pytest.mark.parametrize(
    "content", [b"", b"not JSON at all", b'{"Records":[', b'{"Records":[]}x', b'{"a":' + b"[" * 50_000]
)
def test_text_that_is_not_json_costs_the_file(content):
    with pytest.raises(Unreadable, match=r"^is not JSON$"):
        cloudtrail.parse(content)


@pytest.mark.parametrize("content", [b"{}", b"[]", b"5", b'{"Records":{}}', b'{"Records":null}', b'{"Events":[]}'])
def test_json_without_records_costs_the_file(content):
    with pytest.raises(Unreadable, match=r"^has no list of CloudTrail records$"):
        cloudtrail.parse(content)


def test_bytes_that_are_no_text_cost_their_record():
    odd = log(record("Odd")).replace(b"us-east-1", b"\xff\xfe")[len('{"Records":[') : -2]
    content = b'{"Records":[' + odd + b"," + log(run_instances())[len('{"Records":[') :]

    parsed = cloudtrail.parse(content)

    assert [each.instances[0].instance for each in translations(parsed)] == ["i-0a1"]
    assert parsed.records_read == 2


def test_an_empty_file_holds_nothing():
    parsed = cloudtrail.parse(log(), account=ACCOUNT, region=REGION)

    assert (parsed.records_read, parsed.candidates, parsed.newest) == (0, [], {})


def test_the_newest_time_is_that_of_any_record_by_account_and_region():
    values = [
        record("DescribeInstances", eventTime="2026-01-02T03:04:07Z"),
        record("AssumeRole", eventTime="2026-01-02T03:04:09Z", eventSource="sts.amazonaws.com"),
        record("DescribeInstances", eventTime="2026-01-02T03:04:06Z", awsRegion="eu-west-1"),
        record("DescribeInstances", eventTime="2026-01-02T03:04:08Z", recipientAccountId=None),
        record("DescribeInstances", eventTime="2026-01-02T03:04:11Z", recipientAccountId="somebody"),
    ]

    parsed = cloudtrail.parse(log(*values), account="111111111111")

    assert parsed.newest == {
        (ACCOUNT, REGION): SECOND + 4,
        (ACCOUNT, "eu-west-1"): SECOND + 1,
        ("111111111111", REGION): SECOND + 3,
    }


@pytest.mark.parametrize("odd", ["zzz", "9999", "2026-13-01T00:00:00Z", "2026-01-02T09:00:00+09:00", 5, None, ""])
def test_a_malformed_time_does_not_hide_the_newest(odd: Any):
    values = [
        record("Any", eventTime=TIME),
        record("Any", eventTime=odd),
        record("Any", eventTime="2026-01-02T03:04:04Z"),
    ]

    assert cloudtrail.parse(log(*values)).newest == {(ACCOUNT, REGION): SECOND}


def test_a_candidate_can_be_had_as_it_stands_in_the_file():
    odd = run_instances(launched("i-0a2"), eventID="odd")
    parsed = cloudtrail.parse(log(record("Any"), run_instances(), record("Any"), odd))

    assert [json.loads(parsed.raw(candidate)) for candidate in parsed.candidates] == [run_instances(), odd]


def test_only_records_that_can_matter_are_candidates():
    parsed = cloudtrail.parse(log(record("Any"), run_instances()))

    assert [candidate.position for candidate in parsed.candidates] == [1]


CROWD = "^has more records than a log file of its size can$"


@pytest.mark.parametrize("item", [b"{}", b"{ }", b'{"eventName":"x"}', b"1", b"[]", b'""', b'{"eventName":1}'])
@pytest.mark.parametrize("count", [150, 300_000])
def test_more_records_than_fit_are_refused(item: bytes, count: int):
    with pytest.raises(Unreadable, match=CROWD):
        cloudtrail.parse(b'{"Records":[' + b",".join([item] * count) + b"]}")


@pytest.mark.parametrize("item", [b"{}", b'{"eventName":"x"}', b"1"])
def test_a_crowd_is_refused_before_its_records_are_made(item: bytes):
    content = b'{"Records":[' + b",".join([item] * 1_000_000) + b"]}"
    tracemalloc.start()
    try:
        with pytest.raises(Unreadable, match=CROWD):
            cloudtrail.parse(content)
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


def test_a_few_records_may_be_of_any_size():
    assert cloudtrail.parse(b'{"Records":[' + b",".join([b"{}"] * 101) + b"]}").records_read == 101


def test_the_smallest_records_that_there_are_fill_a_file():
    smallest = record("Any", userIdentity={}, recipientAccountId=None)

    assert cloudtrail.parse(log(*[smallest] * 5_000)).records_read == 5_000
    assert cloudtrail.parse(log(*[smallest] * 5_000, record("Any", eventTime=5))).records_read == 5_001


def test_one_record_may_name_any_number_of_instances_and_tags():
    named = [f"i-{number:017x}" for number in range(20_000)]
    tags = [f"k{number}" for number in range(20_000)]

    assert len(cloudtrail.parse(log(switched("StopInstances", *named))).candidates) == 1
    assert len(cloudtrail.parse(log(*[tagging("CreateTags", named, tags)] * 4)).candidates) == 4
