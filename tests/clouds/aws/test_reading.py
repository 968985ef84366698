"""Folders and files: what is read, in which order, what is skipped, and what each fault costs."""

import gzip
import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from cloudigrade.clouds.aws import packing, reading, trail
from cloudigrade.clouds.aws.descriptions import Document
from cloudigrade.clouds.aws.trail import Skipped, Source
from cloudigrade.clouds.protocol import Batch, FileRead, Rejected, Unreadable
from tests.clouds.aws.records import (
    ACCOUNT,
    FOLDER,
    KEY,
    REGION,
    SECOND,
    launched,
    log,
    packed,
    record,
    run_instances,
    switched,
)


def put(root: Path, name: str, content: bytes) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def everything(*locations: Path | str, batch_records: int = 20_000) -> Batch:
    """One batch of all."""
    found = (each for location in locations for each in trail.sources(str(location)))
    batches = list(reading.read_trail(found, batch_records=batch_records))
    assert len(batches) == 1
    return batches[0]


def names_at(location: str) -> list[str]:
    return [each.name for each in trail.sources(location) if isinstance(each, Source)]


def test_a_folder_in_the_layout_is_read_in_order_and_other_objects_are_counted(tmp_path):
    put(tmp_path, KEY, packed(run_instances(), record("DescribeInstances", eventTime="2026-01-02T03:04:15Z")))
    put(tmp_path, f"{FOLDER}/a.json", gzip.decompress(packed(record("AssumeRole"))))
    for service in ("CloudTrail-Digest", "CloudTrail-Insight", "elasticloadbalancing"):
        put(tmp_path, f"AWSLogs/{ACCOUNT}/{service}/{REGION}/2026/01/02/x.json.gz", b"whatever")
    put(tmp_path, "README.txt", b"whatever")

    batch = everything(tmp_path)

    assert batch.read_sources == [KEY, f"{FOLDER}/a.json"]
    assert batch.files_skipped == 4
    assert (batch.records_read, batch.records_relevant) == (3, 1)
    assert [each.instance for each in batch.instances] == ["i-0a1"]
    assert batch.newest == {(ACCOUNT, REGION): SECOND + 10}
    assert batch.accounts == {ACCOUNT}
    assert batch.rejected == []


def test_the_same_file_has_the_same_name_wherever_it_lies(tmp_path, monkeypatch):
    for root in ("one", "two/deep", "three/AWSLogs"):
        put(tmp_path / root, KEY, packed())
    monkeypatch.chdir(tmp_path / "one" / "AWSLogs")

    places = [*(str(tmp_path / place) for place in ("one", "two", "three")), ACCOUNT]

    assert [names_at(place) for place in places] == [[KEY]] * 4


def test_a_file_outside_the_layout_is_named_as_given(tmp_path, monkeypatch):
    put(tmp_path, "logs/b.json.gz", packed(run_instances()))
    put(tmp_path, "logs/a.json", b"{}")
    monkeypatch.chdir(tmp_path)

    assert names_at("logs") == ["logs/a.json", "logs/b.json.gz"]


def test_a_named_file_is_read_whatever_its_name(tmp_path):
    path = put(tmp_path, "yesterday.log", packed(run_instances()))

    assert list(trail.sources(str(path))) == [Source(str(path), "", "", path.stat().st_size, str(path))]
    assert everything(path).records_relevant == 1


def test_a_named_digest_is_skipped_for_a_shell_pattern_names_it_too(tmp_path):
    path = put(tmp_path, "x_CloudTrail-Digest_y.json.gz", packed(run_instances()))

    assert list(trail.sources(str(path))) == [Skipped(str(path), "is a digest or insight file")]


