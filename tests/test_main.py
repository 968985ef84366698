"""The `cloudigrade` command, with probe commands that tell what they were given."""

import os
import signal
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import psycopg
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

import cloudigrade.management.commands
from cloudigrade import __main__ as command_line
from cloudigrade.config import cluster
from tests.running import same_log

_PROBE = '''
import os, signal, sys
from django.core.management import call_command
from django.core.management.base import CommandError
from cloudigrade.management.base import Command as Base

class Command(Base):
    """A probe."""
    help = "tell what {name} was given"
    database = {database!r}
    variables = {{"CLOUDIGRADE_PORT": "8001"}}

    def add_arguments(self, parser):
        parser.add_argument("--data")
        parser.add_argument("--number", type=int, default=0)
        parser.add_argument("--fail")

    def validate(self, options):
        if options["number"] < 0:
            raise CommandError("--number must not be negative", returncode=2)

    def handle(self, *arguments, **options):
        if options["fail"] == "error":
            raise CommandError("nothing usable was read", returncode=3)
        if options["fail"] == "bug":
            raise RuntimeError("a bug")
        if options["fail"] == "escape":
            raise CommandError(chr(27) + "[31m: no such file")
        if options["fail"] == "interrupt":
            raise KeyboardInterrupt
        self.stdout.write("number %d port %s" % (options["number"], os.environ["CLOUDIGRADE_PORT"]))
        if self.database:
            from django.db import connection
            with connection.cursor() as cursor:
                cursor.execute("SELECT count(*), current_database() FROM django_migrations WHERE app = 'cloudigrade'")
                migrations, name = cursor.fetchone()
            self.stdout.write("database %s migrations %s" % (name, migrations > 0))
            self.stdout.write(os.environ["DATABASE_URL"])
            self.stdout.flush()
        if options["fail"] == "terminate":
            os.kill(os.getpid(), signal.SIGTERM)
        if options["fail"] == "hangup":
            os.kill(os.getpid(), signal.SIGHUP)
        if options["fail"] == "pipe":
            sys.stdin.readline()
            self.stdout.write("x" * 1_000_000)
'''
_DRIVER = """
import sys
import cloudigrade.management.commands as commands
commands.__path__.append(sys.argv.pop(1))
from cloudigrade.__main__ import main
sys.exit(main())
"""


@pytest.fixture(scope="session")
def probes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("probes")
    for name, database in {"plain": None, "brief": "temporary", "lasting": "existing"}.items():
        (folder / f"{name}.py").write_text(_PROBE.format(name=name, database=database))
    return folder


@pytest.fixture
def here(probes, monkeypatch, capsys):
    """Runs the command in this process: status, output, errors."""
    monkeypatch.setattr(cloudigrade.management.commands, "__path__", [str(probes)])
    monkeypatch.setenv("CLOUDIGRADE_PORT", "8000")
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}

    def run(*arguments):
        with same_log():
            try:
                status: object = command_line.main(arguments)
            except SystemExit as end:
                status = end.code
        return status, *capsys.readouterr()

    yield run
    for number, action in before.items():
        signal.signal(number, action)


@pytest.fixture
def apart(probes):
    """Runs the command in a process of its own: status, output lines, errors."""

    def run(*arguments, **variables):
        command = [sys.executable, "-c", _DRIVER, str(probes), *map(str, arguments)]
        done = subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout.splitlines(), done.stderr

    return run


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"], ["help"]])
def test_help_lists_our_commands_and_no_others(here, arguments):
    status, output, errors = here(*arguments)
    listed = [line for line in output.splitlines() if line.startswith("  ")]
    assert listed == [
        "  brief    tell what brief was given",
        "  lasting  tell what lasting was given",
        "  plain    tell what plain was given",
    ]
    assert (status, errors) == (0, "")


def test_version(here):
    assert here("--version") == (0, f"cloudigrade {version('cloudigrade')}\n", "")


def test_an_unknown_command_is_one_line(here):
    assert here("plan") == (2, "", "cloudigrade: error: no command 'plan'; did you mean plain?\n")
    assert here("xyz") == (2, "", "cloudigrade: error: no command 'xyz'; see cloudigrade --help\n")


def test_a_command_without_database(here):
    assert here("plain", "--number", "7") == (0, "number 7 port 8001\n", "")


def test_a_wrong_option_shows_the_usage(here):
    status, output, errors = here("plain", "--nmber", "7")
    assert (status, output) == (2, "")
    assert errors.startswith("usage: cloudigrade plain ")
    assert "unrecognized arguments" in errors


def test_the_help_of_a_command_has_none_of_djangos_options(here):
    status, output, _ = here("plain", "--help")
    assert status == 0
    assert output.startswith("usage: cloudigrade plain [-h] [--data DATA] [--number NUMBER] [--fail FAIL]\n")
    assert not {"--settings", "--traceback", "--no-color", "--verbosity", "--version"} & set(output.split())


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--number", "-1"], 2, "cloudigrade: error: --number must not be negative\n"),
        (["--fail", "error"], 3, "cloudigrade: error: nothing usable was read\n"),
        (["--fail", "interrupt"], 130, ""),
    ],
)
def test_exit_status_and_one_line(here, arguments, status, message):
    assert here("plain", *arguments) == (status, "", message)


@pytest.mark.parametrize(("fail", "status"), [("terminate", 143), ("hangup", 129)])
def test_a_signal_unwinds(here, fail, status):
    assert here("plain", "--fail", fail)[0] == status


def test_a_message_steers_no_terminal(here):
    status, _, errors = here("plain", "--fail", "escape")
    assert (status, errors) == (1, "cloudigrade: error: \N{REPLACEMENT CHARACTER}[31m: no such file\n")


