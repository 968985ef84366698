"""Digests in a bucket against what was read: lost notices, files that are gone, altered ones, and late ones.

The bucket is moto's; see `tests.clouds.aws.digested` for what it cannot do.
"""

import gzip
import json

import pytest

from cloudigrade.clouds.aws import log_listing
from cloudigrade.clouds.protocol import Unavailable
from cloudigrade.models import CloudAccount, LogFile, Quarantine
from cloudigrade.services import completeness
from cloudigrade.services.completeness import GRACE
from cloudigrade.services.proving import Proven, Prover
from cloudigrade.simulator.delivery import compressed
from tests.builders import ACCOUNT, HOUR, REGION, clock, day, moment
from tests.clouds.aws.digested import made_up, tampered
from tests.services.digested import NOW, Connected

GRACE_HOURS = GRACE / HOUR


@pytest.fixture
def connected(db, monkeypatch):
    with made_up(monkeypatch):
        yield Connected(monkeypatch)


def test_what_was_read_as_it_was_delivered_is_proven(connected):
    connected.trail.log(0.1, "i-1")
    connected.trail.log(3.1, "i-2")
    connected.trail.write(hours=6)
    connected.notified(*connected.trail.files)

    assert connected.prove() == [Proven(REGION, named=2, repaired=0, gaps=0)]
    assert (connected.until(), connected.gaps()) == (6 - GRACE_HOURS, [])


def test_a_file_that_nobody_told_us_of_is_read(connected):
    """A lost notice repairs itself."""
    first, lost = connected.trail.log(0.1, "i-1"), connected.trail.log(3.1, "i-2")
    connected.trail.write(hours=6)
    connected.notified(first)
    assert connected.instances() == ["i-1"]

    assert connected.prove() == [Proven(REGION, named=2, repaired=1, gaps=0)]

    assert connected.instances() == ["i-1", "i-2"]
    assert sorted(LogFile.objects.values_list("source", flat=True)) == sorted([first.key, lost.key])
    assert connected.until() == 6 - GRACE_HOURS


@pytest.mark.parametrize("has_digests", [True, False])
def test_a_file_that_could_not_be_stored_is_read_by_the_next_proof(connected, has_digests):
    """Without digests, too, which prove nothing then."""
    file = connected.trail.log(3.1, "i-1")
    connected.trail.write(hours=6)
    CloudAccount.objects.update(details=connected.trail.details | {"has_digests": has_digests})
    read = log_listing.read_files(connected.trail.access, connected.trail.account, [file.key])
    times = (clock(3.1), clock(3.1))
    lost = {ACCOUNT: completeness.Lost(read.files, *times)}
    completeness.record_lost(
        customer_id=connected.stored.customer_id, cloud="aws", lost=lost, reason="cannot be stored", now=NOW
    )
    assert connected.gaps() == [(file.key, 3.1, "cannot be stored")]
    assert connected.until() == 0  # nothing was read yet

    connected.prove()

    assert (connected.gaps(), connected.instances()) == ([], ["i-1"])
    assert connected.until() == (6 - GRACE_HOURS if has_digests else None)


def test_a_file_that_is_gone_is_a_gap_with_account_and_hour_until_it_comes(connected):
    """Acceptance: the gap is reported with its account and hour, `complete_until` stands before it, and it heals."""
    connected.trail.log(0.1, "i-1")
    lost = connected.trail.log(3.1, "i-2")
    connected.trail.write(hours=30)
    connected.trail.remove(lost.key)

    assert connected.prove() == [Proven(REGION, named=2, repaired=1, gaps=1)]
    assert connected.gaps() == [(lost.key, 3.1, "is not there")]
    assert (connected.until(), ACCOUNT in connected.gaps()[0][0]) == (3.1, True)
    connected.stored.recalculate()
    assert [item["complete"] for item in connected.stored.report(day(0), day(1))["days"]] == [False]
    assert Quarantine.objects.count() == 0  # it is a gap, and what is missing cannot be replayed

    connected.trail.put(lost.key, lost.content)
    assert connected.prove() == []

    assert (connected.gaps(), connected.instances()) == ([], ["i-1", "i-2"])
    assert connected.until() == 30 - GRACE_HOURS
    assert [item["complete"] for item in connected.stored.report(day(0), day(1))["days"]] == [True]


def test_an_altered_file_is_a_gap_until_it_is_as_it_was(connected):
    altered = connected.trail.log(3.1, "i-1", "i-2")
    connected.trail.write(hours=6)
    records = json.loads(gzip.decompress(altered.content))["Records"]
    connected.trail.put(altered.key, compressed(json.dumps({"Records": records[:1]})))

    assert connected.prove() == [Proven(REGION, named=1, repaired=1, gaps=1)]
    assert connected.gaps() == [(altered.key, 3.1, "was altered after it was delivered")]
    assert connected.until() == 3.1

    connected.trail.put(altered.key, altered.content)
    connected.prove()
    assert (connected.gaps(), connected.instances()) == ([], ["i-1", "i-2"])


