"""The Sources API over a real connection: what is asked, what is understood, and that every call ends."""

import time
from typing import Any

import jsonschema
import pytest

from cloudigrade.redhat import request_ids
from cloudigrade.redhat.calls import FAILURES, LARGEST_ANSWER
from cloudigrade.redhat.request_ids import RequestIds
from cloudigrade.redhat.sources import (
    Application,
    ApplicationAuthentication,
    Authentication,
    Source,
    Sources,
    SourcesUnavailable,
    Tenant,
)
from tests.fakes import sources as fake
from tests.fakes.sources import FIRST_ID, PSK

pytestmark = pytest.mark.enable_socket

ARN = "arn:aws:iam::000000000042:role/r"
US, STRANGER = Tenant("11", "42"), Tenant("22", "")


@pytest.fixture
def service():
    with fake.running() as service:
        yield service


@pytest.fixture
def clock():
    return [0.0]


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def make(service, clock, pauses):
    """Clients; closed at the end."""
    made: list[Sources] = []

    def make(psk=PSK, url=None, **more):
        options: dict[str, Any] = {"timeout": 2.0, "clock": lambda: clock[0], "sleep": pauses.append} | more
        made.append(Sources(service.url if url is None else url, psk, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def api(make):
    return make()


@pytest.fixture
def made(service):
    return service.create(ARN, org_id="11", account_number="42", external_id="word")


def test_what_sources_knows_is_read(api, service, made):
    expected = Authentication(made.authentication_id, "cloud-meter-arn", ARN, "word", "Application")
    assert api.authentication(US, made.authentication_id) == expected
    assert api.application(US, made.application_id) == Application(made.application_id, made.source_id, "10", False)  # noqa: FBT003 - a named tuple's field
    assert api.application_authentications(US, made.authentication_id) == [
        ApplicationAuthentication(made.application_id, made.authentication_id)
    ]
    assert api.source(US, made.source_id) == Source(made.source_id)
    assert api.application_type_id(US) == "10"

    assert service.paths == [
        f"/internal/v1.0/authentications/{made.authentication_id}",
        f"/api/sources/v3.0/applications/{made.application_id}",
        "/api/sources/v3.0/application_authentications",
        f"/api/sources/v3.0/sources/{made.source_id}",
        "/api/sources/v3.0/application_types",
    ]
    assert service.requests[0].query == {"expose_encrypted_attribute[]": ["password"]}
    assert service.requests[2].query["filter[authentication_id]"] == [made.authentication_id]
    assert service.requests[4].query == {"filter[name]": ["/insights/platform/cloud-meter"]}


def test_o18_it_is_asked_in_the_customers_name_and_with_the_id_of_the_request(api, service, made):
    """O18: no request id was passed on."""
    with request_ids.bound(RequestIds(own="ours", platform="theirs")):
        api.source(US, made.source_id)
    api.source(STRANGER, made.source_id)

    first, second = (request.headers for request in service.requests)
    names = ("x-rh-sources-org-id", "x-rh-sources-account-number", "x-rh-insights-request-id", "x-rh-sources-psk")
    assert [first.get(name) for name in names] == ["11", "42", "theirs", PSK]
    assert [second.get(name) for name in names] == ["22", None, None, PSK]


def test_the_password_stands_in_for_the_user_name(api, service):
    made = service.create("", account_number="42", password=ARN)

    found = api.authentication(US, made.authentication_id)

    assert found is not None
    assert (found.token, found.external_id) == (ARN, "")


def test_a_paused_application_is_known_as_such(api, service, made):
    service.pause(made.application_id)

    found = api.application(US, made.application_id)

    assert found is not None
    assert found.is_paused


def test_s5_what_is_anothers_or_gone_is_not_there(api, made):
    assert api.authentication(STRANGER, made.authentication_id) is None
    assert api.application(STRANGER, made.application_id) is None
    assert api.application_authentications(STRANGER, made.authentication_id) == []
    assert api.source(US, "1") is None


def test_c17_ids_are_compared_as_text(api, service, made):
    """C17: ids of more than one character were never the same."""
    assert made.source_id == str(FIRST_ID)
    for given in (f'"{FIRST_ID}"', f"{FIRST_ID}"):
        service.fail(200, f'{{"id": {given}}}'.encode())
        assert api.source(US, made.source_id) == Source(made.source_id)


@pytest.mark.parametrize(
    ("answer", "reason", "calls"),
    [
        ((500, b""), "Sources answered with status 500", 3),
        ((502, b'{"id": "1"}'), "Sources answered with status 502", 3),
        ((429, b""), "Sources answered with status 429", 3),
        ((200, b"<html>"), "Sources answered with something that is no JSON", 3),
        ((200, b""), "Sources answered with something that is no JSON", 3),
        ((200, b"\xff"), "Sources answered with something that is no JSON", 3),
        ((200, b"[" * 100_000), "Sources answered with something that is no JSON", 3),
        ((200, b"[]"), "Sources answered with JSON of another shape than it documents", 1),
        ((200, b'{"id": null}'), "Sources answered with JSON of another shape than it documents", 1),
        ((200, b'{"id": "2"}'), "Sources answered with another thing than it was asked for", 1),
        ((401, b""), "Sources answered with status 401", 1),
        ((204, b""), "Sources answered with status 204", 1),
    ],
)
def test_c18_what_cannot_be_used_is_to_be_tried_again(api, service, pauses, answer, reason, calls):
    """C18: such an answer lost the event for good."""
    service.fail(*answer, times=3)

    with pytest.raises(SourcesUnavailable) as caught:
        api.source(US, "1")

    assert str(caught.value) == reason
    assert len(service.requests) == calls
    assert len(pauses) == calls - 1


def test_c18_what_passes_by_itself_is_not_noticed(api, service, made, pauses):
    """C18: one bad answer lost the event."""
    service.fail(503, times=2)

    assert api.source(US, made.source_id) == Source(made.source_id)
    assert 0.2 <= pauses[0] <= 0.5
    assert 0.4 <= pauses[1] <= 0.7


@pytest.mark.parametrize(
    "content",
    [b'{"data": [{}]}', b'{"data": {}}', b'{"data": [{"application_id": "x", "authentication_id": "1"}]}'],
)
def test_c18_lists_of_another_shape_are_not_understood(api, service, content):
    service.fail(200, content)
    with pytest.raises(SourcesUnavailable):
        api.application_authentications(US, "1")


def test_an_answer_to_another_question_connects_nothing(api, service):
    service.fail(200, b'{"data": [{"application_id": "8", "authentication_id": "2"}]}')
    assert api.application_authentications(US, "1") == []


def test_long_lists_are_read_to_their_end(api, service, made):
    tenant = service._tenant("11", "42")
    for number in range(120):
        service._add(
            tenant, "application_authentications", application_id=str(number + 1),
            authentication_id=made.authentication_id,
        )  # fmt: skip

    assert len(api.application_authentications(US, made.authentication_id)) == 121
    assert len(service.requests) == 2


def test_o5_a_call_that_hangs_ends_in_time_and_is_not_repeated(make, service):
    """O5: calls had no timeout."""
    until = service.hang()
    api = make(timeout=0.2)
    begun = time.monotonic()

    with pytest.raises(SourcesUnavailable, match="cannot be reached \\(ReadTimeout\\)"):
        api.source(US, "1")

    assert time.monotonic() - begun < 2
    assert len(service.requests) == 1
    until.set()


def test_o5_an_answer_without_end_is_cut(api, service):
    service.fail(200, b" " * (LARGEST_ANSWER + 1))
    with pytest.raises(SourcesUnavailable, match="more than 1048576 bytes"):
        api.source(US, "1")


def test_o5_an_outage_costs_one_fast_failure_each(api, service, made):
    """O5: an outage held up whoever asked."""
    service.fail(500, times=100)
    for _ in range(FAILURES):
        with pytest.raises(SourcesUnavailable, match="status 500"):
            api.source(US, made.source_id)
    asked = len(service.requests)

    with pytest.raises(SourcesUnavailable, match="out of order and is asked again in up to 30 s"):
        api.source(US, made.source_id)

    assert len(service.requests) == asked

    service.answers.clear()
    api._calls._breaker.half_open()  # as after the rest
    assert api.source(US, made.source_id) == Source(made.source_id)


def test_what_one_id_gets_wrong_is_no_outage(api, service):
    for _ in range(FAILURES + 1):
        service.fail(200, b"[]")
        with pytest.raises(SourcesUnavailable, match="another shape"):
            api.source(US, "1")


def test_s6_a_redirect_is_not_followed_with_the_key(api, service):
    with fake.running() as elsewhere:
        service.redirect = f"{elsewhere.url}/api/sources/v3.0/sources/1"
        with pytest.raises(SourcesUnavailable, match="status 302"):
            api.source(US, "1")
        assert elsewhere.requests == []


def test_s6_no_error_has_the_key_or_whom_it_was_about(make, service, caplog):
    caplog.set_level("DEBUG")
    for api in (make(url="http://127.0.0.1:9"), make(psk="wrong-key")):
        with pytest.raises(SourcesUnavailable) as caught:
            api.source(Tenant("secret-org", "secret-number"), "1")
        text = str(caught.value) + caplog.text
        assert [word for word in (PSK, "wrong-key", "secret-org", "secret-number") if word in text] == []


def test_without_address_or_key_nothing_is_asked(make, service):
    with pytest.raises(SourcesUnavailable, match="SOURCES_API_BASE_URL"):
        make(url="").source(US, "1")
    with pytest.raises(SourcesUnavailable, match="SOURCES_PSK"):
        make(psk="").source(US, "1")
    assert service.requests == []


def test_the_application_type_is_remembered_for_a_while_for_each_customer(api, service, clock):
    for at, asked in ((0, 1), (59, 1), (61, 2)):
        clock[0] = at
        assert api.application_type_id(US) == "10"
        assert len(service.requests) == asked
    api.application_type_id(STRANGER)
    assert len(service.requests) == 3


@pytest.mark.parametrize("data", [b"[]", b'[{"id": "1", "name": "/other"}]', b'[{"id": 1}, {"id": 2}]'])
def test_an_application_type_that_sources_does_not_know_is_asked_for_again(api, service, data):
    service.fail(200, b'{"data": ' + data + b"}")
    with pytest.raises(SourcesUnavailable, match="does not know our type"):
        api.application_type_id(US)


ID = {"type": "string", "pattern": "^\\d+$"}
TEXT = {"type": "string"}
SHAPES: dict[str, dict[str, Any]] = {
    "authentications": {
        "id": ID, "authtype": {"enum": ["cloud-meter-arn"]}, "username": TEXT, "extra": {"type": "object"},
        "resource_id": ID, "resource_type": {"enum": ["Application"]},
    },
    "applications": {"id": ID, "source_id": ID, "application_type_id": ID, "created_at": TEXT, "updated_at": TEXT},
    "sources": {"id": ID, "name": TEXT, "source_type_id": ID, "created_at": TEXT},
    "application_authentications": {"id": ID, "application_id": ID, "authentication_id": ID},
    "application_types": {"id": ID, "name": TEXT},
}  # fmt: skip
"""Of the fields that are used, as the published OpenAPI 3.1 of sources-api has them."""


def test_the_fake_answers_in_the_published_shapes(api, service, made):
    tenant = {"x-rh-sources-psk": PSK, "x-rh-sources-org-id": "11"}
    one = {"authentications": made.authentication_id, "applications": made.application_id, "sources": made.source_id}
    for kind, fields in SHAPES.items():
        root = "/internal/v1.0" if kind == "authentications" else "/api/sources/v3.0"
        path = f"{root}/{kind}" + (f"/{one[kind]}" if kind in one else "")
        status, body = service.answer(fake.Request(path, {}, tenant))
        rows = [body] if kind in one else body["data"]
        schema = {"type": "object", "properties": fields, "required": list(fields)}
        assert status == 200
        assert rows
        for row in rows:
            jsonschema.validate(row, schema)
        assert kind in one or set(body) == {"meta", "links", "data"}
