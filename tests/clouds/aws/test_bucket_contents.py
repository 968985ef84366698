"""Whatever a customer puts into a bucket is read as log files, and these describe nothing and find nothing.

Whose description or findings of an image are stored, sees that image from then on.
"""

import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import cloudigrade
from cloudigrade.clouds.aws import reading, trail
from cloudigrade.clouds.aws.descriptions import Document
from cloudigrade.clouds.protocol import Batch
from tests.clouds.aws.records import ACCOUNT, KEY, REGION, record, run_instances

IMAGES: dict[str, Any] = {"Images": [{"ImageId": "ami-0f1", "Name": "mine", "OwnerId": ACCOUNT}]}
INSTANCE = {"InstanceId": "i-0a1", "ImageId": "ami-0f1", "InstanceType": "t3.micro", "State": {"Name": "running"}}
PLACED = INSTANCE | {"Placement": {"AvailabilityZone": "us-east-1a"}}
DOCUMENTS: dict[Document, dict[str, Any]] = {
    Document.IMAGES: IMAGES,
    Document.INSTANCES: {"Reservations": [{"OwnerId": ACCOUNT, "Instances": [PLACED]}]},
    Document.INSTANCE_TYPES: {
        "InstanceTypes": [
            {"InstanceType": "t3.micro", "VCpuInfo": {"DefaultVCpus": 2}, "MemoryInfo": {"SizeInMiB": 1024}}
        ]
    },
    Document.INSPECTIONS: {"images": {"ami-0f1": {"rhel_product_certs_found": True}}},
}
DISGUISES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "as it is": lambda document: document,
    "beside records": lambda document: document | {"Records": [run_instances()]},
    "as records": lambda document: {"Records": [document]},
    "in a record": lambda document: {"Records": [run_instances() | document]},
    "as a response": lambda document: {"Records": [record("DescribeImages", responseElements=document)]},
    "in a response": lambda document: {
        "Records": [run_instances(responseElements=run_instances()["responseElements"] | document)]
    },
}
KEYS = (KEY, f"AWSLogs/{ACCOUNT}/images.json", "describe-images.json")


def from_a_trail(root: Path, key: str, content: bytes) -> Batch:
    path = root / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    whole = Batch()
    for batch in reading.read_trail(trail.sources(str(root))):
        whole.add(batch)
    return whole


def from_a_message(_: Path, key: str, content: bytes) -> Batch:
    batch = Batch()
    reading.add_log(batch, trail.Content(trail.Source(key, ACCOUNT, REGION, len(content), key), content))
    return batch


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("read", [from_a_trail, from_a_message])
@pytest.mark.parametrize("disguise", DISGUISES)
@pytest.mark.parametrize("kind", DOCUMENTS)
def test_nothing_in_a_bucket_is_a_description_or_findings(tmp_path, kind, disguise, read, pack):
    content = pack(json.dumps(DISGUISES[disguise](DOCUMENTS[kind])).encode())

    for number, key in enumerate(KEYS):
        batch = read(tmp_path / str(number), key, content)
        assert (batch.described_images, batch.described_instances, batch.definitions, batch.findings) == ([],) * 4


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_the_same_is_one_where_an_operator_hands_it_in(tmp_path, kind):
    """Or the test above would be one of documents that nobody could read."""
    (tmp_path / "document").write_text(json.dumps(DOCUMENTS[kind]))

    batch = reading.read_documents([str(tmp_path / "document")], kind)

    told = (batch.described_images, batch.described_instances, batch.definitions, batch.findings)
    assert ([len(each) for each in told].count(1), batch.rejected) == (1, [])


OPERATORS = {"management/commands/meter.py", "management/demonstration.py", "services/synthetic.py"}
"""What reads documents: commands, and what makes customers up."""


def test_only_operators_hand_documents_in():
    root = Path(cloudigrade.__file__).parent
    called = re.compile(r"(?<!def )\bread_documents\b")
    found = {str(path.relative_to(root)) for path in root.rglob("*.py") if called.search(path.read_text("utf-8"))}

    assert found == OPERATORS
