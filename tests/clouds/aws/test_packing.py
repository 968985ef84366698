"""Gzip of every kind, and what only looks like it."""

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudigrade.clouds.aws.packing import MAX_BYTES, unpacked
from cloudigrade.clouds.protocol import Unreadable

TEXT = b'{"Records":[]}' * 5_000


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=4))
def test_members_are_joined(parts):
    assert unpacked(b"".join(gzip.compress(part) for part in parts)) == b"".join(parts)


def test_what_is_not_gzip_stays_as_it_is():
    assert unpacked(TEXT) is TEXT
    assert unpacked(b"") == b""


def test_padding_after_the_last_member_does_no_harm():
    assert unpacked(gzip.compress(TEXT) + bytes(512)) == TEXT


def test_members_of_very_different_size_are_whole():
    assert unpacked(gzip.compress(TEXT) + gzip.compress(b"x")) == TEXT + b"x"


@pytest.mark.parametrize("end", [2, 5, 10, 40, -9, -8, -1])
def test_a_truncated_file_is_unreadable(end):
    with pytest.raises(Unreadable, match=r"^is a truncated gzip file$"):
        unpacked(gzip.compress(TEXT)[:end])


@pytest.mark.parametrize("position", [20, -6, -2])
def test_a_damaged_file_is_unreadable(position):
    damaged = bytearray(gzip.compress(TEXT))
    damaged[position] ^= 0xFF

    with pytest.raises(Unreadable, match=r"^is a damaged gzip file$"):
        unpacked(bytes(damaged))


def test_garbage_after_gzip_is_unreadable():
    with pytest.raises(Unreadable, match=r"^is a damaged gzip file$"):
        unpacked(gzip.compress(TEXT) + b"garbage, long enough")


@pytest.mark.parametrize(
    "content", [gzip.compress(bytes(3 << 20)), gzip.compress(bytes(1 << 20)) * 3], ids=["one member", "three members"]
)
def test_what_grows_too_large_is_unreadable(content):
    with pytest.raises(Unreadable, match=r"^grows beyond 2 MiB$"):
        unpacked(content, limit=2 << 20)


def test_the_limit_itself_is_allowed():
    assert len(unpacked(gzip.compress(bytes(2 << 20)), limit=2 << 20)) == 2 << 20


def test_no_file_may_be_larger_than_256_mib():
    assert MAX_BYTES == 256 << 20
