"""Digests: what they say, and when they are not to be believed."""

import gzip
import hashlib
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from cloudigrade.clouds.aws import digest
from cloudigrade.clouds.aws.digest import Link, Name, NamedFile, Stored
from cloudigrade.clouds.protocol import Unreadable
from cloudigrade.simulator.delivery import compressed
from cloudigrade.simulator.digests import Delivered, DigestFile, Trail, digests, public_key
from cloudigrade.simulator.places import Place
from cloudigrade.simulator.timestamps import HOUR, Window, zulu
from tests.builders import ACCOUNT, MIDNIGHT, REGION, clock
from tests.clouds.aws.digested import cloudtrails_key, somebodys_key

BUCKET = "trail-bucket"
PLACE = Place(ACCOUNT, REGION, "")
TRAIL = Trail("test_trail-1.x", "us-east-1", "some/prefix/")
FOLDER = f"some/prefix/AWSLogs/{ACCOUNT}/CloudTrail-Digest/{REGION}/2026/03/02"
FILE = Delivered(
    f"some/prefix/AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/2026/03/02/a.json.gz",
    compressed(json.dumps({"Records": [{"eventTime": zulu(clock(0.2))}, {"eventTime": zulu(clock(0.1))}]})),
    clock(0.5),
)


def made(hours: int = 2, files: tuple[Delivered, ...] = (FILE,), place: Place = PLACE) -> list[DigestFile]:
    return digests(place, BUCKET, files, Window(MIDNIGHT, MIDNIGHT + hours * HOUR), cloudtrails_key(), TRAIL)


def stored(file: DigestFile, **changes: Any) -> Stored:
    text = gzip.decompress(file.content)
    found = Stored(BUCKET, file.key, text, file.metadata["signature"], file.metadata["signature-algorithm"])
    return found._replace(**changes)


def keys(*signers: Any) -> dict[str, bytes]:
    listed = [public_key(key) for key in signers or (cloudtrails_key(),)]
    return {key["Fingerprint"]: key["Value"] for key in listed}


def check(found: Stored, *, account: str = ACCOUNT, known: dict[str, bytes] | None = None) -> None:
    digest.verify(digest.parse(found.content), found, keys() if known is None else known, account=account)


def edited(file: DigestFile, **changes: Any) -> bytes:
    return json.dumps(json.loads(gzip.decompress(file.content)) | changes).encode()


def resigned(file: DigestFile, **changes: Any) -> Stored:
    """A digest that somebody changed and CloudTrail signed all the same, to see what else is looked at."""
    text = edited(file, **changes)
    told = json.loads(text)
    lines = (told["digestEndTime"], f"{BUCKET}/{file.key}", hashlib.sha256(text).hexdigest(),
             told["previousDigestSignature"] or "null")  # fmt: skip
    signature = cloudtrails_key().sign("\n".join(lines).encode(), padding.PKCS1v15(), hashes.SHA256())
    return stored(file, content=text, signature=signature.hex())


def test_a_digest_says_what_was_delivered_and_what_it_follows():
    first, second = made()

    told = digest.parse(stored(first).content)
    assert (told.account, told.bucket, told.key) == (ACCOUNT, BUCKET, f"{FOLDER}/{first.key.rpartition('/')[2]}")
    assert (told.starts_at, told.ends_at) == (MIDNIGHT, clock(1))
    assert told.previous is None
    assert told.files == (
        NamedFile(BUCKET, FILE.key, hashlib.sha256(gzip.decompress(FILE.content)).hexdigest(), clock(0.1), clock(0.2)),
    )
    assert digest.parse(stored(second).content).previous == stored(first).link
    assert digest.parse(stored(second).content).files == ()


def test_what_cloudtrail_signed_is_believed():
    for file in made():
        check(stored(file))


def test_the_text_that_is_signed_is_the_documented_one():
    """End, place, hash of the uncompressed content and the signature before, each on a line; checked by hand here."""
    first, second = made()

    for file, previous in ((first, "null"), (second, first.metadata["signature"])):
        text = gzip.decompress(file.content)
        lines = (json.loads(text)["digestEndTime"], f"{BUCKET}/{file.key}", hashlib.sha256(text).hexdigest(), previous)
        cloudtrails_key().public_key().verify(
            bytes.fromhex(file.metadata["signature"]), "\n".join(lines).encode(), padding.PKCS1v15(), hashes.SHA256()
        )


def test_the_name_says_whose_it_is_where_and_until_when():
    key = made(1)[0].key

    assert digest.name_of(key) == Name(ACCOUNT, REGION, "test_trail-1.x", "us-east-1", clock(1), is_late=False)
    late = digest.name_of(key.replace(".json.gz", "_backfill.json.gz"))
    assert late == Name(ACCOUNT, REGION, "test_trail-1.x", "us-east-1", clock(1), is_late=True)


@pytest.mark.parametrize(
    "key",
    [
        FILE.key,
        f"{FOLDER}/",
        f"{FOLDER}/{ACCOUNT}_CloudTrail-Digest_{REGION}_t_us-east-1_20260232T000000Z.json.gz",
        f"{FOLDER}/{ACCOUNT}_CloudTrail-Digest_{REGION}_t_us-east-1_20260302T000000Z.json.gz\n",
        f"{FOLDER}/42_CloudTrail-Digest_{REGION}_t_us-east-1_20260302T000000Z.json.gz",
    ],
)
def test_other_names_are_of_no_digest(key):
    assert digest.name_of(key) is None


def test_a_digest_that_was_moved_is_not_believed():
    first, second = made()

    for moved in (stored(first, key=second.key), stored(first, bucket="another")):
        with pytest.raises(Unreadable, match="moved here"):
            check(moved)


