from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from cloudigrade.management.commands.simulate import Command
from cloudigrade.simulator import write
from cloudigrade.simulator.plan import Plan
from tests.simulator import trees

_SMALL = ["--days", "1", "--customers", "1", "--instances", "2"]


def _run(out: Path, *arguments: str) -> str:
    said = StringIO()
    call_command(Command(stdout=said), "--out", str(out), *arguments)
    return said.getvalue()


def test_command_writes_what_the_library_writes(tmp_path: Path) -> None:
    until = datetime(2026, 2, 3, tzinfo=UTC).date()
    summary = write.fleet(
        tmp_path / "library", Plan(until=until, seed=7, days=1, customers=1, instances=2, faults=frozenset({"late"}))
    )

    said = _run(tmp_path / "command", *_SMALL, "--seed", "7", "--until", "2026-02-03", "--faults", "late")

    assert trees.content(tmp_path / "command") == trees.content(tmp_path / "library")
    (customer,) = summary.customers
    assert said == (
        f"customer {customer.org_id}: accounts {', '.join(customer.accounts)}\n"
        f"{summary.records} records in {summary.files} log files, truth.json beside them\n"
    )


def test_days_end_today_unless_told_otherwise(tmp_path: Path) -> None:
    before = datetime.now(tz=UTC).date()  # noqa: TID251 - what the command itself looks at
    _run(tmp_path / "out", *_SMALL)
    after = datetime.now(tz=UTC).date()  # noqa: TID251 - likewise

    truth = trees.document(tmp_path / "out", "truth")

    assert truth["to"] in {before.isoformat(), after.isoformat()}
    assert truth["from"] in {(day - timedelta(days=1)).isoformat() for day in (before, after)}


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--days", "0"], "days must be from 1 to 3660, not 0"),
        (["--customers", "0"], "customers must be from 1 to 1000, not 0"),
        (["--instances", "-5"], "instances must be from 1 to 1000000, not -5"),
        (["--until", "0001-01-01"], "the days must lie between 1980-01-01 and 9999-12-01; 30 before 0001-01-01 do not"),
    ],
)
def test_a_bad_value_is_refused_in_one_line(tmp_path: Path, arguments: list[str], reason: str) -> None:
    with pytest.raises(CommandError) as refusal:
        _run(tmp_path / "out", *arguments)

    assert (str(refusal.value), refusal.value.returncode) == (reason, 2)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--faults", "typo"], "unknown fault 'typo'; choose from duplicates, garbage, late, shuffled, truncated"),
        (["--until", "yesterday"], "'yesterday' is not a date"),
        (["--seed", "one"], "invalid int value: 'one'"),
    ],
)
def test_a_value_of_the_wrong_kind_is_a_usage_error(tmp_path: Path, arguments: list[str], reason: str) -> None:
    with pytest.raises(CommandError, match=reason):
        _run(tmp_path / "out", *arguments)

    assert not (tmp_path / "out").exists()


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("keep")

    with pytest.raises(CommandError) as refusal:
        _run(tmp_path)

    assert (str(refusal.value), refusal.value.returncode) == (f"{tmp_path} is not empty", 2)
    assert trees.content(tmp_path) == {"mine": b"keep"}


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("keep")

    with pytest.raises(CommandError) as refusal:
        _run(tmp_path / "file" / "out", *_SMALL)

    assert str(refusal.value) == f"cannot write {tmp_path / 'file' / 'out'}: Not a directory"
    assert refusal.value.returncode == 2
