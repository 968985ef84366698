"""What Sources writes to Kafka, read; whatever else stands there is told apart and never raises anything else."""

import base64
import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudigrade.redhat import messages
from cloudigrade.redhat.messages import Event, MalformedMessage, parse

PAIR = {"id": 1, "application_id": 8, "authentication_id": 7, "created_at": "2026-03-02", "tenant": "42"}
NAMED = [("event_type", b"Application.pause"), ("x-rh-sources-org-id", b"11")]
VALUE = b'{"id": 8}'


def headers(event_type="Application.pause", **more):
    named = {"event_type": event_type, "x-rh-sources-org-id": "11", "x-rh-sources-account-number": "42"} | {
        name.replace("_", "-") if name != "event_type" else name: value for name, value in more.items()
    }
    return [(name, value.encode() if isinstance(value, str) else value) for name, value in named.items()]


def identity(**names):
    return base64.b64encode(json.dumps({"identity": names}).encode())


def refused(value=VALUE, given=None):
    with pytest.raises(MalformedMessage) as caught:
        parse(None, value, NAMED if given is None else given)
    return str(caught.value)


def test_an_event_has_whose_it_is_and_the_ids_that_are_used():
    event = parse(
        b"11",
        json.dumps(PAIR).encode(),
        [*headers("ApplicationAuthentication.create", x_rh_insights_request_id="r-1"), ("encoding", b"json")],
    )

    value = {"application_id": "8", "authentication_id": "7"}
    assert event == Event("ApplicationAuthentication.create", "11", "42", "r-1", value)
    assert event.lane == "11"


@pytest.mark.parametrize("event_type", list(messages.FIELDS))
def test_every_type_that_is_acted_on_is_read(event_type):
    event = parse(None, json.dumps(PAIR | {"id": "0012"}).encode(), headers(event_type))

    assert event is not None
    pair = {"application_id": "8", "authentication_id": "7"}
    assert event.value == (pair if event_type.startswith("ApplicationAuthentication") else {"id": "12"})


def test_c54_the_end_of_applications_and_sources_is_acted_on():
    """C54: both were ignored."""
    assert {"Application.destroy", "Source.destroy"} <= set(messages.FIELDS)


@pytest.mark.parametrize(
    "event_type",
    ["Records.update", "Application.create", "Source.create", "Authentication.create", "Authentication.destroy", "é"],
)
def test_other_types_are_ignored_whatever_else_they_are(event_type):
    assert parse(None, b"\xff", [("event_type", event_type.encode())]) is None


def test_ids_may_be_numbers_or_text():
    event = parse(None, b'{"id": 9223372036854775807}', headers())
    assert event is not None
    assert event.value == {"id": "9223372036854775807"}


@pytest.mark.parametrize(
    "given",
    ["null", "true", "-1", "0", '"0"', "1.5", '""', '"x"', '"1\\n"', '"\N{ARABIC-INDIC DIGIT ONE}"', "[1]",
     "9223372036854775808"],
)  # fmt: skip
def test_what_is_no_id_is_malformed(given):
    assert refused(f'{{"id": {given}}}'.encode()) == "its id is no id"


@pytest.mark.parametrize(
    "value", [None, b"", b"{", b"[]", b"1", b"null", b"[" * 100_000], ids=lambda value: repr(value)[:9]
)
def test_a_value_that_is_no_object_is_malformed(value):
    assert refused(value) == "its value is no JSON object"


def test_what_is_not_utf_8_is_malformed_where_it_is_read():
    assert refused(b"\xff") == "the value is not UTF-8"
    assert refused(given=headers(x_rh_sources_org_id=b"\xff")) == "header x-rh-sources-org-id is not UTF-8"
    assert parse(None, VALUE, [*NAMED, ("traceparent", b"\xff")]) is not None


@pytest.mark.parametrize("given", [None, [], [("event_type", None)], [("event_type", b"")], [("encoding", b"json")]])
def test_o3_a_message_without_headers_is_malformed_and_kills_nobody(given):
    """O3: headers that were None ended the listener."""
    assert refused(given=given or ()) == "has no event type"
    with pytest.raises(MalformedMessage):
        parse(None, VALUE, given)


def test_a_header_may_be_there_twice_if_it_says_one_thing():
    assert parse(None, VALUE, [*NAMED, *NAMED, ("X-RH-Sources-Org-Id", None)]) == Event(
        "Application.pause", "11", "", "", {"id": "8"}
    )
    assert refused(given=[*NAMED, ("X-RH-Sources-Org-Id", b"12")]) == (
        "header x-rh-sources-org-id is there twice with different values"
    )


def test_the_identity_counts_only_where_sources_names_nobody():
    event_type, ours = NAMED
    other = ("x-rh-identity", identity(org_id="66", account_number="77"))

    one, two = parse(None, VALUE, [event_type, ours, other]), parse(None, VALUE, [event_type, other])

    assert one is not None
    assert two is not None
    assert (one.org_id, one.account_number) == ("11", "")
    assert (two.org_id, two.account_number) == ("66", "77")
    number = parse(None, VALUE, [event_type, ("x-rh-sources-account-number", b"42"), other])
    assert number is not None
    assert (number.org_id, number.account_number, number.lane) == ("", "42", "42")


@pytest.mark.parametrize(
    "given",
    [(), [("x-rh-identity", identity())], [("x-rh-identity", b"???")], [("x-rh-sources-org-id", b"1\x00")]],
)
def test_a_message_that_names_no_customer_is_malformed(given):
    reason = refused(given=[NAMED[0], *given])
    assert reason.startswith(("names no customer", "cannot be told whose it is: "))


def test_an_unfit_request_id_is_left_out():
    event = parse(None, VALUE, [*NAMED, ("x-rh-insights-request-id", b"a\nb")])
    assert event is not None
    assert event.request_id == ""


@given(
    st.none() | st.binary() | st.text(),
    st.lists(st.tuples(st.sampled_from([*messages.READ, "x"]), st.none() | st.binary() | st.text())),
)
def test_o3_whatever_comes_is_read_ignored_or_malformed(value, given):
    """O3: what nobody expected ended the listener."""
    with contextlib.suppress(MalformedMessage):
        event = parse(None, value, [("event_type", b"Source.destroy"), *given])
        assert event is None or event.lane
