"""Digest files of CloudTrail: content and signature in; out what they vouch for, or why they vouch for nothing.

As documented in the CloudTrail user guide under "CloudTrail digest file structure" and "Custom implementations of
CloudTrail log file integrity validation": all hashes are SHA-256 of the uncompressed content, in hexadecimal.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from cloudigrade.clouds.aws import identifiers
from cloudigrade.clouds.aws.times import parse_time
from cloudigrade.clouds.protocol import Unreadable

ALGORITHM: Final = "SHA256withRSA"
HASH: Final = "SHA-256"
LARGEST: Final = 64 << 20
"""Bytes of a digest; it names some hundred files at most."""

_NAME: Final = re.compile(
    r"([0-9]{12})_CloudTrail-Digest_([a-z0-9-]{1,32})_([A-Za-z0-9._-]{1,128})_([a-z0-9-]{1,32})"
    r"_([0-9]{4})([0-9]{2})([0-9]{2})T([0-9]{2})([0-9]{2})([0-9]{2})Z(_backfill)?\.json\.gz"
)
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


class Name(NamedTuple):
    """What a digest's key says of it."""

    account: str
    region: str
    trail: str
    home_region: str
    ends_at: int
    is_late: bool
    """It names files that the digest of its hour left out, and is no part of the chain."""


class Link(msgspec.Struct, frozen=True):
    """A digest as the next one names it: nobody can make another that it fits."""

    bucket: str
    key: str
    sha256: str
    signature: str


class NamedFile(NamedTuple):
    """A log file that a digest names."""

    bucket: str
    key: str
    sha256: str
    oldest_at: int
    newest_at: int


class Digest(NamedTuple):
    """What a digest says, whether it is to be believed or not."""

    account: str
    bucket: str
    key: str
    starts_at: int
    ends_at: int
    """Files delivered in [start, end) are named."""
    fingerprint: str
    algorithm: str
    signed_end: str
    """The end as it is written: part of what was signed."""
    previous: Link | None
    """None: the chain begins here."""
    files: tuple[NamedFile, ...]


class Stored(NamedTuple):
    """A digest as it was found."""

    bucket: str
    key: str
    content: bytes | bytearray
    """Uncompressed."""
    signature: str
    algorithm: str

    @property
    def link(self) -> Link:
        """As the next digest has to name it."""
        return Link(self.bucket, self.key, hashlib.sha256(self.content).hexdigest(), self.signature)


class _LogFile(msgspec.Struct, rename="camel"):
    s3_bucket: str = msgspec.field(name="s3Bucket")
    s3_object: str = msgspec.field(name="s3Object")
    hash_value: str
    hash_algorithm: str
    newest_event_time: str
    oldest_event_time: str


class _Content(msgspec.Struct, rename="camel"):
    aws_account_id: str
    digest_start_time: str
    digest_end_time: str
    digest_bucket: str = msgspec.field(name="digestS3Bucket")
    digest_object: str = msgspec.field(name="digestS3Object")
    digest_public_key_fingerprint: str
    digest_signature_algorithm: str
    # without a value by default: a digest that does not say what it follows is none
    previous_bucket: str | None = msgspec.field(name="previousDigestS3Bucket")
    previous_object: str | None = msgspec.field(name="previousDigestS3Object")
    previous_digest_hash_value: str | None
    previous_digest_hash_algorithm: str | None
    previous_digest_signature: str | None
    log_files: list[_LogFile]


def name_of(key: str) -> Name | None:
    """What the key says; None for no digest's key."""
    found = _NAME.fullmatch(key.rpartition("/")[2])
    if found is None:
        return None
    account, region, trail, home_region, *time, late = found.groups()
    year, month, day, hour, minute, second = time
    ends_at = parse_time(f"{year}-{month}-{day}T{hour}:{minute}:{second}Z")
    return None if ends_at is None else Name(account, region, trail, home_region, ends_at, bool(late))


def parse(content: bytes | bytearray) -> Digest:
    """What the digest says; raises Unreadable."""
    try:
        told = msgspec.json.decode(content, type=_Content)
    except (ValueError, RecursionError) as error:
        raise Unreadable("is no digest") from error
    return Digest(
        account=told.aws_account_id,
        bucket=told.digest_bucket,
        key=told.digest_object,
        starts_at=_second(told.digest_start_time),
        ends_at=_second(told.digest_end_time),
        fingerprint=told.digest_public_key_fingerprint,
        algorithm=told.digest_signature_algorithm,
        signed_end=told.digest_end_time,
        previous=_previous(told),
        files=tuple(map(_named, told.log_files)),
    )


def verify(digest: Digest, stored: Stored, keys: Mapping[str, bytes], *, account: str) -> None:
    """The digest lies where it was put, speaks of the account and is signed by CloudTrail; raises Unreadable.

    `keys` are those of the digest's region by fingerprint, as PKCS#1 in DER.
    """
    if (digest.bucket, digest.key) != (stored.bucket, stored.key):
        raise Unreadable("was moved here from elsewhere")
    name = name_of(stored.key)
    if digest.account != account or name is None or name.account != account:
        raise Unreadable("speaks of another account")
    if not digest.starts_at < digest.ends_at == name.ends_at:
        raise Unreadable("has times that cannot be")
    if not stored.signature:
        raise Unreadable("is not signed")
    if (stored.algorithm, digest.algorithm) != (ALGORITHM, ALGORITHM):
        raise Unreadable("is signed in a way that we do not know")
    if digest.fingerprint not in keys:
        raise Unreadable("is signed with a key that is not CloudTrail's")
    _verify_signature(_signed_text(digest, stored), stored.signature, keys[digest.fingerprint])


def _verify_signature(text: bytes, signature: str, key: bytes) -> None:
    try:
        public = load_der_public_key(key)
        if not isinstance(public, rsa.RSAPublicKey):
            raise Unreadable("is signed with a key of another kind")
        public.verify(bytes.fromhex(signature), text, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature as error:
        raise Unreadable("has a signature that does not fit") from error
    except (ValueError, UnsupportedAlgorithm) as error:  # no hexadecimal, no key
        raise Unreadable("has a signature that cannot be checked") from error


def _signed_text(digest: Digest, stored: Stored) -> bytes:
    signature = digest.previous.signature if digest.previous else "null"
    lines = (digest.signed_end, f"{stored.bucket}/{stored.key}", stored.link.sha256, signature)
    return "\n".join(lines).encode()


def _previous(told: _Content) -> Link | None:
    parts = (
        told.previous_bucket,
        told.previous_object,
        told.previous_digest_hash_value,
        told.previous_digest_signature,
    )
    if not any(parts):
        return None
    bucket, key, sha256, signature = (part or "" for part in parts)
    if not (bucket and key and signature) or told.previous_digest_hash_algorithm != HASH:
        raise Unreadable("does not say which digest it follows")
    return Link(bucket, key, _hash(sha256), signature)


def _named(told: _LogFile) -> NamedFile:
    if told.hash_algorithm != HASH:
        raise Unreadable("has hashes of a kind that we do not know")
    oldest, newest = _second(told.oldest_event_time), _second(told.newest_event_time)
    return NamedFile(told.s3_bucket, told.s3_object, _hash(told.hash_value), min(oldest, newest), max(oldest, newest))


def _hash(text: str) -> str:
    found = identifiers.checked(text.lower(), _SHA256)
    if not found:
        raise Unreadable("has a hash that is none")
    return found


def _second(text: str) -> int:
    second = parse_time(text)
    if second is None:
        raise Unreadable("has a time that is none")
    return second
