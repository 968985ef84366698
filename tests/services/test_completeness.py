"""Proofs into positions and gaps, and both into one time until which nothing is missing."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cloudigrade.clouds.cloud import MissingFile, Proof
from cloudigrade.clouds.protocol import Batch, FileRead
from cloudigrade.models import CloudAccount, FeedPosition, Gap, LogFile
from cloudigrade.services import accounts, completeness, ingest, removal, unmetered
from cloudigrade.services.completeness import GRACE, KnownGap
from tests.builders import ACCOUNT, AS_OF, HOUR, REGION, batch, clock, day, moment

SECOND = "000000000043"
GRACE_HOURS = GRACE / HOUR
NONE: dict[str, str] = {}


@pytest.fixture
def account(stored) -> int:
    found: int = CloudAccount.objects.get(customer=stored.customer_id).pk
    return found


def file(name: str, hours: float = 1, *, sha256: str = "aa", region: str = REGION, until: float = 0) -> MissingFile:
    return MissingFile(region, name, f"s3://bucket/{name}", sha256, clock(hours), clock(until or hours))


def proof(until: float, *files: MissingFile, begins: float = 0, region: str = REGION, **more: Any) -> Proof:
    return Proof(region, clock(until), files, {"tip": until}, begins_at=clock(begins), **more)


def record(account: int, given: Proof, reasons: dict[str, str] = NONE) -> int:
    return completeness.record(account_id=account, proof=given, reasons=reasons, now=AS_OF)


def read(account: int, *names: str, sha256: str = "aa", region: str = REGION) -> None:
    """The files were read and recorded."""
    row = CloudAccount.objects.get(pk=account)
    files = [FileRead(row.native_id, region, name, sha256) for name in names]
    given = Batch(files=files)
    ingest.record_batch(
        customer_id=row.customer_id, cloud="aws", feed="cloudtrail", batch=given, speaks_for=None, now=AS_OF
    )


def until(account: int) -> float | None:
    """Until when the account is complete, in hours after Monday's beginning."""
    found = completeness.complete_until([account])[account]
    return None if found is None else (found - moment(0)) / timedelta(hours=1)


def gaps(account: int) -> list[tuple[str, float, float, str]]:
    found = completeness.gaps([account])[account]
    hour = timedelta(hours=1)
    return [
        (gap.source, (gap.starts_at - moment(0)) / hour, (gap.ends_at - moment(0)) / hour, gap.reason) for gap in found
    ]


def test_an_account_that_nothing_was_proven_of_is_complete_until_nobody_knows_when(account):
    assert completeness.complete_until([account, 0]) == {account: None, 0: None}
    assert completeness.gaps([account]) == {account: []}
    assert completeness.complete_until([]) == {}


def test_what_is_proven_and_read_is_complete_but_for_what_may_be_under_way(account):
    read(account, "a", "b")

    assert record(account, proof(6, file("a"), file("b", 5))) == 0
    assert (until(account), gaps(account)) == (6 - GRACE_HOURS, [])


def test_a_file_that_was_not_read_is_a_gap_of_the_time_of_its_records(account):
    read(account, "a")

    assert record(account, proof(6, file("a"), file("b", 3.5, until=4.25))) == 1
    assert gaps(account) == [("b", 3.5, 4.25, "is missing")]
    assert until(account) == 3.5
    assert completeness.gaps([account])[account] == [
        KnownGap(REGION, "b", moment(3.5), moment(4.25), "is missing", AS_OF)
    ]


def test_the_reason_why_a_file_could_not_be_read_is_the_gaps(account):
    record(account, proof(6, file("a")), {"a": "is a damaged gzip file", "other": "x"})

    assert gaps(account) == [("a", 1, 1, "is a damaged gzip file")]


def test_a_file_that_was_read_otherwise_than_named_is_altered(account):
    read(account, "a", sha256="bb")

    record(account, proof(6, file("a", 2)), {"a": "is missing"})
    assert (gaps(account), until(account)) == ([("a", 2, 2, "was altered after it was delivered")], 2)


