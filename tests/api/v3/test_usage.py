"""What is told of usage, by interval and group, in each format."""

from datetime import timedelta

import pytest

from cloudigrade.api.v3 import usage
from cloudigrade.models import Quarantine
from cloudigrade.services import accounts
from tests.api.v3.conftest import problem
from tests.api.v3.metered import ASKED, METRICS, MONDAY, TUESDAY, read
from tests.builders import (
    ACCOUNT,
    AS_OF,
    HOUR,
    LARGE,
    XLARGE,
    custom_image,
    day,
    found,
    launch,
    moment,
    red_hat_image,
    retype,
    stop,
)


def metrics(instances, hours, *, vcpu=2, memory=8192):
    """Of so many instances of one size that were on together, for so many hours altogether."""
    seconds = round(hours * HOUR)
    values = (instances, instances * vcpu, instances * memory, seconds, seconds * vcpu, seconds * memory, 0)
    return dict(zip(METRICS, values, strict=True))


def test_a_day_without_grouping_is_one_group(asking, metered):
    answer = asking.get("usage", start=MONDAY, end="2026-03-04").json()

    assert answer == {
        "start": "2026-03-02T00:00:00Z",
        "end": "2026-03-04T00:00:00Z",
        "as_of": "2026-03-04T00:00:00Z",
        "granularity": "day",
        "group_by": [],
        "rhel": "true",
        "intervals": [
            {
                "start": "2026-03-02T00:00:00Z",
                "end": "2026-03-03T00:00:00Z",
                "complete": False,
                "groups": [metrics(1, 12)],
            },
            {
                "start": "2026-03-03T00:00:00Z",
                "end": "2026-03-04T00:00:00Z",
                "complete": False,
                "groups": [METRICS],
            },
        ],
    }


@pytest.mark.parametrize(("rhel", "peak", "hours"), [("true", 1, 12), ("false", 1, 12), ("all", 2, 24)])
def test_rhel_or_not_or_all(asking, metered, rhel, peak, hours):
    (interval,) = asking.get("usage", start=MONDAY, end=TUESDAY, rhel=rhel).json()["intervals"]

    (group,) = interval["groups"]
    assert (group["instances_peak"], group["instance_seconds"]) == (peak, hours * HOUR)


def test_hours_and_months_are_intervals_too(asking, metered):
    by_hour = asking.get("usage", start=MONDAY, end=TUESDAY, granularity="hour").json()["intervals"]
    by_month = asking.get("usage", start="2026-02-15", end="2026-04-10", granularity="month").json()["intervals"]

    assert [each["groups"] for each in by_hour] == [
        [metrics(1, 1) if 6 <= hour < 18 else METRICS] for hour in range(24)
    ]
    assert [(each["start"][:10], each["end"][:10]) for each in by_month] == [
        ("2026-02-15", "2026-03-01"),
        ("2026-03-01", "2026-04-01"),
        ("2026-04-01", "2026-04-10"),
    ]
    assert [each["groups"][0]["instance_seconds"] for each in by_month] == [0, 12 * HOUR, 0]


DIMENSIONS = {
    "cloud": ["aws"],
    "account": [ACCOUNT],
    "region": ["eu-west-1"],
    "arch": ["x86_64"],
    "version": ["", "9.4.0"],
    "product": ["", "RHEL"],
    "payer": ["", "customer"],
    "role": [""],
    "sla": [""],
    "usage": [""],
    "instance_type": ["m5.large", "m5.xlarge"],
}


@pytest.mark.parametrize(("dimension", "values"), DIMENSIONS.items())
def test_each_dimension_groups_and_filters(asking, metered, dimension, values):
    asked = {"start": MONDAY, "end": TUESDAY, "rhel": "all"}
    (interval,) = asking.get("usage", **asked, group_by=dimension).json()["intervals"]

    groups = {group.pop(dimension): group for group in interval["groups"]}
    assert list(groups) == values
    assert sum(group["instance_seconds"] for group in groups.values()) == 24 * HOUR
    for value, group in groups.items():
        (alone,) = asking.get("usage", **asked, **{dimension: value}).json()["intervals"]
        assert alone["groups"] == [group]
    (none,) = asking.get("usage", **asked, **{dimension: "such-is-nobody's"}).json()["intervals"]
    assert none["groups"] == [METRICS]


