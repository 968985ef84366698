"""Bad input to `cloudigrade meter`: a clear line, the right exit status, and nothing lost."""

import errno
import io
import json
import os
from pathlib import Path

import pytest

from tests.management.trails import launch, next_day, stop, write_log, write_object


@pytest.fixture
def folder(tmp_path):
    """A trail with two hours of one instance."""
    write_log(tmp_path / "trail", launch("01:00"), stop("03:00"), next_day())
    return tmp_path / "trail"


def refused(answer, status, reason):
    """The command said why in one line, and nothing else."""
    assert (answer.status, answer.out, answer.err) == (status, "", f"cloudigrade: error: {reason}\n")
    return True


@pytest.mark.parametrize("missing", ["gone", "gone/further", "trail/gone.json.gz"])
def test_a_missing_path(meter, folder, tmp_path, missing):
    path = tmp_path / missing

    assert refused(meter(path), 2, f"{path}: no such file or folder")


@pytest.mark.parametrize("option", ["--instances", "--images", "--instance-types", "--inspections"])
def test_a_missing_document(meter, folder, tmp_path, option):
    path = tmp_path / "gone.json"

    assert refused(meter(folder, option, path), 2, f"{path}: no such file")


def test_a_missing_path_beside_a_good_one(meter, folder, tmp_path):
    path = tmp_path / "gone"

    assert refused(meter(folder, "--trail", path), 2, f"{path}: no such file or folder")


def test_an_empty_folder(meter, tmp_path):
    reason = "no CloudTrail log file could be read; 0 file(s) there are something else"
    assert refused(meter(tmp_path), 3, reason)


def test_a_folder_with_nothing_usable(meter, tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    reason = "no CloudTrail log file could be read; 1 file(s) there are something else"
    assert refused(meter(tmp_path), 3, reason)


NOT_LOGS = {
    "text": (b"hello", "is not JSON"),
    "nothing": (b"", "is not JSON"),
    "other JSON": (b'{"Messages": []}', "has no list of CloudTrail records"),
    "a list": (b"[]", "has no list of CloudTrail records"),
    "truncated gzip": (bytes.fromhex("1f8b0800000000000003ab56"), "is a truncated gzip file"),
    "damaged gzip": (bytes.fromhex("1f8b08000000000000ff") + b"\xff" * 40, "is a damaged gzip file"),
}


@pytest.mark.parametrize(("content", "reason"), NOT_LOGS.values(), ids=NOT_LOGS)
def test_a_file_that_is_no_log_file_is_not_usable(meter, tmp_path, content, reason):
    path = tmp_path / "log.json.gz"
    path.write_bytes(content)

    assert refused(meter(path), 3, f"no CloudTrail log file could be read; first problem: {path}: {reason}")


def test_files_that_are_no_log_files_cost_only_themselves_beside_a_good_one(meter, folder):
    for number, (content, _) in enumerate(NOT_LOGS.values()):
        write_object(folder, content, name=f"bad{number}")

    answer = meter(folder, "--format", "json")

    assert answer.status == 0
    assert [line.rpartition(": ")[2] for line in answer.err.splitlines()] == [reason for _, reason in NOT_LOGS.values()]
    assert json.loads(answer.out)["days"][0]["all"]["instance_seconds"] == 7200


@pytest.fixture
def unreadable(monkeypatch):
    """Makes paths unreadable, for root too."""
    shut: set[str] = set()

    def guarded(original):
        def guard(path, *arguments, **options):
            if str(path) in shut:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
            return original(path, *arguments, **options)

        return guard

    monkeypatch.setattr(Path, "open", guarded(Path.open))
    monkeypatch.setattr(Path, "iterdir", guarded(Path.iterdir))
    return lambda path: shut.add(str(path))


def test_an_unreadable_file_alone(meter, folder, unreadable):
    path = next(folder.rglob("*.json.gz"))
    unreadable(path)

    answer = meter(path)
    name = path.relative_to(folder)
    assert refused(answer, 3, f"no CloudTrail log file could be read; first problem: {name}: permission denied")


def test_an_unreadable_file_costs_only_itself_beside_a_good_one(meter, folder, unreadable):
    unreadable(write_log(folder, stop("02:00"), name="2"))

    answer = meter(folder, "--format", "json")

    assert answer.status == 0
    assert answer.err.endswith("_2.json.gz: permission denied\n")
    assert json.loads(answer.out)["files"] == {"read": 1, "rejected": 1}
    assert json.loads(answer.out)["days"][0]["complete"] is False


def test_an_unreadable_folder(meter, folder, unreadable):
    unreadable(folder)

    assert refused(meter(folder), 2, f"{folder}: permission denied")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything; the tests above stand in")
def test_a_file_without_permissions(meter, folder):
    path = next(folder.rglob("*.json.gz"))
    path.chmod(0)

    assert meter(path).status == 3


def test_an_unreadable_document(meter, folder, tmp_path, unreadable):
    path = tmp_path / "images.json"
    path.write_text("{}")
    unreadable(path)

    assert refused(meter(folder, "--images", path), 2, f"{path}: permission denied")


@pytest.mark.parametrize("end", ["2026-03-02", "2026-03-01"])
def test_dates_in_the_wrong_order(meter, folder, end):
    assert refused(meter(folder, end=end), 2, f"--from 2026-03-02 is not before --to {end}, the day after the last one")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--from", "2026-13-01"], "argument --from: '2026-13-01' is not a date (YYYY-MM-DD)"),
        (["--to", "tomorrow"], "argument --to: 'tomorrow' is not a date (YYYY-MM-DD)"),
        (["--account", "42"], "argument --account: '42' is not an account id of 12 digits, leading zeros included"),
        (["--account", "٠٠٠٠٠٠٠٠٠٠٤٢"], "argument --account: '٠٠٠٠٠٠٠٠٠٠٤٢' is not an account id of 12 digits"),
        (["--format", "xml"], "argument --format: invalid choice: 'xml'"),
        (["--wrong"], "unrecognized arguments: --wrong"),
    ],
)
def test_a_malformed_argument(meter, folder, arguments, reason):
    answer = meter(folder, *arguments)

    assert (answer.status, answer.out) == (2, "")
    assert answer.err.splitlines()[-1].startswith(f"cloudigrade meter: error: {reason}")


