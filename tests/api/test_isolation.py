"""Two customers with made-up data, in every text of which it says whose it is: neither ever sees a byte of the other's.

The paths are found in the URL patterns, so none that is added later is left out.
"""

import re
from collections.abc import Iterator
from datetime import date
from random import Random
from typing import Any, NamedTuple

import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloudigrade.api.v2 import sysconfig
from cloudigrade.api.v3 import accounts, usage
from cloudigrade.clouds.protocol import Rejected
from cloudigrade.models import CloudAccount, FeedPosition, Gap, Image, Instance
from tests import fake_cloud
from tests.api import identities
from tests.api.conftest import counts_text, store_usage
from tests.api.v2 import world
from tests.builders import AS_OF, LARGE, custom_image, found, launch, moment, stop, tag
from tests.services.stored import Stored

pytestmark = pytest.mark.django_db

UNKNOWN = 10**9
OWNERS = {"11": "zq1mine", "22": "zq2theirs"}
"""By org id, the mark in all that is theirs."""
CLAIMED = {"11": "ami-one", "22": "ami-two"}
"""By org id, a private image of theirs that the other one claims to boot from too: all told of it is marked."""
OPEN = {"/api/cloudigrade/v2/openapi.json", "/api/cloudigrade/v3/openapi.json", "/internal/healthz/"}
"""What is the same for everyone."""


class Route(NamedTuple):
    """A path with its ids in braces."""

    path: str

    @property
    def kind(self) -> Any:
        """What its id is of."""
        word = re.search(r"/(account|instance|image)s/\{", self.path)
        return {"account": CloudAccount, "instance": Instance, "image": Image}[word[1]] if word else None

    def at(self, pk: int) -> str:
        return re.sub(r"\{\w+\}", str(pk), self.path)


def _patterns(found: list[Any], before: str = "") -> Iterator[str]:
    for each in found:
        path = before + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from _patterns(each.url_patterns, path)
        elif isinstance(each, URLPattern):
            yield path


def _plain(pattern: str) -> str:
    """As someone asks for it: ids in braces, formats as `.json`."""
    text = re.sub(r"\(\?P<format>[^)]*\)(/\?)?|<drf_format_suffix:\w+>", "json", pattern)
    text = re.sub(r"\(\?P<(\w+)>[^)]*\)|<\w+:(\w+)>", lambda part: f"{{{part[1] or part[2]}}}", text)
    return "/" + re.sub(r"[\^$\\]|/\?", "", text)


def routes() -> list[Route]:
    """All of the public port."""
    return [Route(path) for path in dict.fromkeys(map(_plain, _patterns(get_resolver().url_patterns)))]


ROUTES = [each for each in routes() if each.path not in OPEN]
WITH_ID = [each for each in ROUTES if "{" in each.path]


def test_every_path_is_found():
    assert {each.path.partition("/api/cloudigrade/")[2] for each in ROUTES} >= {
        "v2/accounts/", "v2/accounts.json", "v2/accounts/{pk}/", "v2/accounts/{pk}.json", "v2/instances/{pk}/",
        "v2/images/{pk}/", "v2/concurrent/", "v2/sysconfig/", "v3/usage", "v3/completeness", "v3/accounts",
        "v3/accounts/{account_id}", "v3/accounts/{account_id}/verify", "v3/instances/{instance_id}/runs",
        "v3/images/{image_id}/verdict",
    }  # fmt: skip
    assert [each.path for each in WITH_ID if each.kind is None] == []
    assert not [each.path for each in ROUTES if re.search(r"[()?<>\\^$]", each.path)]


def _fill(org_id: str, number: int, luck: Random) -> None:
    """Something of everything that answers are made of, with the mark in every text."""
    mark, native_id = OWNERS[org_id], f"{number:012}"

    def text() -> str:
        return mark + "".join(luck.choices("aZ0 -_.:/%&<é☃\"'\\", k=luck.randint(0, 9)))

    owner = Stored(org_id, [native_id])
    for each in range(luck.randint(1, 4)):
        image, instance = f"ami-{mark}-{each}", f"i-{mark}-{each}"
        owner.record(
            LARGE,
            custom_image(image, name=text(), owner=text(), billing_code=text(), platform_details=text()),
            found(image, rhel_version=text(), syspurpose={"role": text(), "usage": text()}),
            tag(1, image=image, account=native_id),
            launch(instance, luck.uniform(1, 20), image=image, account=native_id, instance_type=text()),
            stop(instance, luck.uniform(21, 60), account=native_id),
            Rejected(f"{mark}-{each}", text(), account=native_id),
        )
    owner.record(
        custom_image(CLAIMED[org_id], name=text(), owner=text(), billing_code=text(), platform_details=text()),
        found(CLAIMED[org_id], rhel_version=text(), syspurpose={"role": text(), "usage": text()}),
        *(launch(f"i-{mark}-{image}", 1, image=image, account=native_id) for image in CLAIMED.values()),
    )
    owner.recalculate()
    account = CloudAccount.objects.get(native_id=native_id)
    CloudAccount.objects.filter(pk=account.pk).update(
        native_id=f"{mark}-account", credentials=f"arn:{mark}", external_id=mark, problem=mark, problem_code="CG3000",
        details={"bucket": mark}, is_enabled=bool(number % 2),
    )  # fmt: skip
    FeedPosition.objects.create(account=account, region=mark, feed="cloudtrail", newest_at=moment(9), problem=mark)
    Gap.objects.create(
        account=account, region=mark, feed="cloudtrail", source=mark, starts_at=moment(1), ends_at=moment(2),
        reason=mark, found_at=moment(3),
    )  # fmt: skip
    Image.objects.filter(native_id__contains=mark).update(architecture=mark, region=mark)
    Instance.objects.filter(native_id__contains=mark).update(region=mark)
    world.judge(*Image.objects.filter(native_id__contains=mark))
    store_usage(account.customer, date(2026, 3, 15), counts_text(number, arch=mark))


