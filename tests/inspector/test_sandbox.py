"""The sandbox: a child can do nothing but ask for bytes and answer, and whatever else it tries ends it."""

import os
import select
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from cloudigrade.inspector import channel, reading, sandbox
from cloudigrade.inspector.reading import Content
from cloudigrade.inspector.sandbox import Limits, Sandbox

ROOT = Path(__file__).parents[2]
QUICK = Limits(processor_seconds=1, seconds=1, seconds_to_conclude=0.5)
DISK = {"disk": Content(bytes(range(256)) * 100)}


@pytest.fixture
def run():
    """Runs a function of `misbehaving`."""
    sandboxes = []

    def _run(work, disks=DISK, limits=QUICK):
        sandboxes.append(Sandbox(f"tests.inspector.misbehaving:{work}"))
        return sandboxes[-1].run(disks, limits=limits)

    yield _run
    for each in sandboxes:
        each.close()


def test_the_child_reads_what_the_parent_gives_it_of_every_disk(run):
    disks = {"one": Content(b"a" * 100), "two": Content(b"b" * 10 + b"c" * 90)}

    ran = run("read_parts", disks)

    assert (ran.answer, ran.trouble, ran.reads, ran.bytes_read) == ({"one": "a" * 20, "two": "c" * 20}, "", 2, 40)


def test_long_reads_are_made_of_several(run):
    ran = run("read_whole", {"disk": Content(bytes(channel.LONGEST_READ * 2 + 1))})

    assert (ran.answer, ran.reads) == ({"disk": channel.LONGEST_READ * 2 + 1}, 3)


def test_s7_nothing_of_the_machine_is_within_reach_of_the_child(run):
    """S7: no file, process, network or privilege, whoever starts the inspection."""
    ran = run("attempt_everything")

    assert ran.trouble == ""
    assert ran.answer is not None
    assert len(ran.answer) == 11
    assert set(ran.answer.values()) <= {"PermissionError", "OSError", "BlockingIOError", "RuntimeError"}


class _Looking:
    """Looks at the child that asks it."""

    size = 100

    def __init__(self, working):
        self._working = working

    def read(self, _offset, length, /):
        zygote = self._working._born.process.pid
        child = int(Path(f"/proc/{zygote}/task/{zygote}/children").read_text())
        folder = Path(f"/proc/{child}")
        status = dict(line.split(":\t", 1) for line in (folder / "status").read_text().splitlines())
        self.seen = {
            "users": set(status["Uid"].split()),
            "groups": set(status["Gid"].split()) | set(status["Groups"].split()),
            "capabilities": int(status["CapEff"], 16) | int(status["CapPrm"], 16),
            "no new privileges": status["NoNewPrivs"],
            "seccomp": status["Seccomp"],
            "environment": (folder / "environ").read_bytes() if os.getuid() == 0 else b"",
            "directory": str((folder / "cwd").readlink()) if os.getuid() == 0 else "/",
            "session": os.getsid(child) == child,
        }
        return bytes(length)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_s7_the_child_of_root_is_nobody_and_may_gain_nothing():
    """S7: the original's container was root and privileged."""
    working = Sandbox("tests.inspector.misbehaving:tell_failure")
    disk = _Looking(working)

    working.run({"disk": disk})
    working.close()

    assert disk.seen == {
        "users": {str(os.getuid() or 65534)},
        "groups": {str(os.getgid() or 65534)} | ({str(group) for group in os.getgroups()} if os.getuid() else set()),
        "capabilities": 0,
        "no new privileges": "1",
        "seccomp": "2",
        "environment": b"",
        "directory": "/",
        "session": True,
    }


@pytest.mark.parametrize(
    ("work", "trouble"),
    [
        ("overrun_memory", "needs more memory than it may have"),
        ("spin", "needs more processor time than it may have"),
        ("sleep", "takes more time than it may"),
        ("drip", "says what it must not say: "),
        ("crash", "was ended by signal 11"),
        ("raise_secret", "met KeyError in misbehaving.py, line "),
        ("leave", "ended without an answer"),
        ("read_beyond", "says what it must not say: bytes beyond the end of disk 0"),
        ("read_another_disk", "says what it must not say: disk 7, 1 bytes"),
        ("read_too_much", "says what it must not say: disk 0, 1073741824 bytes"),
        ("announce_too_much", "says what it must not say: a frame of 4294967295 bytes"),
        ("say_unknown", "says what it must not say: a frame of kind 99"),
        ("say_job", "says what it must not say: a frame of kind JOB and 2 bytes"),
        ("answer_no_json", "says what it must not say: no JSON"),
        ("answer_deep", "says what it must not say: no JSON"),
        ("answer_no_number", "says what it must not say: no JSON"),
        ("answer_list", "says what it must not say: no JSON object"),
    ],
)
def test_what_goes_wrong_in_the_child_is_told_and_no_more(run, work, trouble):
    ran = run(work, limits=replace(QUICK, seconds=60) if work == "spin" else QUICK)

    assert ran.answer is None
    assert ran.trouble.startswith(trouble)
    assert "content of the disk" not in ran.trouble


def test_a_child_that_stays_after_its_answer_is_ended(run):
    assert run("answer_and_stay", limits=Limits()).answer == {"a": 1}


@pytest.mark.parametrize(
    ("limits", "count", "reason"),
    [
        (Limits(requests=5), 5, "more than 5 reads"),
        (Limits(bytes_read=1024 * 1024), 1048, "more than 1 MiB to be read"),
    ],
)
def test_a_child_that_reads_too_much_may_still_answer(run, limits, count, reason):
    assert run("read_again_and_again", limits=limits).answer == {"count": count, "reason": reason}


