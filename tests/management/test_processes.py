"""Processes of ours, with small shell scripts for programs."""

import os
import time
from pathlib import Path

import pytest
from django.core.management.base import CommandError

from cloudigrade.management import claims, processes
from cloudigrade.management.processes import Processes, Program
from tests.management.running import are_gone, await_that


@pytest.fixture
def said():
    return []


@pytest.fixture
def run(tmp_path, said):
    """The scripts as programs named a, b and so on."""

    def make(*scripts, patience=5.0):
        programs = [
            Program(name=name, command=("/bin/sh", "-c", script), patience=patience)
            for name, script in zip("abc", scripts, strict=False)
        ]
        return Processes(programs, logs=tmp_path / "log", say=said.append)

    return make


@pytest.fixture
def clock(monkeypatch):
    """Time that passes when it is told to."""
    now = [1000.0]
    monkeypatch.setattr("cloudigrade.management.processes.time.monotonic", lambda: now[0])
    return now


def _log(tmp_path: Path, name: str = "a") -> str:
    return (tmp_path / "log" / f"{name}.log").read_text()


def _await_end(running):
    for _ in range(3000):
        if running._all[0]._running.poll() is not None:
            return
        time.sleep(0.01)
    raise AssertionError("it still runs")


def test_they_stop_in_the_order_given_each_in_its_time(run, tmp_path, said):
    record = f'trap "echo $0 >> {tmp_path}/order; exit" TERM; echo ready; while :; do sleep 0.01; done'
    with run(record.replace("$0", "a"), record.replace("$0", "b"), record.replace("$0", "c")):
        await_that(lambda: [_log(tmp_path, name) for name in "abc"] == ["ready\n"] * 3)

    assert (tmp_path / "order").read_text().split() == ["a", "b", "c"]
    assert said == []


def test_who_does_not_end_in_time_is_killed_with_all_it_started(run, tmp_path, said):
    with run("trap '' TERM; sleep 1000 & echo $! $$; wait; wait", patience=0.1):
        await_that(lambda: _log(tmp_path).count("\n") == 1)
        pids = dict.fromkeys(map(int, _log(tmp_path).split()), "")
        assert not are_gone(pids)

    await_that(lambda: are_gone(pids))
    assert said == ["the a did not end in 0 s and was killed"]


def test_nothing_is_left_when_the_pipe_closes(run, tmp_path):
    """As it does when we are killed: the watch ends the whole group."""
    running = run("trap '' HUP INT TERM; sleep 1000 & echo $! $$; wait")
    with running:
        await_that(lambda: _log(tmp_path).count("\n") == 1)
        pids = dict.fromkeys(map(int, _log(tmp_path).split()), "")

        running._all[0]._running.stdin.close()

        await_that(lambda: are_gone(pids))


def test_who_ends_is_started_again_after_a_growing_pause(run, tmp_path, said, clock):
    with run("echo started; exit 3") as running:
        for pause in (1, 2, 4):
            _await_end(running)
            running.check()
            clock[0] += pause - 0.5
            running.check()
            assert running._all[0]._running is None
            clock[0] += 0.5
            running.check()
        _await_end(running)

    log = tmp_path / "log" / "a.log"
    assert said == [f"the a ended with status 3 and is started again in {pause} s; see {log}" for pause in (1, 2, 4)]
    assert _log(tmp_path) == "started\n" * 4


def test_who_ends_again_and_again_ends_it_all(run, tmp_path, clock):
    def live():
        with run("kill -KILL $$") as running:
            while True:
                _await_end(running)
                running.check()
                clock[0] += 32
                running.check()

    with pytest.raises(CommandError, match=r"the a ended with SIGKILL, again and again; see .*a\.log"):
        live()


def test_a_steady_life_makes_up_for_earlier_ends(run, said, clock):
    with run("exit 1") as running:
        for _ in range(processes.MOST_ENDS + 3):
            _await_end(running)
            clock[0] += processes.STEADY + 1
            running.check()
            clock[0] += 1
            running.check()

    assert {line.partition(";")[0] for line in said} == {"the a ended with status 1 and is started again in 1 s"}


def test_a_log_does_not_grow_without_end(run, tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "LARGEST_LOG", 10)
    with run("echo 0123456789; while ! test -e go; do sleep 0.01; done; echo after; sleep 1000".replace(
        "go", str(tmp_path / "go")
    )) as running:  # fmt: skip
        await_that(lambda: len(_log(tmp_path)) > 10)
        running.check()
        (tmp_path / "go").touch()
        await_that(lambda: _log(tmp_path) == "after\n")

    assert (tmp_path / "log" / "a.log.1").read_text() == "0123456789\n"


def test_a_folder_that_cannot_be_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CommandError, match=r"cannot use .*file/data as data folder: Not a directory"):
        claims.claim_folder(tmp_path / "file" / "data")


def test_a_folder_is_claimed_once(tmp_path):
    claims.claim_folder(tmp_path / "data")
    with pytest.raises(CommandError, match=rf"data is in use by another cloudigrade \(process {os.getpid()}\)"):
        claims.claim_folder(tmp_path / "data")


@pytest.mark.enable_socket
def test_only_this_machine_reaches_the_port():
    with claims.claim_port(0) as listener:
        assert listener.getsockname()[0] == "127.0.0.1"
        assert listener.getsockname()[1] > 0
