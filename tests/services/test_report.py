"""The report says what is stored, and what it rests on."""

import json

import pytest

from cloudigrade.clouds.protocol import Rejected
from cloudigrade.services.report import GRACE
from tests.builders import (
    ACCOUNT,
    HOUR,
    LARGE,
    REGION,
    clock,
    custom_image,
    day,
    described,
    launch,
    red_hat_image,
    revised,
    stop,
)

SECOND = "000000000043"
NOTHING = dict.fromkeys(("instances_peak", "vcpu_peak", "memory_mib_peak", "instance_seconds", "vcpu_seconds"), 0)
GRACE_HOURS = GRACE / HOUR


@pytest.fixture
def two_accounts(make_stored):
    made = make_stored("33", [ACCOUNT, SECOND])
    made.meter(
        LARGE,
        red_hat_image(),
        custom_image("ami-suse", billing_code="RunInstances:000g"),
        launch("i-1", 1),
        stop("i-1", 3),
        launch("i-2", 2, account=SECOND),
        stop("i-2", 4, account=SECOND),
        launch("i-3", 30, image="ami-suse", instance_type="t9.odd"),
    )
    return made


def test_the_report_has_a_row_for_every_day(two_accounts):
    report = two_accounts.report(day(0), day(3))

    assert list(report) == ["from", "to", "accounts", "days", "instances", "unknown_codes", "unknown_types", "drift"]
    assert (report["from"], report["to"]) == ("2026-03-02", "2026-03-05")
    assert report["accounts"] == [ACCOUNT, SECOND]
    assert [item["date"] for item in report["days"]] == ["2026-03-02", "2026-03-03", "2026-03-04"]
    rhel = dict(zip(NOTHING, (2, 4, 16384, 4 * HOUR, 8 * HOUR), strict=True))
    assert report["days"][0]["rhel"] == {"customer": rhel, "cloud": NOTHING, "unknown": NOTHING, "all": rhel}
    assert report["days"][0]["all"] == rhel
    assert report["days"][2]["all"] == {**NOTHING, "instances_peak": 1, "instance_seconds": 24 * HOUR}
    assert report["instances"] == {"rhel": 2, "not_rhel": 1, "undetermined": 0}
    assert report["unknown_types"] == ["t9.odd"]


def test_the_keys_of_measures_have_a_fixed_order(two_accounts):
    measures = two_accounts.report(day(0), day(1))["days"][0]

    assert list(measures) == ["date", "complete", "maximum_counts", "rhel", "all"]
    assert list(measures["rhel"]) == ["customer", "cloud", "unknown", "all"]
    assert list(measures["all"]) == list(measures["rhel"]["cloud"]) == list(NOTHING)


def test_maximum_counts_are_sorted_by_key(two_accounts):
    counts = two_accounts.report(day(0), day(1))["days"][0]["maximum_counts"]

    keys = [tuple(entry.values())[:-1] for entry in counts]
    assert len(keys) == 24
    assert keys == sorted(keys)
    assert set(counts[0]) == {"arch", "role", "sla", "usage", "service_type", "instances_count"}


def test_some_accounts_only_are_computed_apart(two_accounts):
    report = two_accounts.report(day(0), day(2), only=(SECOND,))

    assert report["accounts"] == [SECOND]
    assert [item["rhel"]["all"]["instance_seconds"] for item in report["days"]] == [2 * HOUR, 0]
    assert report["instances"] == {"rhel": 1, "not_rhel": 0, "undetermined": 0}
    assert report["unknown_types"] == []


def test_all_accounts_named_give_what_naming_none_gives(two_accounts):
    assert two_accounts.report(day(0), day(4), only=(ACCOUNT, SECOND)) == two_accounts.report(day(0), day(4))


