"""An operator at the shell: `cloudigrade accounts` in this process, on a fake cloud."""

import io
import sys
from typing import Self

import pytest
from django.core.management.base import CommandError

from cloudigrade.management.commands import accounts as command
from tests.management.operating import Terminal


class Said(str):
    """Standard output, and standard error beside it."""

    __slots__ = ("err",)
    err: str

    def __new__(cls, out: str, err: str) -> Self:
        """As two strings."""
        said = super().__new__(cls, out)
        said.err = err
        return said


class Shell:
    """Runs the command as from the shell."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.capsys = capsys
        self.monkeypatch = monkeypatch

    def run(self, *arguments: object, typed: str | None = None) -> Said:
        """What it said; `typed` at a terminal."""
        self.monkeypatch.setattr(sys, "stdin", io.StringIO("") if typed is None else Terminal(typed))
        made = command.Command()
        options = vars(made.create_parser("cloudigrade", "accounts").parse_args(list(map(str, arguments))))
        self.capsys.readouterr()
        made.validate(options)
        made.execute(**options)
        return Said(*self.capsys.readouterr())

    def fails(self, *arguments: object) -> tuple[int, str]:
        """The error that ends it: status and message."""
        with pytest.raises(CommandError) as caught:
            self.run(*arguments)
        message = str(caught.value)
        assert "\n" not in message
        return caught.value.returncode, message

    def column(self, number: int, *arguments: object) -> list[str]:
        """One column of the table that it prints."""
        lines = self.run(*(arguments or ("list",))).splitlines()
        return [line.strip("│").split("│")[number].strip() for line in lines if line.startswith("│")]
