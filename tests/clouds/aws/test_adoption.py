"""Trails that were there before us: adopted if their files can be read, and left as they are."""

from typing import Any

import pytest
from moto.cloudtrail.models import cloudtrail_backends

from cloudigrade.clouds.aws import adoption, onboarding
from cloudigrade.clouds.aws.trail_choice import Trail
from cloudigrade.clouds.cloud import Account
from cloudigrade.clouds.protocol import CustomerProblem, Unavailable
from cloudigrade.domain.problems import Problem
from tests import aws_patches
from tests.clouds.aws.customers import (
    OURS,
    WRITABLE,
    add_trail,
    calls_of,
    make_bucket,
    ours,
    put_log_file,
    say_undelivered,
)

pytestmark = pytest.mark.enable_socket


def adopted(account: str, **more: Any) -> dict[str, Any]:
    return {
        "bucket": f"audit-{account}",
        "prefix": "",
        "organization": "",
        "trail_arn": f"arn:aws:cloudtrail:us-east-1:{account}:trail/audit",
        "home_region": "us-east-1",
        "is_ours": False,
        "is_notified": False,
        "has_digests": True,
        "reader": account,
    } | more


def test_a_trail_whose_bucket_the_role_may_read_is_adopted_as_it_is(access, aws, account):
    add_trail(aws, account.native_id, S3KeyPrefix="some/prefix")
    put_log_file(aws, account.native_id, f"audit-{account.native_id}", f"some/prefix/AWSLogs/{account.native_id}")

    details = onboarding.connect(access, account)

    assert details == adopted(account.native_id, prefix="some/prefix")
    assert aws_patches.trails(account.native_id) == ["audit"]
    assert calls_of(account.native_id)["cloudtrail", "CreateTrail"] == 1  # the customer's own


def test_a_trail_that_has_written_nothing_yet_is_adopted_if_its_bucket_may_be_read(access, aws, account):
    add_trail(aws, account.native_id, region="eu-west-1")

    arn = f"arn:aws:cloudtrail:eu-west-1:{account.native_id}:trail/audit"
    assert onboarding.connect(access, account) == adopted(account.native_id, home_region="eu-west-1", trail_arn=arn)


def test_a_trail_in_use_is_kept_although_a_better_one_came(access, aws, account):
    add_trail(aws, account.native_id, EnableLogFileValidation=False)
    first = onboarding.connect(access, account)
    add_trail(aws, account.native_id, "better")

    assert onboarding.connect(access, account._replace(details=first)) == first
    assert onboarding.connect(access, account)["bucket"] == f"better-{account.native_id}"


def test_a_bucket_of_another_account_is_read_through_that_accounts_role(access, aws, customer):
    account, archive = customer(), customer()
    bucket = make_bucket(aws, archive.native_id, f"archive-{archive.native_id}")
    aws.client("s3", "us-east-1", archive.native_id).put_bucket_policy(Bucket=bucket, Policy=WRITABLE)
    add_trail(aws, account.native_id, bucket=bucket)
    put_log_file(aws, archive.native_id, bucket, f"AWSLogs/{account.native_id}")

    details = onboarding.connect(access, account, readers=(customer(partition="aws-cn"), customer(), archive))

    assert details == adopted(account.native_id, bucket=bucket, reader=archive.native_id)


def test_of_many_accounts_the_likeliest_readers_are_tried(access):
    def opened(number: int, **details: Any) -> Account:
        return Account(f"{number:012d}", f"arn:aws:iam::{number:012d}:role/x", "id-1", details)

    account, owner, archive = opened(1), opened(998), opened(999)
    trail = Trail("org", f"arn:aws:cloudtrail:us-east-1:{owner.native_id}:trail/org", "us-east-1", "archive")
    elsewhere = opened(2, bucket="other", reader="000000000500")
    member = opened(3, bucket="archive", reader=archive.native_id)
    many = [opened(number) for number in range(500, 600)]

    readers = adoption._readers(access, trail, account, [elsewhere, member, *many, owner, account, archive])

    assert readers == (account, archive, owner, elsewhere, member, *many[:46])