def test_a_file_that_was_altered_after_we_read_it_is_read_again_and_nothing_is_missing(connected):
    """What we read was as it was delivered, so the digest agrees with us, whatever lies there by now."""
    file = connected.trail.log(3.1, "i-1")
    connected.trail.write(hours=6)
    connected.notified(file)
    connected.trail.put(file.key, compressed('{"Records": []}'))

    assert connected.prove() == [Proven(REGION, named=1, repaired=0, gaps=0)]


def test_a_file_with_something_appended_is_altered(connected):
    """Each part of a gzip file counts, not the first alone."""
    file = connected.trail.log(3.1, "i-1")
    connected.trail.write(hours=6)
    connected.trail.put(file.key, file.content + compressed(" "))

    connected.prove()

    assert connected.gaps() == [(file.key, 3.1, "was altered after it was delivered")]


def test_an_unreadable_file_is_a_gap_with_its_reason(connected):
    file = connected.trail.log(3.1, "i-1")
    connected.trail.write(hours=6)
    connected.trail.put(file.key, b"no JSON")

    connected.prove()

    ((source, starts, reason),) = connected.gaps()
    assert (source, starts) == (file.key, 3.1)
    assert reason
    assert reason != "is missing"


def test_a_digest_that_does_not_hold_bounds_the_gap_to_its_hour(connected):
    for hour in range(4):
        connected.trail.log(hour + 0.1, f"i-{hour}")
    written = connected.trail.write(hours=6)
    connected.trail.put(written[2].key, tampered(written[2], logFiles=[]), written[2].metadata)
    connected.notified(*connected.trail.files)

    connected.prove()

    reason = "the digest until 2026-03-02T03:00:00Z has a signature that does not fit"
    assert connected.gaps() == [(f"digests/{REGION}/2026-03-02T02:00:00Z", 2 - GRACE_HOURS, reason)]
    assert connected.until() == 2 - GRACE_HOURS

    connected.trail.put_back(written[2])
    connected.prove()
    assert (connected.gaps(), connected.until()) == ([], 6 - GRACE_HOURS)


def test_file_and_digest_removed_together_leave_a_gap_all_the_same(connected):
    lost = connected.trail.log(2.1, "i-1")
    written = connected.trail.write(hours=6)
    connected.trail.remove(lost.key)
    connected.trail.remove(written[2].key)

    connected.prove()

    assert connected.gaps() == [
        (f"digests/{REGION}/2026-03-02T02:00:00Z", 2 - GRACE_HOURS, "the digest until 2026-03-02T03:00:00Z is missing")
    ]


def test_without_new_digests_completeness_stands_still(connected):
    written = connected.trail.write(hours=6)
    connected.prove()
    for digest in written:
        connected.trail.remove(digest.key)

    assert connected.prove(at=400) == []
    assert connected.until() == 6 - GRACE_HOURS


def test_an_outage_while_files_are_read_proves_nothing_yet_and_the_next_proof_goes_on(connected, monkeypatch):
    connected.trail.log(3.1, "i-1")
    connected.trail.write(hours=6)

    def refuse(*_):
        raise Unavailable("SlowDown")

    with monkeypatch.context() as outage:
        outage.setattr(log_listing, "read_files", refuse)
        with pytest.raises(Unavailable):
            connected.prove()
    assert (connected.until(), connected.gaps()) == (None, [])

    assert connected.prove() == [Proven(REGION, named=1, repaired=1, gaps=0)]


@pytest.mark.parametrize(
    "state", [{"wanted": "disabled"}, {"is_paused": True}, {"is_enabled": False}, {"is_verified": False}]
)
def test_an_account_that_is_not_read_is_not_proven(connected, state):
    connected.trail.write(hours=6)
    CloudAccount.objects.update(**state)

    assert (connected.prove(), connected.until()) == ([], None)


def test_many_files_are_read_in_parts(connected, monkeypatch):
    monkeypatch.setattr("cloudigrade.services.log_files.FETCH", 2)
    for number in range(5):
        connected.trail.log(0.1 + number / 10, f"i-{number}")
    connected.trail.write(hours=1)

    assert connected.prove() == [Proven(REGION, named=5, repaired=5, gaps=0)]
    assert len(connected.instances()) == 5


def test_the_time_before_the_proof_began_can_be_proven_afterwards(connected):
    """After a backfill: gaps are found, and the position is left alone."""
    lost = connected.trail.log(1.1, "i-lost")
    kept = connected.trail.log(2.1, "i-kept")
    connected.trail.log(9.1, "i-new")
    connected.trail.write(hours=12)
    connected.trail.remove(lost.key)
    CloudAccount.objects.update(metered_from=moment(8))
    connected.prove()
    assert connected.until() == 12 - GRACE_HOURS

    steps = list(Prover(connected.account_id).past(since=clock(0), now=moment(48)))

    assert [(step.named, step.repaired, step.gaps) for step in steps] == [(2, 1, 1)]
    assert connected.gaps() == [(lost.key, 1.1, "is not there")]
    assert "i-kept" in connected.instances()
    assert kept.key in LogFile.objects.values_list("source", flat=True)
    assert list(Prover(connected.account_id).past(since=clock(0), now=moment(48))) == []
