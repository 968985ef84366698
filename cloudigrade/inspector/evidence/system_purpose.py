"""What the customer says that the system is for; any shape is carried on, nothing of it is evidence."""

import json
from typing import Final, NamedTuple, NoReturn

from cloudigrade.inspector.evidence.sources import FAILURES
from cloudigrade.inspector.files import Files

PATH: Final = "/etc/rhsm/syspurpose/syspurpose.json"
LONGEST: Final = 1024
_DEEPEST: Final = 32


class SystemPurpose(NamedTuple):
    """The file and what it means."""

    text: str | None = None
    """None: no file, or too long a one."""
    value: object = None
    """Any JSON; None where the text is none, or says nothing."""


def read(files: Files) -> SystemPurpose:
    """What the file says; its failures are nobody's concern, since nothing depends on it."""
    try:
        content = files.read(PATH, limit=LONGEST)
    except FAILURES:
        return SystemPurpose()
    return SystemPurpose() if content is None else parse(content)


def parse(content: bytes) -> SystemPurpose:
    """The value in the file's content, whatever its shape."""
    text = content[:LONGEST].decode("utf-8", "replace")
    try:
        value = json.loads(content, parse_constant=_refuse) if _is_shallow(text) else None
    except (ValueError, RecursionError):
        value = None
    return SystemPurpose(text, value or None)


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON")


def _is_shallow(text: str) -> bool:
    return text.count("[") + text.count("{") <= _DEEPEST
