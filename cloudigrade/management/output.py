"""A command's result: as JSON for programs, and where it goes, standard output or a file."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from django.core.management.base import CommandError


def check(target: Path | None) -> None:
    """Raise a CommandError where it is plain beforehand that the target cannot be written."""
    if target is None:
        return
    if target.is_dir():
        raise CommandError(f"{target}: is a folder", returncode=2)
    if not target.parent.is_dir():
        raise CommandError(f"{target.parent}: no such folder", returncode=2)
    if not os.access(target if target.exists() else target.parent, os.W_OK):
        raise CommandError(f"{target}: cannot be written", returncode=2)


def write(text: str, target: Path | None) -> None:
    """The text stands in the target; where that fails it goes to standard output, so that the work is not lost."""
    if target is None:
        sys.stdout.write(text)
        return
    try:
        _replace(text, target)
    except OSError as error:
        sys.stdout.write(text)
        reason = error.strerror or str(error)
        raise CommandError(f"{target}: {reason}; the result went to standard output", returncode=1) from error


def as_json(value: object) -> str:
    """The value two spaces deep, named tuples as objects; times are those of UTC."""
    return msgspec.json.format(msgspec.json.encode(_plain(value)), indent=2).decode() + "\n"


def _plain(value: object) -> Any:
    """Named tuples as objects, all the way down."""
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: _plain(part) for name, part in value._asdict().items()}
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value


def _replace(text: str, target: Path) -> None:
    if target.exists() and not target.is_file():  # a device or pipe can only be written to
        target.write_text(text, encoding="utf-8")
        return
    if target.exists():
        target = target.resolve()  # what a link leads to is replaced, not the link: /dev/stdout is one
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask())
        Path(name).replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def _umask() -> int:
    current = os.umask(0o022)
    os.umask(current)
    return current
