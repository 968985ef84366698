"""How accounts and feeds stand, in a number of queries that does not grow with them."""

from datetime import timedelta

import pytest

from cloudigrade.clouds.cloud import Trail
from cloudigrade.clouds.protocol import CustomerProblem
from cloudigrade.domain.problems import Problem
from cloudigrade.models import CloudAccount, FeedPosition, Gap, Instance, Quarantine, QueueState
from cloudigrade.services import onboarding, statuses
from cloudigrade.services.statuses import FeedStatus, Gaps, Lag
from tests import fake_cloud
from tests.builders import ACCOUNT, AS_OF, moment
from tests.services.owners import MINUTE, Owner, connect
from tests.services.stored import Stored

OTHER = "000000000043"
SECOND = timedelta(seconds=1)


@pytest.fixture
def cloud(monkeypatch, db):
    return fake_cloud.installed(monkeypatch)


@pytest.fixture
def owner(cloud):
    return Owner(cloud)


def position(account_id, region, feed, newest_at, **more):
    FeedPosition.objects.create(account_id=account_id, region=region, feed=feed, newest_at=newest_at, **more)


def gap(account_id, source, starts_at, **more):
    given = {"region": "eu-west-1", "feed": "cloudtrail", "reason": "is missing", "found_at": AS_OF} | more
    Gap.objects.create(account_id=account_id, source=source, starts_at=starts_at, ends_at=starts_at + MINUTE, **given)


def reject(customer_id, account, number):
    Quarantine.objects.create(
        customer_id=customer_id, feed="cloudtrail", source=str(number), hash="0", account=account, reason="odd"
    )


def only(customer_id):
    (found,) = statuses.statuses(customer_id=customer_id)
    return found


