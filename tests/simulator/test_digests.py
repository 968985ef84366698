"""Digests as CloudTrail would sign them: hourly, chained, none without a signature."""

import gzip
import hashlib
import json

import pytest
from cryptography.hazmat.primitives.serialization import load_der_public_key

from cloudigrade.simulator.delivery import compressed
from cloudigrade.simulator.digests import Delivered, Trail, completed, digests, public_key, signing_key
from cloudigrade.simulator.places import Place
from cloudigrade.simulator.timestamps import HOUR, Window

START = 1_772_409_600  # Monday, 2026-03-02
WINDOW = Window(START, START + 3 * HOUR)
PLACE = Place("000000000042", "eu-west-1", "o-1234567890")
FOLDER = "AWSLogs/o-1234567890/000000000042/CloudTrail-Digest/eu-west-1/2026/03/02"
TEXT = '{"Records": [{"eventTime": "2026-03-02T00:59:00Z"}, {"eventTime": "2026-03-02T00:58:00Z"}]}'
FILE = Delivered("AWSLogs/x.json.gz", compressed(TEXT), START + HOUR)


@pytest.fixture(scope="module")
def key():
    return signing_key()


def contents(made):
    return [json.loads(gzip.decompress(digest.content)) for digest in made]


def test_each_hour_has_a_digest_with_the_files_delivered_in_it(key):
    made = digests(PLACE, "bucket", [FILE], WINDOW, key)

    assert [digest.key for digest in made] == [
        f"{FOLDER}/000000000042_CloudTrail-Digest_eu-west-1_made-up_eu-west-1_20260302T0{hour}0000Z.json.gz"
        for hour in (1, 2, 3)
    ]
    first, second, third = contents(made)
    assert [(each["digestStartTime"], each["digestEndTime"]) for each in (first, third)] == [
        ("2026-03-02T00:00:00Z", "2026-03-02T01:00:00Z"),
        ("2026-03-02T02:00:00Z", "2026-03-02T03:00:00Z"),
    ]
    assert (first["logFiles"], first["oldestEventTime"], first["newestEventTime"]) == ([], None, None)
    assert second["logFiles"] == [
        {
            "s3Bucket": "bucket",
            "s3Object": FILE.key,
            "hashValue": hashlib.sha256(TEXT.encode()).hexdigest(),
            "hashAlgorithm": "SHA-256",
            "newestEventTime": "2026-03-02T00:59:00Z",
            "oldestEventTime": "2026-03-02T00:58:00Z",
        }
    ]


def test_each_names_the_one_before_it(key):
    made = digests(PLACE, "bucket", [FILE], WINDOW, key)
    first, second, _ = contents(made)

    assert [first[name] for name in first if name.startswith("previous")] == [None] * 5
    assert {name: second[name] for name in second if name.startswith("previous")} == {
        "previousDigestS3Bucket": "bucket",
        "previousDigestS3Object": made[0].key,
        "previousDigestHashValue": hashlib.sha256(gzip.decompress(made[0].content)).hexdigest(),
        "previousDigestHashAlgorithm": "SHA-256",
        "previousDigestSignature": made[0].metadata["signature"],
    }
    assert {digest.metadata["signature-algorithm"] for digest in made} == {"SHA256withRSA"}


def test_the_same_files_and_key_give_the_same_bytes(key):
    assert digests(PLACE, "bucket", [FILE], WINDOW, key) == digests(PLACE, "bucket", [FILE], WINDOW, key)


def test_the_trails_name_home_and_prefix_stand_in_the_key(key):
    (digest, *_) = digests(PLACE, "bucket", [], WINDOW, key, Trail("audit", "us-east-1", "a/b/"))

    assert digest.key == (
        f"a/b/{FOLDER}/000000000042_CloudTrail-Digest_eu-west-1_audit_us-east-1_20260302T010000Z.json.gz"
    )


def test_a_late_digest_says_so_in_name_and_metadata(key):
    late = completed(PLACE, "bucket", [FILE], Window(START, START + HOUR), key)

    assert late.key.endswith("_20260302T010000Z_backfill.json.gz")
    assert late.metadata["backfill-generation-timestamp"] == "2026-03-02T03:00:00Z"
    assert [file["s3Object"] for file in contents([late])[0]["logFiles"]] == [FILE.key]
    assert contents([late])[0]["digestS3Object"] == late.key


def test_the_public_key_is_listed_with_the_fingerprint_that_digests_carry(key):
    listed = public_key(key)

    assert contents(digests(PLACE, "bucket", [], WINDOW, key))[0]["digestPublicKeyFingerprint"] == listed["Fingerprint"]
    assert load_der_public_key(listed["Value"]) == key.public_key()