@pytest.mark.parametrize("name", ["x.json", "x.json.gz"])
@pytest.mark.parametrize("content", [packed(run_instances()), gzip.decompress(packed(run_instances()))])
def test_gzip_is_known_by_its_content_not_its_name(tmp_path, name, content):
    assert everything(put(tmp_path, name, content)).records_relevant == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"text that is not JSON", "is not JSON"),
        (b"", "is not JSON"),
        (gzip.compress(b"text that is not JSON", mtime=0), "is not JSON"),
        (gzip.compress(b'{"Events":[]}', mtime=0), "has no list of CloudTrail records"),
        (packed(run_instances())[:-20], "is a truncated gzip file"),
    ],
)
def test_a_file_that_cannot_be_read_costs_that_file(tmp_path, content, reason):
    bad = KEY.replace("Ab12", "Aa00")
    put(tmp_path, bad, content)
    put(tmp_path, KEY, packed(run_instances()))

    batch = everything(tmp_path)

    assert batch.rejected == [Rejected(bad, reason, ACCOUNT, location=str(tmp_path / bad))]
    assert batch.read_sources == [KEY]
    assert len(batch.instances) == 1


def test_a_bomb_costs_that_file(tmp_path, monkeypatch):
    monkeypatch.setattr(packing.unpacked, "__kwdefaults__", {"limit": 1 << 20})
    put(tmp_path, "bomb.json.gz", gzip.compress(bytes(2 << 20)))

    assert [each.reason for each in everything(tmp_path).rejected] == ["grows beyond 1 MiB"]


def test_a_file_larger_than_any_log_costs_that_file(tmp_path, monkeypatch):
    monkeypatch.setattr(packing, "MAX_BYTES", 1 << 20)
    put(tmp_path, "large.json", bytes((1 << 20) + 1))

    assert [each.reason for each in everything(tmp_path).rejected] == ["is larger than 1 MiB"]


def test_c4_a_record_that_cannot_be_read_costs_that_record_and_is_kept(tmp_path):
    """C4: one odd record poisoned a whole file."""
    odd = run_instances(responseElements=None)
    put(tmp_path, KEY, packed(switched("StopInstances"), odd, switched("StartInstances")))

    batch = everything(tmp_path)

    assert (batch.records_read, batch.records_relevant, len(batch.instances)) == (3, 3, 2)
    (rejected,) = batch.rejected
    assert rejected[:3] == (KEY, "RunInstances gives no instances in its response", ACCOUNT)
    assert json.loads(rejected.content) == odd
    assert batch.read_sources == [KEY]


def test_a_rejected_record_that_names_no_account_counts_for_the_keys(tmp_path):
    put(tmp_path, KEY, packed(5))

    assert [(each.account, each.content) for each in everything(tmp_path).rejected] == [(ACCOUNT, b"5")]


def test_batches_are_bounded_and_name_a_file_only_with_its_last_activity(tmp_path):
    records = [
        run_instances(*(launched(f"i-{file}{each}{n}") for n in range(3))) for file in range(2) for each in range(4)
    ]
    put(tmp_path, "a.json.gz", packed(*records[:4]))
    put(tmp_path, "b.json.gz", packed(*records[4:]))

    batches = list(reading.read_trail(trail.sources(str(tmp_path)), batch_records=5))

    assert [len(each.instances) for each in batches] == [6, 6, 6, 6, 0]
    assert [len(each.read_sources) for each in batches] == [0, 0, 1, 0, 1]
    assert [each.records_read for each in batches] == [0, 0, 4, 0, 4]
    assert [bool(each.newest) for each in batches] == [False, False, True, False, True]
    assert sum(each.records_relevant for each in batches) == 8


def test_an_empty_folder_gives_nothing(tmp_path):
    assert list(reading.read_trail(trail.sources(str(tmp_path)))) == []


@pytest.mark.parametrize("name", ["missing", "missing/x.json", "nul\0"])
def test_a_missing_path_is_unreadable_at_once(tmp_path, name):
    with pytest.raises(Unreadable, match=r"no such file or directory|embedded null byte"):
        trail.sources(str(tmp_path / name))