def test_a_bug_is_loud(here):
    with pytest.raises(RuntimeError, match="a bug"):
        here("plain", "--fail", "bug")


def test_a_module_without_our_base_is_a_bug(here, probes, monkeypatch, tmp_path):
    (tmp_path / "foreign.py").write_text("from django.core.management.base import BaseCommand as Command\n")
    monkeypatch.setattr(cloudigrade.management.commands, "__path__", [str(tmp_path)])
    with pytest.raises(TypeError, match="command foreign is no"):
        here("foreign")


def test_wrong_configuration_is_told_before_anything_runs(apart):
    status, output, errors = apart("brief", CLOUDIGRADE_PORT="0", IDENTITY_HEADER_TRUSTED="x")
    assert (status, output) == (2, [])
    assert errors.splitlines() == [
        "cloudigrade: error: the configuration is wrong:",
        "  CLOUDIGRADE_PORT: Input should be greater than or equal to 1",
        "  IDENTITY_HEADER_TRUSTED: Input should be a valid boolean, unable to interpret input",
    ]


def test_a_single_mistake_of_the_configuration_is_one_line(apart):
    assert apart("brief", AWS_ENDPOINT_URL="nonsense") == (
        2,
        [],
        "cloudigrade: error: the configuration is wrong: AWS_ENDPOINT_URL: is no URL such as http://127.0.0.1:5000\n",
    )


def test_bad_usage_is_told_before_a_database_starts(apart, tmp_path):
    status, _, errors = apart("brief", "--number", -1, "--data", tmp_path / "data")
    assert (status, errors) == (2, "cloudigrade: error: --number must not be negative\n")
    assert not (tmp_path / "data").exists()


def _databases():
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        return {name for (name,) in connection.execute("SELECT datname FROM pg_database")}


@pytest.mark.parametrize(("fail", "status"), [("", 0), ("terminate", 143)])
def test_a_temporary_database_on_a_given_server_is_dropped(apart, fail, status):
    before = _databases()  # other processes' tests make and drop some of their own meanwhile
    ended, output, errors = apart("brief", "--fail", fail)
    assert ended == status, errors
    name = output[1].split()[1]
    assert output[1] == f"database {name} migrations True"
    assert name.startswith("cloudigrade_")
    assert name not in before
    assert name not in _databases()


def test_a_temporary_database_without_a_server_brings_one(apart):
    status, output, errors = apart("brief", DATABASE_URL="")
    assert (status, errors) == (0, "")
    assert output[1] == "database cloudigrade migrations True"
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(output[2])


def test_a_data_folder_beats_a_given_server_for_what_is_temporary(apart, tmp_path):
    status, output, errors = apart("brief", "--data", tmp_path / "data")
    assert (status, errors) == (0, "")
    assert output[2] != os.environ["DATABASE_URL"]
    assert (tmp_path / "data" / "postgres" / "PG_VERSION").exists()
    assert not (tmp_path / "data" / "postgres" / "postmaster.pid").exists()


def test_the_existing_database_is_the_given_one(apart, tmp_path):
    status, output, errors = apart("lasting", "--data", tmp_path / "data")
    assert (status, errors) == (0, "")
    assert output[2] == os.environ["DATABASE_URL"]
    assert (tmp_path / "data" / "queue" / "messages").is_dir()


def test_the_existing_database_is_else_that_of_the_data_folder(apart, tmp_path):
    status, _, errors = apart("lasting", DATABASE_URL="", CLOUDIGRADE_DATA=str(tmp_path / "data"))
    assert (status, errors) == (0, "")
    assert (tmp_path / "data" / "postgres" / "PG_VERSION").exists()


def test_a_data_folder_that_cannot_be_is_one_line(apart, tmp_path):
    (tmp_path / "file").touch()
    for name in ("brief", "lasting"):
        status, _, errors = apart(name, "--data", tmp_path / "file", DATABASE_URL="")
        assert status == 1
        assert errors.startswith(f"cloudigrade: error: cannot use {tmp_path}/file as data folder: ")
        assert errors.count("\n") == 1


def test_a_server_that_does_not_answer_is_one_line(apart):
    for name in ("brief", "lasting"):
        status, _, errors = apart(name, DATABASE_URL="postgresql:///x?host=/nonexistent")
        assert status == 1
        assert errors.startswith("cloudigrade: error: ")
        assert errors.count("\n") == 1


def test_a_database_of_a_newer_version_is_left_alone(db, monkeypatch):
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('cloudigrade', '9999_later', now())")
    monkeypatch.setattr(command_line, "call_command", pytest.fail)

    with pytest.raises(cluster.DatabaseProblem, match=r"^the database was made by a newer cloudigrade"):
        command_line._migrate()


def test_a_reader_that_leaves_is_no_error(probes):
    command = [sys.executable, "-c", _DRIVER, str(probes), "plain", "--fail", "pipe"]
    with subprocess.Popen(command, stdin=-1, stdout=-1, stderr=-1, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "number 0 port 8001\n"
        process.stdout.close()
        process.stdin.close()  # now it may write, and nobody reads
        assert process.stderr.read() == ""
    assert process.returncode == 1


def test_djangos_own_commands_are_behind_a_word():
    done = subprocess.run(
        [
            Path(sys.executable).with_name("cloudigrade"),
            "django",
            "diffsettings",
            "--default",
            "django.conf.global_settings",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "ROOT_URLCONF = 'cloudigrade.config.urls'" in done.stdout


def test_commands_can_be_called_from_python(here):
    command = command_line._load("plain")
    with pytest.raises(CommandError, match="unrecognized arguments"):
        call_command(command, "--nonsense")
