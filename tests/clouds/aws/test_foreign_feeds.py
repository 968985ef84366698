"""Whose feed a message is, and through whom its objects are read; against moto in this process."""

import hashlib

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from cloudigrade.clouds.aws import details
from cloudigrade.clouds.cloud import NOTICES as NOTICE
from cloudigrade.clouds.cloud import Account, Route
from tests.clouds.aws.feeding import LOGS, NOTICES, OWNER, ROUTES, drained, router_of
from tests.clouds.aws.messages import BUCKET, notice, text
from tests.clouds.aws.records import ACCOUNT, KEY, REGION, launched, log, record, run_instances, switched

OTHER = KEY.replace("Ab12", "Zz99")
STRANGER = "999999999998"
FOREIGN = KEY.replace(ACCOUNT, STRANGER)
HASH = hashlib.sha256(log(run_instances())).hexdigest()


@pytest.fixture
def router():
    return router_of(ROUTES)


def test_objects_and_notices_of_nobody_are_counted_and_acknowledged(feeding, router):
    feeding.put(run_instances(), key=FOREIGN)
    feeding.tell(FOREIGN)
    feeding.tell("somewhere/else.json.gz", f"folder/{ACCOUNT}_CloudTrail_us-east-1_20260102T0305Z_x.json.gz")
    feeding.send(text(notice("running", account=STRANGER)), queue=NOTICES)

    found = drained(feeding, router)

    assert [(delivery.foreign, delivery.batches) for delivery in found] == [(3, {}), (1, {})]
    assert feeding.messages() == feeding.messages(NOTICES) == []


def test_s1_a_file_in_another_bucket_than_the_accounts_own_is_nobodys(feeding, router):
    """S1: a forged log file in one's own bucket says nothing of another's account."""
    feeding.s3().create_bucket(Bucket="attackers-own")
    feeding.put(run_instances(), bucket="attackers-own")
    feeding.tell(KEY, bucket="attackers-own")

    (delivery,) = drained(feeding, router)

    assert router.asked == [{("attackers-own", ACCOUNT)}]
    assert (delivery.foreign, delivery.batches) == (1, {})


def test_s1_records_of_other_accounts_in_a_file_are_dropped_and_counted(feeding, router):
    """S1: whoever may write one account's file does not speak for another account."""
    feeding.tell(
        feeding.put(
            run_instances(launched("i-0b1"), recipientAccountId=STRANGER),
            switched("StopInstances", "i-0b2", recipientAccountId=STRANGER),
            record("RunInstances", recipientAccountId=STRANGER),  # unreadable besides
            run_instances(launched("i-0a1")),
        )
    )

    (delivery,) = drained(feeding, router)

    batch = delivery.batches[OWNER]
    assert [activity.instance for activity in batch.instances] == ["i-0a1"]
    assert (batch.rejected, batch.accounts, list(batch.newest)) == ([], {ACCOUNT}, [(ACCOUNT, REGION)])
    assert delivery.foreign == 3


def test_s1_a_bucket_called_like_the_place_of_notices_is_no_way_in(feeding, router):
    """S1: anybody may have a bucket of that name."""
    feeding.s3().create_bucket(Bucket=NOTICE)
    feeding.put(run_instances(), bucket=NOTICE)
    feeding.tell(KEY, bucket=NOTICE)

    (delivery,) = drained(feeding, router)

    assert (delivery.foreign, delivery.batches) == (1, {})


def test_s1_notices_are_believed_from_our_own_queue_of_them_only(feeding, router):
    """S1: topics of customers may lead to the queue of log files."""
    feeding.send(text(notice("running")))
    feeding.send(text(notice("stopping", "i-0a2")), queue=NOTICES)

    first, second = drained(feeding, router)

    assert (first.queue, first.foreign, first.batches) == (LOGS, 1, {})
    assert [activity.instance for activity in second.batches[OWNER].instances] == ["i-0a2"]
    assert second.batches[OWNER].accounts == {ACCOUNT}
    assert feeding.messages() == feeding.messages(NOTICES) == []


def test_a_bucket_of_the_customers_is_read_through_the_reader(feeding):
    """The reader's role is assumed, with the external id."""
    found = details.Details(bucket="own-bucket", reader="000000000042", home_region="us-east-1").stored()
    reader = Account("000000000042", "arn:aws:iam::000000000042:role/r", "ext-1", found)
    feeding.s3().create_bucket(Bucket="own-bucket")
    feeding.tell(feeding.put(run_instances(), bucket="own-bucket"), bucket="own-bucket")
    assumed = []
    events = feeding.access.own("sts", "us-east-1").meta.events
    events.register("before-call.sts.AssumeRole", lambda params, **_: assumed.append(params["body"]["ExternalId"]))

    (delivery,) = drained(feeding, router_of({("own-bucket", ACCOUNT): Route(OWNER, reader)}))

    assert delivery.batches[OWNER].read_sources == [KEY]
    assert assumed == ["ext-1"]


def test_a_reader_who_lets_us_in_no_more_keeps_the_message(feeding):
    """Moto lets in anybody: STS's refusal is put in the way."""
    reader = Account("000000000042", "arn:aws:iam::000000000042:role/r", "ext-1")
    feeding.tell(feeding.put(run_instances()))
    said = {"Error": {"Code": "AccessDenied", "Message": "why"}, "ResponseMetadata": {"HTTPStatusCode": 403}}
    refused = (AWSResponse("https://x", 403, HTTPHeaders(), None), said)
    events = feeding.access.own("sts", "us-east-1").meta.events
    events.register_first("before-call.sts.AssumeRole", lambda **_: refused)

    (delivery,) = drained(feeding, router_of({(BUCKET, ACCOUNT): Route(OWNER, reader)}))

    assert (delivery.left, delivery.batches) == (1, {})
    assert len(feeding.messages()) == 1
