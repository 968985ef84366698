"""Log files in a bucket by day and region, on moto's S3: what is read of them, and of whom."""

import hashlib
import json
from gzip import decompress

import pytest
from botocore import exceptions

from cloudigrade.clouds.aws import log_listing
from cloudigrade.clouds.aws.config import Section
from cloudigrade.clouds.aws.session import Access
from cloudigrade.clouds.cloud import Account
from cloudigrade.clouds.protocol import Batch, CustomerProblem, FileRead, Rejected, Unavailable
from cloudigrade.simulator.delivery import compressed
from cloudigrade.simulator.digests import Trail
from cloudigrade.simulator.timestamps import zulu
from tests.builders import ACCOUNT, REGION, clock
from tests.clouds.aws.digested import BUCKET, HOME, made_up
from tests.clouds.aws.records import launched, run_instances

OTHER = "000000000043"


@pytest.fixture
def make(monkeypatch):
    """Makes trails of the account that log to one bucket."""
    with made_up(monkeypatch) as made:
        yield made


@pytest.fixture
def trail(make):
    return make()


def none_known(_names):
    return ()


def read(trail, since: float = 0, until: float = 72, known=none_known) -> list[Batch]:
    found = log_listing.log_files(trail.access, trail.account, since=clock(since), until=clock(until), known=known)
    return list(found)


def names(*batches: Batch) -> list[str]:
    return [activity.instance for batch in batches for activity in batch.instances]


def test_files_are_read_oldest_day_first_each_day_and_region_apart(make, trail):
    other = make(region="us-east-2")
    for each, suffix in ((trail, "a"), (other, "b")):
        for hours in (30, 1, 2):
            each.log(hours, f"i-{hours}{suffix}")
        each.write(hours=1)

    batches = read(trail)

    assert [names(batch) for batch in batches] == [["i-1a", "i-2a"], ["i-1b", "i-2b"], ["i-30a"], ["i-30b"]]
    assert [sorted({activity.region for activity in batch.instances}) for batch in batches] == [
        [REGION], ["us-east-2"], [REGION], ["us-east-2"],
    ]  # fmt: skip
    assert [batch.newest for batch in batches[:1]] == [{(ACCOUNT, REGION): clock(2)}]


def test_files_are_known_with_the_hash_of_what_is_inside(trail):
    file = trail.log(1, "i-1")
    trail.write(hours=1)

    (batch,) = read(trail)

    sha256 = hashlib.sha256(decompress(file.content)).hexdigest()
    assert batch.files == [FileRead(ACCOUNT, REGION, file.key, sha256)]
    assert batch.read_sources == [file.key]


def test_only_what_was_delivered_in_the_period_is_read(trail):
    for hours in (1, 2, 3, 25):
        trail.log(hours, f"i-{hours}", delay=0)
    trail.write(hours=1)

    assert names(*read(trail, 2, 3)) == ["i-2"]
    assert names(*read(trail, 1.5, 25)) == ["i-2", "i-3"]
    assert names(*read(trail, 3, 26)) == ["i-3", "i-25"]
    assert read(trail, 4, 4) == []
    assert read(trail, 5, 24) == []


def test_what_is_known_is_not_read_again_and_sizes_are_told(trail):
    first, second = trail.log(1, "i-1"), trail.log(2, "i-2")
    trail.write(hours=1)
    asked = []

    def known(found):
        asked.append(dict(found))
        return {first.key}

    assert names(*read(trail, known=known)) == ["i-2"]
    assert asked == [{first.key: len(first.content), second.key: len(second.content)}]
    assert read(trail, known=lambda found: found) == []


def test_digests_other_services_and_other_accounts_files_are_passed_over(trail):
    trail.log(1, "i-1")
    trail.write(hours=5)
    folder = f"AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/2026/03/02"
    trail.put(f"{folder}/{OTHER}_CloudTrail_{REGION}_20260302T0100Z_x.txt", b"x")
    trail.put(f"{folder}/{ACCOUNT}_CloudTrail-Insight_{REGION}_20260302T0100Z_x.json.gz", b"x")
    trail.put(f"AWSLogs/{OTHER}/CloudTrail/{REGION}/2026/03/02/{OTHER}_CloudTrail_{REGION}_20260302T0100Z_x.json.gz", b"x")  # fmt: skip  # noqa: E501 - a key
    trail.put(f"AWSLogs/{ACCOUNT}/CloudTrail/NoRegion/2026/03/02/x.json.gz", b"x")

    assert names(*read(trail)) == ["i-1"]
    assert [batch.rejected for batch in read(trail)] == [[]]