def test_several_dimensions_repeated_or_by_comma_and_several_values(asking, metered):
    asked = {"start": MONDAY, "end": TUESDAY, "rhel": "all"}
    repeated = asking.get("usage", **asked, group_by=["payer", "account"], payer=["customer", ""]).json()
    listed = asking.get("usage", **asked, group_by="payer,account", payer=["customer", ""]).json()

    assert repeated == listed
    assert repeated["group_by"] == ["account", "payer"]
    (interval,) = repeated["intervals"]
    assert interval["groups"] == [
        {"account": ACCOUNT, "payer": "", **metrics(1, 12, vcpu=4, memory=16384)},
        {"account": ACCOUNT, "payer": "customer", **metrics(1, 12)},
    ]


def test_system_purpose_and_a_changed_type_tell_groups_apart(asking, stored):
    stored.meter(
        LARGE,
        XLARGE,
        custom_image(),
        found(syspurpose={"role": "Server", "service_level_agreement": "Premium", "usage": "Production"}),
        launch("i-1", 0),
        retype("i-1", 6, "m5.xlarge"),
        stop("i-1", 8),
    )

    (interval,) = asking.get("usage", start=MONDAY, end=TUESDAY, group_by="role,sla,usage,instance_type").json()[
        "intervals"
    ]

    purpose = {"role": "Server", "sla": "Premium", "usage": "Production"}
    assert interval["groups"] == [
        {**purpose, "instance_type": "m5.large", **metrics(1, 6)},
        {**purpose, "instance_type": "m5.xlarge", **metrics(1, 2, vcpu=4, memory=16384)},
    ]


def test_an_interval_in_which_a_group_was_off_does_not_have_it(asking, metered):
    answer = asking.get("usage", start=MONDAY, end="2026-03-05", rhel="all", group_by="instance_type").json()

    assert [[group["instance_type"] for group in each["groups"]] for each in answer["intervals"]] == [
        ["m5.large", "m5.xlarge"],
        ["m5.xlarge"],
        [],
    ]


def test_what_is_of_unknown_size_is_told(asking, stored):
    stored.meter(red_hat_image(), launch("i-1", 0, instance_type="x9.unheard"), stop("i-1", 1))

    (interval,) = asking.get("usage", start=MONDAY, end=TUESDAY).json()["intervals"]

    assert interval["groups"] == [
        METRICS | {"instances_peak": 1, "instance_seconds": HOUR, "unknown_size_instances": 1}
    ]


def test_what_is_on_counts_until_the_minute_of_asking(asking, stored, at):
    stored.meter(LARGE, red_hat_image(), launch("i-1", 0))
    at(moment(1) + timedelta(seconds=59))

    answer = asking.get("usage", start=MONDAY, end=TUESDAY).json()

    assert answer["as_of"] == "2026-03-02T01:00:00Z"
    assert answer["intervals"][0]["groups"] == [metrics(1, 1)]


@pytest.mark.parametrize(("hours", "complete"), [(24, [False, False]), (24.25, [True, False]), (48.25, [True, True])])
def test_an_interval_is_complete_once_all_of_it_was_read(asking, metered, hours, complete):
    read(hours)

    answer = asking.get("usage", start=MONDAY, end="2026-03-04").json()

    assert [each["complete"] for each in answer["intervals"]] == complete


def test_an_account_that_is_new_takes_nothing_from_what_was_before(asking, metered):
    read(48.25)
    accounts.ensure_accounts(
        customer_id=metered.customer_id, cloud="aws", native_ids=["000000000043"], metered_from=moment(24), now=AS_OF
    )

    before = asking.get("usage", start=MONDAY, end=TUESDAY).json()["intervals"]
    since = asking.get("usage", start=TUESDAY, end="2026-03-04").json()["intervals"]

    assert (before[0]["complete"], since[0]["complete"]) == (True, False)


def test_nothing_is_complete_with_something_unreadable_or_without_an_account(asking, metered):
    read(100)
    of_nobody = asking.get("usage", start=MONDAY, end=TUESDAY, account="999999999999").json()
    Quarantine.objects.create(customer_id=metered.customer_id, feed="cloudtrail", source="s", hash="h", reason="r")
    answer = asking.get("usage", start=MONDAY, end=TUESDAY).json()

    assert of_nobody["intervals"][0]["complete"] is False
    assert answer["intervals"][0]["complete"] is False


