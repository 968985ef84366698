"""CloudTrail log files and describe output as files, as small as they can be."""

import gzip
import json
from pathlib import Path
from typing import Any

Json = dict[str, Any]

ACCOUNT = "000000000042"
REGION = "eu-west-1"
DAY = "2026-03-02"


def record(name: str, at: str, *, account: str = ACCOUNT, **fields: Any) -> Json:
    """A record of an EC2 call on the day; `at` as HH:MM."""
    return {
        "eventVersion": "1.11",
        "userIdentity": {"accountId": account},
        "eventTime": f"{DAY}T{at}:00Z",
        "eventSource": "ec2.amazonaws.com",
        "eventName": name,
        "awsRegion": REGION,
        "eventID": f"{name}-{account}-{at}",
        "recipientAccountId": account,
        **fields,
    }


def launch(at: str, *, instance: str = "i-1", image: str = "ami-1", **fields: Any) -> Json:
    item = {"instanceId": instance, "imageId": image, "instanceType": "m5.large"}
    return record("RunInstances", at, responseElements={"instancesSet": {"items": [item]}}, **fields)


def stop(at: str, *, instance: str = "i-1", **fields: Any) -> Json:
    item = {"instanceId": instance, "previousState": {"name": "running"}, "currentState": {"name": "stopping"}}
    return record("StopInstances", at, responseElements={"instancesSet": {"items": [item]}}, **fields)


def next_day() -> Json:
    """Something irrelevant, long enough after midnight for the day to be complete."""
    return record("DescribeInstances", "00:00") | {"eventTime": "2026-03-03T00:15:00Z"}


def write_log(folder: Path, *records: Json, name: str = "1", account: str = ACCOUNT, organization: str = "") -> Path:
    """A log file in the layout of CloudTrail's bucket."""
    return write_object(
        folder, gzip.compress(json.dumps({"Records": records}).encode()), name=name, account=account,
        organization=organization,
    )  # fmt: skip


def write_object(
    folder: Path, content: bytes, *, name: str = "1", account: str = ACCOUNT, organization: str = ""
) -> Path:
    """Any content where a log file would lie."""
    owner = f"{organization}/{account}" if organization else account
    file = f"{account}_CloudTrail_{REGION}_20260302T0000Z_{name}.json.gz"
    path = folder / "AWSLogs" / owner / "CloudTrail" / REGION / "2026/03/02" / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def write_json(path: Path, document: Json) -> Path:
    path.write_text(json.dumps(document))
    return path


IMAGES: Json = {
    "Images": [
        {
            "ImageId": "ami-1",
            "OwnerId": "309956199498",
            "Name": "RHEL-9.4.0_HVM-20240605-x86_64-82-Access2-GP3",
            "Architecture": "x86_64",
            "UsageOperation": "RunInstances:00g0",
            "PlatformDetails": "Red Hat BYOL Linux",
        }
    ]
}
INSTANCE_TYPES: Json = {
    "InstanceTypes": [{"InstanceType": "m5.large", "VCpuInfo": {"DefaultVCpus": 2}, "MemoryInfo": {"SizeInMiB": 8192}}]
}
