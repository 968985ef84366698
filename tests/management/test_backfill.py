"""`cloudigrade backfill` as an operator uses it, over a bucket in moto."""

import io
import json
from datetime import datetime

import pytest
from django.core.management.base import CommandError

from cloudigrade.clouds.aws import log_listing
from cloudigrade.clouds.protocol import CustomerProblem, NotSetUp, Unavailable
from cloudigrade.management.commands import backfill as command
from cloudigrade.models import CloudAccount, ConcurrentUsage, FeedPosition
from cloudigrade.services.accounts import Gone
from tests.builders import ACCOUNT, day, moment
from tests.clouds.aws.digested import BUCKET, made_up
from tests.services.digested import Connected
from tests.services.stored import Stored

NOW = moment(6 * 24)
UNREAD = f"the log files of account {ACCOUNT} in bucket {BUCKET} cannot be read"


class Fixed(datetime):
    """Whoever looks at the clock sees the sixth day after Monday."""

    @classmethod
    def now(cls, _tz=None):
        return NOW


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    monkeypatch.setattr(command, "datetime", Fixed)


@pytest.fixture
def connected(db, monkeypatch):
    """Metered since Friday noon; the trail is older, and an instance is launched each day at noon."""
    with made_up(monkeypatch):
        made = Connected(monkeypatch, metered_from=4 * 24 + 12)
        for number in range(5):
            made.trail.log(number * 24 + 12, f"i-{number}")
        made.trail.write(hours=1)
        yield made


def run(*arguments: object) -> str:
    """What it prints."""
    said = io.StringIO()
    made = command.Command(stdout=said)
    options = vars(made.create_parser("", "backfill").parse_args([*map(str, arguments)]))
    made.validate(options)
    made.execute(**options)
    return said.getvalue()


def refused(*arguments: object) -> tuple[int, str]:
    with pytest.raises(CommandError) as error:
        run(*arguments)
    return error.value.returncode, str(error.value)


def test_the_past_is_read_metered_and_answered(connected):
    assert run(ACCOUNT, "--since", "2026-03-03") == (
        "4 log files read, 4 records new, 0 rejected, 2026-03-03 to 2026-03-06\n"
        f"account {ACCOUNT} is metered from 2026-03-03 00:00 on\n"
    )
    answers = ConcurrentUsage.objects.filter(customer=connected.stored.customer_id).order_by("day")
    assert [(answer.day, answer.totals["all"]["instances_peak"]) for answer in answers] == [
        (day(1), 1), (day(2), 2), (day(3), 3), (day(4), 4), (day(5), 4),
    ]  # fmt: skip


def test_run_again_it_changes_nothing(connected):
    run(ACCOUNT, "--since", "2026-03-02")
    before = connected.stored.everything()

    assert run(ACCOUNT, "--since", "2026-03-02") == (
        "0 log files read, 0 records new, 0 rejected, 2026-03-02 to 2026-03-06\n"
        f"account {ACCOUNT} is metered from 2026-03-02 00:00 on\n"
    )
    assert connected.stored.everything() == before


def test_digests_of_the_time_say_what_is_missing(connected):
    connected.trail.write(hours=120)
    connected.prove(at=144)
    lost = connected.trail.files[1]
    connected.trail.remove(lost.key)

    assert run(ACCOUNT, "--since", "2026-03-02").splitlines() == [
        "3 log files read, 3 records new, 0 rejected, 2026-03-02 to 2026-03-06",  # and one by the proof
        f"account {ACCOUNT} is metered from 2026-03-02 00:00 on",
        "1 log files that digests name are missing: see cloudigrade accounts status",
    ]
    assert connected.gaps() == [(lost.key, 36, "is not there")]


def test_interrupted_it_goes_on_where_it_was(connected, monkeypatch):
    listed = log_listing._listed

    def failing(shelf, region, folder, period):
        if folder.endswith("/05"):
            raise Unavailable("SlowDown")
        return listed(shelf, region, folder, period)

    with monkeypatch.context() as outage:
        outage.setattr(log_listing, "_listed", failing)
        assert refused(ACCOUNT, "--since", "2026-03-02") == (
            1,
            f"{UNREAD}: SlowDown (run it again later: it goes on where it was)",
        )
    assert CloudAccount.objects.get().metered_from == moment(4 * 24 + 12)

    assert run(ACCOUNT, "--since", "2026-03-02").startswith("2 log files read")
    assert CloudAccount.objects.get().metered_from == moment(0)


def test_a_dry_run_says_how_much_there_is_and_reads_nothing(connected):
    size = sum(len(file.content) for file in connected.trail.files)

    said = run(ACCOUNT, "--since", "2026-03-02", "--dry-run")
    assert said == f"5 log files to read, {size:,} bytes, 2026-03-02 to 2026-03-06\n"
    assert not FeedPosition.objects.exists()
    assert connected.instances() == []


def test_a_part_in_the_middle_does_not_extend_the_metering_and_says_so(connected):
    assert run(ACCOUNT, "--since", "2026-03-02", "--until", "2026-03-04").splitlines()[1:] == [
        f"account {ACCOUNT} is metered from 2026-03-06 12:00 on",
        "what lies between 2026-03-04 and then was not read: name a later --until",
    ]


def test_days_before_the_trail_are_said_to_be_without_log_files(connected):
    assert run(ACCOUNT, "--since", "2026-02-20").splitlines()[1:] == [
        f"account {ACCOUNT} is metered from 2026-03-02 00:00 on",
        "no log file is there of the days before",
    ]