def test_a_reader_that_no_longer_lets_us_in_is_passed_over(access, aws, customer):
    account, archive = customer(), customer()
    gone = Account("000000000001", "arn:aws:iam::000000000001:role/none", "id-1")
    bucket = make_bucket(aws, archive.native_id, f"archive-{archive.native_id}")
    aws.client("s3", "us-east-1", archive.native_id).put_bucket_policy(Bucket=bucket, Policy=WRITABLE)
    add_trail(aws, account.native_id, bucket=bucket)

    details = onboarding.connect(access, account, readers=(gone, archive))

    assert details["reader"] == archive.native_id


def show_in_member(member: str, owner: str, name: str) -> None:
    """An organization's trail shows in every member's account, which moto does not do."""
    trail = cloudtrail_backends[owner]["us-east-1"].trails[name]
    cloudtrail_backends[member]["us-east-1"].trails[name] = trail


def organization(aws, customer, put) -> tuple[Account, Account, str]:
    """A member, the account that the organization's trail belongs to, and its bucket."""
    member, owner = customer(), customer()
    bucket = f"audit-{owner.native_id}"
    add_trail(aws, owner.native_id, S3KeyPrefix="org", IsOrganizationTrail=True)
    show_in_member(member.native_id, owner.native_id, "audit")
    # AWS tells a member the status of such a trail, but not its selectors.
    put(member, "cloudtrail:GetEventSelectors", "TrailNotFoundException")
    return member, owner, bucket


def test_an_organizations_trail_is_adopted_through_the_account_that_it_belongs_to(access, aws, customer, put):
    member, owner, bucket = organization(aws, customer, put)
    for other in ("o-other", "o-abc123xyz"):  # the bucket may serve several organizations
        put_log_file(aws, owner.native_id, bucket, f"org/AWSLogs/{other}/{owner.native_id}")
    put_log_file(aws, owner.native_id, bucket, f"org/AWSLogs/o-abc123xyz/{member.native_id}")

    details = onboarding.connect(access, member, readers=(owner,))

    assert details == adopted(owner.native_id, prefix="org", organization="o-abc123xyz", reader=owner.native_id)
    assert calls_of(member.native_id).get(("cloudtrail", "CreateTrail")) is None


def test_an_organizations_trail_that_nobody_may_read_is_no_use(access, aws, customer, put):
    member, owner, bucket = organization(aws, customer, put)
    put_log_file(aws, owner.native_id, bucket, f"org/AWSLogs/o-abc123xyz/{member.native_id}")

    assert onboarding.connect(access, member) == ours(member.native_id)


def test_an_organizations_trail_without_anything_of_the_account_is_no_use_yet(access, aws, customer, put):
    member, owner, bucket = organization(aws, customer, put)
    put_log_file(aws, owner.native_id, bucket, f"org/AWSLogs/o-abc123xyz/{owner.native_id}")

    assert onboarding.connect(access, member, readers=(owner,)) == ours(member.native_id)


def test_a_trail_into_our_own_bucket_is_read_by_our_own_right(access, aws, account):
    add_trail(aws, account.native_id, bucket=OURS)

    details = onboarding.connect(access, account)

    assert details == adopted(account.native_id, bucket=OURS, is_notified=True, reader="")


def test_a_prefix_in_our_own_bucket_means_that_its_files_are_polled(access, aws, account):
    add_trail(aws, account.native_id, bucket=OURS, S3KeyPrefix="x")

    details = onboarding.connect(access, account)

    assert details == adopted(account.native_id, bucket=OURS, prefix="x", is_notified=False, reader="")


def test_s1_our_own_right_reads_no_other_bucket_whatever_a_trail_names(access, aws, account):
    """S1: else a customer could name any bucket that we may read, and have it read as theirs."""
    bucket = make_bucket(aws, aws_patches.OWN_ACCOUNT, f"inner-{account.native_id}")
    aws.client("s3", "us-east-1").put_bucket_policy(Bucket=bucket, Policy=WRITABLE)
    add_trail(aws, account.native_id, bucket=bucket)
    put_log_file(aws, aws_patches.OWN_ACCOUNT, bucket, f"AWSLogs/{account.native_id}")
    before = calls_of(aws_patches.OWN_ACCOUNT).get(("s3", "ListObjectsV2"), 0)

    details = onboarding.connect(access, account)

    assert details == ours(account.native_id)
    assert calls_of(aws_patches.OWN_ACCOUNT).get(("s3", "ListObjectsV2"), 0) == before