def test_records_of_other_accounts_in_the_file_are_left_out(trail):
    """S1: whoever can write into one account's folder says nothing of another's."""
    own, forged = (
        run_instances(launched(name), eventTime=zulu(clock(1)), recipientAccountId=account, eventID=name)
        for name, account in (("i-own", ACCOUNT), ("i-forged", OTHER))
    )
    file = trail.log(1, "i-1")
    trail.put(file.key, compressed(json.dumps({"Records": [own, forged]})))

    (batch,) = read(trail)

    assert [(activity.account, activity.instance) for activity in batch.instances] == [(ACCOUNT, "i-own")]
    assert list(batch.newest) == [(ACCOUNT, "us-east-1")]
    assert batch.accounts == {ACCOUNT}


def test_a_file_that_cannot_be_read_costs_itself(trail):
    trail.log(1, "i-1")
    bad = trail.log(2, "i-2")
    trail.log(3, "i-3")
    trail.write(hours=1)
    trail.put(bad.key, b"no JSON")

    (batch,) = read(trail)

    assert names(batch) == ["i-1", "i-3"]
    assert [(item.source, item.account, item.location) for item in batch.rejected] == [
        (bad.key, ACCOUNT, f"s3://{BUCKET}/{bad.key}")
    ]


def test_batches_are_bounded(trail, monkeypatch):
    for hours in range(5):
        trail.log(hours, f"i-{hours}", f"i-{hours}-b")
    trail.write(hours=1)

    monkeypatch.setattr(log_listing, "MOST_FILES", 2)
    assert [len(batch.read_sources) for batch in read(trail)] == [2, 2, 1]
    monkeypatch.setattr(log_listing, "MOST_ACTIVITIES", 2)
    assert [len(batch.read_sources) for batch in read(trail)] == [1, 1, 1, 1, 1]
    for name in ("MOST_FILES", "MOST_ACTIVITIES"):
        monkeypatch.setattr(log_listing, name, 100)
    monkeypatch.setattr(log_listing, "MOST_BYTES", 1)
    assert [len(batch.read_sources) for batch in read(trail)] == [1, 1, 1, 1, 1]


def test_prefix_and_organization_are_part_of_the_place(make):
    trail = make(trail=Trail("org", HOME, "some/prefix/"), organization="o-1234567890")
    file = trail.log(1, "i-1")
    trail.write(hours=1)

    (batch,) = read(trail)

    assert batch.read_sources == [file.key.removeprefix("some/prefix/")]
    located = log_listing.read_files(trail.access, trail.account, [f"s3://{BUCKET}/{file.key}"])
    named = log_listing.read_files(trail.access, trail.account, batch.read_sources)
    assert located == named == batch


def test_named_files_are_read_and_what_is_not_there_says_so(trail):
    first, second = trail.log(1, "i-1"), trail.log(2, "i-2")
    trail.write(hours=1)
    gone = trail.log(3, "i-3")

    found = log_listing.read_files(
        trail.access, trail.account, [f"s3://{BUCKET}/{second.key}", first.key, f"s3://{BUCKET}/{gone.key}"]
    )

    assert sorted(found.read_sources) == sorted([first.key, second.key])
    assert found.rejected == [Rejected(gone.key, "is not there", ACCOUNT, location=f"s3://{BUCKET}/{gone.key}")]
    assert log_listing.read_files(trail.access, trail.account, []) == Batch()


