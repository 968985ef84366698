"""Log files that no queue tells of: each read once, from where the last look ended."""

from datetime import datetime, timedelta

import pytest

from cloudigrade.clouds.protocol import CustomerProblem, FileRead, Unavailable
from cloudigrade.domain import days
from cloudigrade.models import CloudAccount, DueWork, FeedPosition, InstanceEvent, LogFile
from cloudigrade.services import accounts, polling, removal, schedules
from cloudigrade.services.schedules import Work
from tests.builders import ACCOUNT, AS_OF, REGION, batch, launch
from tests.fake_accounts import LogFile as Lying
from tests.fake_cloud import FakeCloud, installed
from tests.services.owners import Owner, connect

MINUTE = timedelta(minutes=1)
OTHER = "000000000043"


@pytest.fixture
def cloud(db, monkeypatch) -> FakeCloud:
    return installed(monkeypatch)


@pytest.fixture
def account(cloud):
    """Connected, with a bucket of its own."""
    return connected(cloud)


def connected(cloud, native_id=ACCOUNT):
    owner = Owner(cloud)
    account = owner.claim(owner.arn(native_id, bucket="own"))
    connect(account)
    return account


def lie(cloud, number, at: datetime, *items, native_id=ACCOUNT):
    """A log file was delivered then."""
    name = f"AWSLogs/{number}.json.gz"
    file = FileRead(native_id, REGION, name, f"hash-{number}")
    held = batch(*(items or (launch(f"i-{number}", 1),)), files=[file], read_sources=[name])
    cloud.accounts[native_id].log_files.append(Lying(REGION, name, days.second_of(at), held))


def poll(account, now=AS_OF):
    return polling.poll(account_id=account, clock=lambda: now)


def test_every_file_is_read_once(cloud, account):
    for number in range(3):
        lie(cloud, number, AS_OF + number * MINUTE)

    assert poll(account, AS_OF + 10 * MINUTE) == 3
    assert poll(account, AS_OF + 20 * MINUTE) == 0
    lie(cloud, 3, AS_OF + 20 * MINUTE)
    assert poll(account, AS_OF + 30 * MINUTE) == 1

    assert LogFile.objects.count() == InstanceEvent.objects.count() == 4


def test_it_looks_from_an_hour_before_the_last_look_on(cloud, account, monkeypatch):
    asked = []
    original = FakeCloud.log_files

    def noted(self, given, *, since, until, known):
        asked.append((since, until))
        return original(self, given, since=since, until=until, known=known)

    monkeypatch.setattr(FakeCloud, "log_files", noted)
    poll(account, AS_OF)
    poll(account, AS_OF + 60 * MINUTE)

    hour, at = 3600, days.second_of(AS_OF)
    assert asked == [(at - hour, at), (at - hour, at + hour)]


def position(account):
    return FeedPosition.objects.get(account_id=account, feed=polling.POLL).newest_at


def test_the_position_is_what_was_read_or_else_a_day_ago(cloud, account):
    read = AS_OF + 30 * MINUTE
    news = batch(launch("i-1", 1), newest={(ACCOUNT, REGION): days.second_of(read)}, read_sources=["AWSLogs/a"])
    cloud.accounts[ACCOUNT].log_files.append(Lying(REGION, "AWSLogs/a", days.second_of(read), news))
    poll(account, AS_OF + 60 * MINUTE)
    assert position(account) == read

    poll(account, AS_OF + 24 * 60 * MINUTE)
    assert position(account) == read
    poll(account, AS_OF + 48 * 60 * MINUTE)
    assert position(account) == AS_OF + 24 * 60 * MINUTE


@pytest.mark.parametrize(("read", "is_found"), [(None, True), (60, True), (180, False)])
def test_a_clock_that_was_ahead_skips_nothing(cloud, account, read, is_found):
    """What is read anew begins with the region that was read least far, and with the metering where none was."""
    FeedPosition.objects.create(account_id=account, region="", feed=polling.POLL, newest_at=AS_OF + 9999 * MINUTE)
    for region, minutes in ((REGION, read), ("us-east-1", 240)) if read else ():
        FeedPosition.objects.create(
            account_id=account, region=region, feed="cloudtrail", newest_at=AS_OF + minutes * MINUTE
        )
    lie(cloud, 1, AS_OF + 30 * MINUTE)

    assert poll(account, AS_OF + 300 * MINUTE) == is_found
    assert position(account) < AS_OF + 300 * MINUTE


def test_a_clock_that_is_behind_looks_an_hour_back(cloud, account):
    lie(cloud, 1, AS_OF - 150 * MINUTE)
    assert poll(account, AS_OF - 120 * MINUTE) == 1


def test_a_look_that_fails_is_repeated_from_where_it_began(cloud, account):
    lie(cloud, 1, AS_OF)
    cloud.fail("log_files", Unavailable("not now"), after=True)

    with pytest.raises(Unavailable):
        poll(account, AS_OF + MINUTE)

    assert not FeedPosition.objects.filter(feed=polling.POLL).exists()
    assert LogFile.objects.count() == 1
    assert poll(account, AS_OF + 500 * MINUTE) == 0


def test_s1_files_of_one_account_say_nothing_of_another(cloud, account):
    """S1: not even of the same customer."""
    connected(cloud, OTHER)
    lie(cloud, 1, AS_OF, launch("i-2", 1, account=OTHER))

    assert poll(account, AS_OF + MINUTE) == 1
    assert not InstanceEvent.objects.exists()


@pytest.mark.parametrize("state", [{"is_paused": True}, {"wanted": "disabled"}, {"is_verified": False}])
def test_what_is_not_metered_is_not_looked_at(cloud, account, state):
    CloudAccount.objects.update(**state)
    lie(cloud, 1, AS_OF)
    assert poll(account, AS_OF + MINUTE) == 0
    assert cloud.called("log_files") == []


def test_an_account_that_is_gone_is_no_error(cloud):
    assert poll(12345) == 0


def test_a_long_look_is_not_begun_by_another_meanwhile(cloud, account):
    schedules.plan(account_ids=[account], work=[Work.POLL], at=AS_OF)
    schedules.claim(work=Work.POLL, now=AS_OF)
    lie(cloud, 1, AS_OF)

    poll(account, AS_OF + 14 * MINUTE)

    assert DueWork.objects.get(work="poll").due_at == AS_OF + 14 * MINUTE + schedules.LEASE


@pytest.mark.parametrize("error", [None, CustomerProblem("the role is gone")], ids=["read", "refused"])
def test_an_account_that_is_removed_meanwhile_is_gone(cloud, account, monkeypatch, error):
    lie(cloud, 0, AS_OF)
    original = cloud.log_files

    def removing(given, **more):
        yield from original(given, **more)
        removal.remove(account_id=account, now=AS_OF)
        if error:
            raise error

    monkeypatch.setattr(cloud, "log_files", removing)

    with pytest.raises(accounts.Gone, match=f"account {account} is gone"):
        poll(account, AS_OF + MINUTE)

    assert not FeedPosition.objects.exists()
