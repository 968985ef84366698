"""What holds for every path alike."""

import pytest
from django.urls import reverse

from tests.api import identities
from tests.api.conftest import PSK
from tests.api.v2.world import BASE, account, image, instance

pytestmark = pytest.mark.django_db

MINE = identities.of(org_id="11")
NOT_FOUND = {"detail": "Not found."}
NO_CREDENTIALS = {"detail": "Incorrect authentication credentials."}
NOBODY = {
    "detail": "Authentication Failed: identity account number or org id is required, but neither is present in request."
}
BAD_IDENTITY = {"detail": "Authentication Failed: invalid identity header failed parsing."}
BAD_PSK = {"detail": "Authentication Failed: Invalid PSK specified in header"}

LISTS = [f"{BASE}/{name}/" for name in ("accounts", "instances", "images")]
NAMES = {
    "v2-account-list": ("accounts/", None),
    "v2-account-detail": ("accounts/7/", 7),
    "v2-instance-list": ("instances/", None),
    "v2-instance-detail": ("instances/7/", 7),
    "v2-machineimage-list": ("images/", None),
    "v2-machineimage-detail": ("images/7/", 7),
    "v2-sysconfig-list": ("sysconfig/", None),
    "v2-concurrent-list": ("concurrent/", None),
    "openapi-schema": ("openapi.json", None),
    "api-root": ("", None),
}


@pytest.mark.parametrize(("name", "path", "key"), [(name, *rest) for name, rest in NAMES.items()])
def test_routes_have_the_known_names(name, path, key):
    assert reverse(name, args=[key] if key else []) == f"{BASE}/{path}"


@pytest.fixture
def things(customer) -> dict[str, int]:
    """The id of one of each kind, by its list."""
    owner, booted = account(customer), image()
    return dict(zip(LISTS, (owner.pk, instance(owner, booted=booted).pk, booted.pk), strict=True))


REFUSED = [
    ({}, NO_CREDENTIALS),
    (identities.of(), NOBODY),
    (identities.of(org_id="unknown"), NO_CREDENTIALS),
    ({identities.HEADER: "e30"}, BAD_IDENTITY),
    ({identities.HEADER: "!"}, BAD_IDENTITY),
    (identities.encoded(["list"]), BAD_IDENTITY),
    ({"X-RH-CLOUDIGRADE-PSK": "wrong", "X-RH-CLOUDIGRADE-ORG-ID": "11"}, BAD_PSK),
    ({"X-RH-CLOUDIGRADE-PSK": PSK}, NOBODY),
    ({"X-RH-CLOUDIGRADE-PSK": PSK} | MINE, NOBODY),
]


@pytest.mark.parametrize(("headers", "words"), REFUSED)
@pytest.mark.parametrize("path", LISTS)
def test_whoever_is_not_a_known_customer_is_refused_before_anything_is_looked_up(
    ask, things, django_assert_max_num_queries, path, headers, words
):
    for each in (path, f"{path}{things[path]}/", f"{path}4000/", f"{path}?running_since=soon&status=none"):
        with django_assert_max_num_queries(1):
            response = ask(each, headers=headers)
        assert (response.status_code, response.json()) == (403, words)


@pytest.mark.parametrize("headers", [MINE, {"X-RH-CLOUDIGRADE-PSK": PSK, "X-RH-CLOUDIGRADE-ACCOUNT-NUMBER": "0011"}])
@pytest.mark.parametrize("path", LISTS)
def test_a_known_customer_gets_its_own(ask, things, path, headers):
    assert ask(path, headers=headers).json()["meta"] == {"count": 1}
    assert ask(f"{path}{things[path]}/", headers=headers).status_code == 200


NO_IDS = ["0", "-1", "abc", "1a", "1%20", "%2B1", "1_0", "1e3", "0x1", "%D9%A1", "%00", "9" * 19, "9" * 20, "9" * 5000]


