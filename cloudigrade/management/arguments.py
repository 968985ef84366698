"""Texts of the command line into values, each mistake with a sentence of its own."""

import argparse
import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from django.core.management.base import CommandError

BAD_USAGE = 2


def day(text: str) -> date:
    """The date that the text gives."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date (YYYY-MM-DD)") from None


def name(text: str) -> str:
    """The text, which can be stored and compared; raises a CommandError for bytes that are no text."""
    try:
        text.encode()
    except UnicodeEncodeError:
        # one line, and not the usage: the option itself is right
        raise CommandError(f"{text!r} is not UTF-8 text", returncode=BAD_USAGE) from None
    return text


def add_format(parser: argparse.ArgumentParser, formats: Sequence[str] = ("table", "json")) -> None:
    """The option `--format`; the first of them unless told otherwise."""
    parser.add_argument("--format", choices=formats, default=formats[0], help=f"default: {formats[0]}")


def add_data(parser: argparse.ArgumentParser) -> None:
    """The option `--data` of what works on the installation's data."""
    parser.add_argument("--data", type=Path, metavar="DIR", help="data folder of cloudigrade up")


def aws_account(text: str) -> str:
    """The account id that the text is."""
    if not re.fullmatch(r"[0-9]{12}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not an account id of 12 digits, leading zeros included")
    return text
