"""A command of ours with the tests' own database: its arguments as from the shell, what it said, how it ended."""

import io
import sys
from typing import NamedTuple

import pytest
from django.core.management.base import CommandError

from cloudigrade.management.base import Command


class Told(NamedTuple):
    """What it said, and how it ended."""

    status: int
    out: str
    err: str


class Terminal(io.StringIO):
    """Where somebody types these lines."""

    def isatty(self) -> bool:
        return True


class Operator:
    """Runs commands, and types an answer where there is one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, said: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._said = said
        self.at_terminal(None)

    def at_terminal(self, typed: str | None) -> None:
        """Somebody is there and types this; None: nobody is there."""
        self._monkeypatch.setattr(sys, "stdin", io.StringIO() if typed is None else Terminal(typed))

    def run(self, command: Command, name: str, *arguments: object) -> Told:
        self._said.readouterr()
        try:
            options = vars(command.create_parser("cloudigrade", name).parse_args([*map(str, arguments)]))
            command.validate(options)
            command.execute(**options)
        except CommandError as error:
            return Told(error.returncode, self._said.readouterr().out, str(error))
        except SystemExit as end:
            return Told(int(end.code or 0), *self._said.readouterr())
        return Told(0, *self._said.readouterr())