@pytest.mark.parametrize(
    "location",
    [
        f"s3://another/AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/2026/03/02/a.json.gz",
        f"s3://{BUCKET}/AWSLogs/{OTHER}/CloudTrail/{REGION}/2026/03/02/a.json.gz",
        f"AWSLogs/{OTHER}/CloudTrail/{REGION}/2026/03/02/a.json.gz",
        f"AWSLogs/{ACCOUNT}/CloudTrail-Digest/{REGION}/2026/03/02/a.json.gz",
        "/etc/passwd",
        "",
    ],
)
def test_what_is_no_log_file_of_the_account_is_not_even_looked_for(trail, location):
    found = log_listing.read_files(trail.access, trail.account, [location])

    assert found == Batch(rejected=[Rejected(location, "is no log file of the account", ACCOUNT)])


def test_an_object_in_the_archive_says_so(trail):
    file = trail.log(1, "i-1")
    trail.s3.put_object(Bucket=BUCKET, Key=file.key, Body=file.content, StorageClass="GLACIER")

    (rejected,) = log_listing.read_files(trail.access, trail.account, [file.key]).rejected

    assert "InvalidObjectState" in rejected.reason


def answered(trail, operation):
    """A trail of two files, the first of which S3, or who gives us our credentials, answers as nobody expects."""
    trail.log(1, "i-1")
    trail.log(2, "i-2")
    trail.write(hours=1)

    def answer(params, **_):
        if trail.files[0].key in params["url"]:
            raise exceptions.ClientError({"Error": {"Code": "InvalidRequest", "Message": "needs\na key"}}, operation)

    trail.s3.meta.events.register_first("before-call.s3.GetObject", answer)


def test_an_object_that_s3_answers_oddly_costs_that_object(make):
    """As it answers for one that a customer encrypted with a key that we do not have."""
    trail = make(access=Access(Section(), "test"))
    answered(trail, "GetObject")

    (batch,) = read(trail)

    (rejected,) = batch.rejected
    location = f"s3://{BUCKET}/{trail.files[0].key}"
    assert (names(batch), rejected.source, rejected.location) == (["i-2"], trail.files[0].key, location)
    assert rejected.reason == (
        f"{location}: An error occurred (InvalidRequest) when calling the GetObject operation: needs a key"
    )


def test_an_odd_answer_to_what_is_not_about_the_object_is_our_bug(make):
    trail = make(access=Access(Section(), "test"))
    answered(trail, "AssumeRole")

    with pytest.raises(exceptions.ClientError):
        read(trail)


def test_an_outage_raises_and_nothing_is_rejected(make, monkeypatch):
    trail = make(access=Access(Section(), "test"))
    trail.log(1, "i-1")
    trail.write(hours=1)

    def unreached(**_):
        raise exceptions.ConnectTimeoutError(endpoint_url="https://s3")

    trail.s3.meta.events.register_first("before-call.s3.GetObject", unreached)
    with pytest.raises(Unavailable):
        read(trail)
    with pytest.raises(Unavailable):
        log_listing.read_files(trail.access, trail.account, [trail.files[0].key])


def test_an_account_that_is_not_connected_is_the_customers_to_solve(trail):
    with pytest.raises(CustomerProblem, match="not connected"):
        log_listing.read_files(trail.access, trail.account._replace(details={}), ["x"])


def test_logs_are_read_by_the_role_that_the_details_name(make, trail):
    trail.log(1, "i-1")
    trail.write(hours=1)
    roles = []
    access = Access(Section(), "test")
    client = access.client
    access.client = lambda account, *more: roles.append(account.native_id) or client(account, *more)  # type: ignore[method-assign, func-returns-value, assignment]  # a spy
    reader = Account(OTHER, f"arn:aws:iam::{OTHER}:role/metering", "id-1")

    def opened(reader_id, by):
        account = trail.account._replace(details=trail.details | {"reader": reader_id}, reader=by)
        return names(log_listing.read_files(access, account, [trail.files[0].key]))

    assert (opened(ACCOUNT, None), roles) == (["i-1"], [ACCOUNT])
    assert (opened(OTHER, reader), roles) == (["i-1"], [ACCOUNT, OTHER])
    for wrong in (None, Account(ACCOUNT, "", "")):
        with pytest.raises(CustomerProblem, match=f"through account {OTHER}, which is not connected"):
            opened(OTHER, wrong)