@pytest.mark.parametrize("step", [completeness.record, completeness.record_past])
def test_what_digests_say_of_an_account_that_was_removed_is_not_stored(account, step):
    removal.remove(account_id=account, now=AS_OF)
    given = proof(6, file("a"), break_at=(clock(3), clock(5)), reason="is missing")

    with pytest.raises(accounts.Gone, match=f"account {account} is gone"):
        step(account_id=account, proof=given, reasons={}, now=AS_OF)

    assert not FeedPosition.objects.exists()


def test_a_late_file_heals_its_gap(account):
    record(account, proof(6, file("a", 2), file("b", 3)))
    assert until(account) == 2

    read(account, "a")

    assert ([source for source, *_ in gaps(account)], until(account)) == (["b"], 3)
    read(account, "b", sha256="bb")  # as it is altered, it fills nothing
    assert until(account) == 3
    read(account, "b")
    assert (gaps(account), until(account)) == ([], 6 - GRACE_HOURS)


def test_a_later_proof_of_the_same_file_heals_or_tells_better(account):
    record(account, proof(6, file("a", 2)))
    read(account, "a", sha256="bb")
    record(account, proof(7, file("a", 2)))
    assert gaps(account) == [("a", 2, 2, "was altered after it was delivered")]

    LogFile.objects.update(sha256="aa")  # it was read by somebody who knows of no gaps
    record(account, proof(8, file("a", 2)))
    assert gaps(account) == []


def test_a_break_is_a_gap_from_the_grace_before_it_on(account):
    """Digests speak of deliveries; what was delivered at its beginning happened before."""
    record(account, proof(6, break_at=(clock(3), clock(5)), reason="a digest is missing"))

    assert gaps(account) == [(f"digests/{REGION}/2026-03-02T03:00:00Z", 3 - GRACE_HOURS, 5, "a digest is missing")]
    assert until(account) == 3 - GRACE_HOURS


def test_a_break_that_is_mended_is_none_any_more(account):
    for start in (1, 3):
        record(account, proof(6, break_at=(clock(start), clock(start + 1)), reason="is missing"))

    record(account, proof(6, mended=[(clock(1), clock(2))]))

    assert [start for _, start, _, _ in gaps(account)] == [3 - GRACE_HOURS]


@pytest.mark.parametrize(("start", "end", "is_gap"), [(2, 3, False), (1, 2, False), (0.5, 2.5, True), (2, 4.5, True)])
def test_a_break_while_nothing_was_metered_is_none(account, start, end, is_gap):
    """The trail that we remove when an account is disabled signs nothing until it is enabled again."""
    unmetered.begin(account_id=account, at=moment(1))
    unmetered.end(account_id=account, at=moment(4))

    record(account, proof(6, break_at=(clock(start), clock(end)), reason="begins anew"))

    assert bool(gaps(account)) is is_gap


def test_a_break_before_the_metering_is_none_and_one_across_its_beginning_begins_with_it(account):
    record(account, proof(6, break_at=(clock(-5), clock(0)), reason="x"))
    assert gaps(account) == []

    record(account, proof(6, break_at=(clock(-5), clock(1)), reason="x"))
    assert [gap[1:3] for gap in gaps(account)] == [(0, 1)]


def test_why_nothing_later_is_proven_stands_at_the_position(account):
    record(account, proof(6, reason="a digest does not hold"))
    assert FeedPosition.objects.get().problem == "a digest does not hold"

    record(account, proof(7, break_at=(clock(6), clock(6.5)), reason="broken"))
    assert FeedPosition.objects.get().problem == ""


def test_positions_go_on_where_the_last_proof_left_them(account):
    assert completeness.positions(account_id=account) == {}
    FeedPosition.objects.create(account_id=account, region="us-east-2", feed="cloudtrail", newest_at=AS_OF)
    record(account, proof(6, begins=2))
    record(account, proof(8, begins=6))

    assert completeness.positions(account_id=account) == {REGION: {"tip": 8}}
    assert completeness.trusted_from(account_id=account) == {REGION: clock(2)}
    assert FeedPosition.objects.get(region=REGION).proven_until == moment(8)


