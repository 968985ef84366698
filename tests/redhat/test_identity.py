import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudigrade.redhat.identity import LONGEST_HEADER, LONGEST_NAME, Identity, MalformedIdentity, parse_header


def _header(content: object) -> str:
    return base64.b64encode(json.dumps(content).encode()).decode()


def _raw(content: bytes) -> str:
    return base64.b64encode(content).decode()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"identity": {"account_number": "0001"}}, Identity(account_number="0001")),
        ({"identity": {"org_id": "0002"}}, Identity(org_id="0002")),
        ({"identity": {"internal": {"org_id": "3"}}}, Identity(org_id="3")),
        ({"identity": {"org_id": "4", "internal": {"org_id": "5"}}}, Identity(org_id="4")),
        ({"identity": {"org_id": "", "internal": {"org_id": "5"}}}, Identity(org_id="5")),
        ({"identity": {"org_id": None, "account_number": "6", "internal": None}}, Identity(account_number="6")),
        ({"identity": {"org_id": "7", "user": {"is_org_admin": True}}, "x": [1]}, Identity(org_id="7")),
        ({"identity": {"org_id": "ü"}}, Identity(org_id="ü")),
        ({"identity": {}}, Identity()),
        ({"identity": None}, Identity()),
        ({}, Identity()),
    ],
)
def test_the_names_are_read_and_nothing_else_is_required(content, expected):
    assert parse_header(_header(content)) == expected


@pytest.mark.parametrize(
    "content",
    [
        [],
        None,
        "text",
        7,
        {"identity": []},
        {"identity": "text"},
        {"identity": {"org_id": 7}},
        {"identity": {"org_id": ["7"]}},
        {"identity": {"account_number": True}},
        {"identity": {"internal": "text"}},
        {"identity": {"internal": {"org_id": 7}}},
        {"identity": {"org_id": "a\x00b"}},
        {"identity": {"org_id": "1", "type": 7}},
        {"identity": {"org_id": "1", "type": "a\x00b"}},
        {"identity": {"org_id": "a\nb"}},
        {"identity": {"org_id": "\ud800"}},
        {"identity": {"account_number": "9" * (LONGEST_NAME + 1)}},
    ],
)
def test_o14_json_of_another_shape_is_malformed(content):
    """O14: a list in the header was a 500."""
    with pytest.raises(MalformedIdentity):
        parse_header(_header(content))


@pytest.mark.parametrize(
    "header",
    [
        "",
        "%%%",
        "e30",
        "é",
        f"{_header({'identity': {'org_id': '1'}})},{_header({'identity': {'org_id': '2'}})}",
        _raw(b"not json"),
        _raw(b'{"identity":'),
        _raw(b'{"identity": {"org_id": "1"}} {}'),
        _raw(b'{"identity": {"org_id": "\xff"}}'),
        _raw(b"[" * 40_000),
        _raw(b'{"identity": {"x": ' + b"[" * 40_000),
    ],
)
def test_what_is_no_base64_of_json_is_malformed(header):
    with pytest.raises(MalformedIdentity):
        parse_header(header)


USER = {"username": "someone", "email": "someone@example.com", "is_org_admin": True, "is_internal": False}
INTERNAL = {"org_id": "1", "auth_time": 0, "cross_access": False}


@pytest.mark.parametrize(
    ("identity", "expected"),
    [
        (
            {"type": "User", "auth_type": "jwt-auth", "org_id": "1", "account_number": "01", "internal": INTERNAL,
             "user": USER},
            Identity("1", "01", "User"),
        ),
        (
            {"type": "System", "auth_type": "cert-auth", "org_id": "1", "internal": INTERNAL,
             "system": {"cn": "0b0f", "cert_type": "system", "cluster_id": "c"}},
            Identity("1", "", "System"),
        ),
        (
            {"type": "ServiceAccount", "auth_type": "jwt-auth", "internal": INTERNAL,
             "service_account": {"client_id": "c", "username": "service-account-c", "user_id": "u"}},
            Identity("1", "", "ServiceAccount"),
        ),
        (
            {"type": "Associate", "auth_type": "saml-auth", "associate": {"email": "a@example.com", "Role": ["x"]}},
            Identity("", "", "Associate"),
        ),
        (
            {"type": "X509", "auth_type": "X509", "x509": {"subject_dn": "/CN=c", "issuer_dn": "/CN=i"}},
            Identity("", "", "X509"),
        ),
        ({"type": None, "org_id": "1"}, Identity("1")),
        ({"type": "Robot", "org_id": "1"}, Identity("1", "", "Robot")),
    ],
)  # fmt: skip
def test_every_type_of_identity_is_read(identity, expected):
    read = parse_header(_header({"identity": identity, "entitlements": {"smart_management": {"is_entitled": True}}}))

    assert read == expected
    assert read.is_associate() == (expected.type == "Associate")


def test_a_header_of_64_kib_is_read_and_a_longer_one_is_not():
    bare = len(json.dumps({"identity": {"org_id": "1"}, "x": ""}))
    longest = _header({"identity": {"org_id": "1"}, "x": "x" * (LONGEST_HEADER // 4 * 3 - bare)})
    longer = _header({"identity": {"org_id": "1"}, "x": "x" * (LONGEST_HEADER // 4 * 3 - bare + 1)})

    assert len(longest) == LONGEST_HEADER
    assert parse_header(longest) == Identity(org_id="1")
    with pytest.raises(MalformedIdentity, match="too long"):
        parse_header(longer)


def test_a_name_of_150_characters_is_taken():
    assert parse_header(_header({"identity": {"org_id": "9" * LONGEST_NAME}})).org_id == "9" * LONGEST_NAME


def test_s6_the_fault_does_not_repeat_what_was_sent():
    """S6: raw identity headers were logged."""
    with pytest.raises(MalformedIdentity) as caught:
        parse_header(_header({"identity": {"org_id": "very\x00secret"}}))

    assert "secret" not in str(caught.value)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["identity", "internal", "org_id", "x"]), inner),
)


def _is_a_fit_identity_or_malformed(header: str) -> bool:
    try:
        identity = parse_header(header)
    except MalformedIdentity:
        return True
    return all(len(name) <= LONGEST_NAME and name.isprintable() for name in (identity.org_id, identity.account_number))


@given(st.binary() | _json.map(lambda content: json.dumps(content).encode()))
def test_whatever_is_encoded_is_an_identity_or_malformed(content):
    assert _is_a_fit_identity_or_malformed(_raw(content))


@given(st.text())
def test_whatever_is_sent_is_an_identity_or_malformed(header):
    assert _is_a_fit_identity_or_malformed(header)
