"""An own PostgreSQL from the wheel: a folder in, a database URL out; no port, no root, nothing left behind."""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from urllib.parse import quote

import psycopg
from psycopg import sql

from cloudigrade.config import cluster
from cloudigrade.config.cluster import NAME, DatabaseProblem, Place

__all__ = ["DataInUse", "DatabaseProblem", "Server", "running", "start", "temporary"]

PATIENCE = 60.0
"""Seconds for a server to start or to stop."""
_LARGEST_LOG = 8 << 20

# The keeper is PostgreSQL's parent. It ends the server when our end of the pipe says so or closes, which it does in
# every kind of death, kill -9 included. The server may not listen to signals yet: hence the repetition.
_KEEPER = """
trap '' HUP INT TERM
runtime=$1; shift
exec 3<&0 </dev/null
"$@" 3<&- & server=$!
{ read -r _; while kill -INT $server 2>/dev/null; do sleep 0.5; done; } <&3 & reader=$!
exec 3<&-
wait $server; status=$?
kill -KILL $reader 2>/dev/null
[ $status -ne 0 ] || rm -rf "$runtime"
exit $status
"""

_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "50",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}
_FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class DataInUse(DatabaseProblem):
    """Another process has the data folder."""


class Server:
    """A running PostgreSQL; it ends with `stop`, with the `with` block, or with this process."""

    def __init__(
        self, runtime: Path, keeper: subprocess.Popen[bytes], lock: int | None, address: Path | None = None
    ) -> None:
        self.url = _url(runtime, NAME)
        self._runtime = runtime
        self._keeper = keeper
        self._lock = lock
        self._address = address
        self._owner = os.getpid()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """Nothing of the server runs, and the data folder is free; in a forked child nothing changes."""
        if os.getpid() != self._owner:
            return
        try:
            if self._address is not None:
                self._address.unlink(missing_ok=True)
            _end(self._keeper)
        finally:
            shutil.rmtree(self._runtime, ignore_errors=True)
            if self._lock is not None:
                _release(self._lock)
                self._lock = None


_OURS = frozenset(
    {
        "lock",
        "address",
        "address.new",
        "service.lock",
        "postgres.new",
        "postgres.log",
        "queue",
        "log",
        "demo.json",
        "lost+found",
    }
)
"""What may lie in a data folder before its database is made."""


def start(data: Path) -> Server:
    """A server over the folder's data, which is made where there is none."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        _refuse_foreign(data)
        lock = _claim(data)
    except OSError as error:
        raise DatabaseProblem(f"cannot use {data} as data folder: {error.strerror}") from None
    try:
        server = Server(*_serve(data / "postgres", data / "postgres.log"), lock, data / "address")
        _write_address(data, server.url)
    except BaseException as error:
        _release(lock)
        if isinstance(error, OSError):
            raise DatabaseProblem(f"cannot use the database in {data}: {error.strerror}") from None
        raise
    return server


def running(data: Path) -> str | None:
    """The URL of the server that another process of ours runs over the folder's data; None where none answers."""
    try:
        url = (data / "address").read_text(encoding="utf-8")
        psycopg.connect(url).close()
    except (OSError, psycopg.Error):
        return None
    return url


def _write_address(data: Path, url: str) -> None:
    """Other processes of ours find the server; the address is a folder's name and no secret."""
    new = data / "address.new"
    new.write_text(url, encoding="utf-8")
    new.replace(data / "address")


def _refuse_foreign(data: Path) -> None:
    """Raise where the folder holds something, but nothing of ours: it was hardly meant."""
    names = {entry.name for entry in data.iterdir() if not entry.name.startswith(".")}
    if names - _OURS and "postgres" not in names:
        raise DatabaseProblem(f"{data} is not empty, and holds no data of cloudigrade")


def temporary() -> Server:
    """A server over an empty database that vanishes with it, and takes no care of power cuts."""
    return Server(*_serve(None, None), None)


