import pytest

from cloudigrade.redhat import psks
from cloudigrade.redhat.psks import SCOPES, BadPsk, Psk

KEY = "a-key-of-16-char"


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (KEY, Psk(KEY, frozenset({"read"}))),
        ({"key": KEY}, Psk(KEY, frozenset({"read"}))),
        ({"key": KEY, "scopes": ["write"]}, Psk(KEY, frozenset({"write"}))),
        ({"key": KEY, "scopes": list(SCOPES)}, Psk(KEY, frozenset(SCOPES))),
        ("8 chars!", Psk("8 chars!")),
        ("k" * 256, Psk("k" * 256)),
        (Psk(KEY), Psk(KEY)),
    ],
)
def test_an_entry_is_a_key_and_what_it_opens(entry, expected):
    assert psks.parse(entry) == expected


@pytest.mark.parametrize(
    "entry",
    [
        "7 chars", "k" * 257, "key with \u00e9", "key with\n", " key with space", "key\x00with NUL", 12345678, None,
        [KEY],
        {}, {"scopes": ["read"]}, {"key": KEY, "scope": ["read"]}, {"key": "short", "scopes": ["read"]}, {"key": None},
        {"key": KEY, "scopes": []}, {"key": KEY, "scopes": "read"}, {"key": KEY, "scopes": ["all"]},
        {"key": KEY, "scopes": [["read"]]}, {"key": KEY, "scopes": None},
    ],
)  # fmt: skip
def test_s6_what_is_wrong_is_said_without_the_key(entry):
    """S6: keys were logged."""
    with pytest.raises(BadPsk) as mistake:
        psks.parse(entry)
    assert KEY not in str(mistake.value)
    assert "key with" not in str(mistake.value)


def test_two_names_cannot_share_a_key():
    keys = {"a": Psk(KEY), "b": Psk(KEY + "2"), "c": Psk(KEY)}

    with pytest.raises(BadPsk, match=r"^c: the key is that of another name too$"):
        psks.require_distinct(keys)
    assert psks.require_distinct({"a": Psk(KEY)}) == {"a": Psk(KEY)}


def test_s6_a_key_does_not_show_where_it_is_printed():
    """S6: keys were logged."""
    assert repr({"a": Psk(KEY)}) == "{'a': Psk(scopes=frozenset({'read'}))}"
