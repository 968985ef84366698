"""Deliveries into the store: all of it or nothing, again where others were in the way, and gaps healed."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import DataError, OperationalError, connection
from django.test.utils import CaptureQueriesContext

from cloudigrade.clouds.cloud import Delivery
from cloudigrade.clouds.protocol import Batch, FileRead, Rejected, Unavailable
from cloudigrade.models import CloudAccount, Gap, InstanceEvent, LogFile, Quarantine, QueueState
from cloudigrade.services import activity, ingest
from cloudigrade.services.staging import execute
from tests.builders import ACCOUNT, AS_OF, REGION, batch, launch, stop
from tests.fake_accounts import Message
from tests.fake_cloud import BUCKET, LOGS, NOTICES, FakeCloud

FILE = FileRead(ACCOUNT, REGION, "AWSLogs/a.json.gz", "aa")
PLACE = (BUCKET, ACCOUNT)


@pytest.fixture
def cloud(stored):
    """With a customer whose account logs to our bucket."""
    CloudAccount.objects.update(details={"bucket": BUCKET})
    return FakeCloud()


def delivery(batches, **more):
    return Delivery(LOGS, batches=batches, messages=1, **more)


def record(given):
    return ingest.record(cloud="aws", delivery=given, now=AS_OF)


def gap(source=FILE.source, sha256=FILE.sha256, feed="cloudtrail"):
    return Gap.objects.create(
        account=CloudAccount.objects.get(native_id=ACCOUNT),
        region=REGION,
        feed=feed,
        source=source,
        sha256=sha256,
        starts_at=AS_OF,
        ends_at=AS_OF,
        reason="missing",
        found_at=AS_OF,
    )


def test_everything_delivered_is_stored_for_its_owner(stored, make_stored):
    other = make_stored("22", ["000000000043"])
    given = {
        other.customer_id: batch(launch("i-2", 1, account="000000000043")),
        stored.customer_id: batch(launch("i-1", 1), stop("i-1", 2)),
    }

    assert record(delivery(given)) == (3, 0, 0)
    assert record(delivery(given)) == (0, 3, 0)

    stored.recalculate()
    other.recalculate()
    assert (stored.spans(), other.spans()) == ([("i-1", 1, 2)], [("i-2", 1, None)])


def test_s1_what_is_of_another_customers_account_is_foreign(stored, make_stored):
    """S1: a feed speaks only for the accounts of its own customer."""
    other = make_stored("22", ["000000000043"])

    assert record(delivery({other.customer_id: batch(launch("i-1", 1))})) == (0, 0, 1)
    assert not InstanceEvent.objects.exists()


def test_s1_what_is_read_of_one_account_does_not_speak_for_another(make_stored):
    """S1: not even for another of the same customer, for whoever controls the one may not control the other."""
    both = make_stored("11", [ACCOUNT, "000000000043"])
    forged = batch(launch("i-2", 1, account="000000000043"), files=[FILE._replace(account="000000000043")])

    recorded = ingest.record_batch(
        customer_id=both.customer_id, cloud="aws", feed="cloudtrail", batch=forged, speaks_for={ACCOUNT}, now=AS_OF
    )

    assert recorded == (0, 0, 1)
    assert not LogFile.objects.exists()


def test_files_are_known_once_with_the_hash_that_was_read_last(stored):
    for sha256 in ("aa", "aa", "bb"):
        record(
            delivery({stored.customer_id: batch(files=[FILE._replace(sha256=sha256), FILE._replace(sha256=sha256)])})
        )
        assert list(LogFile.objects.values_list("account__native_id", "region", "source", "sha256", "read_at")) == [
            (ACCOUNT, REGION, FILE.source, sha256, AS_OF)
        ]


def test_a_gap_heals_when_its_file_is_read_with_the_right_hash(stored):
    kept = [gap("other"), gap(sha256="bb", feed="sweep")]
    gap()
    record(delivery({stored.customer_id: batch(files=[FILE._replace(sha256="altered")])}))
    assert Gap.objects.count() == 3

    record(delivery({stored.customer_id: batch(files=[FILE])}))

    assert list(Gap.objects.order_by("pk")) == kept


def test_a_gap_of_an_unknown_file_heals_whatever_its_hash(stored):
    gap(sha256="")
    record(delivery({stored.customer_id: batch(files=[FILE])}))
    assert not Gap.objects.exists()


def test_a_file_of_an_account_that_is_not_the_customers_is_not_known(stored):
    record(delivery({stored.customer_id: batch(files=[FILE._replace(account="000000000043")])}))
    assert not LogFile.objects.exists()


def test_messages_of_nobody_are_quarantined_without_a_customer(stored):
    item = Rejected("q/1", "is not JSON", content=b"x")
    for _ in range(2):
        record(delivery({}, rejected=[item]))

    kept = Quarantine.objects.get()
    assert (kept.customer_id, kept.feed, kept.source, kept.kept_at) == (None, "message", "q/1", AS_OF)


def test_as_many_queries_for_any_number_of_files(stored):
    def queries(number):
        files = [FILE._replace(source=f"AWSLogs/{number}-{n}") for n in range(number)]
        launches = [launch(f"i-{number}-{n}", 1) for n in range(number)]
        with CaptureQueriesContext(connection) as captured:
            record(delivery({stored.customer_id: batch(*launches, files=files)}))
        return len(captured)

    queries(2)  # the image is known from here on
    assert queries(100) == queries(1)


DEADLOCK, SERIALIZATION, FOREIGN_KEY, GONE = "40P01", "40001", "23503", "57P01"


def failing(monkeypatch, *codes):
    """PostgreSQL ends the transaction so after something was stored, until no code is left."""
    original, left = activity.record, list(codes)

    def broken(**given):
        recorded = original(**given)
        if left:
            execute(f"DO $$ BEGIN RAISE EXCEPTION 'in the way' USING ERRCODE = '{left.pop(0)}'; END $$")
        return recorded

    monkeypatch.setattr(activity, "record", broken)
    return left


def test_deadlocks_and_failed_serializations_are_tried_again(stored, monkeypatch):
    left = failing(monkeypatch, DEADLOCK, SERIALIZATION, DEADLOCK, DEADLOCK)

    assert record(delivery({stored.customer_id: batch(launch("i-1", 1))})) == (1, 0, 0)
    assert left == []


def test_what_is_always_in_the_way_is_raised_and_nothing_is_stored(stored, monkeypatch):
    left = failing(monkeypatch, *[DEADLOCK] * 6)

    with pytest.raises(OperationalError):
        record(delivery({stored.customer_id: batch(launch("i-1", 1))}))

    assert len(left) == 1
    assert not InstanceEvent.objects.exists()


def test_a_lost_connection_is_not_tried_again(stored, monkeypatch):
    left = failing(monkeypatch, GONE, DEADLOCK)

    with pytest.raises(OperationalError):
        record(delivery({stored.customer_id: batch(launch("i-1", 1))}))

    assert left == [DEADLOCK]


def test_an_account_that_is_deleted_meanwhile_is_not_found_the_next_time(stored, monkeypatch):
    left = failing(monkeypatch, FOREIGN_KEY)

    assert record(delivery({stored.customer_id: batch(launch("i-1", 1))})) == (1, 0, 0)
    assert left == []


def unstorable(monkeypatch, *customers):
    """PostgreSQL refuses what is of these customers, after something of it was stored."""
    original = activity.record

    def refused(**given):
        recorded = original(**given)
        if given["customer_id"] in customers:
            execute("SELECT 'x'::int")
        return recorded

    monkeypatch.setattr(activity, "record", refused)


def test_what_of_one_customer_cannot_be_stored_costs_no_other(stored, make_stored, monkeypatch, caplog):
    """And nothing of it comes again to keep the queue from being read; it is named for the operator."""
    other = make_stored("22", ["000000000043"])
    unstorable(monkeypatch, stored.customer_id)
    given = {
        stored.customer_id: batch(launch("i-1", 1), read_sources=["AWSLogs/a", "AWSLogs/\ud800"]),
        other.customer_id: batch(launch("i-2", 1, account="000000000043")),
    }

    assert record(delivery(given, rejected=[Rejected("q/1", "is not JSON", content=b"x")])) == (1, 0, 0)

    assert list(InstanceEvent.objects.values_list("instance__native_id", flat=True)) == ["i-2"]
    kept, named = Quarantine.objects.order_by("source")
    assert (named.customer_id, named.source) == (None, f"{LOGS}/customer {stored.customer_id}")
    assert (named.feed, kept.feed, kept.source) == ("lost", "message", "q/1")
    assert bytes(named.content) == b'{"customer":%d,"sources":["AWSLogs/a","AWSLogs/?"]}' % stored.customer_id
    assert named.reason.startswith("cannot be stored: invalid input syntax for type integer")
    assert f"delivered of customer {stored.customer_id} is lost" in caplog.text


def test_what_was_read_from_no_queue_is_raised_if_it_cannot_be_stored(stored, monkeypatch):
    """A replay keeps its entry."""
    unstorable(monkeypatch, stored.customer_id)

    with pytest.raises(DataError):
        record(Delivery("", batches={stored.customer_id: batch(launch("i-1", 1))}))

    assert not Quarantine.objects.exists()


def test_a_queue_that_cannot_be_recorded_keeps_no_other_from_being_drained(stored, cloud, monkeypatch, caplog):
    cloud.send(Message(PLACE, batch(launch("i-1", 1))))
    cloud.send(Message(PLACE, batch(launch("i-2", 1))), queue=NOTICES)
    failing(monkeypatch, *[DEADLOCK] * 5)

    with pytest.raises(OperationalError):
        list(ingest.drained(cloud=cloud, clock=lambda: AS_OF))

    assert (len(cloud.waiting[LOGS]), len(cloud.waiting[NOTICES])) == (1, 0)
    assert list(InstanceEvent.objects.values_list("instance__native_id", flat=True)) == ["i-2"]
    assert "cannot be recorded" in caplog.text


def test_drained_messages_are_gone_once_they_are_recorded(stored, cloud):
    for number in range(15):
        cloud.send(Message(PLACE, batch(launch(f"i-{number}", 1))))

    waiting = [len(cloud.waiting[LOGS]) for _ in ingest.drained(cloud=cloud, clock=lambda: AS_OF)]

    assert waiting == [5, 0]
    assert InstanceEvent.objects.count() == 15


def test_what_cannot_be_recorded_stays_in_the_queue(stored, cloud, monkeypatch):
    cloud.send(Message(PLACE, batch(launch("i-1", 1))))
    failing(monkeypatch, *[DEADLOCK] * 5)

    with pytest.raises(OperationalError):
        list(ingest.drained(cloud=cloud, clock=lambda: AS_OF))

    assert len(cloud.waiting[LOGS]) == 1


def test_nothing_is_received_while_the_database_does_not_answer(stored, cloud, monkeypatch):
    """Or an outage of ours would make dead letters."""

    def down(*_):
        raise OperationalError("gone")

    monkeypatch.setattr(ingest, "fetch", down)

    with pytest.raises(OperationalError):
        list(ingest.drained(cloud=cloud, clock=lambda: AS_OF))

    assert cloud.called("deliveries") == []


def test_the_lag_of_queues_is_known(stored, cloud):
    hour = timedelta(hours=1)
    sent = int((AS_OF - hour).timestamp())
    cloud.send(Message(PLACE, batch(launch("i-1", 1)), sent_at=sent, unavailable=1))
    cloud.dead[LOGS].append(Message(PLACE))
    list(ingest.drained(cloud=cloud, clock=lambda: AS_OF))
    ingest.record_queues(cloud=cloud, now=AS_OF)
    of_logs = QueueState.objects.filter(name=LOGS).values_list("waiting", "dead", "oldest_at", "seen_at")
    assert of_logs.get() == (1, 1, datetime.fromtimestamp(sent, UTC), AS_OF)

    list(ingest.drained(cloud=cloud, clock=lambda: AS_OF + hour))
    ingest.record_queues(cloud=cloud, now=AS_OF + hour)
    assert of_logs.get() == (0, 1, None, AS_OF + hour)


def test_queues_that_cannot_be_asked_keep_what_was_known(stored, cloud, caplog):
    ingest.record_queues(cloud=cloud, now=AS_OF)
    cloud.fail("queues", Unavailable("not now"))
    ingest.record_queues(cloud=cloud, now=AS_OF + timedelta(hours=1))

    assert set(QueueState.objects.values_list("seen_at", flat=True)) == {AS_OF}
    assert "not now" in caplog.text


def test_a_delivery_of_nothing_stores_nothing(stored):
    assert record(delivery({})) == (0, 0, 0)
    assert record(delivery({stored.customer_id: Batch()})) == (0, 0, 0)


def refuse(monkeypatch, *sources):
    """PostgreSQL refuses whatever these log files hold, after something of it was stored."""
    original = activity.record

    def refused(**given):
        recorded = original(**given)
        if {file.source for file in given["batch"].files} & set(sources):
            execute("SELECT 'x'::int")
        return recorded

    monkeypatch.setattr(activity, "record", refused)