def test_a_child_that_reads_too_long_may_still_answer():
    working = Sandbox("tests.inspector.misbehaving:read_again_and_again")
    seconds = iter(range(1000))

    ran = working.run(DISK, limits=Limits(seconds=100, seconds_to_conclude=100), clock=lambda: next(seconds))
    working.close()

    assert ran.answer is not None
    assert 10 < ran.answer["count"] < 100
    assert ran.answer["reason"] == "more than 100 seconds"


class _Failing:
    size = 100

    def __init__(self, failure):
        self._failure = failure

    def read(self, _offset, _length, /):
        raise self._failure


class _Worse(reading.Damaged):
    pass


@pytest.mark.parametrize(
    ("failure", "name"),
    [
        (reading.Damaged("bad sector"), "Damaged"),
        (_Worse("bad sector"), "Damaged"),
        (reading.Exhausted("bad sector"), "Exhausted"),
        (reading.Unsupported("bad sector"), "Unsupported"),
    ],
)
def test_declared_failures_of_a_disk_are_the_childs(run, failure, name):
    assert run("tell_failure", {"disk": _Failing(failure)}).answer == {"failure": name, "reason": "bad sector"}


def test_other_failures_of_a_disk_are_the_callers(run):
    failure = ConnectionError("the cloud is away")

    with pytest.raises(ConnectionError) as raised:
        run("tell_failure", {"disk": _Failing(failure)})

    assert raised.value is failure


def test_threads_share_a_sandbox():
    working = Sandbox("tests.inspector.misbehaving:read_parts")
    with ThreadPoolExecutor(8) as threads:
        rans = list(
            threads.map(lambda number: working.run({f"{number}": Content(bytes([65 + number]) * 40)}), range(8))
        )
    working.close()

    assert [ran.answer for ran in rans] == [{f"{number}": chr(65 + number) * 20} for number in range(8)]


def test_a_zygote_that_was_killed_is_replaced():
    working = Sandbox("tests.inspector.misbehaving:tell")
    assert working.run(DISK).answer == {"sizes": {"disk": 25600}}
    assert working._born is not None
    working._born.process.kill()
    working._born.process.wait()

    again = working.run(DISK)
    working.close()

    assert again.answer == {"sizes": {"disk": 25600}}


def test_a_zygote_that_is_stopped_is_replaced_and_keeps_nobody_from_ending(monkeypatch):
    monkeypatch.setattr(sandbox, "_PATIENCE", 0.5)
    working = Sandbox("tests.inspector.misbehaving:tell")
    working.run(DISK)
    assert working._born is not None
    stopped = working._born.process
    stopped.send_signal(signal.SIGSTOP)

    with pytest.raises(sandbox.Failed, match="does not answer"):
        working.run(DISK, limits=Limits(seconds=0.1, seconds_to_conclude=0.1))
    assert stopped.poll() == -signal.SIGKILL

    monkeypatch.setattr(sandbox, "_PATIENCE", 30)
    assert working.run(DISK).answer == {"sizes": {"disk": 25600}}
    monkeypatch.setattr(sandbox, "_PATIENCE", 0.5)
    last = working._born.process
    last.send_signal(signal.SIGSTOP)
    working.close()
    assert last.poll() == -signal.SIGKILL


def test_work_that_cannot_be_imported_is_trouble_of_this_machine(capfd):
    with pytest.raises(sandbox.Failed):
        Sandbox("tests.inspector.misbehaving:absent").run(DISK)

    assert "absent" in capfd.readouterr().err


def test_an_interpreter_that_cannot_be_run_is_trouble_of_this_machine(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/absent/python")

    with pytest.raises(sandbox.Failed, match=r"did not start: .Errno 2. No such file"):
        Sandbox("tests.inspector.misbehaving:tell").run(DISK)


def _script(*lines):
    head = [
        "import os, signal",
        "from cloudigrade.inspector.reading import Content",
        "from cloudigrade.inspector.sandbox import Sandbox",
        "disks = {'disk': Content(bytes(100))}",
    ]
    command = [sys.executable, "-c", "\n".join([*head, *lines])]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_forked_process_has_a_zygote_of_its_own():
    with _script(
        "working = Sandbox('tests.inspector.misbehaving:tell')",
        "print(working.run(disks).answer, flush=True)",
        "if os.fork() == 0:",
        "    print(working.run(disks).answer, working._born.process.pid, flush=True)",
        "    os._exit(0)",
        "os.wait()",
        "print(working.run(disks).answer, working._born.process.pid, flush=True)",
        "working.close()",
    ) as process:
        output, errors = process.communicate(timeout=60)

    first, forked, last = output.splitlines()
    assert errors == ""
    assert first == "{'sizes': {'disk': 100}}"
    assert forked.startswith(first)
    assert last.startswith(first)
    assert forked != last


def test_nothing_outlives_a_parent_that_is_killed():
    with _script(
        "working = Sandbox('tests.inspector.misbehaving:sleep')",
        "from threading import Thread",
        "Thread(target=working.run, args=[disks], daemon=True).start()",
        "while working._born is None: pass",
        "print(working._born.process.pid, flush=True)",
        "signal.pause()",
    ) as process:
        assert process.stdout is not None
        zygote = os.pidfd_open(int(process.stdout.readline()))
        process.send_signal(signal.SIGKILL)

        ended, _, _ = select.select([zygote], [], [], 30)
        os.close(zygote)

    assert ended == [zygote]
