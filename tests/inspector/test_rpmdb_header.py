"""One package's header and the signatures in it."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudigrade.inspector.reading import Damaged
from cloudigrade.inspector.rpmdb.header import Package, parse
from cloudigrade.inspector.rpmdb.openpgp import issuers
from tests.inspector.evidence_files import RELEASE_KEY, rpm_header, signature

# What gpg writes: version 4, RSA, the fingerprint among the hashed subpackets and the key id after them.
BY_GPG = bytes.fromhex(
    "89013304000108001d162104567e347ad0044ade55ba8a5f199e2f91fd431d51050266500000000a0910199e2f91fd431d510000"
)


@pytest.mark.parametrize(
    ("version", "kind"), [(3, 16), (4, 16), (4, 33), (6, 33)], ids=["v3", "v4-key-id", "v4-fingerprint", "v6"]
)
@pytest.mark.parametrize("tag", [259, 262, 267, 268, 278])
def test_every_kind_of_signature_tells_its_key(version, kind, tag):
    header = rpm_header("bash", signature=signature(RELEASE_KEY, version, kind), signature_tag=tag)

    assert parse(header).keys == (RELEASE_KEY,)


def test_a_package_tells_its_name_version_release_architecture_and_vendor():
    header = rpm_header("bash", RELEASE_KEY, version="5.1.8", release="9.el9", architecture="aarch64", vendor="V")

    assert parse(header) == Package("bash", "5.1.8", "9.el9", "aarch64", "V", (RELEASE_KEY,))


def test_a_package_without_signature_has_no_keys():
    assert parse(rpm_header("bash")).keys == ()


def test_key_id_and_fingerprint_of_one_key_are_one():
    packet = bytearray(BY_GPG)
    struct.pack_into(">H", packet, 1, len(packet) - 3)

    assert list(issuers(bytes(packet))) == [RELEASE_KEY]


def test_several_signatures_tell_several_keys():
    both = signature(RELEASE_KEY) + signature("fcd355b305707a62", 6, 33)

    assert list(issuers(both)) == [RELEASE_KEY, "fcd355b305707a62"]


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"\0" * 7,
        struct.pack(">II", 1, 0),
        struct.pack(">II", 0xFFFFFFFF, 0xFFFFFFFF) + bytes(100),
        struct.pack(">II", 0, 0),
        struct.pack(">II4I", 1, 4, 1000, 7, 0, 4) + b"abc\0",
        struct.pack(">II4I", 1, 4, 1000, 6, 4, 1) + b"abc\0",
    ],
)
def test_what_is_no_header_is_damaged(header):
    with pytest.raises(Damaged):
        parse(header)


def test_a_text_without_end_stops_at_the_end_of_the_header():
    assert parse(struct.pack(">II4I", 1, 3, 1000, 6, 0, 1) + b"abcdef").name == "abc"


@given(st.binary(max_size=400))
def test_arbitrary_bytes_have_issuers_of_16_digits_or_none(content):
    assert all(len(key) == 16 and int(key, 16) >= 0 for key in issuers(content))


@given(st.binary(max_size=60), st.integers(0, 40))
def test_arbitrary_signatures_harm_no_header(content, keep):
    begin = signature(RELEASE_KEY, 6, 33)[:keep]

    assert parse(rpm_header("bash", signature=begin + content + b"x", signature_tag=268)).name == "bash"


@given(st.data())
def test_a_mutated_header_is_a_package_or_damaged(data):
    header = bytearray(rpm_header("bash", RELEASE_KEY))
    for _ in range(data.draw(st.integers(1, 6))):
        header[data.draw(st.integers(0, len(header) - 1))] = data.draw(st.integers(0, 255))

    try:
        package = parse(bytes(header[: data.draw(st.integers(0, len(header)))]))
    except Damaged:
        return
    assert package.name
    assert all(len(key) == 16 for key in package.keys)
