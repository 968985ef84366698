"""The quarantine: what is in it, what leaves it when it can be read, and what is given up."""

import pytest

from cloudigrade.clouds.protocol import CustomerProblem, Rejected, Unavailable
from cloudigrade.models import CloudAccount, InstanceEvent, Quarantine
from cloudigrade.services import accounts, activity, quarantine
from cloudigrade.services.quarantine import Entry, Filter, Kind, Replayed
from tests.builders import ACCOUNT, AS_OF, batch, launch
from tests.fake_cloud import BUCKET, FakeCloud, installed

SOURCE = f"AWSLogs/{ACCOUNT}/CloudTrail/eu-west-1/a.json.gz"
FILE = Rejected(SOURCE, "is not JSON", ACCOUNT, location=f"s3://{BUCKET}/{SOURCE}")
RECORD = Rejected(SOURCE, "has no valid event time", ACCOUNT, b'{"eventName":"RunInstances"}')
MESSAGE = Rejected("queue/m-1", "message is not JSON", content=b"garbage")


@pytest.fixture
def cloud(stored, monkeypatch) -> FakeCloud:
    CloudAccount.objects.update(details={"bucket": BUCKET})
    return installed(monkeypatch)


def keep(item, customer_id, feed="cloudtrail"):
    """The id of the entry."""
    activity.quarantine(customer_id=customer_id, feed=feed, rejected=[item], as_of=AS_OF)
    return Quarantine.objects.latest("pk").pk


def replay(entry_id):
    return quarantine.replay(entry_id=entry_id, now=AS_OF)


def test_entries_say_what_and_whose_they_are(stored):
    ids = [keep(FILE, stored.customer_id), keep(RECORD, stored.customer_id), keep(MESSAGE, None, "message")]

    assert quarantine.entries(Filter()) == [
        Entry(ids[0], Kind.FILE, "cloudtrail", "11", ACCOUNT, SOURCE, FILE.location, FILE.reason, AS_OF, 0),
        Entry(ids[1], Kind.RECORD, "cloudtrail", "11", ACCOUNT, SOURCE, "", RECORD.reason, AS_OF, 28),
        Entry(ids[2], Kind.MESSAGE, "message", "", "", "queue/m-1", "", MESSAGE.reason, AS_OF, 7),
    ]
    assert quarantine.content(ids[1]) == RECORD.content
    with pytest.raises(LookupError):
        quarantine.content(ids[2] + 1)


def test_filters_leave_what_fits_all_of_them(stored, make_stored):
    other = make_stored("22", ["000000000043"])
    ids = [keep(FILE, stored.customer_id), keep(RECORD, other.customer_id), keep(MESSAGE, None, "message")]

    def found(**given):
        return [entry.id for entry in quarantine.entries(Filter(**given))]

    assert found(customer="11") == ids[:1]
    assert found(account=ACCOUNT) == ids[:2]
    assert found(feed="message") == ids[2:]
    assert found(ids=ids[1:], account=ACCOUNT) == ids[1:2]
    assert found(ids=[]) == []
    assert [entry.id for entry in quarantine.entries(Filter(), limit=2)] == ids[:2]


def test_entries_need_one_query_and_leave_contents_where_they_are(stored, django_assert_num_queries):
    for number in range(20):
        keep(RECORD._replace(source=f"{number}"), stored.customer_id)
    with django_assert_num_queries(1) as captured:
        assert len(quarantine.entries(Filter())) == 20
    assert '"content",' not in captured[0]["sql"]


@pytest.mark.parametrize("item", [FILE, RECORD], ids=["file", "record"])
def test_o8_what_can_be_read_again_is_recorded_and_leaves(stored, cloud, item):
    """O8: what had failed stayed where nobody looked."""
    entry = keep(item, stored.customer_id)
    cloud.readable[SOURCE] = batch(launch("i-1", 1))

    assert replay(entry) == Replayed(entry, "")

    assert not Quarantine.objects.exists()
    stored.recalculate()
    assert stored.spans() == [("i-1", 1, None)]


def test_o8_a_message_of_nobody_is_read_again_and_finds_its_owner(stored, cloud):
    """O8: as for files and records."""
    entry = keep(MESSAGE, None, "message")
    cloud.readable[MESSAGE.source] = batch(launch("i-1", 1), accounts={ACCOUNT})

    assert replay(entry) == Replayed(entry, "")

    assert not Quarantine.objects.exists()
    assert InstanceEvent.objects.get().instance.account.customer_id == stored.customer_id


def test_what_still_cannot_be_read_stays(stored, cloud):
    entry = keep(FILE, stored.customer_id)
    assert replay(entry) == Replayed(entry, FILE.reason)
    for problem in (Unavailable("not now"), CustomerProblem("denied")):
        cloud.fail("reread", problem)
        assert replay(entry) == Replayed(entry, str(problem))
    assert Quarantine.objects.get().pk == entry


def test_a_description_is_not_read_again(stored, cloud):
    entry = keep(RECORD, stored.customer_id, "sweep")
    assert replay(entry) == Replayed(entry, "is a description, and the next one says it anew; drop it")
    assert cloud.called("reread") == []


def test_an_entry_that_is_gone_is_no_error(db):
    assert replay(1) == Replayed(1, "is not in quarantine any more")


def test_an_account_that_is_gone_leaves_its_entry_to_whichever_cloud_can_read_it(stored, cloud):
    entry = keep(FILE._replace(account="000000000099"), stored.customer_id)
    cloud.readable[SOURCE] = batch(launch("i-1", 1))
    assert replay(entry) == Replayed(entry, "")


def test_s1_what_a_customers_file_says_of_another_customers_account_is_not_stored(stored, make_stored, cloud):
    """S1: read again, it speaks for no more accounts than before."""
    make_stored("22", ["000000000043"])
    entry = keep(FILE, stored.customer_id)
    cloud.readable[SOURCE] = batch(launch("i-1", 1, account="000000000043"))

    replay(entry)

    assert not InstanceEvent.objects.exists()


def test_what_is_dropped_is_gone_and_keeps_no_day_from_being_complete(stored):
    ids = [keep(FILE, stored.customer_id), keep(RECORD, stored.customer_id)]
    assert quarantine.drop(ids=[ids[0], 12345]) == 1
    assert [entry.id for entry in quarantine.entries(Filter())] == ids[1:]


@pytest.mark.parametrize("details", [{"bucket": "b", "reader": "000000000043"}, {"left": {"reader": "000000000043"}}])
def test_a_file_is_read_again_through_its_reader_or_not_at_all(stored, cloud, monkeypatch, details):
    """Of an account that is disabled, too; and never by our own identity."""
    CloudAccount.objects.update(details=details)
    entry = keep(FILE, stored.customer_id)
    given, original = [], cloud.reread

    def reread(item, router, owner):
        given.append(owner)
        return original(item, router, owner)

    monkeypatch.setattr(cloud, "reread", reread)
    assert replay(entry).reason == "is read through account 000000000043, which is not connected"
    assert given == []

    accounts.ensure_accounts(
        customer_id=stored.customer_id, cloud="aws", native_ids=["000000000043"], metered_from=AS_OF, now=AS_OF
    )
    cloud.readable[SOURCE] = batch(launch("i-1", 1))

    assert replay(entry) == Replayed(entry, "")
    assert [route.reader.native_id for route in given] == ["000000000043"]
