"""Log files that were read and cannot be stored: no account is complete past them until they are read once more."""

from datetime import UTC, datetime, timedelta

from cloudigrade.clouds.cloud import Proof
from cloudigrade.clouds.protocol import Rejected
from cloudigrade.models import CloudAccount, Gap, InstanceEvent, Quarantine
from cloudigrade.services import completeness, quarantine
from tests import fake_cloud
from tests.builders import ACCOUNT, AS_OF, REGION, batch, clock, day, launch, moment, stop
from tests.services.test_ingest import FILE, delivery, gap, record, unstorable


def lost(stored, *items, **more):
    """The log file holds these, and they are delivered."""
    return delivery({stored.customer_id: batch(*items, files=[FILE], read_sources=[FILE.source], **more)})


def complete_until():
    (account,) = CloudAccount.objects.filter(native_id=ACCOUNT).values_list("pk", flat=True)
    return completeness.complete_until([account])[account]


def is_complete(stored, number):
    stored.recalculate()
    (told,) = stored.report(day(number), day(number + 1))["days"]
    return told["complete"]


def test_a_log_file_that_cannot_be_stored_keeps_its_account_from_being_complete_until_it_is_read(stored, monkeypatch):
    """Of an account without digests, too, whose newest record would say that all is there."""
    newest = {(ACCOUNT, REGION): clock(80)}
    record(delivery({stored.customer_id: batch(newest=newest)}))
    assert [is_complete(stored, number) for number in range(3)] == [True, True, True]
    given = lost(stored, launch("i-1", 30), stop("i-1", 31), newest={(ACCOUNT, "us-east-2"): clock(32)})
    with monkeypatch.context() as refusing:
        unstorable(refusing, stored.customer_id)
        record(given)
        record(given)

    found = Gap.objects.get()
    assert (found.account.native_id, found.region, found.feed) == (ACCOUNT, REGION, "cloudtrail")
    assert (found.source, found.sha256) == (FILE.source, "")
    assert (found.starts_at, found.ends_at, found.found_at) == (moment(30), moment(32), AS_OF)
    assert found.reason.startswith("cannot be stored: invalid input syntax")
    assert complete_until() == moment(30)
    assert [is_complete(stored, number) for number in range(3)] == [True, False, False]

    record(given)

    assert (Gap.objects.count(), complete_until()) == (0, None)
    assert [is_complete(stored, number) for number in range(3)] == [True, True, True]


def test_nothing_is_complete_past_what_was_read_though_the_gap_is_later(stored, monkeypatch):
    """Where digests prove nothing; nor before anything was read at all."""
    with monkeypatch.context() as refusing:
        unstorable(refusing, stored.customer_id)
        record(lost(stored, launch("i-1", 60)))
    assert complete_until() == CloudAccount.objects.get().metered_from == moment(0)

    record(delivery({stored.customer_id: batch(newest={(ACCOUNT, REGION): clock(40)})}))
    assert complete_until() == moment(40) - timedelta(seconds=completeness.GRACE)

    record(delivery({stored.customer_id: batch(newest={(ACCOUNT, REGION): clock(80)})}))
    assert complete_until() == moment(60)


def test_digests_do_not_prove_past_a_log_file_that_cannot_be_stored(stored, monkeypatch):
    account = CloudAccount.objects.get().pk
    proof = Proof(REGION, clock(70), (), {}, begins_at=clock(0))
    completeness.record(account_id=account, proof=proof, reasons={}, now=AS_OF)
    unstorable(monkeypatch, stored.customer_id)

    record(lost(stored, launch("i-1", 60)))

    assert complete_until() == moment(60)


def test_what_was_stored_before_is_not_missing_when_it_comes_again_and_cannot_be(stored, monkeypatch):
    given = lost(stored, launch("i-1", 30))
    record(given)
    unstorable(monkeypatch, stored.customer_id)
    record(given)
    assert not Gap.objects.exists()


def test_a_gap_that_a_digest_found_keeps_its_times(stored, monkeypatch):
    gap()
    unstorable(monkeypatch, stored.customer_id)
    record(lost(stored, launch("i-1", 30)))
    assert list(Gap.objects.values_list("starts_at", "ends_at")) == [(AS_OF, AS_OF)]


def test_times_that_cannot_be_and_names_that_nobody_can_store_make_gaps_all_the_same(stored, monkeypatch):
    unstorable(monkeypatch, stored.customer_id)
    early, late = launch("i-1", 30), launch("i-2", 30)
    early = early._replace(event=early.event._replace(occurred_at=-(2**80)))
    late = late._replace(event=late.event._replace(occurred_at=2**80))
    files = [FILE._replace(source="AWSLogs/\0\ud800" + "x" * 9000, region="\ud800"), FILE]

    record(delivery({stored.customer_id: batch(early, late, files=files)}))

    assert [len(source) < 2001 for source in Gap.objects.values_list("source", flat=True)] == [True, True]
    assert set(Gap.objects.values_list("starts_at", "ends_at")) == {(datetime(1970, 1, 1, tzinfo=UTC), AS_OF)}


def test_s1_what_cannot_be_stored_makes_gaps_of_the_customers_own_accounts_alone(stored, make_stored, monkeypatch):
    """S1: a customer's file says nothing of the accounts of others."""
    make_stored("22", ["000000000043"])
    unstorable(monkeypatch, stored.customer_id)
    foreign = FILE._replace(account="000000000043")

    record(delivery({stored.customer_id: batch(launch("i-2", 1, account="000000000043"), files=[foreign])}))

    assert not Gap.objects.exists()


def test_a_file_that_cannot_be_read_is_the_customers_even_if_the_rest_cannot_be_stored(stored, monkeypatch):
    """It is in no gap, for nobody knows its times and content; so it keeps all days from being complete."""
    unstorable(monkeypatch, stored.customer_id)
    whole = Rejected("AWSLogs/b.json.gz", "is not JSON", ACCOUNT, location="s3://b/AWSLogs/b.json.gz")
    item = whole._replace(source="AWSLogs/c.json.gz", content=b"{}")
    foreign = whole._replace(account="000000000043")

    record(delivery({stored.customer_id: batch(launch("i-1", 1), whole, item, foreign)}))

    kept = Quarantine.objects.exclude(customer=None).values_list("customer", "feed", "source", "location")
    assert list(kept) == [(stored.customer_id, "cloudtrail", whole.source, whole.location)]


def test_a_replay_of_the_file_heals_its_gap(stored, monkeypatch):
    cloud = fake_cloud.installed(monkeypatch)
    with monkeypatch.context() as refusing:
        unstorable(refusing, stored.customer_id)
        record(lost(stored, Rejected(FILE.source, "is not JSON", ACCOUNT), launch("i-1", 30)))
    assert Gap.objects.count() == 1
    cloud.readable[FILE.source] = batch(launch("i-1", 30), files=[FILE], read_sources=[FILE.source])
    entry = Quarantine.objects.exclude(customer=None).get()

    assert quarantine.replay(entry_id=entry.pk, now=AS_OF).reason == ""

    assert (Gap.objects.count(), InstanceEvent.objects.count()) == (0, 1)