def test_a_proof_told_again_changes_nothing(account):
    record(account, proof(6, file("a", 2), break_at=(clock(3), clock(4)), reason="x"))
    before = (gaps(account), until(account), completeness.positions(account_id=account))

    record(account, proof(6, file("a", 2), break_at=(clock(3), clock(4)), reason="x"))

    assert (gaps(account), until(account), completeness.positions(account_id=account)) == before


def test_an_account_is_as_complete_as_its_least_complete_region(account):
    record(account, proof(6))
    record(account, proof(4, region="us-east-2"))
    assert until(account) == 4 - GRACE_HOURS

    record(account, proof(9, file("a", 3, region="us-east-2"), region="us-east-2"))
    assert until(account) == 3


def sweep(account: int, region: str, hours: float, problem: str = "") -> None:
    FeedPosition.objects.create(
        account_id=account, region=region, feed="sweep", newest_at=moment(hours), problem=problem
    )


@pytest.mark.parametrize(
    ("swept", "problem", "expected"),
    [
        (None, "", 40 - GRACE_HOURS),  # never seen, and nothing was proven for more than a day
        (10, "", 40 - GRACE_HOURS),  # not enabled any more
        (17, "", 4 - GRACE_HOURS),  # not long enough ago
        (10, "is denied", 4 - GRACE_HOURS),  # we may not look, but it logs all the same
    ],
)
def test_a_region_that_sweeps_pass_over_is_not_enabled_and_is_left_out(account, swept, problem, expected):
    record(account, proof(40))
    record(account, proof(4, region="us-east-2"))
    sweep(account, REGION, 40.5)
    if swept:
        sweep(account, "us-east-2", swept, problem)

    assert until(account) == expected


@pytest.mark.parametrize(
    ("swept", "problem", "expected"),
    [
        (40, "", 0),  # enabled, and nothing is proven of it
        (17, "", 0),
        (10, "", 40 - GRACE_HOURS),  # not enabled any more
        (40, "is denied", 40 - GRACE_HOURS),  # nobody knows whether it is
    ],
)
def test_a_region_that_sweeps_find_and_no_digest_speaks_of_is_complete_until_nothing(account, swept, problem, expected):
    CloudAccount.objects.update(metered_from=moment(0))
    record(account, proof(40))
    sweep(account, REGION, 40.5)
    sweep(account, "us-east-2", swept, problem)
    assert until(account) == expected

    record(account, proof(38, region="us-east-2"))
    assert until(account) == 38 - GRACE_HOURS


def test_an_account_without_digests_is_not_bound_by_its_regions(account):
    sweep(account, REGION, 40)
    assert until(account) is None


def test_gaps_of_a_region_that_is_not_enabled_any_more_are_gaps(account):
    record(account, proof(40))
    record(account, proof(4, file("a", 2, region="us-east-2"), region="us-east-2"))
    sweep(account, REGION, 40)

    assert until(account) == 2


def test_missing_are_the_files_that_were_not_read_as_named(account):
    read(account, "a")
    read(account, "b", sha256="bb")
    files = [file("a"), file("b"), file("c")]

    assert [each.source for each in completeness.missing(account_id=account, files=files)] == ["b", "c"]
    assert completeness.missing(account_id=0, files=files) == files
    assert completeness.missing(account_id=account, files=[]) == []


def test_files_with_an_open_gap_are_looked_for_again_newest_first(account):
    record(account, proof(6, file("a", 2), file("b", 3), file("c", 1), break_at=(clock(3), clock(4)), reason="x"))

    assert completeness.unread(account_id=account, limit=2) == ["b", "a"]