def _claim(data: Path) -> int:
    lock = os.open(data / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.read(lock, 20).decode("ascii", "replace").strip()
        os.close(lock)
        raise DataInUse(f"{data} is in use by another cloudigrade (process {owner or 'unknown'})") from None
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    return lock


def _release(lock: int) -> None:
    # Forked children may still hold the file open, so closing it alone would not unlock it.
    fcntl.flock(lock, fcntl.LOCK_UN)
    os.close(lock)


def _serve(kept: Path | None, log: Path | None) -> tuple[Path, subprocess.Popen[bytes]]:
    account = cluster.account_for(kept)
    with cluster.place(account) as place:
        folder = kept or place.runtime / "postgres"
        log = log or place.runtime / "log"
        cluster.ensure_cluster(place, folder, [] if kept else ["--no-sync"])
        keeper = _launch(place, folder, log, _SETTINGS if kept else _SETTINGS | _FORGETFUL)
        try:
            _await_answer(keeper, place.runtime, log)
            _ensure_database(place.runtime)
        except BaseException:
            _end(keeper)
            raise
        return place.runtime, keeper


def _launch(place: Place, folder: Path, log: Path, settings: dict[str, str]) -> subprocess.Popen[bytes]:
    given = settings | {"unix_socket_directories": str(place.runtime)} | _access(place)
    options = [part for name, value in given.items() for part in ("-c", f"{name}={value}")]
    with cluster.held(place.account, folder) as (descriptor, path), _log(log) as output:
        _await_predecessor(descriptor, folder)
        command = [str(place.programs / "postgres"), "-D", path, *options]
        # The descriptor takes its lock along: the folder stays locked until the last process of the server is gone.
        return subprocess.Popen(  # noqa: S603 the wheel's own programs
            ["/bin/sh", "-c", _KEEPER, "keeper", str(place.runtime), *command],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            cwd="/",
            env=cluster.bare_environment(),
            start_new_session=True,
            pass_fds=[descriptor],
            user=place.account.user,
            group=place.account.group,
            extra_groups=place.account.groups,
        )


def _access(place: Place) -> dict[str, str]:
    """Settings and files by which nobody connects but the system user that we are."""
    rules = place.runtime / "pg_hba.conf"
    rules.write_text("local all all peer map=owner\n", encoding="ascii")
    owner = cluster.own_name()
    people = place.runtime / "pg_ident.conf"
    people.write_text(f'owner "{owner}" {NAME}\n', encoding="utf-8")
    for path in (rules, people):
        place.account.give(path)
    return {"hba_file": str(rules), "ident_file": str(people)}


@contextlib.contextmanager
def _log(path: Path) -> Iterator[IO[bytes]]:
    is_large = path.exists() and path.stat().st_size > _LARGEST_LOG
    with path.open("wb" if is_large else "ab") as output:
        yield output


def _await_predecessor(descriptor: int, folder: Path) -> None:
    """No process of an earlier server of the folder runs, and none of its marks misleads the next one."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            # Its owner is dead, as we hold the data folder; its keeper ends it, and we do if that died as well.
            _interrupt_server(folder)
            if time.monotonic() > deadline:
                raise DataInUse(f"{folder} is in use by another PostgreSQL server that does not end") from None
            time.sleep(0.1)
    mark = folder / "postmaster.pid"
    if mark.exists() and not _is_postgres(_pid(mark)):
        # Its number may belong to some other process by now, for which PostgreSQL would refuse to start.
        mark.unlink(missing_ok=True)


def _interrupt_server(folder: Path) -> None:
    with contextlib.suppress(OSError, ValueError):
        pid = _pid(folder / "postmaster.pid")
        if _is_postgres(pid):
            os.kill(pid, signal.SIGINT)


def _pid(mark: Path) -> int:
    return int(mark.read_text(encoding="ascii").split("\n", 1)[0])


def _is_postgres(pid: int) -> bool:
    """Whether such a process runs; where the system does not show processes as files, it may be."""
    processes = Path("/proc")
    if not (processes / "self" / "stat").exists():
        return True
    with contextlib.suppress(OSError):
        words = (processes / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").split()
        # A zombie is dead, but PostgreSQL would take it for alive.
        return words[1] == "(postgres)" and words[2] != "Z"
    return False


def _await_answer(keeper: subprocess.Popen[bytes], runtime: Path, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        if keeper.poll() is not None or time.monotonic() > deadline:
            reason = cluster.worst_line(_end_of(log)) or "no reason given"
            raise DatabaseProblem(f"the database does not start: {reason}")
        try:
            psycopg.connect(_url(runtime, "postgres")).close()
        except psycopg.OperationalError:
            time.sleep(0.02)
        else:
            return


def _end_of(log: Path) -> str:
    try:
        return log.read_text(encoding="utf-8", errors="replace")[-20_000:]
    except OSError:
        return ""


def _ensure_database(runtime: Path) -> None:
    with psycopg.connect(_url(runtime, "postgres"), autocommit=True) as connection:
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [NAME]).fetchone()
        if known is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(NAME)))


def _url(runtime: Path, database: str) -> str:
    return f"postgresql://{NAME}@/{database}?host={quote(str(runtime), safe='')}"


def _end(keeper: subprocess.Popen[bytes]) -> None:
    """The server has ended: cleanly, or at last by force."""
    if keeper.stdin is not None:
        with contextlib.suppress(BrokenPipeError, ValueError):
            # A line, not just the closed pipe: forked children may hold their copy of our end.
            keeper.stdin.write(b"\n")
            keeper.stdin.flush()
        with contextlib.suppress(BrokenPipeError):
            keeper.stdin.close()
    try:
        keeper.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        os.killpg(keeper.pid, signal.SIGKILL)
        keeper.wait()
