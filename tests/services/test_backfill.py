"""Log files of the past, on moto's S3: read by days, remembered, and metered so far back."""

from datetime import timedelta

import pytest

from cloudigrade.clouds.aws import log_listing
from cloudigrade.clouds.protocol import Unavailable
from cloudigrade.models import CloudAccount, FeedPosition, InstanceEvent, LogFile
from cloudigrade.services import completeness, removal
from cloudigrade.services.accounts import Gone
from cloudigrade.services.backfill import Backfill, DayRead, Found, default_end
from tests.builders import ACCOUNT, LARGE, REGION, day, moment
from tests.clouds.aws.digested import made_up
from tests.services.digested import Connected
from tests.services.stored import Stored

NOW = moment(24 * 6)


@pytest.fixture
def connected(db, monkeypatch):
    """Metered since Friday noon; the trail is older."""
    with made_up(monkeypatch):
        yield Connected(monkeypatch, metered_from=4 * 24 + 12)


def backfill(connected, first: int, end: int) -> Backfill:
    return Backfill(connected.account_id, first=day(first), end=day(end))


def read(connected, first: int, end: int) -> list[DayRead]:
    return list(backfill(connected, first, end).read(now=NOW))


def remembered() -> object:
    return FeedPosition.objects.get(feed="backfill").details["days"]


def metered_from(connected) -> float:
    """In days after Monday's beginning."""
    return (CloudAccount.objects.get(pk=connected.account_id).metered_from - moment(0)) / timedelta(days=1)


def filled(connected, *numbers: int) -> None:
    """An instance is launched at noon of each of these days."""
    for number in numbers:
        connected.trail.log(number * 24 + 12, f"i-{number}")
    connected.trail.write(hours=1)


def test_each_day_is_read_and_remembered(connected):
    filled(connected, 0, 1, 2, 3, 4)

    assert read(connected, 0, 5) == [DayRead(day(number), 1, 1, 0) for number in range(5)]
    assert remembered() == [["2026-03-02", "2026-03-07"]]
    assert connected.instances() == ["i-0", "i-1", "i-2", "i-3", "i-4"]
    assert LogFile.objects.count() == 5


def test_what_was_read_is_not_read_again(connected):
    filled(connected, 0, 1, 2)
    read(connected, 0, 2)

    assert read(connected, 0, 3) == [DayRead(day(2), 1, 1, 0)]
    assert read(connected, 0, 3) == []
    assert backfill(connected, 0, 5).remaining() == [day(3), day(4)]


def test_an_interrupted_backfill_goes_on_where_it_was(connected, monkeypatch):
    filled(connected, 0, 1, 2)
    listed = log_listing._listed

    def failing(shelf, region, folder, period):
        if folder.endswith("/04"):
            raise Unavailable("SlowDown")
        return listed(shelf, region, folder, period)

    with monkeypatch.context() as outage:
        outage.setattr(log_listing, "_listed", failing)
        with pytest.raises(Unavailable):
            read(connected, 0, 5)
    assert remembered() == [["2026-03-02", "2026-03-04"]]

    assert [item.day for item in read(connected, 0, 5)] == [day(2), day(3), day(4)]
    assert connected.instances() == ["i-0", "i-1", "i-2"]


def test_a_backfill_whose_account_is_removed_meanwhile_says_so_and_leaves_nothing(connected, monkeypatch):
    filled(connected, 0, 1, 2)
    wanted = backfill(connected, 0, 5)
    days = wanted.read(now=NOW)
    assert next(days) == DayRead(day(0), 1, 1, 0)
    log_files = log_listing.log_files

    def removing(*given, **more):
        assert removal.remove(account_id=connected.account_id, now=NOW)
        return log_files(*given, **more)

    monkeypatch.setattr(log_listing, "log_files", removing)
    with pytest.raises(Gone, match=f"account {connected.account_id} is gone"):
        next(days)

    assert not any(model.objects.exists() for model in (CloudAccount, FeedPosition, InstanceEvent, LogFile))
    with pytest.raises(Gone):
        wanted.finish(now=NOW)
    with pytest.raises(Gone):
        backfill(connected, 0, 5)
    with pytest.raises(Gone):
        default_end(account_id=connected.account_id, first=day(0), now=NOW)


