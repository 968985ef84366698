"""What a process gives up before it looks at a stranger's disk: identity, files, memory, time, most system calls."""

import ctypes
import os
import platform
import resource
import struct
import sys
from typing import Final

NOBODY: Final = 65534
_NO_NEW_PRIVILEGES: Final = 38
_DUMPABLE: Final = 4
_SECCOMP: Final = 22
_FILTER: Final = 2
_ALLOW: Final = 0x7FFF0000
_REFUSE: Final = 0x00050001  # EPERM
_LOAD: Final = 0x20
_EQUAL: Final = 0x15
_AT_LEAST: Final = 0x35
_RETURN: Final = 0x06
_OTHER_ABI: Final = 0x40000000
_STEP: Final = struct.Struct("HBBI")
_CALLS: Final = {
    "x86_64": "read 0 write 1 close 3 poll 7 lseek 8 mmap 9 mprotect 10 munmap 11 brk 12 rt_sigaction 13 "
    "rt_sigprocmask 14 rt_sigreturn 15 pread64 17 readv 19 writev 20 sched_yield 24 mremap 25 madvise 28 getpid 39 "
    "sendto 44 recvfrom 45 sendmsg 46 recvmsg 47 exit 60 getrusage 98 sigaltstack 131 gettid 186 futex 202 "
    "clock_gettime 228 clock_nanosleep 230 exit_group 231 getrandom 318",
    "aarch64": "read 63 write 64 close 57 ppoll 73 lseek 62 mmap 222 mprotect 226 munmap 215 brk 214 rt_sigaction 134 "
    "rt_sigprocmask 135 rt_sigreturn 139 pread64 67 readv 65 writev 66 sched_yield 124 mremap 216 madvise 233 "
    "getpid 172 sendto 206 recvfrom 207 sendmsg 211 recvmsg 212 exit 93 getrusage 165 sigaltstack 132 gettid 178 "
    "futex 98 clock_gettime 113 clock_nanosleep 115 exit_group 94 getrandom 278",
}
"""By architecture, with the kernel's numbers; none of them opens, names, starts or signals anything."""
_ARCHITECTURES: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""The kernel's marks of them."""


def become_nobody() -> None:
    """Root is root no more, and cannot be again; anybody else stays who they are."""
    if os.geteuid() and os.getuid():
        return
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)


def confine(*, memory: int, processor_seconds: int) -> None:
    """Nothing can be opened, started or signalled, no privilege gained, and no more memory or processor time had."""
    linux = _Linux() if sys.platform == "linux" else None  # loaded before nothing can be any more
    bounds = {
        resource.RLIMIT_AS: memory,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: 0,
        resource.RLIMIT_NPROC: 0,
    }
    for kind, most in bounds.items():
        resource.setrlimit(kind, (most, most))
    resource.setrlimit(resource.RLIMIT_CPU, (processor_seconds, processor_seconds + 1))
    if linux is not None:
        linux.refuse()


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("steps", ctypes.c_char_p)]


class _Linux:
    """What only Linux can refuse a process; where the kernel knows no filters of calls, the other limits still hold."""

    def __init__(self) -> None:
        self._control = ctypes.CDLL(None).prctl
        self._control.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
        self._program = _program(platform.machine())

    def refuse(self) -> None:
        """No privileges by other programs, no look from outside, no calls but the listed ones."""
        self._control(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        self._control(_DUMPABLE, 0, 0, 0, 0)
        if self._program is not None:
            self._control(_SECCOMP, _FILTER, ctypes.addressof(self._program), 0, 0)


def _program(machine: str) -> _Program | None:
    if machine not in _CALLS:
        return None
    allowed = [int(number) for number in _CALLS[machine].split()[1::2]]
    steps = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, _ARCHITECTURES[machine]), (_RETURN, 0, 0, _REFUSE), (_LOAD, 0, 0, 0)]
    steps.append((_AT_LEAST, len(allowed), 0, _OTHER_ABI))
    steps += [(_EQUAL, len(allowed) - number, 0, call) for number, call in enumerate(allowed)]
    steps += [(_RETURN, 0, 0, _REFUSE), (_RETURN, 0, 0, _ALLOW)]
    return _Program(len(steps), b"".join(_STEP.pack(*step) for step in steps))