@pytest.mark.parametrize("call", ["s3:ListObjectsV2", "s3:GetObject"])
def test_a_bucket_that_may_not_be_read_leads_to_a_trail_of_ours(access, aws, account, put, call):
    add_trail(aws, account.native_id)
    put_log_file(aws, account.native_id, f"audit-{account.native_id}", f"AWSLogs/{account.native_id}")
    put(account, call, "AccessDenied", status=403)

    assert onboarding.connect(access, account) == ours(account.native_id)
    assert aws_patches.trails(account.native_id) == ["audit", f"test-{account.native_id}"]


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ("s3:ListObjectsV2", "SlowDown"),
        ("s3:GetObject", "InternalError"),
        ("cloudtrail:GetTrailStatus", "InternalFailure"),
    ],
)
def test_c19_an_outage_while_a_trail_is_tried_makes_no_second_one(access, aws, account, put, call, code):
    """C19: whether the trail can be read is simply not known yet."""
    add_trail(aws, account.native_id)
    put_log_file(aws, account.native_id, f"audit-{account.native_id}", f"AWSLogs/{account.native_id}")
    put(account, call, code, status=503)

    with pytest.raises(Unavailable):
        onboarding.connect(access, account)

    assert aws_patches.trails(account.native_id) == ["audit"]


def test_a_trail_that_we_may_not_ask_about_is_not_adopted(access, aws, account, put):
    add_trail(aws, account.native_id)
    put(account, "cloudtrail:GetTrailStatus", "AccessDeniedException")
    put(account, "cloudtrail:GetEventSelectors", "AccessDeniedException")

    # Ours is made; its selectors and status were written, and need not be read.
    assert onboarding.connect(access, account) == ours(account.native_id)


def test_a_trail_of_the_customer_may_have_our_name_and_is_not_touched(access, aws, account):
    name = f"test-{account.native_id}"
    add_trail(aws, account.native_id, name, IsMultiRegionTrail=False)

    with pytest.raises(CustomerProblem, match=f"a trail that writes elsewhere has the name {name}"):
        onboarding.connect(access, account)

    onboarding.disconnect(access, account)
    assert aws_patches.trails(account.native_id) == [name]


def fill(aws, account: str, count: int) -> None:
    for number in range(count):
        add_trail(aws, account, f"one-region-{number}", IsMultiRegionTrail=False)


def test_five_trails_that_are_no_use_are_named_with_their_reasons(access, aws, account):
    fill(aws, account.native_id, 4)
    add_trail(aws, account.native_id)
    aws.client("cloudtrail", "us-east-1", account.native_id).stop_logging(Name="audit")

    with pytest.raises(CustomerProblem) as caught:
        onboarding.connect(access, account)

    assert str(caught.value) == (
        f"creating the trail test-{account.native_id}: the region has as many trails as CloudTrail allows, and none can"
        " be used: one-region-0 covers one region only; one-region-1 covers one region only; one-region-2 covers one"
        " region only; one-region-3 covers one region only; audit is switched off"
    )
    assert caught.value.problem is Problem.TOO_MANY_TRAILS


@pytest.mark.parametrize(
    "refusal",
    [
        ("AccessDenied", "User is not authorized to perform: kms:Decrypt on the resource", ""),
        ("KMS.DisabledException", "the key is disabled", ""),
        ("AccessDenied", "Access Denied", "arn:aws:kms:us-east-1:000000000001:key/x"),
    ],
)
def test_encrypted_logs_have_their_own_message_if_there_is_no_other_way(access, aws, account, put, refusal):
    failure, message, key = refusal
    fill(aws, account.native_id, 4)
    add_trail(aws, account.native_id, KmsKeyId=key)
    put_log_file(aws, account.native_id, f"audit-{account.native_id}", f"AWSLogs/{account.native_id}")
    put(account, "s3:GetObject", failure, message, 403)

    with pytest.raises(CustomerProblem, match=r"audit its log files are encrypted with a KMS key$") as caught:
        onboarding.connect(access, account)

    assert caught.value.problem is Problem.LOGS_ENCRYPTED


def test_a_trail_that_cannot_write_has_its_own_message_if_there_is_no_other_way(access, aws, account):
    fill(aws, account.native_id, 4)
    add_trail(aws, account.native_id)
    say_undelivered(account.native_id, "audit")

    with pytest.raises(CustomerProblem, match=r"audit cannot write to its bucket: AccessDenied$") as caught:
        onboarding.connect(access, account)

    assert caught.value.problem is Problem.TRAIL_CANNOT_WRITE
