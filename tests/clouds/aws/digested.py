"""A bucket in moto with the log files of an account, and the digests that CloudTrail would have signed for them.

moto does not know ListPublicKeys: the answer is put in by a handler of botocore's `before-call`.
"""

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from random import Random
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from moto import mock_aws

from cloudigrade.clouds.aws import proof
from cloudigrade.clouds.aws.config import Section
from cloudigrade.clouds.aws.session import Access
from cloudigrade.clouds.cloud import Account, Proof
from cloudigrade.simulator import delivery
from cloudigrade.simulator.digests import Delivered, DigestFile, Trail, completed, digests, public_key, signing_key
from cloudigrade.simulator.places import Place
from cloudigrade.simulator.timestamps import HOUR, Window, zulu
from tests.builders import ACCOUNT, MIDNIGHT, REGION, clock
from tests.clouds.aws.records import launched, run_instances

BUCKET = "trail-bucket"
HOME = "us-east-1"
TRAIL = Trail("test-trail", HOME)
LATER = clock(48)
"""Long after the last digest."""

Json = dict[str, Any]


@cache
def cloudtrails_key() -> RSAPrivateKey:
    """Made once, for it takes long."""
    return signing_key()


@cache
def somebodys_key() -> RSAPrivateKey:
    """Not CloudTrail's."""
    return signing_key()


@cache
def shared_access() -> Access:
    """One for all tests, for clients take long to make."""
    return Access(Section(), "test")


class Digested:
    """The account's trail; everything is put into the bucket by `write`."""

    def __init__(
        self,
        *,
        reader: str = "",
        trail: Trail = TRAIL,
        organization: str = "",
        region: str = REGION,
        access: Access | None = None,
    ) -> None:
        self.access = access or shared_access()
        self.s3 = self.access.own("s3", "us-east-1")
        self.trail = trail
        self.place = Place(ACCOUNT, region, organization)
        self.files: list[Delivered] = []
        self.digests: list[DigestFile] = []
        self.details: Json = {
            "bucket": BUCKET,
            "prefix": trail.prefix.rstrip("/"),
            "organization": organization,
            "trail_arn": f"arn:aws:cloudtrail:{trail.home_region}:{ACCOUNT}:trail/{trail.name}",
            "home_region": trail.home_region,
            "has_digests": True,
            "reader": reader,
        }
        self.keys = [public_key(cloudtrails_key())]
        self.asked: list[Mapping[str, Any]] = []
        self.answer_keys(region)

    @property
    def account(self) -> Account:
        arn = f"arn:aws:iam::{ACCOUNT}:role/metering"
        return Account(ACCOUNT, arn, "id-1", self.details)

    def log(self, hours: float, *instances: str, delay: int = 300) -> Delivered:
        """A log file in which these instances were launched so many hours after Monday's beginning."""
        at = clock(hours)
        event = {"eventTime": zulu(at), "awsRegion": self.place.region, "recipientAccountId": ACCOUNT}
        records = [run_instances(launched(name), **event, eventID=f"launch-{name}") for name in instances]
        rng = Random(f"{hours}/{instances}")
        key = self.trail.prefix + delivery.key(self.place, at + delay, rng)
        content = delivery.compressed(json.dumps({"Records": records}))
        self.files.append(Delivered(key, content, at + delay))
        return self.files[-1]

    def write(self, *, hours: int, first: int = 0, key: RSAPrivateKey | None = None) -> list[DigestFile]:
        """All log files, and a digest for each of the hours, are in the bucket."""
        window = Window(MIDNIGHT + first * HOUR, MIDNIGHT + (first + hours) * HOUR)
        self.digests = digests(self.place, BUCKET, self.files, window, key or cloudtrails_key(), self.trail)
        for file in self.files:
            self.put(file.key, file.content)
        for digest in self.digests:
            self.put(digest.key, digest.content, digest.metadata)
        return self.digests

    def write_late(self, files: list[Delivered], *, hour: int) -> DigestFile:
        """The digest that names files later which the one of the hour left out."""
        window = Window(MIDNIGHT + hour * HOUR, MIDNIGHT + (hour + 1) * HOUR)
        late = completed(self.place, BUCKET, files, window, cloudtrails_key(), self.trail)
        self.put(late.key, late.content, late.metadata)
        return late

    def put(self, key: str, content: bytes, metadata: Mapping[str, str] | None = None) -> None:
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=content, Metadata=dict(metadata or {}))

    def put_back(self, digest: DigestFile) -> None:
        self.put(digest.key, digest.content, digest.metadata)

    def remove(self, key: str) -> None:
        self.s3.delete_object(Bucket=BUCKET, Key=key)

    def prove(self, positions: Mapping[str, Mapping[str, Any]] | None = None, **more: Any) -> list[Proof]:
        given = {"since": MIDNIGHT, "now": LATER} | more
        return list(proof.prove(self.access, self.account, positions or {}, **given))

    def answer_keys(self, region: str, answer: Any = None) -> None:
        """ListPublicKeys is answered so, or with CloudTrail's key in the second of two pages."""
        events: Any = self.access.client(self.account, "cloudtrail", region).meta.events
        events.unregister("before-call.cloudtrail.ListPublicKeys", unique_id="keys")
        events.register_first("before-call.cloudtrail.ListPublicKeys", answer or self._answer, unique_id="keys")

    def _answer(self, *, params: Mapping[str, Any], **_: Any) -> tuple[AWSResponse, Json]:
        request = json.loads(params["body"])
        self.asked.append(request)
        is_first = "NextToken" not in request
        page: Json = {"PublicKeyList": [] if is_first else self.keys, "ResponseMetadata": {"HTTPStatusCode": 200}}
        return AWSResponse("https://x", 200, HTTPHeaders(), None), page | ({"NextToken": "more"} if is_first else {})


@contextmanager
def made_up(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Digested]]:
    """Moto with an empty bucket, and made-up credentials, for none must ever leave this machine."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        shared_access().own("s3", "us-east-1").create_bucket(Bucket=BUCKET)
        yield Digested


def positions_after(proofs: Iterable[Proof]) -> dict[str, Mapping[str, Any]]:
    """Where a service would go on, read back from JSON."""
    return {one.region: json.loads(json.dumps(one.details)) for one in proofs}


def tampered(digest: DigestFile, **changes: Any) -> bytes:
    """The digest with some fields replaced, unsigned by anybody."""
    told = json.loads(gzip.decompress(digest.content))
    assert told != told | changes, "nothing is tampered with"
    return gzip.compress(json.dumps(told | changes).encode())
