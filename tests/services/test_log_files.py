"""Log files that the database refuses: each costs itself alone, whoever reads it, and heals once it can be stored."""

import gzip
import json
from datetime import timedelta

import pytest
from django.db import DataError

from cloudigrade.clouds.aws import log_listing
from cloudigrade.clouds.cloud import Delivery
from cloudigrade.clouds.protocol import FileRead, Rejected, Unavailable
from cloudigrade.management.commands import backfill as backfill_command
from cloudigrade.models import CloudAccount, Gap, InstanceEvent, LogFile, Quarantine
from cloudigrade.services import completeness, ingest, log_files, polling, quarantine
from cloudigrade.services.backfill import Backfill
from cloudigrade.services.log_files import Stored as Taken
from cloudigrade.services.proving import Proven
from tests import fake_cloud
from tests.builders import ACCOUNT, AS_OF, REGION, batch, clock, day, launch, moment
from tests.clouds.aws.digested import made_up
from tests.fake_accounts import LogFile as Lying
from tests.management.operating import Operator
from tests.services.digested import NOW, Connected
from tests.services.owners import Owner
from tests.services.test_ingest import refuse, unstorable

CANNOT = "cannot be stored: invalid input syntax"


@pytest.fixture
def connected(db, monkeypatch):
    with made_up(monkeypatch):
        yield Connected(monkeypatch)


def deliver(connected, file):
    """Our queue told of the file, which is read for its account."""
    read = log_listing.read_files(connected.trail.access, connected.trail.account, [file.key])
    ingest.record(
        cloud="aws", delivery=Delivery("q", messages=1, batches={connected.stored.customer_id: read}), now=NOW
    )


def test_a_proof_stores_what_can_be_and_goes_on(connected, monkeypatch):
    """A file that nobody told us of, one that was lost before, and one that can be stored by now."""
    new, bad, good = (connected.trail.log(hour + 0.1, f"i-{hour}") for hour in (2, 3, 4))
    connected.trail.write(hours=6)
    with monkeypatch.context() as refusing:
        refuse(refusing, bad.key, good.key)
        deliver(connected, bad)
        deliver(connected, good)
    assert len(connected.gaps()) == 2
    refuse(monkeypatch, new.key, bad.key)

    assert connected.prove() == [Proven(REGION, named=3, repaired=0, gaps=2)]

    assert connected.instances() == ["i-4"]
    assert [(source, at, reason.startswith(CANNOT)) for source, at, reason in connected.gaps()] == [
        (new.key, 2.1, True),
        (bad.key, 3.1, True),
    ]
    assert completeness.positions(account_id=connected.account_id)[REGION]
    assert not Quarantine.objects.filter(customer__isnull=False).exists()


def test_what_can_be_stored_by_now_heals_at_the_next_proof(connected, monkeypatch):
    bad = connected.trail.log(3.1, "i-1")
    connected.trail.write(hours=6)
    with monkeypatch.context() as refusing:
        refuse(refusing, bad.key)
        connected.prove()
    assert len(connected.gaps()) == 1

    connected.prove(at=49)

    assert (connected.gaps(), connected.instances()) == ([], ["i-1"])


def test_a_file_that_no_digest_names_heals_whatever_its_bytes_are_by_then(connected, monkeypatch):
    file = connected.trail.log(3.1, "i-1")
    connected.trail.write(hours=6)
    CloudAccount.objects.update(details=connected.trail.details | {"has_digests": False})
    with monkeypatch.context() as refusing:
        refuse(refusing, file.key)
        deliver(connected, file)
    connected.trail.put(file.key, gzip.compress(gzip.decompress(file.content) + b" "))

    connected.prove()

    assert (connected.gaps(), connected.instances()) == ([], ["i-1"])


def test_a_file_that_a_digest_names_heals_as_it_is_named_alone(connected, monkeypatch):
    file = connected.trail.log(3.1, "i-1")
    connected.trail.write(hours=6)
    with monkeypatch.context() as refusing:
        refuse(refusing, file.key)
        connected.prove()
    connected.trail.put(file.key, gzip.compress(gzip.decompress(file.content) + b" "))

    connected.prove(at=49)
    assert [source for source, _, _ in connected.gaps()] == [file.key]

    connected.trail.put(file.key, file.content)
    connected.prove(at=50)
    assert connected.gaps() == []


