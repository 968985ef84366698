"""Decode and extract: log files into activities, beside the standard library and plain gunzip over the same files."""

import gzip
import json
import multiprocessing
import random
import statistics
import string
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from isal import igzip

from cloudigrade.clouds.aws import cloudtrail, packing, translate

ACCOUNT = "012345678901"
FILES = 20_000  # records of one measurement, in as many files as that takes
ROUNDS = 7
SIZES = (1_000, 10_000)
SHARES = (0.01, 0.20)

CALLS = (
    ("s3", "GetBucketAcl"),
    ("s3", "GetObject"),
    ("sts", "AssumeRole"),
    ("kms", "Decrypt"),
    ("iam", "GetRole"),
    ("ec2", "DescribeInstances"),
    ("lambda", "Invoke20150331"),
    ("logs", "CreateLogStream"),
    ("ssm", "UpdateInstanceInformation"),
    ("autoscaling", "DescribeAutoScalingGroups"),
)


class Workload(NamedTuple):
    """Files of one size and one share of records that matter."""

    records: int
    share: float
    files: list[bytes]


class Session(NamedTuple):
    """A role assumed for a while: its ids recur in every record of it, as they do in real logs."""

    role: str
    principal: str
    name: str
    key: str
    since: str

    def identity(self) -> dict[str, Any]:
        """The session as records name it."""
        issuer = {
            "type": "Role",
            "principalId": self.principal,
            "arn": f"arn:aws:iam::{ACCOUNT}:role/{self.role}",
            "accountId": ACCOUNT,
            "userName": self.role,
        }
        return {
            "type": "AssumedRole",
            "principalId": f"{self.principal}:{self.name}",
            "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{self.role}/{self.name}",
            "accountId": ACCOUNT,
            "accessKeyId": self.key,
            "sessionContext": {
                "sessionIssuer": issuer,
                "attributes": {"creationDate": self.since, "mfaAuthenticated": "false"},
            },
        }


def sessions(dice: random.Random) -> list[Session]:
    """200 sessions of 40 roles."""
    roles = [(f"role-{number}", f"AROA{token(dice, 17)}") for number in range(40)]
    return [Session(*dice.choice(roles), token(dice, 12), f"ASIA{token(dice, 16)}", moment(dice)) for _ in range(200)]


def record(dice: random.Random, session: Session, service: str, name: str) -> dict[str, Any]:
    """A record as CloudTrail writes it, of 1 to 2 KB."""
    request, response = call_bodies(dice, name)
    extra = {"SignatureVersion": "SigV4", "CipherSuite": "TLS_AES_128_GCM_SHA256", "x-amz-id-2": token(dice, 76)}
    return {
        "eventVersion": "1.11",
        "userIdentity": session.identity(),
        "eventTime": moment(dice),
        "eventSource": f"{service}.amazonaws.com",
        "eventName": name,
        "awsRegion": "us-east-1",
        "sourceIPAddress": f"10.0.{dice.randrange(256)}.{dice.randrange(256)}",
        "userAgent": f"aws-sdk-go-v2/1.{dice.randrange(40)}.0 os/linux lang/go#1.24 md/GOARCH#amd64 api/{service}",
        "requestParameters": request,
        "responseElements": response,
        **({"additionalEventData": {**extra, "bytesTransferredOut": dice.randrange(9999)}} if service == "s3" else {}),
        "requestID": random_id(dice),
        "eventID": random_id(dice),
        "readOnly": response is None,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
        "tlsDetails": {
            "tlsVersion": "TLSv1.3",
            "cipherSuite": "TLS_AES_128_GCM_SHA256",
            "clientProvidedHostHeader": f"{service}.us-east-1.amazonaws.com",
        },
    }