@pytest.mark.parametrize(
    ("query", "errors"),
    [
        ({}, {"start": "It is required: a date as YYYY-MM-DD.", "end": "It is required: a date as YYYY-MM-DD."}),
        ({"start": "20260302", "end": "soon"}, dict.fromkeys(("start", "end"), "It must be a date as YYYY-MM-DD.")),
        ({"start": TUESDAY, "end": MONDAY}, {"end": "It must be after start: the end is not included."}),
        ({"start": MONDAY, "end": MONDAY}, {"end": "It must be after start: the end is not included."}),
        ({"start": MONDAY, "end": "2027-03-04"}, {"end": "At most 366 days may be asked for by day."}),
        (
            {"start": MONDAY, "end": "2026-04-03", "granularity": "hour"},
            {"end": "At most 31 days may be asked for by hour."},
        ),
        (
            {"start": MONDAY, "end": TUESDAY, "granularity": "week"},
            {"granularity": "It must be one of: hour, day, month."},
        ),
        ({"start": MONDAY, "end": TUESDAY, "rhel": "maybe"}, {"rhel": "It must be one of: true, false, all."}),
        ({"start": MONDAY, "end": TUESDAY, "format": "xml"}, {"format": "It must be one of: json, csv, parquet."}),
        ({"start": [MONDAY, TUESDAY], "end": TUESDAY}, {"start": "It may be given once."}),
        (
            {"start": MONDAY, "end": TUESDAY, "region": "\x00"},
            {"region": "A value has 200 characters at most, and no NUL."},
        ),
        (
            {"start": MONDAY, "end": TUESDAY, "region": [str(number) for number in range(101)]},
            {"region": "It may have 100 values at most."},
        ),
        (
            {"start": MONDAY, "end": TUESDAY, "group_by": "payer,color"},
            {
                "group_by": "Each must be one of: cloud, account, region, arch, version, product, payer, role, sla,"
                " usage, instance_type."
            },
        ),
        (
            {"start": MONDAY, "end": TUESDAY, "customer": "22"},
            {
                "customer": "There is no such parameter; accepted are: account, arch, cloud, end, format, granularity,"
                " group_by, instance_type, payer, product, region, rhel, role, sla, start, usage, version."
            },
        ),
    ],
)
def test_o14_whatever_cannot_be_accepted_is_told_by_parameter(asking, stored, query, errors):
    """O14: malformed input is 400, never 500, and unknown parameters are not passed over."""
    expected = {name: [why] for name, why in errors.items()}

    assert problem(asking.get("usage", **query)) == (400, "invalid-parameters", expected)


def test_too_large_an_answer_is_refused_before_it_is_made(asking, metered, monkeypatch):
    monkeypatch.setitem(usage.MOST_ROWS, "json", 2)

    refused = asking.get("usage", **ASKED)

    assert problem(refused) == (400, "answer-too-large", None)
    assert refused.json()["detail"].startswith("It would have more than 2 rows.")
    assert asking.get("usage", **ASKED, format="csv").status_code == 200


def test_head_is_answered_without_a_body(client, asking, metered):
    for form in ("json", "csv", "parquet"):
        head = client.head(
            f"/api/cloudigrade/v3/usage?start={MONDAY}&end={TUESDAY}&format={form}", headers=asking.headers
        )
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["ETag"] == asking.get("usage", start=MONDAY, end=TUESDAY, format=form).headers["ETag"]


def test_as_many_queries_for_any_number_of_instances(asking, stored, django_assert_num_queries):
    for number in (1, 50):
        stored.meter(LARGE, red_hat_image(), *(launch(f"i-{number}-{n}", n % 20) for n in range(number)))
        with django_assert_num_queries(7):
            asking.get("usage", start=MONDAY, end=TUESDAY, group_by="region,payer")


def test_days_add_up_to_what_is_stored_for_them(asking, metered):
    stored_days = [metered.totals(day(number))["all"]["instance_seconds"] for number in range(10)]

    answer = asking.get("usage", start=MONDAY, end=AS_OF.date().isoformat(), rhel="all").json()

    assert [each["groups"][0]["instance_seconds"] for each in answer["intervals"]] == stored_days