def test_a_cloud_that_is_not_there_is_no_removal(connected):
    CloudAccount.objects.update(cloud="gone")
    with pytest.raises(LookupError):
        backfill(connected, 0, 5)


def test_a_day_that_was_recorded_and_not_remembered_is_not_recorded_twice(connected):
    """As after a crash between the two."""
    filled(connected, 0, 1)
    read(connected, 0, 2)
    FeedPosition.objects.filter(feed="backfill").delete()
    before = InstanceEvent.objects.count()

    assert [item.files for item in read(connected, 0, 2)] == [0, 0]  # they are known
    LogFile.objects.all().delete()
    FeedPosition.objects.filter(feed="backfill").delete()
    assert read(connected, 0, 2) == [DayRead(day(0), 1, 0, 0), DayRead(day(1), 1, 0, 0)]
    assert InstanceEvent.objects.count() == before


def test_days_are_remembered_as_periods(connected):
    filled(connected, *range(5))
    read(connected, 0, 1)
    read(connected, 3, 5)
    assert remembered() == [["2026-03-02", "2026-03-03"], ["2026-03-05", "2026-03-07"]]

    read(connected, 1, 3)
    assert remembered() == [["2026-03-02", "2026-03-07"]]


def test_a_day_that_is_not_over_is_read_and_not_remembered(connected):
    filled(connected, 4, 5)

    found = list(backfill(connected, 4, 6).read(now=moment(5 * 24 + 13)))

    assert [item.files for item in found] == [1, 1]
    assert remembered() == [["2026-03-06", "2026-03-07"]]


def test_the_metering_begins_with_the_first_day_once_all_is_read(connected):
    filled(connected, *range(5))
    wanted = backfill(connected, 0, 5)
    list(wanted.read(now=NOW))

    assert metered_from(connected) == 4.5
    assert wanted.finish(now=NOW) == moment(0)
    assert metered_from(connected) == 0


def test_only_the_accounts_own_metering_is_extended(connected):
    other = Stored("12", ["000000000043"], metered_from=4 * 24)
    filled(connected, *range(5))
    wanted = backfill(connected, 0, 5)
    list(wanted.read(now=NOW))
    wanted.finish(now=NOW)

    assert CloudAccount.objects.get(customer=other.customer_id).metered_from == moment(4 * 24)


def test_answers_of_the_past_are_made_as_if_it_had_always_been_metered(connected):
    connected.stored.record(LARGE._replace(instance_type="m6i.large"))
    filled(connected, *range(5))
    wanted = backfill(connected, 0, 5)
    list(wanted.read(now=NOW))
    wanted.finish(now=NOW)
    connected.stored.recalculate(as_of=NOW)

    assert connected.stored.totals(day(0))["all"]["instances_peak"] == 1
    assert connected.stored.totals(day(2))["all"]["instances_peak"] == 3
    assert connected.stored.totals(day(0))["all"]["instance_seconds"] == 12 * 3600


def test_the_metering_is_not_extended_past_days_that_were_not_read(connected):
    filled(connected, *range(5))
    for first, end, expected in ((0, 2, 4.5), (3, 4, 4.5), (4, 5, 3), (2, 3, 0)):
        wanted = backfill(connected, first, end)
        list(wanted.read(now=NOW))
        wanted.finish(now=NOW)
        assert metered_from(connected) == expected


def test_metering_from_a_midnight_needs_not_that_day(connected):
    CloudAccount.objects.update(metered_from=moment(4 * 24))
    filled(connected, 3)
    wanted = backfill(connected, 3, 4)
    list(wanted.read(now=NOW))

    assert wanted.finish(now=NOW) == moment(3 * 24)


