"""How complete what was read is, by account and feed."""

import pytest

from cloudigrade.models import CloudAccount, FeedPosition, Gap
from tests.api.v3.conftest import BASE, problem
from tests.builders import ACCOUNT, moment
from tests.services.stored import Stored

SECOND = "000000000043"


@pytest.fixture
def account(stored):
    return CloudAccount.objects.get()


def position(account, feed="cloudtrail", region="eu-west-1", **more):
    return FeedPosition.objects.create(account=account, feed=feed, region=region, **more)


def gap(account, hours, *, region="eu-west-1", source="AWSLogs/1"):
    return Gap.objects.create(
        account=account, region=region, feed="cloudtrail", source=source, starts_at=moment(hours),
        ends_at=moment(hours + 1), reason="is missing", found_at=moment(99),
    )  # fmt: skip


def test_an_account_of_which_nothing_is_known(asking, account):
    assert asking.get("completeness").json() == {
        "data": [
            {
                "account": {"id": account.pk, "cloud": "aws", "native_id": ACCOUNT},
                "complete_until": None,
                "feeds": [],
                "gaps": [],
                "gap_count": 0,
            }
        ],
        "next": None,
    }


def test_feeds_are_complete_as_far_as_digests_prove_and_gaps_allow(asking, account):
    position(account, newest_at=moment(11), proven_until=moment(10))
    position(account, region="us-east-1", newest_at=moment(11), proven_until=moment(9.25))
    position(account, feed="sweep", newest_at=moment(12), problem="denied")
    gap(account, 5)

    (answer,) = asking.get("completeness").json()["data"]

    assert answer["complete_until"] == "2026-03-02T05:00:00Z"
    assert answer["feeds"] == [
        {
            "feed": "cloudtrail",
            "region": "eu-west-1",
            "read_until": "2026-03-02T11:00:00Z",
            "complete_until": "2026-03-02T05:00:00Z",
            "problem": "",
        },
        {
            "feed": "cloudtrail",
            "region": "us-east-1",
            "read_until": "2026-03-02T11:00:00Z",
            "complete_until": "2026-03-02T09:00:00Z",
            "problem": "",
        },
        {
            "feed": "sweep",
            "region": "eu-west-1",
            "read_until": "2026-03-02T12:00:00Z",
            "complete_until": None,
            "problem": "denied",
        },
    ]
    assert answer["gaps"] == [
        {
            "region": "eu-west-1",
            "start": "2026-03-02T05:00:00Z",
            "end": "2026-03-02T06:00:00Z",
            "reason": "is missing",
        }
    ]


def test_many_gaps_are_counted_and_the_first_are_told(asking, account):
    Gap.objects.bulk_create(
        Gap(
            account=account, region="eu-west-1", feed="cloudtrail", source=f"AWSLogs/{number}",
            starts_at=moment(number), ends_at=moment(number + 1), reason="is missing", found_at=moment(999),
        )
        for number in range(250)
    )  # fmt: skip

    (answer,) = asking.get("completeness").json()["data"]

    assert (answer["gap_count"], len(answer["gaps"]), answer["gaps"][0]["start"]) == (250, 200, "2026-03-02T00:00:00Z")


def test_accounts_are_found_by_native_id_and_page_by_page(asking, db, django_assert_num_queries):
    Stored(native_ids=[ACCOUNT, SECOND])
    first = asking.get("completeness", limit=1)
    with django_assert_num_queries(7):
        second = asking.get(first.json()["next"].removeprefix(BASE))

    assert [page.json()["data"][0]["account"]["native_id"] for page in (first, second)] == [ACCOUNT, SECOND]
    assert second.json()["next"] is None
    found = asking.get("completeness", account=SECOND).json()["data"]
    assert [each["account"]["native_id"] for each in found] == [SECOND]


def test_an_unchanged_answer_is_not_made_again(asking, account, django_assert_num_queries):
    def tag():
        return asking.get("completeness").headers["ETag"]

    tags = [tag(), tag()]
    read = position(account, newest_at=moment(1))
    tags.append(tag())
    FeedPosition.objects.filter(pk=read.pk).update(newest_at=moment(2))
    tags.append(tag())
    found = gap(account, 1)
    tags.append(tag())
    found.delete()
    tags.append(tag())
    with django_assert_num_queries(3):
        again = asking.get("completeness", headers={"If-None-Match": tags[-1]})

    assert (again.status_code, again.content) == (304, b"")
    assert tags[0] == tags[1]
    assert tags[3] == tags[5]
    assert len(set(tags)) == 4


@pytest.mark.parametrize("cursor", ["", "x", "é", "MQ", "-1", "a" * 101, "MS4wMDAwMDAwMDAwMDAwMDAw"])
def test_a_bad_cursor_is_refused(asking, account, cursor):
    errors = {"cursor": ["It is none that this list has given."]}

    assert problem(asking.get("completeness", cursor=cursor)) == (400, "invalid-parameters", errors)
