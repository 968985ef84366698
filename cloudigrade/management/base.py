"""What every command of ours is: Django's, without Django's own options, and with the database it wants."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from django.core.management.base import BaseCommand, CommandParser

Database = Literal["temporary", "existing"]


class Command(BaseCommand):
    """A command of `cloudigrade`; `CommandError(message, returncode=n)` ends it in one line."""

    database: ClassVar[Database | None] = None
    """What it works on: nothing; data that vanishes unless `--data` keeps it; or the installation's data."""
    variables: ClassVar[Mapping[str, str]] = {}
    """Environment of the processes that it starts."""
    requires_system_checks = []
    _silent: ClassVar[Mapping[str, object]] = {
        "verbosity": 1,
        "settings": None,
        "pythonpath": None,
        "traceback": False,
        "no_color": False,
        "force_color": False,
        "skip_checks": True,
    }

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """The parser with nothing in it but what the command adds."""
        # from the shell: a wrong option, of an action too, shows the usage and exits with 2
        self._called_from_command_line = bool(prog_name)
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_base_argument(self, parser: CommandParser, *args: Any, **kwargs: Any) -> None:
        """Nothing: Django's options would stand in the way of ours."""

    def validate(self, options: Mapping[str, Any]) -> None:
        """Raise a CommandError for what the parser cannot see; no database runs yet."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        """The command has run."""
        return super().execute(*args, **{**self._silent, **options})