def test_an_unknown_account(meter, folder):
    assert refused(meter(folder, "--account", "000000000099"), 2, "nothing found of account 000000000099")


def test_a_full_disk_does_not_lose_the_report(meter, folder):
    answer = meter(folder, "--format", "json", "--output", "/dev/full")

    assert answer.status == 1
    assert json.loads(answer.out)["days"][0]["all"]["instance_seconds"] == 7200
    assert answer.err == (
        "cloudigrade: error: /dev/full: No space left on device; the result went to standard output\n"
    )


def test_a_disk_that_fills_up_neither_loses_the_report_nor_harms_the_old_one(meter, folder, tmp_path, monkeypatch):
    target = tmp_path / "report.json"
    target.write_text("yesterday's")

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    answer = meter(folder, "--format", "json", "--output", target)

    assert answer.status == 1
    assert json.loads(answer.out)["days"][0]["all"]["instance_seconds"] == 7200
    assert target.read_text() == "yesterday's"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.json", "trail"]


def test_an_output_file_is_replaced_as_a_whole(meter, folder, tmp_path):
    target = tmp_path / "report.json"
    target.write_text("x" * 100_000)
    target.chmod(0o640)

    answer = meter(folder, "--format", "json", "--output", target)

    assert (answer.status, answer.out, answer.err) == (0, "", "")
    assert json.loads(target.read_text())["from"] == "2026-03-02"
    assert target.stat().st_mode & 0o777 == 0o640


def test_an_output_into_a_missing_folder(meter, folder, tmp_path):
    target = tmp_path / "gone" / "report.json"

    assert refused(meter(folder, "--output", target), 2, f"{target.parent}: no such folder")


def test_an_output_that_is_a_folder(meter, folder, tmp_path):
    assert refused(meter(folder, "--output", tmp_path), 2, f"{tmp_path}: is a folder")


def test_a_closed_standard_output_ends_quietly(meter, folder, monkeypatch):
    class Closed(io.StringIO):
        def write(self, _):
            raise BrokenPipeError

        def fileno(self):
            return os.open(os.devnull, os.O_WRONLY)

    monkeypatch.setattr("sys.stdout", Closed())
    answer = meter(folder)

    assert (answer.status, answer.out, answer.err) == (1, "", "")