def test_a_backfill_goes_on_and_says_what_it_could_not_store(connected, monkeypatch, capsys):
    bad, same_day = connected.trail.log(3.1, "i-1"), connected.trail.log(5.1, "i-2")
    next_day = connected.trail.log(27.1, "i-3")
    connected.trail.write(hours=30)
    refuse(monkeypatch, bad.key)
    period = ("backfill", ACCOUNT, "--since", day(0), "--until", day(2))

    told = Operator(monkeypatch, capsys).run(backfill_command.Command(), *period)

    assert (told.status, told.err) == (0, "")
    assert told.out.startswith("2 log files read, 2 records new, 0 rejected")
    assert "1 log files could not be stored: see cloudigrade accounts status and the log\n" in told.out
    assert connected.instances() == ["i-2", "i-3"]
    assert set(LogFile.objects.values_list("source", flat=True)) == {same_day.key, next_day.key}
    as_json = Operator(monkeypatch, capsys).run(backfill_command.Command(), *period, "--format", "json")
    assert json.loads(as_json.out)["lost"] == 1


def test_a_break_is_accepted_and_a_lost_file_is_not(connected, monkeypatch):
    """A file without a hash is no break of the chain."""
    bad = connected.trail.log(3.1, "i-1")
    connected.trail.write(hours=6)
    refuse(monkeypatch, bad.key)
    deliver(connected, bad)
    work = Backfill(connected.account_id, first=day(0), end=day(1))

    assert [read.lost for read in work.read(now=NOW)] == [1]
    work.finish(now=NOW)

    assert [source for source, _, _ in connected.gaps()] == [bad.key]


@pytest.fixture
def polled(monkeypatch, db):
    """An account in the fake cloud, with log files of two days."""
    cloud = fake_cloud.installed(monkeypatch)
    account = Owner(cloud).connected()
    CloudAccount.objects.update(metered_from=moment(0))
    for name, hour in (("a", 1), ("b", 2), ("c", 3), ("d", 30)):
        source = f"AWSLogs/{name}"
        held = batch(
            launch(f"i-{name}", hour), files=[FileRead(ACCOUNT, REGION, source, name)], read_sources=[source],
            newest={(ACCOUNT, REGION): clock(hour)},
        )  # fmt: skip
        cloud.accounts[ACCOUNT].log_files.append(Lying(REGION, source, clock(hour), held))
    return cloud, account


def stored_instances():
    return sorted(InstanceEvent.objects.values_list("instance__native_id", flat=True))


def test_a_poll_stores_the_rest_and_goes_on_to_later_days(polled, monkeypatch, caplog):
    _, account = polled
    refuse(monkeypatch, "AWSLogs/b")

    assert polling.poll(account_id=account, clock=lambda: moment(40)) == 3

    assert stored_instances() == ["i-a", "i-c", "i-d"]
    assert list(Gap.objects.values_list("source", "sha256", "starts_at")) == [("AWSLogs/b", "", moment(2))]
    assert f"log file AWSLogs/b of account {account} {CANNOT}" in caplog.text
    assert completeness.complete_until([account])[account] == moment(2)


def test_what_cannot_be_read_is_kept_though_the_rest_is_stored_by_halves(polled, monkeypatch):
    cloud, account = polled
    unread = Rejected("AWSLogs/x", "is not JSON", ACCOUNT, location="s3://b/AWSLogs/x")
    cloud.accounts[ACCOUNT].log_files.append(Lying(REGION, "AWSLogs/x", clock(4), batch(unread)))
    refuse(monkeypatch, "AWSLogs/a")

    polling.poll(account_id=account, clock=lambda: moment(40))

    assert list(Quarantine.objects.values_list("source", "location")) == [(unread.source, unread.location)]
    assert stored_instances() == ["i-b", "i-c", "i-d"]


