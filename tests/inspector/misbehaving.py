"""Work for the sandbox that does what a parser taken over by its disk might do; imported by the sandbox's children."""

import ctypes
import os
import signal
import socket
import struct
import subprocess
import threading
import time

from cloudigrade.inspector import reading
from cloudigrade.inspector.channel import Kind

CONNECTION = 3
"""The only descriptor that leads anywhere."""


def _outcome(attempt):
    try:
        attempt()
    except (OSError, RuntimeError) as error:
        return type(error).__name__
    return "succeeded"


def tell(disks):
    return {"sizes": {name: disk.size for name, disk in disks.items()}}


def overrun_memory(disks):
    return {"length": len(bytearray(8 << 30))}


def spin(disks):
    while True:
        pass


def sleep(disks):
    time.sleep(3600)


def crash(disks):
    ctypes.string_at(0)


def raise_secret(disks):
    raise KeyError("content of the disk")


def attempt_everything(disks):
    attempts = {
        "open": lambda: open("/etc/hostname"),  # noqa: PTH123, SIM115 as plainly as can be
        "list": lambda: os.listdir("/etc"),  # noqa: PTH208 likewise
        "stat": lambda: os.stat("/etc/hostname"),  # noqa: PTH116 likewise
        "write": lambda: os.open("/tmp/canary", os.O_CREAT | os.O_WRONLY),  # noqa: S108 it must fail
        "remove": lambda: os.unlink("/tmp/canary"),  # noqa: PTH108, S108 it must fail
        "fork": os.fork,
        "thread": threading.Thread(target=int).start,
        "run": lambda: subprocess.run(["true"], check=False),
        "connect": socket.socket,
        "signal": lambda: os.kill(os.getppid(), signal.SIGCONT),
        "become root": lambda: os.setuid(0),
    }
    return {name: _outcome(attempt) for name, attempt in attempts.items()}


def read_parts(disks):
    return {name: disk.read(10, 20).decode() for name, disk in disks.items()}


def read_whole(disks):
    return {name: len(disk.read(0, disk.size)) for name, disk in disks.items()}


def read_again_and_again(disks):
    count = 0
    try:
        while True:
            disks["disk"].read(0, 1000)
            count += 1
    except reading.Exhausted as error:
        return {"count": count, "reason": str(error)}


def tell_failure(disks):
    try:
        disks["disk"].read(0, 1)
    except (reading.Damaged, reading.Exhausted, reading.Unsupported) as error:
        return {"failure": type(error).__name__, "reason": str(error)}
    return {}


def read_beyond(disks):
    os.write(CONNECTION, _frame(Kind.READ, struct.pack("<HQI", 0, 2**63, 2**20)))
    time.sleep(3600)


def read_another_disk(disks):
    os.write(CONNECTION, _frame(Kind.READ, struct.pack("<HQI", 7, 0, 1)))
    time.sleep(3600)


def read_too_much(disks):
    os.write(CONNECTION, _frame(Kind.READ, struct.pack("<HQI", 0, 0, 2**30)))
    time.sleep(3600)


def announce_too_much(disks):
    os.write(CONNECTION, struct.pack("<BI", Kind.ANSWER, 2**32 - 1))
    time.sleep(3600)


def say_unknown(disks):
    os.write(CONNECTION, _frame(99, b""))
    time.sleep(3600)


def say_job(disks):
    os.write(CONNECTION, _frame(Kind.JOB, b"{}"))
    time.sleep(3600)


def drip(disks):
    while True:
        os.write(CONNECTION, b"\x02")
        time.sleep(0.05)


def answer_no_json(disks):
    os.write(CONNECTION, _frame(Kind.ANSWER, b"{"))
    time.sleep(3600)


def answer_deep(disks):
    os.write(CONNECTION, _frame(Kind.ANSWER, b"[" * 1_000_000))
    time.sleep(3600)


def answer_list(disks):
    os.write(CONNECTION, _frame(Kind.ANSWER, b"[]"))
    time.sleep(3600)


def answer_no_number(disks):
    os.write(CONNECTION, _frame(Kind.ANSWER, b'{"a": NaN}'))
    time.sleep(3600)


def answer_and_stay(disks):
    os.write(CONNECTION, _frame(Kind.ANSWER, b'{"a": 1}'))
    time.sleep(3600)


def leave(disks):
    os._exit(0)


def _frame(kind, payload):
    return struct.pack("<BI", kind, len(payload)) + payload


def answer_half(disks):
    return {"rhel_found": True, "errors": [], "drives": {}, "verdict": {"verdict": "rhel"}}