def call_bodies(dice: random.Random, name: str) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Request and response of a call that matters, or of one that does not."""
    if name == "RunInstances":
        return {"launchTemplate": {"launchTemplateId": "lt-1", "version": "3"}}, launch(dice)
    if name in {"StartInstances", "StopInstances", "TerminateInstances"}:
        instance = f"i-{dice.getrandbits(68):017x}"
        states = {"currentState": {"code": 64, "name": "stopping"}, "previousState": {"code": 16, "name": "running"}}
        answer = {"instancesSet": {"items": [{"instanceId": instance, **states}]}}
        return {"instancesSet": {"items": [{"instanceId": instance}]}}, answer
    request = {
        "bucketName": f"bucket-{dice.randrange(300)}",
        "key": f"data/{random_id(dice)}.parquet",
        "filterSet": {"items": [{"name": "tag:owner", "valueSet": {"items": [{"value": token(dice, 12)}]}}]},
    }
    if name == "AssumeRole":
        return request, {"credentials": {"accessKeyId": f"ASIA{token(dice, 16)}", "sessionToken": token(dice, 420)}}
    return request, None


def launch(dice: random.Random) -> dict[str, Any]:
    """A RunInstances response with one instance."""
    item = {
        "instanceId": f"i-{dice.getrandbits(68):017x}",
        "imageId": f"ami-{dice.randrange(50):017x}",
        "instanceType": dice.choice(("m6i.large", "t3.micro", "c7g.2xlarge")),
        "instanceState": {"code": 0, "name": "pending"},
        "privateDnsName": f"ip-10-0-{dice.randrange(256)}-{dice.randrange(256)}.ec2.internal",
        "placement": {"availabilityZone": "us-east-1a", "tenancy": "default"},
        "cpuOptions": {"coreCount": 1, "threadsPerCore": 2},
        "tagSet": {"items": [{"key": "aws:autoscaling:groupName", "value": "web"}]},
        "subnetId": f"subnet-{dice.getrandbits(68):017x}",
        "architecture": "x86_64",
    }
    return {"reservationId": f"r-{dice.getrandbits(68):017x}", "instancesSet": {"items": [item]}}


def token(dice: random.Random, length: int) -> str:
    """Text that does not compress."""
    return "".join(dice.choices(string.ascii_letters + string.digits, k=length))


def random_id(dice: random.Random) -> str:
    """A UUID, the same for the same dice."""
    return str(uuid.UUID(int=dice.getrandbits(128)))


def moment(dice: random.Random) -> str:
    """A time within one hour."""
    return f"2026-01-02T03:{dice.randrange(60):02}:{dice.randrange(60):02}Z"


def log_file(dice: random.Random, records: int, share: float) -> bytes:
    """A gzipped log file in which about this share of the records matters."""
    relevant = ("RunInstances", "StartInstances", "StopInstances", "TerminateInstances")
    known = sessions(dice)
    calls = [("ec2", dice.choice(relevant)) if dice.random() < share else dice.choice(CALLS) for _ in range(records)]
    content = {"Records": [record(dice, dice.choice(known), service, name) for service, name in calls]}
    return gzip.compress(json.dumps(content, separators=(",", ":")).encode())


def workload(records: int, share: float) -> Workload:
    """The files of one measurement."""
    dice = random.Random(records)
    return Workload(records, share, [log_file(dice, records, share) for _ in range(FILES // records)])


def standard_library(content: bytes) -> None:
    """What every other reader does first."""
    json.loads(gzip.decompress(content))


def plain_gunzip(content: bytes) -> None:
    """The floor: no reader can be faster."""
    igzip.decompress(content)


def ours(content: bytes) -> None:
    """Everything from the stored bytes to the activities."""
    log = cloudtrail.parse(packing.unpacked(content))
    for candidate in log.candidates:
        translate.translate(candidate.record)


WAYS: tuple[Callable[[bytes], None], ...] = (standard_library, plain_gunzip, ours)


def rates(work: Workload) -> dict[str, float]:
    """Records a second of each way in its median round; they take turns at every file, so that other load hits all."""
    rounds: dict[str, list[float]] = {way.__name__: [] for way in WAYS}
    for _ in range(ROUNDS):
        spent = dict.fromkeys(rounds, 0.0)
        for content in work.files:
            for way in WAYS:
                start = time.perf_counter()
                way(content)
                spent[way.__name__] += time.perf_counter() - start
        for name, seconds in spent.items():
            rounds[name].append(seconds)
    return {name: work.records * len(work.files) / statistics.median(each) for name, each in rounds.items()}


def peak_memory(way: Callable[[bytes], None], content: bytes) -> int:
    """MiB that a process of its own needs at most for one file, itself included."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measured, (way, content))


def _measured(way: Callable[[bytes], None], content: bytes) -> int:
    way(content)
    # Not getrusage: its maximum is inherited from the process that started this one.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


def report(work: Workload) -> str:
    """One line for each way, beside the others."""
    rate = rates(work)
    size = len(gzip.decompress(work.files[0])) // work.records
    stored = len(work.files[0]) // work.records
    lines = [f"{work.records:,} records a file, {work.share:.0%} relevant, {size:,} bytes a record, {stored:,} stored"]
    for way in WAYS:
        name = way.__name__
        lines.append(
            f"  {name.replace('_', ' '):18}{rate[name]:>12,.0f} records/s"
            f"{rate[name] / rate['standard_library']:>8.2f} x standard library"
            f"{rate[name] / rate['plain_gunzip']:>7.2f} x plain gunzip"
            f"{peak_memory(way, work.files[0]):>6} MiB"
        )
    return "\n".join(lines)


def main() -> None:
    """Print the figures of every workload."""
    for records in SIZES:
        for share in SHARES:
            print(report(workload(records, share)), flush=True)


if __name__ == "__main__":
    main()
