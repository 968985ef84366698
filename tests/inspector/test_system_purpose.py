"""What the customer says that a system is for, of any shape."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudigrade.inspector.evidence import system_purpose
from cloudigrade.inspector.evidence.system_purpose import PATH, SystemPurpose
from cloudigrade.inspector.reading import Damaged, Exhausted, Unsupported
from tests.inspector.evidence_files import DictFiles


def read(content):
    return system_purpose.read(DictFiles({PATH: content}))


@pytest.mark.parametrize(
    "value", [{"role": "Server"}, {"role": None}, {"role": ["a"]}, ["a"], "Premium", 7, {"a": {"b": [1, None]}}]
)
def test_c16_system_purpose_of_any_shape_is_carried_on(value):
    """C16: role may be null or a list, and the whole may be a string."""
    assert read(json.dumps(value).encode()) == SystemPurpose(json.dumps(value), value)


@pytest.mark.parametrize(
    "content", [b"", b"  \n", b"{", b"\xff\xfe", b"NaN", b"[Infinity]", b"null", b"{}", b"0", b'""']
)
def test_c16_malformed_or_empty_system_purpose_is_none(content):
    """C16: nonsense in the file costs that file only."""
    assert read(content).value is None


def test_1024_bytes_are_read_and_one_more_is_not():
    content = b'"' + b"x" * 1022 + b'"'

    assert read(content).value == "x" * 1022
    assert read(content + b" ") == SystemPurpose()


@pytest.mark.parametrize("content", [b"[" * 1024, b'{"a":' * 200, b"[" * 500 + b"]" * 500])
def test_a_very_deep_value_is_none(content):
    assert read(content).value is None


def test_no_file_is_no_system_purpose():
    assert system_purpose.read(DictFiles({})) == SystemPurpose()


@pytest.mark.parametrize("failure", [Damaged("x"), Unsupported("x"), Exhausted("x")])
def test_a_file_that_cannot_be_read_is_none(failure):
    assert read(failure) == SystemPurpose()


@given(st.binary(max_size=1100))
def test_arbitrary_bytes_are_a_value_or_none(content):
    found = read(content)

    assert found.text is None or len(found.text) <= 1024