def test_halves_are_read_once_more_and_no_file_that_was_stored(polled, monkeypatch):
    _, account = polled
    refuse(monkeypatch, "AWSLogs/0")
    row = CloudAccount.objects.get(pk=account)
    held = {
        f"AWSLogs/{n}": batch(
            launch(f"i-{n}", 1), files=[FileRead(ACCOUNT, REGION, f"AWSLogs/{n}", "a")], read_sources=[f"AWSLogs/{n}"]
        )
        for n in range(8)
    }
    asked = []

    def reread(names):
        asked.append(len(names))
        return fake_cloud.added([held[name] for name in names])

    taken = log_files.record(account=row, batch=reread(held), reread=reread, now=AS_OF)

    assert taken[:2] == (7, 7)
    assert [*taken.lost] == ["AWSLogs/0"]
    assert sorted(asked) == [1, 1, 2, 2, 4, 4, 8]


def test_what_is_no_fault_of_the_data_is_raised(polled, monkeypatch):
    cloud, account = polled
    refuse(monkeypatch, "AWSLogs/a")
    cloud.fail("read_files", Unavailable("not now"))

    with pytest.raises(Unavailable):
        polling.poll(account_id=account, clock=lambda: moment(40))

    with pytest.raises(DataError):  # of no file: nothing would tell that it is lost
        log_files.record(
            account=CloudAccount.objects.get(pk=account),
            batch=batch(launch("i", 1), files=[FileRead(ACCOUNT, REGION, "AWSLogs/a", "a")]),
            reread=lambda _: batch(),
            now=AS_OF,
        )


def test_s1_one_accounts_file_is_a_gap_of_no_other(polled, monkeypatch):
    """S1: not even of another account of the same customer."""
    cloud, account = polled
    Owner(cloud).connected("000000000043")
    refuse(monkeypatch, "AWSLogs/a")
    forged = FileRead("000000000043", REGION, "AWSLogs/a", "a")
    given = batch(launch("i", 1), files=[forged], read_sources=["AWSLogs/a"])

    row = CloudAccount.objects.get(pk=account)
    taken = log_files.record(account=row, batch=given, reread=lambda _: given, now=AS_OF)

    assert taken[:2] == Taken(0, 0, {})[:2]
    assert list(Gap.objects.values_list("account", flat=True)) == [account]


def test_a_replay_of_what_was_lost_reads_its_log_files(polled, monkeypatch):
    cloud, account = polled
    lying = cloud.accounts[ACCOUNT].log_files[:2]
    customer = CloudAccount.objects.get(pk=account).customer_id
    given = Delivery("q", messages=1, batches={customer: fake_cloud.added([file.batch for file in lying])})
    with monkeypatch.context() as refusing:
        refuse(refusing, *(file.name for file in lying))
        ingest.record(cloud="aws", delivery=given, now=AS_OF)
        (entry,) = quarantine.entries(quarantine.Filter())
        assert (entry.kind, entry.feed, entry.customer) == ("message", "lost", "")
    with monkeypatch.context() as refusing:
        refuse(refusing, "AWSLogs/b")
        reason = quarantine.replay(entry_id=entry.id, now=AS_OF).reason
        assert reason.startswith(f"1 of its log files cannot be read and stored, the first is AWSLogs/b: {CANNOT}")
        assert [*Gap.objects.values_list("source", flat=True)] == ["AWSLogs/b"]

    assert quarantine.replay(entry_id=entry.id, now=AS_OF + timedelta(1)).reason == ""

    assert (stored_instances(), Gap.objects.count(), Quarantine.objects.count()) == (["i-a", "i-b"], 0, 0)


def test_lost_notices_cannot_be_read_again(polled, monkeypatch):
    _, account = polled
    customer = CloudAccount.objects.get(pk=account).customer_id
    unstorable(monkeypatch, customer)
    ingest.record(cloud="aws", delivery=Delivery("q", batches={customer: batch(launch("i-1", 1))}), now=AS_OF)
    (entry,) = quarantine.entries(quarantine.Filter())

    assert quarantine.replay(entry_id=entry.id, now=AS_OF).reason.startswith("was of notices alone")