def test_links_in_a_circle_and_to_nowhere_do_no_harm(tmp_path):
    put(tmp_path, "logs/a.json.gz", packed())
    (tmp_path / "logs" / "back").symlink_to(tmp_path)
    (tmp_path / "logs" / "lost.json").symlink_to(tmp_path / "nowhere")
    (tmp_path / "again").symlink_to(tmp_path / "logs")

    found = list(trail.sources(str(tmp_path)))

    again, lost = tmp_path / "again", tmp_path / "again" / "lost.json"
    assert found == [
        Source(str(again / "a.json.gz"), "", "", len(packed()), str(again / "a.json.gz")),
        Rejected(str(lost), "no such file or directory"),
    ]


def test_what_is_no_ordinary_file_is_skipped(tmp_path):
    os.mkfifo(tmp_path / "pipe.json")

    assert list(trail.sources(str(tmp_path))) == [Skipped(str(tmp_path / "pipe.json"), "is no ordinary file")]


def refuse(monkeypatch: pytest.MonkeyPatch, method: str, name: str) -> None:
    """Make the file system refuse what the tests, often run by root, could not make it refuse."""
    original = getattr(Path, method)

    def refusing(self, *arguments):
        if self.name == name:
            raise PermissionError(13, "Permission denied")
        return original(self, *arguments)

    monkeypatch.setattr(Path, method, refusing)


def test_an_unreadable_file_costs_that_file(tmp_path, monkeypatch):
    put(tmp_path, KEY, packed(run_instances()))
    put(tmp_path, f"{FOLDER}/a.json", packed())
    refuse(monkeypatch, "open", "a.json")

    batch = everything(tmp_path)

    name = f"{FOLDER}/a.json"
    assert batch.rejected == [Rejected(name, "permission denied", ACCOUNT, location=str(tmp_path / name))]
    assert batch.read_sources == [KEY]


def test_an_unreadable_folder_costs_that_folder(tmp_path, monkeypatch):
    put(tmp_path, KEY, packed(run_instances()))
    put(tmp_path, f"AWSLogs/{ACCOUNT}/CloudTrail/eu-west-1/x.json", packed())
    refuse(monkeypatch, "iterdir", "eu-west-1")

    batch = everything(tmp_path)

    assert batch.rejected == [Rejected(f"AWSLogs/{ACCOUNT}/CloudTrail/eu-west-1", "permission denied", ACCOUNT)]
    assert batch.read_sources == [KEY]


def test_an_unreadable_start_is_an_error_at_once(tmp_path, monkeypatch):
    refuse(monkeypatch, "iterdir", tmp_path.name)

    with pytest.raises(Unreadable, match=f"{tmp_path}: permission denied"):
        trail.sources(str(tmp_path))


def test_documents_are_read_from_files_packed_or_not(tmp_path):
    images = json.dumps({"Images": [{"ImageId": "ami-0f1"}, {}]}).encode()
    paths = [put(tmp_path, "a", images), put(tmp_path, "b", gzip.compress(images))]

    batch = reading.read_documents(map(str, paths), Document.IMAGES)

    assert [each.image for each in batch.described_images] == ["ami-0f1", "ami-0f1"]
    assert [each.content for each in batch.rejected] == [b"{}", b"{}"]
    assert batch.read_sources == [str(path) for path in paths]


