"""A batch into the store: counted, once, in as many queries for any number of rows."""

import random
import string

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cloudigrade.clouds.protocol import Batch, Rejected
from cloudigrade.models import CloudAccount, FeedPosition, Image, Instance, InstanceEvent, Quarantine, TagEvent
from tests.builders import (
    ACCOUNT,
    IMAGE,
    LARGE,
    REGION,
    Item,
    batch,
    clock,
    custom_image,
    day,
    described,
    found,
    launch,
    moment,
    red_hat_image,
    stop,
    tag,
)

FOREIGN = "000000000666"


def rejected(source, *, reason="is not JSON", account=ACCOUNT, content=b""):
    return Rejected(source, reason, account, content)


def test_an_empty_batch_changes_nothing(stored):
    assert stored.take(Batch()) == (0, 0, 0)


def test_each_record_is_new_once_and_a_duplicate_afterwards(stored):
    told = [launch("i-1", 1), stop("i-1", 5), tag(2)]

    assert stored.record(*told) == (3, 0, 0)
    assert stored.record(*told, stop("i-1", 7)) == (1, 3, 0)
    assert stored.record(*told, *told) == (0, 6, 0)


def test_a_record_about_several_instances_counts_once(stored):
    both = [launch("i-1", 1), launch("i-2", 1)._replace(event=launch("i-1", 1).event)]

    assert stored.record(*both, records_relevant=1) == (1, 0, 0)
    assert stored.record(*both, records_relevant=1) == (0, 1, 0)
    assert InstanceEvent.objects.count() == 2


def test_a_record_that_cannot_be_read_is_neither_new_nor_a_duplicate(stored):
    assert stored.record(launch("i-1", 1), rejected("a.json", content=b"{}")) == (1, 0, 0)


def test_records_of_foreign_accounts_are_counted_and_never_stored(stored, make_stored):
    make_stored("22", [FOREIGN])
    mine = [launch("i-1", 1)]
    foreign = [launch("i-2", 1, account=FOREIGN), tag(1, image="ami-9", account=FOREIGN), launch("i-3", 1, account="9")]
    sweep = described("i-4", 1)._replace(account=FOREIGN)

    assert stored.record(*mine, *foreign, sweep, newest={(FOREIGN, REGION): clock(3)}) == (1, 0, 3)
    assert list(Instance.objects.values_list("native_id", flat=True)) == ["i-1"]
    assert list(Image.objects.values_list("native_id", flat=True)) == [IMAGE]
    assert not TagEvent.objects.exists()
    assert not FeedPosition.objects.exists()


def test_an_account_that_is_not_verified_is_foreign(stored):
    CloudAccount.objects.update(is_verified=False)

    assert stored.record(launch("i-1", 1)) == (0, 0, 1)


def test_c36_native_ids_keep_their_leading_zeros(stored):
    """C36: account ids are text."""
    stored.meter(launch("i-1", 1))

    assert CloudAccount.objects.get().native_id == "000000000042"
    assert stored.report(day(0), day(1))["accounts"] == ["000000000042"]


def test_positions_only_move_forward(stored):
    def positions():
        return list(FeedPosition.objects.values_list("account__native_id", "region", "feed", "newest_at"))

    stored.record(newest={(ACCOUNT, REGION): clock(20), (ACCOUNT, "us-east-1"): clock(3)})
    stored.record(newest={(ACCOUNT, REGION): clock(10), (ACCOUNT, "us-east-1"): clock(4)})

    assert sorted(positions()) == [
        (ACCOUNT, REGION, "cloudtrail", moment(20)),
        (ACCOUNT, "us-east-1", "cloudtrail", moment(4)),
    ]


def test_what_cannot_be_read_is_kept_once_with_the_reason(stored):
    refused = [rejected("a.json"), rejected("b.json", reason="has no time", content=b"{}"), rejected("c", account="")]
    for _ in range(2):
        stored.record(*refused, rejected("d", account=FOREIGN))

    kept = Quarantine.objects.order_by("source").values_list("source", "reason", "account")
    assert list(kept) == [
        ("a.json", "is not JSON", ACCOUNT),
        ("b.json", "has no time", ACCOUNT),
        ("c", "is not JSON", ""),
    ]
    assert bytes(Quarantine.objects.get(source="b.json").content) == b"{}"


def test_two_bad_records_of_one_file_are_both_kept(stored):
    stored.record(rejected("a.json", content=b"{}"), rejected("a.json", content=b"[]"))

    assert Quarantine.objects.count() == 2


