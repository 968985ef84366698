"""The `cloudigrade` command: finds the command, opens the database it wants, runs it, closes everything."""

import contextlib
import difflib
import importlib
import os
import pkgutil
import signal
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.core.management import call_command, execute_from_command_line
from django.core.management.base import CommandError
from django.db import connections
from django.db.migrations.loader import MigrationLoader
from django.db.utils import OperationalError

import cloudigrade.management.commands
from cloudigrade.clouds.aws import keys
from cloudigrade.config import cluster, database, env
from cloudigrade.management.base import Command

USAGE = 2
INTERRUPTED = 130
SIGNALLED = 128


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that the arguments name; the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    # They unwind the stack, so that everything is closed on the way; a nohup is respected.
    for number in (signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda given, _: sys.exit(SIGNALLED + given))
    try:
        return _answer(given)
    except CommandError as error:
        return _complain(str(error), error.returncode)
    except env.Misconfigured as error:
        return _complain(str(error), USAGE)
    except cluster.DatabaseProblem as error:
        return _complain(str(error), 1)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has had enough; nothing may be written at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _complain(message: str, status: int) -> int:
    lines = map(keys.printable, message.split("\n"))  # names of files are others' text
    sys.stderr.write("cloudigrade: error: {}\n".format("\n".join(lines)))
    return status


def _answer(given: list[str]) -> int:
    name = given[0] if given else "--help"
    if name == "--version":
        sys.stdout.write(f"cloudigrade {version('cloudigrade')}\n")
        return 0
    env.select_settings()
    env.read()
    if name == "django":
        execute_from_command_line(["cloudigrade django", *given[1:]])
        return 0
    if name not in ("--help", "-h", "help", *_names()):
        raise CommandError(_unknown(name), returncode=USAGE)
    django.setup()
    if name not in _names():
        sys.stdout.write(_overview())
        return 0
    _run(name, given[1:])
    return 0


def _names() -> list[str]:
    """Commands are called as their modules are, with hyphens for underscores."""
    modules = pkgutil.iter_modules(cloudigrade.management.commands.__path__)
    return sorted(module.name.replace("_", "-") for module in modules)


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, _names(), 1)
    hint = f"did you mean {near[0]}?" if near else "see cloudigrade --help"
    return f"no command {name!r}; {hint}"


def _overview() -> str:
    commands = {name: _load(name).help for name in _names()}
    width = max((len(name) for name in commands), default=0)
    return "\n".join(
        [
            "usage: cloudigrade COMMAND [OPTION ...]",
            "",
            "Meters Red Hat Enterprise Linux in public clouds.",
            "",
            "commands (cloudigrade COMMAND --help shows the options):",
            *(f"  {name.ljust(width)}  {about}" for name, about in commands.items()),
            "",
            "cloudigrade django COMMAND runs a command of Django; cloudigrade --version shows the version.",
            "",
        ]
    )


def _load(name: str) -> Command:
    command = importlib.import_module(f"cloudigrade.management.commands.{name.replace('-', '_')}").Command()
    if not isinstance(command, Command):
        raise TypeError(f"command {name} is no cloudigrade.management.base.Command")
    return command


def _run(name: str, arguments: list[str]) -> None:
    command = _load(name)
    options = vars(command.create_parser("cloudigrade", name).parse_args(arguments))
    command.validate(options)
    env.hand_down(**command.variables)
    with _database(command, options):
        command.execute(**options)
        sys.stdout.flush()


@contextlib.contextmanager
def _database(command: Command, options: dict[str, Any]) -> Iterator[None]:
    """The command's database, migrated; closed again however the command ends."""
    if command.database is None:
        yield
        return
    folder = Path(options["data"]).absolute() if options.get("data") else None
    if command.database == "temporary":
        opened = database.temporary(folder)
    else:
        from cloudigrade.config import celery  # noqa: PLC0415 it reads the settings, which may be wrong before `main`

        celery.use_folder(folder or settings.DATA_FOLDER)
        opened = database.existing(settings.DATA_FOLDER)
    with opened as url:
        database.point_at(url)
        try:
            _migrate()
            yield
        finally:
            connections.close_all()


def _migrate() -> None:
    try:
        _refuse_newer()
        call_command("migrate", interactive=False, verbosity=0)
    except OperationalError as error:
        reason = str(error).strip().split("\n")[0]
        raise cluster.DatabaseProblem(f"the database cannot be used: {reason}") from None


def _refuse_newer() -> None:
    """Raise where the database has what this version does not know of."""
    known = MigrationLoader(connections["default"])
    if any(app == "cloudigrade" for app, _ in set(known.applied_migrations) - set(known.disk_migrations)):
        raise cluster.DatabaseProblem("the database was made by a newer cloudigrade, which must be used for it")


if __name__ == "__main__":
    sys.exit(main())