def test_every_kind_of_document_has_its_place(tmp_path):
    values = {
        Document.INSTANCES: {
            "Reservations": [
                {
                    "OwnerId": ACCOUNT,
                    "Instances": [
                        {
                            "InstanceId": "i-0a1",
                            "InstanceType": "t3.micro",
                            "State": {"Name": "running"},
                            "Placement": {"AvailabilityZone": "us-east-1a"},
                        }
                    ],
                }
            ]
        },
        Document.INSTANCE_TYPES: {
            "InstanceTypes": [
                {"InstanceType": "t3.micro", "VCpuInfo": {"DefaultVCpus": 2}, "MemoryInfo": {"SizeInMiB": 1024}}
            ]
        },
        Document.INSPECTIONS: {"images": {"ami-0f1": {}}},
    }
    read = {
        kind: reading.read_documents([str(put(tmp_path, kind.value, json.dumps(value).encode()))], kind)
        for kind, value in values.items()
    }

    assert [each.instance for each in read[Document.INSTANCES].described_instances] == ["i-0a1"]
    assert read[Document.INSTANCES].accounts == {ACCOUNT}
    assert [each.vcpu for each in read[Document.INSTANCE_TYPES].definitions] == [2]
    assert [each.image for each in read[Document.INSPECTIONS].findings] == ["ami-0f1"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"text", "is not JSON"),
        (gzip.compress(b'{"Images":[]}', mtime=0)[:-3], "is a truncated gzip file"),
        (b'{"Reservations":[]}', "is describe-instances output, not describe-images output"),
    ],
)
def test_a_bad_document_costs_that_document(tmp_path, content, reason):
    bad, good = put(tmp_path, "bad.json", content), put(tmp_path, "good.json", b'{"Images":[{"ImageId":"ami-0f1"}]}')

    batch = reading.read_documents([str(bad), str(good)], Document.IMAGES)

    assert batch.rejected == [Rejected(str(bad), reason)]
    assert batch.read_sources == [str(good)]
    assert len(batch.described_images) == 1


def test_a_missing_document_is_unreadable(tmp_path, monkeypatch):
    with pytest.raises(Unreadable, match="no such file or directory"):
        reading.read_documents([str(tmp_path / "missing.json")], Document.IMAGES)
    path = put(tmp_path, "x.json", b"{}")
    refuse(monkeypatch, "open", "x.json")
    with pytest.raises(Unreadable, match=f"^{path}: permission denied$"):
        reading.read_documents([str(path)], Document.IMAGES)


def test_a_device_without_end_is_read_no_further_than_a_file_may_be_long(monkeypatch):
    monkeypatch.setattr(packing, "MAX_BYTES", 1 << 20)

    [refused] = everything("/dev/zero").rejected

    assert refused.reason == "is larger than 1 MiB"


def of(account, *records):
    """A log file in the folder of the account."""
    source = Source(KEY.replace(ACCOUNT, account), account, REGION, 0, "x")
    return trail.Content(source, packed(*records))


def test_a_log_added_to_a_batch_has_the_hash_of_its_plain_bytes():
    batch = Batch()

    assert reading.add_log(batch, of(ACCOUNT, run_instances())) == 0

    sha256 = hashlib.sha256(log(run_instances())).hexdigest()
    assert batch.files == [FileRead(ACCOUNT, REGION, KEY, sha256)]
    assert (batch.read_sources, batch.records_read, batch.records_relevant) == ([KEY], 1, 1)


def test_s1_a_log_added_to_a_batch_speaks_for_its_own_account_only():
    """S1: neither activities nor rejected records nor times of others are taken from it."""
    other = "999999999998"
    batch = Batch()

    foreign = reading.add_log(
        batch,
        of(
            ACCOUNT,
            run_instances(launched("i-0b1"), recipientAccountId=other),
            record("RunInstances", recipientAccountId=other),
            run_instances(launched("i-0a1")),
        ),
    )

    assert foreign == 2
    assert [activity.instance for activity in batch.instances] == ["i-0a1"]
    assert (batch.rejected, batch.accounts, list(batch.newest)) == ([], {ACCOUNT}, [(ACCOUNT, REGION)])


def test_a_log_of_nobody_knows_who_speaks_for_whomever_its_records_name():
    batch = Batch()
    content = trail.Content(Source("x", "", "", 0, "x"), packed(run_instances()))

    assert reading.add_log(batch, content) == 0
    assert [activity.account for activity in batch.instances] == [ACCOUNT]
    assert batch.files == []


def test_trails_are_hashed_on_request(tmp_path):
    put(tmp_path, KEY, packed(run_instances()))

    (plain,) = reading.read_trail(trail.sources(str(tmp_path)))
    (hashed,) = reading.read_trail(trail.sources(str(tmp_path)), is_hashed=True)

    assert plain.files == []
    assert hashed.files == [FileRead(ACCOUNT, REGION, KEY, hashlib.sha256(log(run_instances())).hexdigest())]
    assert replace(hashed, files=[]) == plain