def test_a_file_that_could_be_read_after_all_leaves_quarantine_and_its_bad_records_stay(stored):
    stored.record(rejected("a.json"), rejected("b.json"), rejected("a.json", content=b"{}"))
    stored.record(read_sources=["a.json"])

    kept = Quarantine.objects.order_by("source").values_list("source", "content")
    assert [(source, bytes(content)) for source, content in kept] == [("a.json", b"{}"), ("b.json", b"")]


def test_a_file_read_by_another_customer_heals_nothing_here(stored, make_stored):
    stored.record(rejected("a.json"))
    make_stored("22", [FOREIGN]).record(read_sources=["a.json"])

    assert Quarantine.objects.count() == 1


HOSTILE = "R\x00H\\u0000E\ud800L"


def test_hostile_characters_in_names_and_findings_do_not_break_the_batch(stored):
    """C16: what PostgreSQL's text and jsonb refuse costs those characters at most."""
    stored.meter(
        launch("i-1", 1),
        custom_image(
            name=HOSTILE,
            platform_details=HOSTILE,
            architecture=HOSTILE,
            product_codes=((HOSTILE, HOSTILE), ("\\u0000", "\\")),
        ),
        found(rhel_version=HOSTILE, syspurpose={"role": HOSTILE, HOSTILE: HOSTILE}, errors=[HOSTILE]),
        stop("i-1", 2),
    )

    assert Image.objects.get().name == "RH\\u0000EL"
    assert stored.rhel_seconds(day(0)) == 3600


def relevant_rows(prefix: str, size: int) -> list[Item]:
    """Something of every kind, this many times."""
    rows: list[Item] = []
    for number in range(size):
        name = f"{prefix}{number}"
        image = f"ami-{name}"
        rows += [
            launch(f"i-{name}", 1, image=image),
            described(f"i-{name}-d", 2, image=image),
            tag(3, image=image),
            custom_image(image, tags=("cloudigrade-rhel-present",)),
            LARGE._replace(instance_type=f"{name}.large"),
            found(image),
            rejected(f"{name}.json"),
        ]
    return rows


@pytest.mark.parametrize("turn", ["as news", "again"])
def test_p2_as_many_queries_for_a_thousand_rows_as_for_one(stored, turn):
    """P2: no query per record, account or image."""

    def queries(prefix, size):
        rows = relevant_rows(prefix, size)
        if turn == "again":
            stored.record(*rows)
        newest = {(ACCOUNT, f"region-{number}"): clock(1) for number in range(size)}
        with CaptureQueriesContext(connection) as captured:
            stored.take(batch(*rows, newest=newest, read_sources=[f"{number}" for number in range(size)]))
        return len(captured)

    assert queries("a", 1) == queries("b", 10) == queries("c", 1000)


def test_p2_as_many_queries_for_a_thousand_changed_images_with_runs_as_for_one(stored):
    """P2: nor per verdict or run."""

    def queries(prefix, size):
        stored.meter(*(launch(f"i-{prefix}{n}", 1, image=f"ami-{prefix}{n}") for n in range(size)))
        with CaptureQueriesContext(connection) as captured:
            stored.record(*(red_hat_image(f"ami-{prefix}{n}") for n in range(size)))
        return len(captured)

    assert queries("a", 1) == queries("b", 10) == queries("c", 1000)


def test_whatever_strangers_chose_to_call_a_file_is_kept(stored):
    """One that could not be kept would take everything along that was delivered with it."""
    chosen = random.Random(1)
    long = "".join(chosen.choice(string.ascii_letters) for _ in range(3_000))
    items = [
        Rejected("a\0b\ud800", "no\0", ACCOUNT, location="s3://b/a\0b"),
        Rejected(f"{long}1", long, ACCOUNT, location=f"s3://b/{long}"),
        Rejected(f"{long}2", "\ud800", ACCOUNT, location=long * 2),
    ]
    for _ in range(2):
        stored.record(*items)

    rows = Quarantine.objects.order_by("pk").values_list("source", "reason", "location")
    (first, *cut) = sorted(rows, key=lambda row: len(row[0]))
    assert first == ("a\N{REPLACEMENT CHARACTER}b?", "no\N{REPLACEMENT CHARACTER}", "")
    assert sorted(row[1:] for row in cut) == sorted([(long[:2_000], f"s3://b/{long}"), ("?", "")])
    assert {row[0][:1_933] for row in cut} == {long[:1_933]}
    assert len({row[0] for row in cut}) == 2
    assert {len(row[0]) for row in cut} == {2_000}


def test_a_file_with_a_cut_name_leaves_quarantine_too(stored):
    name = "AWSLogs/" + "ü" * 1_500
    stored.record(rejected(name))
    stored.record(read_sources=["\0", name])
    assert not Quarantine.objects.exists()