def test_a_digest_of_another_account_is_not_believed():
    with pytest.raises(Unreadable, match="another account"):
        check(stored(made()[0]), account="000000000043")
    with pytest.raises(Unreadable, match="another account"):
        check(resigned(made()[0], awsAccountId="000000000043"))


def test_an_altered_digest_is_not_believed():
    first, second = made()

    for text in (edited(first, logFiles=[]), stored(first).content + b" "):
        with pytest.raises(Unreadable, match="does not fit"):
            check(stored(first, content=text))
    for name in ("previousDigestS3Object", "previousDigestHashValue", "previousDigestSignature", "digestStartTime"):
        changed = {"digestStartTime": zulu(MIDNIGHT)}.get(name, "0" * 64)
        with pytest.raises(Unreadable, match="does not fit"):
            check(stored(second, content=edited(second, **{name: changed})))


def test_a_signature_of_another_digest_or_of_nobody_is_not_believed():
    first, second = made()

    with pytest.raises(Unreadable, match="does not fit"):
        check(stored(first, signature=second.metadata["signature"]))
    with pytest.raises(Unreadable, match="not signed"):
        check(stored(first, signature=""))
    for signature in ("zz", "00" * 10, "é"):
        with pytest.raises(Unreadable, match=r"cannot be checked|does not fit"):
            check(stored(first, signature=signature))


def test_only_the_known_way_of_signing_counts():
    first = made()[0]

    with pytest.raises(Unreadable, match="in a way"):
        check(stored(first, algorithm="SHA1withRSA"))
    with pytest.raises(Unreadable, match="in a way"):
        check(resigned(first, digestSignatureAlgorithm="none"))


def test_only_cloudtrails_keys_count():
    first = digests(PLACE, BUCKET, (), Window(MIDNIGHT, clock(1)), somebodys_key(), TRAIL)[0]

    with pytest.raises(Unreadable, match="not CloudTrail's"):
        check(stored(first))
    with pytest.raises(Unreadable, match="does not fit"):  # the fingerprint is only a name
        check(stored(first), known=dict.fromkeys(keys(somebodys_key()), *keys().values()))
    check(stored(first), known=keys(somebodys_key()))


def test_a_key_that_is_none_or_of_another_kind_is_an_unreadable_digest():
    curve = ec.generate_private_key(ec.SECP256R1()).public_key()
    wrong = curve.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    for key, reason in ((b"no key", "cannot be checked"), (wrong, "of another kind")):
        with pytest.raises(Unreadable, match=reason):
            check(stored(made()[0]), known=dict.fromkeys(keys(), key))


@pytest.mark.parametrize(
    "changes",
    [
        {"digestStartTime": zulu(clock(1))},
        {"digestStartTime": zulu(clock(2))},
        {"digestEndTime": zulu(clock(3))},
    ],
)
def test_times_that_cannot_be_are_not_believed(changes):
    with pytest.raises(Unreadable, match="times that cannot be"):
        check(resigned(made()[0], **changes))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"digestEndTime": "yesterday"}, "a time"),
        ({"logFiles": None}, "no digest"),
        ({"logFiles": [{"s3Bucket": BUCKET}]}, "no digest"),
        ({"awsAccountId": 42}, "no digest"),
        ({"previousDigestS3Object": "x"}, "which digest it follows"),
        ({"previousDigestHashAlgorithm": "MD5", "previousDigestS3Bucket": BUCKET}, "which digest it follows"),
    ],
)
def test_content_that_is_none_is_unreadable(changes, reason):
    with pytest.raises(Unreadable, match=reason):
        digest.parse(edited(made()[0], **changes))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"hashAlgorithm": "MD5"}, "a kind"), ({"hashValue": "12"}, "a hash"), ({"newestEventTime": ""}, "a time")],
)
def test_a_file_without_hash_or_times_is_unreadable(changes, reason):
    entry = json.loads(gzip.decompress(made()[0].content))["logFiles"][0]

    with pytest.raises(Unreadable, match=reason):
        digest.parse(edited(made()[0], logFiles=[entry | changes]))


def test_hashes_in_capital_letters_are_the_same_hashes():
    entry = json.loads(gzip.decompress(made()[0].content))["logFiles"][0]
    (file,) = digest.parse(edited(made()[0], logFiles=[entry | {"hashValue": entry["hashValue"].upper()}])).files

    assert file.sha256 == entry["hashValue"]


@pytest.mark.parametrize("name", ["previousDigestSignature", "digestS3Object", "logFiles", "awsAccountId"])
def test_a_digest_that_leaves_something_out_is_none(name):
    told = json.loads(stored(made()[0]).content)
    del told[name]

    with pytest.raises(Unreadable, match="no digest"):
        digest.parse(json.dumps(told).encode())


def test_the_link_is_that_of_exactly_this_digest():
    first = made()[0]
    link = stored(first).link

    assert link == Link(BUCKET, first.key, hashlib.sha256(gzip.decompress(first.content)).hexdigest(), first.metadata["signature"])  # fmt: skip  # noqa: E501 - one value
    assert stored(first, content=stored(first).content + b" ").link != link


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_no_single_byte_can_be_changed(place, change):
    file = made(1)[0]
    content = bytearray(stored(file).content)
    content[place % len(content)] ^= change

    with pytest.raises(Unreadable):
        check(stored(file, content=bytes(content)))


@given(st.binary(max_size=200) | st.text(max_size=50).map(str.encode) | st.just(b'{"a":' * 5_000))
def test_whatever_lies_there_is_unreadable_at_worst(content):
    with pytest.raises(Unreadable):
        digest.parse(content)