@pytest.fixture(params=[1, 2], ids="seed {}".format)
def both(request, db, monkeypatch) -> None:
    """The two customers, made up anew for each seed."""
    fake_cloud.installed(monkeypatch)
    sysconfig.instructions.forget()
    for module in (accounts, usage):
        monkeypatch.setattr(module, "now", lambda: AS_OF)
    monkeypatch.setattr("cloudigrade.tasks.accounts.connect_accounts.delay", lambda: None)
    luck = Random(request.param)
    for number, org_id in enumerate(OWNERS, start=41):
        _fill(org_id, number, luck)


def _ids(kind: Any, org_id: str) -> list[int]:
    """Of what is that customer's."""
    marked = {"native_id__contains": OWNERS[org_id]}
    return list(kind._default_manager.filter(**marked).values_list("pk", flat=True))


def _answer(client: Any, org_id: str, path: str, method: str = "get", query: Any = None) -> tuple[int, str, bytes]:
    """Status, type and content; request ids are left out."""
    headers = identities.of(org_id=org_id)
    if method == "get":
        response = client.get(path, query or {}, headers=headers)
    else:
        response = client.generic(method.upper(), path, b"", "application/json", headers=headers)
    content = b"".join(response) if response.streaming else response.content
    told = response.headers["X-CLOUDIGRADE-REQUEST-ID"].encode()
    return response.status_code, response.headers.get("Content-Type", ""), content.replace(told, b"-")


QUERIES: dict[str, dict[str, str]] = {
    "usage": {"start": "2026-03-02", "end": "2026-03-05", "rhel": "all", "group_by": "account,region,role,version"},
}


@pytest.mark.usefixtures("both")
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
def test_s5_no_answer_has_a_byte_of_the_others(client, route):
    """S5: whoever asks, for what is one's own, for what is the other's, and for nothing at all."""
    kind = route.kind
    pks = [pk for org_id in OWNERS for pk in _ids(kind, org_id)] if kind else [0]
    pks += Image.objects.filter(native_id__in=CLAIMED.values()).values_list("pk", flat=True) if kind is Image else []

    seen = {
        (org_id, whose): any(
            mark.encode() in _answer(client, org_id, route.at(pk), query=QUERIES.get(route.path.rpartition("/")[2]))[2]
            for pk in pks
        )
        for org_id in OWNERS
        for whose, mark in OWNERS.items()
    }

    assert (seen["11", "22"], seen["22", "11"]) == (False, False)
    assert seen["11", "11"] == seen["22", "22"]
    assert seen["11", "11"] or route.path not in SHOWING


SHOWING = {
    f"/api/cloudigrade/{path}"
    for path in (
        "v2/accounts/", "v2/accounts/{pk}/", "v2/instances/", "v2/instances/{pk}/", "v2/images/", "v2/images/{pk}/",
        "v3/usage", "v3/completeness", "v3/accounts", "v3/accounts/{account_id}", "v3/images/{image_id}/verdict",
        "v3/instances/{instance_id}/runs",
    )
}  # fmt: skip
"""Where something of one's own must be seen, so that the test is none of empty answers."""


@pytest.mark.usefixtures("both")
@pytest.mark.parametrize("method", ["get", "post", "delete", "put"])
@pytest.mark.parametrize("route", WITH_ID, ids=lambda route: route.path)
def test_s5_ids_of_the_others_answer_like_ids_that_do_not_exist(client, route, method):
    """S5: byte for byte, but for the request id; and nothing of the other's is changed by asking."""
    before = list(CloudAccount.objects.order_by("pk").values())
    unknown = _answer(client, "11", route.at(UNKNOWN), method)

    for pk in _ids(route.kind, "22"):
        assert _answer(client, "11", route.at(pk), method) == unknown

    assert unknown[0] in (404, 405)
    assert list(CloudAccount.objects.order_by("pk").values()) == before


VALUES = st.sampled_from(
    [*OWNERS, *OWNERS.values(), *(f"{each}-account" for each in OWNERS.values()), "1", "100", "-1", "2026-03-02",
     "2026-03-20", "all", "csv", "account", "%", "' OR 1=1 --", "*"]
)  # fmt: skip
NAMES = st.sampled_from(
    ["limit", "offset", "cursor", "start", "end", "start_date", "end_date", "account", "native_id", "cloud", "region",
     "role", "group_by", "granularity", "rhel", "format", "running_since", "architecture", "status", "org_id",
     "account_number", "customer_id", "user_id", "id", "search", "ordering", "dry_run"]
)  # fmt: skip
QUESTIONS = st.dictionaries(NAMES, st.lists(VALUES, min_size=1, max_size=2), max_size=4)


@pytest.mark.usefixtures("both")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    route=st.sampled_from(ROUTES), query=st.dictionaries(NAMES, st.lists(VALUES, min_size=1, max_size=2), max_size=4)
)
def test_s5_no_parameter_shows_anything_of_the_others(client, route, query):
    """S5: whatever is asked for, but for refusals that repeat what was asked."""
    asked = str(query)
    for pk in _ids(route.kind, "22") if route.kind else [0]:
        status, _, content = _answer(client, "11", route.at(pk), query=query)
        assert status < 500
        assert OWNERS["22"].encode() not in content or OWNERS["22"] in asked