def test_an_account_with_all_that_is_known_of_it(owner, cloud):
    account_id = owner.connected()
    position(account_id, "us-east-1", "sweep", moment(5))
    position(account_id, "eu-west-1", "sweep", moment(4))
    position(account_id, "af-south-1", "sweep", moment(1), problem="is not enabled")
    position(account_id, "eu-west-1", "cloudtrail", moment(6), proven_until=moment(7))
    gap(account_id, "second", moment(3))
    gap(account_id, "first", moment(2), region="us-east-1", reason="was altered")
    for number in range(3):
        reject(owner.customer_id, ACCOUNT, number)
    reject(owner.customer_id, OTHER, 4)

    found = only(owner.customer_id)

    assert (found.id, found.customer, found.cloud, found.native_id) == (account_id, "11", "aws", ACCOUNT)
    assert (found.credentials, found.external_id) == (cloud.accounts[ACCOUNT].arn, owner.external_id)
    assert (found.state, found.problem_code, found.problem) == ("enabled", "", "")
    assert (found.metered_from, found.enabled_at, found.checked_at) == (AS_OF,) * 3
    assert found.swept_at == moment(4)
    assert found.complete_until == moment(2)
    assert found.feeds == (
        FeedStatus("sweep", "af-south-1", moment(1), None, "is not enabled"),
        FeedStatus("cloudtrail", "eu-west-1", moment(6), moment(7), ""),
        FeedStatus("sweep", "eu-west-1", moment(4), None, ""),
        FeedStatus("sweep", "us-east-1", moment(5), None, ""),
    )
    assert found.gaps == Gaps(2, moment(2), "us-east-1", "was altered")
    assert found.rejected == 3
    assert found.trail == Trail(f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/test", fake_cloud.BUCKET, is_ours=True)
    assert found.instances == 0


def test_instances_are_counted_by_account(owner):
    for account_id, number in ((owner.connected(), 2), (owner.connected(OTHER), 1)):
        for name in range(number):
            Instance.objects.create(account_id=account_id, native_id=f"i-{name}", region="eu-west-1")

    assert [found.instances for found in statuses.statuses()] == [2, 1]


def test_an_account_that_nothing_is_known_of(owner):
    owner.claim()

    found = only(owner.customer_id)

    assert (found.state, found.enabled_at, found.swept_at, found.complete_until) == ("connecting", None, None, None)
    assert (found.feeds, found.gaps, found.rejected) == ((), Gaps(0, None, "", ""), 0)


def test_the_state_is_one_word(owner, cloud):
    account_id = owner.claim(owner.arn(denied=("ec2:DescribeRegions",)))
    words = [only(owner.customer_id).state]
    for change in (
        lambda: connect(account_id),
        lambda: cloud.accounts[ACCOUNT].__setattr__("denied", ()) or connect(account_id),
        lambda: onboarding.pause(account_id=account_id, now=AS_OF),
        lambda: onboarding.disable(account_id=account_id, now=AS_OF),
        lambda: onboarding.delete(account_id=account_id, now=AS_OF),
    ):
        change()
        words.append(only(owner.customer_id).state)

    assert words == ["connecting", "problem", "enabled", "paused", "disabled", "deleting"]


def test_an_account_that_files_alone_were_read_of(db):
    assert only(Stored("11").customer_id).state == "files"


def test_a_problem_of_new_credentials_is_shown_beside_enabled(owner):
    account_id = owner.connected()
    onboarding.update(account_id=account_id, credentials=owner.arn(OTHER, has_role=False), now=AS_OF)
    connect(account_id)

    found = only(owner.customer_id)

    assert (found.state, found.problem_code) == ("enabled", "CG3002")
    assert found.next_credentials.endswith(f"{OTHER}:role/metering")
    assert found.problem_of == "next role"


def test_accounts_come_in_order_and_no_others(owner, cloud):
    mine = [owner.connected(OTHER), owner.connected(ACCOUNT)]
    theirs = Owner(cloud, "22").connected("000000000001")

    assert [found.native_id for found in statuses.statuses(customer_id=owner.customer_id)] == [ACCOUNT, OTHER]
    assert [found.id for found in statuses.statuses(account_ids=[theirs, mine[0]])] == [theirs, mine[0]]
    assert statuses.statuses(customer_id=owner.customer_id, account_ids=[theirs]) == []
    assert len(statuses.statuses()) == 3


def test_six_queries_do_for_any_number(owner, django_assert_num_queries):
    for number in range(7):
        account_id = owner.connected(f"00000000010{number}")
        for region in ("eu-west-1", "us-east-1"):
            position(account_id, region, "sweep", AS_OF)
            gap(account_id, region, AS_OF)
        reject(owner.customer_id, f"00000000010{number}", number)

    with django_assert_num_queries(6):
        found = statuses.statuses()

    assert [(len(one.feeds), one.gaps.number, one.rejected) for one in found] == [(2, 2, 1)] * 7


def test_lag_of_nothing_is_not_known(db, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert statuses.lag(now=AS_OF) == Lag(None, None, 0, 0, None, 0, 0)


def test_lag_is_that_of_what_is_furthest_behind(owner, cloud):
    swept, forgotten, disabled = (owner.connected(f"00000000010{number}") for number in range(3))
    onboarding.disable(account_id=disabled, now=AS_OF)
    for account_id, minutes in ((swept, 5), (forgotten, 90), (disabled, 5000)):
        position(account_id, "eu-west-1", "sweep", AS_OF - minutes * MINUTE)
        position(account_id, "us-east-1", "sweep", AS_OF - 9999 * MINUTE, problem="denied")
    position(swept, "eu-west-1", "cloudtrail", AS_OF - 7 * MINUTE)
    position(swept, "eu-west-1", "eventbridge", AS_OF - 3 * SECOND)
    position(swept, "eu-west-1", "backfill", AS_OF)
    gap(swept, "one", AS_OF)
    reject(owner.customer_id, ACCOUNT, 1)
    reject(None, "", 1)
    for name, waiting, dead, oldest_at in (("logs", 5, 1, AS_OF - 40 * SECOND), ("notices", 2, 0, None)):
        QueueState.objects.create(name=name, waiting=waiting, dead=dead, oldest_at=oldest_at, seen_at=AS_OF)

    assert statuses.lag(now=AS_OF) == Lag(
        newest_event=3, oldest_message=40, waiting=7, dead=1, last_sweep=90 * 60, gaps=1, rejected=2
    )


def test_a_clock_that_is_behind_makes_no_negative_lag(owner):
    position(owner.connected(), "eu-west-1", "cloudtrail", AS_OF + MINUTE)

    assert statuses.lag(now=AS_OF).newest_event == 0


def test_a_time_that_is_yet_to_come_does_not_hide_how_old_the_newest_record_is(owner):
    position(owner.connected(), "eu-west-1", "cloudtrail", AS_OF - MINUTE)
    position(owner.connected("000000000101"), "eu-west-1", "cloudtrail", AS_OF + 6 * MINUTE)

    assert statuses.lag(now=AS_OF).newest_event == 60


def test_an_account_never_swept_is_not_taken_for_swept(owner):
    owner.connected()

    assert statuses.lag(now=AS_OF).last_sweep is None


def test_what_the_customer_must_solve_stands_there_as_a_sentence(owner, cloud):
    account_id = owner.claim()
    cloud.fail("connect", CustomerProblem("five of them in us-east-1", Problem.TOO_MANY_TRAILS))
    connect(account_id)

    found = only(owner.customer_id)

    assert found.problem_code == "CG3001"
    assert found.problem == f"{Problem.TOO_MANY_TRAILS.sentence} (five of them in us-east-1)"
    assert CloudAccount.objects.get().problem == found.problem
