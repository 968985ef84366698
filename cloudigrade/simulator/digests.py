"""Log files in, the digest files that CloudTrail would sign for them out: one each hour, each naming the one before."""

import gzip
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from cloudigrade.simulator.delivery import compressed
from cloudigrade.simulator.places import Place
from cloudigrade.simulator.timestamps import HOUR, Window, moment, zulu

Json = dict[str, Any]

TRAIL = "made-up"
ALGORITHM = "SHA256withRSA"


class Delivered(NamedTuple):
    """A log file as it lies in the bucket."""

    key: str
    content: bytes
    """As stored, compressed."""
    written_at: int


class DigestFile(NamedTuple):
    """A digest file as it lies in the bucket."""

    key: str
    content: bytes
    metadata: Mapping[str, str]
    """The signature stands here, not in the content."""


class Trail(NamedTuple):
    """What a trail calls itself in its digests."""

    name: str = TRAIL
    home_region: str = ""
    """Empty: the digests' own region."""
    prefix: str = ""
    """What stands before AWSLogs/ in keys, with its slash."""


def signing_key() -> rsa.RSAPrivateKey:
    """A key such as CloudTrail has one of in each region."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public_key(key: rsa.RSAPrivateKey) -> Json:
    """The key's other half as ListPublicKeys lists it: PKCS#1 in DER, with a fingerprint."""
    value = key.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
    return {"Value": value, "Fingerprint": hashlib.sha256(value).hexdigest()[:32]}


def digests(
    place: Place,
    bucket: str,
    files: Sequence[Delivered],
    window: Window,
    key: rsa.RSAPrivateKey,
    trail: Trail = Trail(),  # noqa: B008 - a value that nobody can change
) -> list[DigestFile]:
    """A digest for each hour of the window, oldest first; an hour without files has one that names none."""
    made: list[DigestFile] = []
    previous: Json = _nothing_before()
    for start in range(window.start, window.end, HOUR):
        delivered = [file for file in files if start <= file.written_at < start + HOUR]
        hour = Window(start, start + HOUR)
        document = {**_head(place, bucket, hour, key, trail), **previous, **_named(bucket, delivered)}
        digest, text = _signed(document, key)
        made.append(digest)
        previous = _pointer(digest, bucket, text)
    return made


def completed(
    place: Place,
    bucket: str,
    files: Sequence[Delivered],
    window: Window,
    key: rsa.RSAPrivateKey,
    trail: Trail = Trail(),  # noqa: B008 - a value that nobody can change
) -> DigestFile:
    """The digest that CloudTrail adds later for files of the window that it had left out, `_backfill` in its name."""
    head = _head(place, bucket, window, key, trail)
    head["digestS3Object"] = head["digestS3Object"].removesuffix(".json.gz") + "_backfill.json.gz"
    digest, _ = _signed({**head, **_nothing_before(), **_named(bucket, files)}, key)
    generated = {"backfill-generation-timestamp": zulu(window.end + 2 * HOUR)}
    return digest._replace(metadata={**digest.metadata, **generated})


def _head(place: Place, bucket: str, window: Window, key: rsa.RSAPrivateKey, trail: Trail) -> Json:
    return {
        "awsAccountId": place.account,
        "digestStartTime": zulu(window.start),
        "digestEndTime": zulu(window.end),
        "digestS3Bucket": bucket,
        "digestS3Object": _key(place, window.end, trail),
        "digestPublicKeyFingerprint": public_key(key)["Fingerprint"],
        "digestSignatureAlgorithm": ALGORITHM,
    }


def _key(place: Place, end: int, trail: Trail) -> str:
    name = "_".join(
        (
            place.account,
            "CloudTrail-Digest",
            place.region,
            trail.name,
            trail.home_region or place.region,
            f"{moment(end):%Y%m%dT%H%M%SZ}",
        )
    )
    folder = f"{trail.prefix}{place.prefix}/CloudTrail-Digest/{place.region}/{moment(end):%Y/%m/%d}"
    return f"{folder}/{name}.json.gz"


def _nothing_before() -> Json:
    names = ("S3Bucket", "S3Object", "HashValue", "HashAlgorithm", "Signature")
    return dict.fromkeys((f"previousDigest{name}" for name in names), None)


def _pointer(digest: DigestFile, bucket: str, text: bytes) -> Json:
    return {
        "previousDigestS3Bucket": bucket,
        "previousDigestS3Object": digest.key,
        "previousDigestHashValue": hashlib.sha256(text).hexdigest(),
        "previousDigestHashAlgorithm": "SHA-256",
        "previousDigestSignature": digest.metadata["signature"],
    }


def _named(bucket: str, files: Sequence[Delivered]) -> Json:
    entries = [_entry(bucket, file) for file in files]
    return {
        "newestEventTime": max((entry["newestEventTime"] for entry in entries), default=None),
        "oldestEventTime": min((entry["oldestEventTime"] for entry in entries), default=None),
        "logFiles": entries,
    }


def _entry(bucket: str, file: Delivered) -> Json:
    text = gzip.decompress(file.content)
    times = [record["eventTime"] for record in json.loads(text)["Records"]]
    return {
        "s3Bucket": bucket,
        "s3Object": file.key,
        "hashValue": hashlib.sha256(text).hexdigest(),
        "hashAlgorithm": "SHA-256",
        "newestEventTime": max(times),
        "oldestEventTime": min(times),
    }


def _signed(document: Json, key: rsa.RSAPrivateKey) -> tuple[DigestFile, bytes]:
    """The digest file, and its content as it was signed."""
    text = json.dumps(document)
    signature = key.sign(_signed_text(document, text), padding.PKCS1v15(), hashes.SHA256()).hex()
    metadata = {"signature": signature, "signature-algorithm": ALGORITHM}
    return DigestFile(document["digestS3Object"], compressed(text), metadata), text.encode()


def _signed_text(document: Json, text: str) -> bytes:
    lines = (
        document["digestEndTime"],
        f"{document['digestS3Bucket']}/{document['digestS3Object']}",
        hashlib.sha256(text.encode()).hexdigest(),
        document["previousDigestSignature"] or "null",
    )
    return "\n".join(lines).encode()