def test_a_day_is_complete_from_the_grace_after_its_end_on(stored):
    stored.recalculate()

    def complete():
        return [item["complete"] for item in stored.report(day(0), day(2))["days"]]

    assert complete() == [False, False]
    stored.record(newest={(ACCOUNT, REGION): clock(24 + GRACE_HOURS) - 1})
    assert complete() == [False, False]
    stored.record(newest={(ACCOUNT, "us-east-1"): clock(24 + GRACE_HOURS)})
    assert complete() == [True, False]


def test_a_day_is_complete_only_if_every_account_was_read_so_far(two_accounts):
    def complete(*only):
        return [item["complete"] for item in two_accounts.report(day(0), day(1), only=only)["days"]]

    two_accounts.record(newest={(ACCOUNT, REGION): clock(30)})
    assert (complete(), complete(ACCOUNT), complete(SECOND)) == ([False], [True], [False])
    two_accounts.record(newest={(SECOND, REGION): clock(24)})
    assert complete() == [False]
    two_accounts.record(newest={(SECOND, REGION): clock(25)})
    assert complete() == [True]


@pytest.mark.parametrize("content", [b"", b"{}"])
@pytest.mark.parametrize("account", [ACCOUNT, SECOND, ""])
def test_nothing_of_an_account_is_complete_while_something_of_it_is_unreadable(two_accounts, account, content):
    two_accounts.record(
        Rejected("a.json", "is not JSON", account, content),
        newest={(ACCOUNT, REGION): clock(30), (SECOND, REGION): clock(30)},
    )

    def complete(only):
        return two_accounts.report(day(0), day(1), only=(only,))["days"][0]["complete"]

    assert [complete(ACCOUNT), complete(SECOND)] == [account == SECOND, account == ACCOUNT]


def test_instances_are_those_with_a_second_of_run_in_the_range(stored):
    stored.meter(launch("i-1", 1), stop("i-1", 24), launch("i-2", 30))

    def undetermined(first, end):
        return stored.report(day(first), day(end))["instances"]["undetermined"]

    assert [undetermined(0, 1), undetermined(1, 2), undetermined(0, 2), undetermined(9, 10)] == [1, 1, 2, 1]


def test_codes_that_are_not_in_our_tables_are_listed(stored):
    stored.meter(
        custom_image(billing_code="RunInstances:9x9x", product_codes=(("zz", "marketplace"),)), launch("i-1", 1)
    )

    assert stored.report(day(0), day(1))["unknown_codes"] == ["product code zz", "usage operation RunInstances:9x9x"]


def test_a_type_without_even_a_name_is_listed_as_unknown(stored):
    stored.meter(launch("i-1", 1, instance_type=""))

    assert stored.report(day(0), day(1))["unknown_types"] == ["unknown"]


def test_drift_is_listed_with_its_instance(stored):
    stored.meter(described("i-1", 20, is_stop_undated=True))

    assert stored.report(day(0), day(1))["drift"] == [
        {
            "account": ACCOUNT,
            "region": REGION,
            "instance": "i-1",
            "reasons": ["found off, without a time, after its launch at 2026-03-02T20:00:00Z"],
        }
    ]


def test_explained_are_the_images_that_ran_in_the_range_by_billing_code(stored):
    stored.meter(red_hat_image(), launch("i-1", 1), launch("i-2", 1))
    converted = launch("i-3", 1)
    stored.meter(revised(converted, "1", billing_code="RunInstances:0010"), launch("i-4", 100, image="ami-later"))

    images = stored.report(day(0), day(1), explain=True)["images"]

    assert [(item["image"], item["billing_code"], item["instances"], item["payer"]) for item in images] == [
        ("ami-1", "", 2, "customer"),
        ("ami-1", "RunInstances:0010", 1, "cloud"),
    ]
    assert images[0]["region"] == REGION
    assert images[0]["reasons"][0].startswith("certain: usage operation RunInstances:00g0")
    assert images[1]["conflicts"] != []


def test_the_same_data_give_the_same_bytes(two_accounts):
    first = json.dumps(two_accounts.report(day(0), day(9), explain=True))

    assert json.dumps(two_accounts.report(day(0), day(9), explain=True)) == first
