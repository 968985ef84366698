"""The command: its arguments, what it prints, where it delivers, and its exit status."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from cloudigrade.inspector import __main__ as command
from cloudigrade.inspector import aws, sandbox, table
from cloudigrade.inspector.blocks import Cost
from tests.inspector.corpus import ext2, systems
from tests.inspector.fake_ebs import BLOCK, FakeEbs, refused

ROOT = Path(__file__).parents[2]
UUID = "11111111-2222-3333-4444-555555555555"


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in ("RESULTS_BUCKET_NAME", "HOUNDIGRADE_SENTRY_DSN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "ACCESS_KEY_ID": "testing",
        "SECRET_ACCESS_KEY": "testing",
        "DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("COLUMNS", "200")
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="module")
def rhel(tmp_path_factory):
    path = tmp_path_factory.mktemp("disks") / "rhel.img"
    path.write_bytes(ext2.written(systems.rhel(), uuid=UUID, label="root"))
    return path


@pytest.fixture(scope="module")
def rocky(tmp_path_factory):
    path = tmp_path_factory.mktemp("disks") / "rocky.img"
    path.write_bytes(ext2.written(systems.rocky(), uuid=UUID, label="root"))
    return path


@pytest.fixture
def run(capsys):
    """Exit status, standard output and standard error."""

    def _run(*arguments):
        status: str | int | None
        try:
            status = command.main([str(argument) for argument in arguments])
        except SystemExit as ended:
            status = ended.code
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return _run


def _images(output):
    return json.loads(output)["images"]


def test_a_person_gets_a_table(run, rhel):
    status, output, errors = run(rhel)

    assert (status, errors) == (0, "")
    assert output.splitlines()[0].strip() == "rhel.img"
    rows = {parts[1].strip(): parts[2].strip() for line in output.splitlines() if len(parts := line.split("│")) == 4}
    assert rows["verdict"] == "RHEL"
    assert rows["version"] == "9.4"
    assert rows["architecture"] == "x86_64"
    assert rows["because"] == "certain: /etc/os-release says ID rhel, version 9.4"
    assert rows["looked into"] == str(rhel)
    assert rows["not covered"] == "nothing"
    assert rows["cost"].endswith(" MiB read")


def test_explain_adds_everything_that_was_found(run, rhel):
    _, brief, _ = run(rhel)
    status, output, _ = run(rhel, "--explain")

    assert status == 0
    assert "61 of 61 signed by Red Hat" in output
    assert "rhel-9-baseos-rhui-rpms" in output
    assert len(output.splitlines()) > len(brief.splitlines())


def test_json_is_the_whole_result(run, rhel):
    status, output, errors = run("--json", rhel)

    assert (status, errors) == (0, "")
    document = json.loads(output)
    assert set(document) == {"cloud", "errors", "images"}
    assert (document["cloud"], document["errors"]) == ("aws", [])
    assert document["images"]["rhel.img"]["verdict"]["verdict"] == "rhel"


def test_targets_are_merged_by_image_and_printed_as_json(run, rhel, rocky):
    status, output, _ = run("-c", "gcp", "-t", "ami-1", rhel, "-t", "ami-2", rocky, "-t", "ami-1", rocky)

    images = _images(output)
    assert status == 0
    assert json.loads(output)["cloud"] == "gcp"
    assert {name: (image["rhel_found"], list(image["drives"])) for name, image in images.items()} == {
        "ami-1": (True, [str(rhel), str(rocky)]),
        "ami-2": (False, [str(rocky)]),
    }
    assert images["ami-2"]["verdict"]["verdict"] == "not_rhel"


def test_c35_all_disks_of_an_image_are_looked_into_and_a_missing_one_leaves_it_open(run, rocky, rhel, tmp_path):
    """C35: only the root volume was."""
    _, output, _ = run("--json", rocky, rhel)
    assert _images(output)["rocky.img"]["verdict"]["verdict"] == "rhel"

    status, output, _ = run("--json", rocky, tmp_path / "absent.img")
    verdict = _images(output)["rocky.img"]["verdict"]
    assert status == 0
    assert verdict["verdict"] == "inconclusive"
    assert verdict["coverage"]["uncovered"] == [
        {"place": str(tmp_path / "absent.img"), "reason": "no such file or device"}
    ]


def test_a_missing_device_is_an_error_of_the_image_and_of_all_and_its_drive_stays_empty(run):
    status, output, errors = run("-t", "ami-1", "/dev/absent")

    document = json.loads(output)
    assert (status, errors) == (3, "")
    assert document["errors"] == document["images"]["ami-1"]["errors"] == ["/dev/absent: no such file or device"]
    assert document["images"]["ami-1"]["drives"] == {"/dev/absent": {}}
    assert document["images"]["ami-1"]["verdict"]["verdict"] == "inconclusive"


def test_one_missing_device_costs_its_own_image_only(run, rhel):
    status, output, _ = run("-t", "ami-1", "/dev/absent", "-t", "ami-2", rhel)

    assert status == 0
    assert {name: image["verdict"]["verdict"] for name, image in _images(output).items()} == {
        "ami-1": "inconclusive",
        "ami-2": "rhel",
    }


def test_a_blank_disk_has_a_result(run, tmp_path):
    (tmp_path / "blank").write_bytes(bytes(1024 * 1024))

    status, output, _ = run("-t", "ami-1", tmp_path / "blank")

    image = _images(output)["ami-1"]
    assert status == 0
    assert image["verdict"]["verdict"] == "inconclusive"
    assert image["verdict"]["reasons"] == ["unknown: no filesystem"]
    assert image["errors"] == ["unknown: no filesystem"]


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: path.mkdir(), "is a directory, not a disk"),
        (lambda path: path.touch(), "is empty"),
        (os.mkfifo, "is neither a file nor a block device"),
        (lambda path: path.symlink_to("/dev/null"), "is neither a file nor a block device"),
        (lambda path: path.symlink_to(path), "cannot be opened: Too many levels of symbolic links"),
    ],
)
def test_what_is_no_disk_is_told(run, tmp_path, make, reason):
    path = tmp_path / "disk"
    make(path)

    status, output, _ = run(path, "--json")

    assert status == 3
    assert _images(output)["disk"]["errors"] == [f"{path}: {reason}"]


def test_what_may_not_be_read_is_told(run, rhel, monkeypatch):
    def _refused(path):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("cloudigrade.inspector.disks.File", _refused)

    status, output, _ = run(rhel, "--json")

    assert status == 3
    assert _images(output)["rhel.img"]["errors"] == [f"{rhel}: cannot be opened: Permission denied"]


def test_a_sentry_dsn_is_ignored_with_a_word_and_the_inspection_goes_on(run, rhel, monkeypatch):
    monkeypatch.setenv("HOUNDIGRADE_SENTRY_DSN", "https://sentry.example/1")

    status, output, errors = run("-t", "ami-1", rhel)

    assert (status, _images(output)["ami-1"]["rhel_found"]) == (0, True)
    assert "HOUNDIGRADE_SENTRY_DSN is ignored" in errors


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "name a disk"),
        (("a", "-t", "ami-1", "b"), "not both"),
        (("--snapshot", "snap-1", "-t", "ami-1", "b"), "not both"),
        (("-t", "ami-1"), "expected 2 arguments"),
        (("-t", "", "b"), "is empty"),
        (("-c", "ibm", "b"), "invalid choice"),
        (("--json", "--explain", "b"), "leave out --explain"),
        (("b", "--output", "/absent/file"), "is in none"),
    ],
)
def test_bad_usage_is_2_and_says_why(run, arguments, message):
    status, output, errors = run(*arguments)

    assert (status, output) == (2, "")
    assert message in errors


def test_help_tells_the_exit_statuses(run):
    status, output, _ = run("--help")

    assert status == 0
    for number in (0, 1, 2, 3, 4, 130, 143):
        assert f"\n  {number} " in output
    assert "RESULTS_BUCKET_NAME" in output


def test_output_is_written_whole_beside_the_table(run, rhel, tmp_path):
    path = tmp_path / "result.json"

    status, output, _ = run(rhel, "--output", path)

    assert status == 0
    assert "verdict" in output
    assert json.loads(path.read_text())["images"]["rhel.img"]["rhel_version"] == "9.4"
    assert [each.name for each in tmp_path.iterdir()] == ["result.json"]


def test_a_file_that_cannot_be_written_leaves_the_result_on_standard_output(run, rhel, tmp_path, monkeypatch):
    def _full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cloudigrade.inspector.__main__.tempfile.mkstemp", _full)

    status, output, errors = run(rhel, "--output", tmp_path / "result.json")

    assert status == 4
    assert "No space left" in errors
    assert _images(output)["rhel.img"]["rhel_found"] is True


def test_results_are_put_into_the_bucket_and_printed(run, rhel, monkeypatch):
    monkeypatch.setenv("RESULTS_BUCKET_NAME", "results")
    with mock_aws():
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket="results")

        status, output, _ = run("-t", "ami-1", rhel)

        keys = [each["Key"] for each in s3.list_objects_v2(Bucket="results")["Contents"]]
        stored = json.loads(s3.get_object(Bucket="results", Key=keys[0])["Body"].read())
    assert status == 0
    assert len(keys) == 1
    assert keys[0].startswith("InspectionResults/")
    assert stored == json.loads(output)


def test_a_bucket_that_is_missing_is_known_before_the_work_begins(run, rhel, monkeypatch):
    monkeypatch.setenv("RESULTS_BUCKET_NAME", "results")
    monkeypatch.setattr(sandbox, "inspect", lambda *_, **__: pytest.fail("it was inspected"))
    with mock_aws():
        status, output, errors = run("-t", "ami-1", rhel)

    assert (status, output) == (4, "")
    assert "bucket results" in errors


def test_a_result_that_the_bucket_refuses_is_on_standard_output(run, rhel, monkeypatch):
    monkeypatch.setenv("RESULTS_BUCKET_NAME", "results")

    class _Refusing(aws.Bucket):
        def check(self):
            pass

    monkeypatch.setattr(aws, "Bucket", _Refusing)
    with mock_aws():
        status, output, errors = run(rhel)

    assert status == 4
    assert "could not be delivered" in errors
    assert _images(output)["rhel.img"]["rhel_found"] is True


@pytest.fixture
def ebs(rhel, monkeypatch):
    """A snapshot of the disk, in EBS."""
    content = rhel.read_bytes()
    blocks = {
        number: content[number * BLOCK : (number + 1) * BLOCK].ljust(BLOCK, b"\0")
        for number in range((len(content) + BLOCK - 1) // BLOCK)
    }
    fake = FakeEbs(blocks)
    monkeypatch.setattr(boto3, "client", lambda *_, config, **__: fake.client(config))
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    return fake


@pytest.mark.parametrize("arguments", [("--snapshot", "snap-1"), ("ebs:snap-1",), ("--snapshot", "ebs:snap-1")])
def test_a_snapshot_is_read_where_it_is(run, ebs, arguments):
    status, output, _ = run(*arguments)

    assert status == 0
    assert "RHEL" in output
    assert "; 1 blocks, 2 requests, $0.000003 at EBS's list price" in output


def test_a_snapshot_that_is_gone_midway_or_refused_is_a_result(run, ebs):
    ebs.failures = [None, *[refused("ResourceNotFoundException", "SNAPSHOT_NOT_FOUND", 404)] * 9]
    status, output, _ = run("-t", "ami-1", "ebs:snap-1")
    gone = _images(output)["ami-1"]

    ebs.failures = [refused("AccessDeniedException", "DEPENDENCY_ACCESS_DENIED", 403)] * 9
    _, output, _ = run("-t", "ami-1", "ebs:snap-1")
    refused_ = _images(output)["ami-1"]

    assert status == 3
    assert gone["verdict"]["verdict"] == refused_["verdict"]["verdict"] == "inconclusive"
    assert gone["errors"][0].startswith("snap-1: ")
    assert refused_["errors"] == [
        "snap-1: it is encrypted with a KMS key that may not be used; kms:Decrypt on the key is needed"
    ]


def test_trouble_of_the_machine_is_no_verdict_on_the_image(run, rhel, monkeypatch):
    def _fail(*_, **__):
        raise sandbox.Failed("no memory")

    monkeypatch.setattr(sandbox, "inspect", _fail)

    status, output, _ = run(rhel, "--json")

    assert status == 1
    assert _images(output)["rhel.img"]["verdict"]["verdict"] == "inconclusive"


def test_what_a_disk_says_cannot_move_the_cursor():
    assert table._text("a\x1b[2Jb\x07\u202ec\nd").plain == "a\\x1b[2Jb\\x07\\u202ec\nd"


def test_dollars_are_those_of_ebs():
    assert table.dollars(Cost(lists=2, blocks=150)) == "$0.000451"
    assert table.dollars(Cost(lists=0, blocks=1_000_000)) == "$3.000000"


def test_a_reader_that_has_had_enough_is_no_failure_of_ours(rhel):
    script = f"{sys.executable} -m cloudigrade.inspector {rhel} --json | head -c 10; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr) == ('{\n  "cloud', "")
    assert done.returncode in (0, 1)