@pytest.mark.parametrize(
    ("arguments", "status", "reason"),
    [
        ((ACCOUNT, "--since", "2026-03-09"), 2, "--since 2026-03-09 is in the future"),
        ((ACCOUNT, "--since", "2026-03-02", "--until", "2026-03-10"), 2, "--until 2026-03-10 is in the future"),
        ((ACCOUNT, "--since", "2026-03-03", "--until", "2026-03-03"), 2,
         "--since 2026-03-03 is not before --until 2026-03-03, the day after the last one"),
        (("000000000099", "--since", "2026-03-02"), 2, "no account 000000000099; see cloudigrade accounts list"),
        ((ACCOUNT, "--since", "2026-03-02", "--customer", "77"), 2,
         f"no account {ACCOUNT}; see cloudigrade accounts list"),
        ((ACCOUNT, "--since", "2026-01-01", "--until", "2026-01-03"), 3,
         f"no log file of account {ACCOUNT} is there in bucket {BUCKET}, 2026-01-01 to 2026-01-02"),
        ((ACCOUNT, "--since", "2026-01-01", "--until", "2026-01-03", "--dry-run"), 3,
         f"no log file of account {ACCOUNT} is there in bucket {BUCKET}, 2026-01-01 to 2026-01-02"),
        (("\udcff", "--since", "2026-01-01"), 2, r"'\udcff' is not UTF-8 text"),
        ((ACCOUNT, "--since", "2026-01-01", "--customer", "\udcff"), 2, r"'\udcff' is not UTF-8 text"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said_in_one_line(connected, arguments, status, reason):
    assert refused(*arguments) == (status, reason)


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
@pytest.mark.parametrize(
    "state", [{"details": {}}, {"is_verified": False}, {"wanted": "disabled"}, {"is_paused": True}]
)
def test_an_account_that_is_not_connected_is_refused(connected, state, more):
    CloudAccount.objects.update(**state)

    assert refused(ACCOUNT, "--since", "2026-03-02", *more) == (
        1, f"account {ACCOUNT} is not connected, so its log files cannot be read",
    )  # fmt: skip


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
@pytest.mark.parametrize(
    ("problem", "said"),
    [
        (CustomerProblem("the role cannot be assumed"), f"{UNREAD}: the role cannot be assumed"),
        (CustomerProblem(f"s3://{BUCKET}/x: AccessDenied"), f"s3://{BUCKET}/x: AccessDenied"),
        (NotSetUp("set AWS_PROFILE"), f"{UNREAD}: set AWS_PROFILE"),
    ],
)
def test_why_log_files_cannot_be_read_is_one_line_with_the_bucket(connected, monkeypatch, problem, said, more):
    def refuse(*_):
        raise problem

    monkeypatch.setattr(log_listing, "opened", refuse)

    assert refused(ACCOUNT, "--since", "2026-03-02", *more) == (1, said)


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_a_bucket_that_is_gone_is_one_line_and_nothing_there(connected, more):
    CloudAccount.objects.update(details={**connected.trail.details, "bucket": "gone-bucket"})

    status, reason = refused(ACCOUNT, "--since", "2026-03-02", *more)

    assert (status, reason.count("\n")) == (3, 0)
    assert reason.startswith("s3://gone-bucket/AWSLogs/")
    assert "NoSuchBucket" in reason


def test_an_account_that_is_deleted_meanwhile_is_said_to_be(connected, monkeypatch):
    def removed(*_, **__):
        CloudAccount.objects.all().delete()
        raise Gone(connected.account_id)

    monkeypatch.setattr(command, "default_end", removed)

    assert refused(ACCOUNT, "--since", "2026-03-02") == (1, f"account {ACCOUNT} has been deleted meanwhile")


def test_a_dry_run_of_days_that_were_all_read_ends_as_well_as_the_real_run_does(connected):
    run(ACCOUNT, "--since", "2026-03-02", "--until", "2026-03-04")

    assert run(ACCOUNT, "--since", "2026-03-02", "--until", "2026-03-04", "--dry-run") == (
        "0 log files to read, 2026-03-02 to 2026-03-03\n"
    )


def test_both_speak_json(connected):
    days = ("--since", "2026-03-03", "--until", "2026-03-07", "--format", "json")
    subject = {"account": ACCOUNT, "bucket": BUCKET, "first": "2026-03-03", "end": "2026-03-07"}
    size = sum(len(file.content) for file in connected.trail.files[1:])

    assert json.loads(run(ACCOUNT, *days, "--dry-run")) == {**subject, "files": 4, "bytes": size}
    assert json.loads(run(ACCOUNT, *days)) == {
        **subject,
        "files": 4,
        "new": 4,
        "rejected": 0,
        "metered_from": "2026-03-03T00:00:00Z",
        "missing": 0,
        "lost": 0,
    }


def test_an_account_that_two_customers_claim_is_the_one_that_is_proven(connected, make_claim):
    make_claim(is_verified=False)
    assert run(ACCOUNT, "--since", "2026-03-06", "--dry-run").startswith("1 log files to read")

    CloudAccount.objects.update(is_verified=False)
    assert refused(ACCOUNT, "--since", "2026-03-06") == (
        2, f"account {ACCOUNT} is of several customers; name one with --customer",
    )  # fmt: skip
    assert refused(ACCOUNT, "--since", "2026-03-06", "--customer", "12")[1].endswith("log files cannot be read")


@pytest.fixture
def make_claim(connected):
    """Another customer says that the account is theirs."""

    def made(**state):
        other = Stored("12", [])
        CloudAccount.objects.create(
            customer_id=other.customer_id, cloud="aws", native_id=ACCOUNT, metered_from=NOW, created_at=NOW, **state
        )

    return made