@pytest.mark.parametrize("key", NO_IDS)
@pytest.mark.parametrize("path", LISTS)
def test_what_is_no_id_of_the_customers_is_not_found(ask, things, path, key):
    response = ask(f"{path}{key}/")

    assert (response.status_code, response.json()) == (404, NOT_FOUND)


@pytest.mark.parametrize("path", LISTS)
def test_an_id_may_have_zeros_before_it(ask, things, path):
    assert ask(f"{path}000{things[path]}/").status_code == 200


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_everything_is_read_only(client, things, path, method):
    for each in (path, f"{path}{things[path]}/", f"{BASE}/sysconfig/"):
        response = getattr(client, method)(each, headers=MINE)

        assert (response.status_code, response.json()) == (405, {"detail": f'Method "{method.upper()}" not allowed.'})
        assert response.headers["Allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize("path", LISTS)
def test_head_options_redirects_and_forms(client, ask, things, path):
    one = f"{path}{things[path]}/"

    for each in (path, one):
        full = ask(each)
        head, options = client.head(each, headers=MINE), client.options(each, headers=MINE)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["Content-Length"] == full.headers["Content-Length"] == str(len(full.content))
        assert full.headers["Content-Type"] == "application/json"
        assert full.headers["Cache-Control"] == "no-store"
        assert (options.status_code, options.headers["Allow"]) == (200, "GET, HEAD, OPTIONS")
        slashless = ask(f"{each[:-1]}?limit=3")
        assert (slashless.status_code, slashless.headers["Location"]) == (301, f"{each}?limit=3")
        assert ask(f"{each[:-1]}.json").json().keys() == full.json().keys()
        assert [ask(f"{each[:-1]}.xml").status_code, ask(f"{each}?format=xml").status_code] == [404, 404]
        assert ask(each, headers=MINE | {"Accept": "text/html"}).status_code == 406


PAGES = [
    ({}, 10, 0),
    ({"limit": 3}, 3, 0),
    ({"limit": 0}, 10, 0),
    ({"limit": "many"}, 10, 0),
    ({"limit": 101}, 100, 0),
    ({"limit": "9" * 4000}, 100, 0),
    ({"offset": 4}, 10, 4),
    ({"offset": -4}, 10, 0),
    ({"offset": 12}, 10, 12),
    ({"offset": 2**63}, 10, 2**63),
    ({"offset": "9" * 4000}, 10, int("9" * 4000)),
]


@pytest.mark.parametrize(("query", "limit", "offset"), PAGES)
@pytest.mark.parametrize("path", LISTS)
def test_pages_are_cut_as_everywhere(ask, customer, path, query, limit, offset):
    for number in range(12):
        instance(account(customer, f"{number:012}"), f"i-{number}", booted=image(f"ami-{number}"))

    page = ask(path, **query).json()

    assert list(page) == ["meta", "links", "data"]
    assert page["meta"] == {"count": 12}
    assert len(page["data"]) == len(range(12)[offset : offset + limit])
    assert page["links"]["first"] == f"{path}?limit={limit}&offset=0"
    assert page["links"]["last"] == f"{path}?limit={limit}&offset={max(12 - limit, 0)}"
    assert page["links"]["next"] == (f"{path}?limit={limit}&offset={offset + limit}" if offset + limit < 12 else None)
    before = "" if offset <= limit else f"&offset={offset - limit}"
    assert page["links"]["previous"] == (f"{path}?limit={limit}{before}" if offset else None)


@pytest.mark.parametrize("path", LISTS)
def test_a_customer_without_anything_has_empty_pages(ask, customer, path):
    page = ask(path, offset=3).json()

    assert (page["meta"], page["data"]) == ({"count": 0}, [])


def test_the_root_leads_to_every_resource(ask, customer):
    assert ask(f"{BASE}/").json() == {
        name: f"http://testserver{BASE}/{name}/"
        for name in ("accounts", "instances", "images", "sysconfig", "concurrent")
    }
    assert ask(f"{BASE}/", headers={}).status_code == 403