def test_gaps_of_a_time_before_the_proof_began_leave_the_position_as_it_is(account):
    record(account, proof(60, begins=50))
    before = completeness.positions(account_id=account)

    past = proof(50, file("a", 20), begins=10, break_at=(clock(30), clock(31)), reason="x")
    found = completeness.record_past(account_id=account, proof=past, reasons=NONE, now=AS_OF)

    assert (found, completeness.positions(account_id=account)) == (1, before)
    assert completeness.trusted_from(account_id=account) == {REGION: clock(10)}
    assert [gap[1] for gap in gaps(account)] == [20, 31 - 1 - GRACE_HOURS]
    assert until(account) == 20


def test_breaks_within_a_time_that_was_read_whole_can_be_accepted(account):
    record(account, proof(60, file("a", 30), break_at=(clock(25), clock(26)), reason="x"))
    record(account, proof(60, break_at=(clock(47), clock(49)), reason="x"))

    assert completeness.accept_read(account_id=account, since=clock(24), until=clock(48)) == 1
    assert [gap[1] for gap in gaps(account)] == [30, 47 - GRACE_HOURS]


def test_files_are_forgotten_once_they_are_proven_and_old(account):
    read(account, "proven", "gap")
    read(account, "unproven", region="us-east-2")
    record(account, proof(6, file("gap", sha256="bb")))

    def left(hours, *, until):
        FeedPosition.objects.filter(region=REGION).update(proven_until=moment(until))
        completeness.prune(now=AS_OF + timedelta(hours=hours))
        return sorted(LogFile.objects.values_list("source", flat=True))

    read_at = 240  # AS_OF
    assert left(100, until=read_at) == ["gap", "proven", "unproven"]
    assert left(48, until=read_at + 1) == ["gap", "proven", "unproven"]
    assert left(49, until=read_at + 1) == ["gap", "unproven"]


def test_as_many_queries_for_a_thousand_files_as_for_one(account):
    def queries(count):
        given = proof(6, *(file(f"f{number}") for number in range(count)))
        with CaptureQueriesContext(
            connection,
        ) as seen:
            completeness.missing(account_id=account, files=given.files)
            record(account, given)
            completeness.complete_until([account])
        return len(seen)

    assert queries(1) == queries(1000)
    assert Gap.objects.count() == 1000


def test_a_report_of_a_proven_account_is_complete_by_proof(stored, account):
    """Before any proof, the newest record decides; from the first one on, proofs do."""

    def complete():
        return [item["complete"] for item in stored.report(day(0), day(3))["days"]]

    stored.recalculate()
    stored.take(batch(newest={(ACCOUNT, REGION): clock(100)}))
    assert complete() == [True, True, True]
    record(account, proof(24 + GRACE_HOURS - 1 / HOUR))
    assert complete() == [False, False, False]
    record(account, proof(48 + GRACE_HOURS))
    assert complete() == [True, True, False]
    record(account, proof(100, file("a", 30)))
    assert complete() == [True, False, False]
    read(account, "a")
    assert complete() == [True, True, True]


def test_a_report_needs_every_account_proven_or_not(make_stored):
    made = make_stored("33", [ACCOUNT, SECOND])
    made.recalculate()
    first, second = CloudAccount.objects.filter(customer=made.customer_id).order_by("native_id")

    def complete():
        return [item["complete"] for item in made.report(day(0), day(2))["days"]]

    record(first.pk, proof(100))
    assert complete() == [False, False]
    made.take(batch(newest={(SECOND, REGION): clock(30)}))
    assert complete() == [True, False]
    assert completeness.complete_until([second.pk]) == {second.pk: None}


def test_a_file_that_was_read_as_named_is_no_gap_though_another_version_could_not_be_stored(stored, account):
    """The gap of that version has no hash."""
    read(account, "a")
    lost = {ACCOUNT: completeness.Lost([FileRead(ACCOUNT, REGION, "a", "bb")], clock(2), clock(2))}
    completeness.record_lost(customer_id=stored.customer_id, cloud="aws", lost=lost, reason="x", now=AS_OF)
    assert gaps(account) == [("a", 2, 2, "x")]

    record(account, proof(6, file("a")))

    assert gaps(account) == []
