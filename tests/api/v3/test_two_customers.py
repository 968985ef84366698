"""Not one byte of one customer ever appears in the answers to another."""

import re

import pytest
from django.urls import get_resolver
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloudigrade.api.v3 import urls
from cloudigrade.clouds.protocol import Rejected
from cloudigrade.models import CloudAccount, FeedPosition, Gap, Image, Instance, Quarantine
from tests.api.v3.conftest import BASE, problem
from tests.builders import LARGE, custom_image, day, found, launch, moment, stop, tag
from tests.services.stored import Stored

MINE, THEIRS = "000000000042", "000000000099"
MARK = "zq9"
"""Stands in everything that is theirs alone."""


@pytest.fixture
def theirs(stored):
    """Another customer, of whom there is something in every table."""
    neighbour = Stored("22", [THEIRS])
    image = custom_image(f"ami-{MARK}", name=f"{MARK}-name", owner=THEIRS, billing_code=f"RunInstances:{MARK}")
    neighbour.record(
        LARGE,
        image,
        found(f"ami-{MARK}", syspurpose={"role": f"{MARK}-role"}),
        tag(1, image=f"ami-{MARK}", account=THEIRS),
        launch(f"i-{MARK}", 1, image=f"ami-{MARK}", account=THEIRS, instance_type=f"{MARK}.large"),
        stop(f"i-{MARK}", 30, account=THEIRS),
        Rejected(f"{MARK}-source", "garbage", account=THEIRS),
    )
    neighbour.recalculate()
    account = CloudAccount.objects.get(native_id=THEIRS)
    CloudAccount.objects.filter(pk=account.pk).update(
        credentials=f"arn:{MARK}", external_id=f"{MARK}-word", problem_code="CG3000", problem=f"{MARK}-problem"
    )
    FeedPosition.objects.create(account=account, region=f"{MARK}-region", feed="cloudtrail", proven_until=moment(9))
    Gap.objects.create(
        account=account, region=f"{MARK}-region", feed="cloudtrail", source=f"{MARK}-file", starts_at=moment(1),
        ends_at=moment(2), reason=f"{MARK}-reason", found_at=moment(3),
    )  # fmt: skip
    assert Quarantine.objects.filter(customer_id=neighbour.customer_id).exists()
    return neighbour


def ids():
    """Of what is theirs, by the name of the parameter in paths."""
    return {
        "account_id": CloudAccount.objects.get(native_id=THEIRS).pk,
        "instance_id": Instance.objects.get(native_id=f"i-{MARK}").pk,
        "image_id": Image.objects.get(native_id=f"ami-{MARK}").pk,
    }


def routes():
    """All paths of version 3, with the names of their parameters in braces."""
    return [
        re.sub(r"<int:(\w+)>", r"{\1}", str(pattern.pattern))
        for pattern in urls.urlpatterns
        if str(pattern.pattern) not in ("", "openapi.json")
    ]


def test_every_route_is_looked_at():
    assert len(routes()) == 11
    assert get_resolver("cloudigrade.api.urls").resolve(f"/{BASE.strip('/')}/usage")


@pytest.mark.parametrize("method", ["get", "post", "delete"])
@pytest.mark.parametrize("route", [route for route in routes() if "{" in route])
def test_ids_of_the_others_answer_like_ids_that_do_not_exist(asking, theirs, route, method):
    """S5: nor does asking change anything of theirs."""
    before = list(CloudAccount.objects.filter(native_id=THEIRS).values())
    unknown = dict.fromkeys(("account_id", "instance_id", "image_id"), 10**9)

    given, missing = (getattr(asking, method)(route.format(**names)) for names in (ids(), unknown))

    assert problem(given) == problem(missing)
    assert given.json() | {"instance": ""} == missing.json() | {"instance": ""}
    assert given.status_code in (404, 405)
    assert list(CloudAccount.objects.filter(native_id=THEIRS).values()) == before


DIMENSIONS = st.sampled_from(usage_dimensions := [
    "cloud", "account", "region", "arch", "version", "product", "payer", "role", "sla", "usage", "instance_type",
])  # fmt: skip
VALUES = st.sampled_from([THEIRS, MINE, f"{MARK}-role", f"{MARK}.large", "", "aws", "22", "%", "' OR true --"])
QUERIES = st.fixed_dictionaries(
    {"start": st.sampled_from(["2026-03-01", "2026-03-02"]), "end": st.sampled_from(["2026-03-03", "2026-03-20"])},
    optional={
        "granularity": st.sampled_from(["hour", "day", "month"]),
        "group_by": st.lists(DIMENSIONS, max_size=11),
        "rhel": st.sampled_from(["true", "false", "all"]),
        "format": st.sampled_from(["json", "csv"]),
        **{name: st.lists(VALUES, max_size=3) for name in usage_dimensions},
    },
)


@given(query=QUERIES)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_usage_of_the_others_is_in_any_answer(asking, stored, theirs, query):
    """S5: whatever is asked for; the one with nothing has nothing."""
    answer = asking.get("usage", **query)

    assert answer.status_code == 200
    text = b"".join(answer).decode()
    assert MARK not in text
    assert THEIRS not in text
    assert not re.search(r'"\w+_(peak|seconds)":[1-9]', text)
    assert not re.search(r",[1-9]\d*,", text)


@pytest.mark.parametrize(
    "path",
    [
        "accounts", f"accounts?native_id={THEIRS}", "completeness", f"completeness?account={THEIRS}",
        "usage?start=2026-03-02&end=2026-03-04&rhel=all&group_by=account,region,role,instance_type,version",
    ],
)  # fmt: skip
def test_lists_hold_only_what_is_ones_own(asking, other, theirs, path):
    """S5: what the other sees in the same list is not nothing."""
    mine, others = asking.get(path), other.get(path)

    assert MARK not in mine.content.decode()
    assert THEIRS not in mine.content.decode()
    assert THEIRS in others.content.decode()
    assert mine.headers.get("ETag") is None or mine.headers["ETag"] != others.headers["ETag"]


def test_another_customers_tag_and_cursor_are_worth_nothing(asking, other, theirs):
    theirs_answer = other.get("completeness")
    CloudAccount.objects.create(
        customer_id=theirs.customer_id, cloud="aws", native_id="000000000098", metered_from=moment(0),
        created_at=moment(0),
    )  # fmt: skip
    (cursor,) = re.findall(r"cursor=([\w-]+)", other.get("accounts", limit=1).json()["next"])

    assert asking.get("completeness", headers={"If-None-Match": theirs_answer.headers["ETag"]}).status_code == 200
    assert problem(asking.get("accounts", cursor=cursor))[0] == 400


def test_what_the_others_do_does_not_change_ones_tags(asking, theirs):
    query = {"start": "2026-03-02", "end": "2026-03-20"}
    before = asking.get("usage", **query).headers["ETag"], asking.get("completeness").headers["ETag"]

    theirs.record(launch("i-more", 2, account=THEIRS))
    theirs.recalculate()

    assert (asking.get("usage", **query).headers["ETag"], asking.get("completeness").headers["ETag"]) == before
    assert theirs.totals(day(0))["all"]["instances_peak"] == 2
