"""Texts of the command line into values, each mistake with a sentence of its own."""

import argparse
import re
from datetime import date


def day(text: str) -> date:
    """The date that the text gives."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date (YYYY-MM-DD)") from None


def aws_account(text: str) -> str:
    """The account id that the text is."""
    if not re.fullmatch(r"[0-9]{12}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not an account id of 12 digits, leading zeros included")
    return text