def test_days_before_the_first_log_file_are_neither_remembered_nor_metered(connected):
    """Nothing was logged then, which is not the same as nothing having happened; a quiet day later on is something."""
    filled(connected, 2, 4)
    wanted = backfill(connected, 0, 5)

    assert [item.files for item in wanted.read(now=NOW)] == [0, 0, 1, 0, 1]
    assert remembered() == [["2026-03-04", "2026-03-07"]]
    assert wanted.finish(now=NOW) == moment(2 * 24)


def test_the_last_days_late_deliveries_are_read_too(connected):
    connected.trail.log(4 * 24 + 23.9, "i-late", delay=600)  # delivered on Saturday
    connected.trail.write(hours=1)

    assert [item.files for item in read(connected, 4, 5)] == [1]


def test_a_day_with_a_gap_is_read_again_and_the_gap_heals(connected):
    filled(connected, 0, 1)
    lost = connected.trail.log(36.5, "i-lost")
    connected.trail.write(hours=48)
    connected.trail.remove(lost.key)
    CloudAccount.objects.update(metered_from=moment(0))
    read(connected, 0, 2)
    connected.prove()
    assert connected.gaps() == [(lost.key, 36.5, "is not there")]

    connected.trail.put(lost.key, lost.content)
    assert backfill(connected, 0, 2).remaining() == [day(1)]
    assert [(item.day, item.files) for item in read(connected, 0, 2)] == [(day(1), 1)]

    assert (connected.gaps(), connected.instances()) == ([], ["i-0", "i-1", "i-lost"])


def test_an_altered_file_is_read_again_though_it_is_known(connected):
    file = connected.trail.log(12, "i-1")
    connected.trail.write(hours=24)
    connected.trail.put(file.key, b'{"Records": []}')
    CloudAccount.objects.update(metered_from=moment(0))
    connected.prove()
    assert [reason for *_, reason in connected.gaps()] == ["was altered after it was delivered"]

    connected.trail.put(file.key, file.content)
    assert [item.files for item in read(connected, 0, 1)] == [1]
    assert connected.gaps() == []


def test_breaks_are_accepted_once_all_days_were_read(connected):
    filled(connected, *range(5))
    written = connected.trail.write(hours=60)
    connected.trail.remove(written[30].key)
    CloudAccount.objects.update(metered_from=moment(1))
    connected.prove(at=60)
    assert len(connected.gaps()) == 1

    wanted = backfill(connected, 0, 3)
    wanted.finish(now=NOW)
    assert len(connected.gaps()) == 1
    list(wanted.read(now=NOW))
    wanted.finish(now=NOW)
    assert connected.gaps() == []
    assert connected.until() == 60 - completeness.GRACE / 3600


def test_a_survey_counts_what_is_to_be_read_and_reads_nothing(connected):
    filled(connected, 0, 1, 2)
    read(connected, 0, 1)
    sizes = [len(file.content) for file in connected.trail.files[1:3]]

    assert backfill(connected, 0, 5).survey() == Found(2, sum(sizes))
    assert connected.instances() == ["i-0"]
    assert remembered() == [["2026-03-02", "2026-03-03"]]


def test_regions_are_read_together(connected):
    filled(connected, 0)
    folder = f"AWSLogs/{ACCOUNT}/CloudTrail/us-east-2/2026/03/02"
    connected.trail.put(
        f"{folder}/{ACCOUNT}_CloudTrail_us-east-2_20260302T0100Z_x.json.gz", connected.trail.files[0].content
    )

    assert [(item.files, item.new) for item in read(connected, 0, 1)] == [(2, 1)]
    assert sorted(LogFile.objects.values_list("region", flat=True)) == [REGION, "us-east-2"]


def test_by_default_it_ends_where_the_metering_begins_or_where_an_earlier_one_ended(connected):
    def end(first, *, at=6 * 24):
        return default_end(account_id=connected.account_id, first=day(first), now=moment(at))

    filled(connected, *range(5))
    assert (end(0), end(4), end(5)) == (day(5), day(5), day(7))
    wanted = backfill(connected, 1, 5)
    list(wanted.read(now=NOW))
    wanted.finish(now=NOW)
    assert (end(0), end(1), end(3), end(5)) == (day(5), day(5), day(5), day(7))
