"""Stored accounts as clouds take them: with their readers, and nobody else's."""

import pytest

from cloudigrade.clouds.cloud import Account
from cloudigrade.models import CloudAccount
from cloudigrade.services import accounts, opened
from tests.builders import ACCOUNT, AS_OF

READER = "000000000077"


@pytest.fixture
def owner(db):
    return accounts.ensure_customer(org_id="11", now=AS_OF)


def stored(owner, native_id=ACCOUNT, *, is_verified=True, cloud="aws", **details):
    return CloudAccount.objects.create(
        customer_id=owner,
        cloud=cloud,
        native_id=native_id,
        credentials=f"arn-{native_id}",
        external_id="ext",
        details=details,
        is_verified=is_verified,
        metered_from=AS_OF,
        created_at=AS_OF,
    )


def test_an_account_is_opened_by_its_own_credentials(owner):
    row = stored(owner, bucket="b")
    assert opened.account_of(row) == Account(ACCOUNT, f"arn-{ACCOUNT}", "ext", {"bucket": "b"})


def test_its_files_are_read_through_the_account_that_its_details_name(owner):
    reader = stored(owner, READER)
    row = stored(owner, reader=READER)

    assert opened.account_of(row).reader == Account(READER, f"arn-{READER}", "ext", {})
    assert opened.account_of(row).reader == opened.account_of(reader)


def test_an_account_may_read_for_itself(owner):
    account = opened.account_of(stored(owner, reader=ACCOUNT))
    assert account.reader == account._replace(reader=None)


def test_s1_only_a_verified_account_of_the_same_customer_and_cloud_reads_for_another(owner):
    """S1: naming another's account in one's details opens nothing."""
    row = stored(owner, reader=READER)
    stored(accounts.ensure_customer(org_id="22", now=AS_OF), READER)
    assert opened.account_of(row).reader is None

    stored(owner, READER, is_verified=False)
    stored(owner, READER, cloud="azure")
    assert opened.account_of(row).reader is None


def test_what_a_disconnected_account_had_is_told_to_who_asks_for_it_alone(owner):
    row = stored(owner, **{opened.LEFT: {"bucket": "b", "reader": READER}})
    reader = stored(owner, READER, **{opened.LEFT: {"bucket": "b"}})

    assert opened.account_of(row) == Account(ACCOUNT, f"arn-{ACCOUNT}", "ext", {})
    (found,) = opened.accounts_of([row], as_left=True)
    assert found == Account(
        ACCOUNT, f"arn-{ACCOUNT}", "ext", {"bucket": "b", "reader": READER}, opened.account_of(reader)
    )


def test_many_accounts_need_one_query(owner, django_assert_num_queries):
    stored(owner, READER)
    rows = [stored(owner, f"{number:012d}", reader=READER if number % 2 else "") for number in range(20)]

    with django_assert_num_queries(1):
        found = opened.accounts_of(rows)
    with django_assert_num_queries(0):
        opened.accounts_of(rows[::2])

    assert [account.native_id for account in found] == [row.native_id for row in rows]
    assert [bool(account.reader) for account in found] == [bool(number % 2) for number in range(20)]
