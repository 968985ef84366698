"""Texts of the command line into values, each mistake with a sentence of its own."""

import argparse
import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from django.core.management.base import CommandError

BAD_USAGE = 2
LONGEST_NAME = 1_000
"""Bytes; longer than anything that has a name, and short enough for every index."""
OPERATOR = "local"
"""Organisation id of the customer whose things an operator's are, unless told otherwise."""
MOST = 2**63 - 1
"""That the database counts to."""


def day(text: str) -> date:
    """The date that the text gives."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date (YYYY-MM-DD)") from None


def name(text: str) -> str:
    """The text, which can be stored and compared; raises a CommandError for bytes that are no text, or too many."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        # one line, and not the usage: the option itself is right
        raise CommandError(f"{text[:100]!r} is not UTF-8 text", returncode=BAD_USAGE) from None
    if size > LONGEST_NAME:
        raise CommandError(f"{text[:20]!r}... is longer than {LONGEST_NAME} bytes", returncode=BAD_USAGE)
    return text


def number(text: str) -> int:
    """The number from 1 on that the text is; one that is larger than any there is, is the largest."""
    if not re.fullmatch(r"[0-9]{1,1000}", text) or not text.strip("0"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 on")
    return min(int(text), MOST)


def add_format(parser: argparse.ArgumentParser, formats: Sequence[str] = ("table", "json")) -> None:
    """The option `--format`; the first of them unless told otherwise."""
    parser.add_argument("--format", choices=formats, default=formats[0], help=f"default: {formats[0]}")


def add_data(parser: argparse.ArgumentParser) -> None:
    """The option `--data` of what works on the installation's data."""
    parser.add_argument("--data", type=Path, metavar="DIR", help="data folder of cloudigrade up")


def add_customer(parser: argparse.ArgumentParser) -> None:
    """The option `--customer` of an operator who looks after one customer's things."""
    parser.add_argument("--customer", default=OPERATOR, metavar="ORG_ID", type=name, help=f"default: {OPERATOR}")


def aws_account(text: str) -> str:
    """The account id that the text is."""
    if not re.fullmatch(r"[0-9]{12}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not an account id of 12 digits, leading zeros included")
    return text
