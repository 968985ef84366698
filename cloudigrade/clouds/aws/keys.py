"""Object keys and paths of trails: where a file lies, in; what it is, whose it is and its stable name, out."""

import re
from typing import Final, NamedTuple
from urllib.parse import unquote_plus

_LAYOUT: Final = re.compile(r"(?:.*/)?(AWSLogs/(?:o-[0-9a-z]+/)?([0-9]{12})/([^/]+)(?:/(.*))?)", re.DOTALL)
_REGION: Final = re.compile(r"([a-z]{2,8}(?:-[a-z]+)+-[0-9]+)/")
_FILE: Final = re.compile(r"([0-9]{12})_CloudTrail_([a-z0-9-]{1,32})_[0-9]{8}T[0-9]{4}Z_[^/]*", re.DOTALL)
_OTHER_FILE: Final = re.compile(r"_CloudTrail-[A-Za-z]+_")

OTHER_ENDING: Final = "is neither .json nor .json.gz"
"""Why a file is skipped that may be a log file all the same, if somebody names it."""


class Place(NamedTuple):
    """What a key or path says of its file."""

    name: str = ""
    """From AWSLogs/ on; empty outside the layout."""
    account: str = ""
    region: str = ""
    skipped: str = ""
    """Why it is no log file; empty if it is one."""


def place_of(path: str) -> Place:
    """What the path says, by the layout of CloudTrail's buckets or else by the file's own name."""
    file = path.rpartition("/")[2]
    layout = _LAYOUT.fullmatch(path)
    if layout is None:
        named = _FILE.fullmatch(file)
        account, region = named.groups() if named else ("", "")
        return Place("", account, region, _unwanted(file))
    name, account, service, rest = layout.groups()
    region = _REGION.match(rest or "")
    skipped = _unwanted(file) if service == "CloudTrail" else f"belongs to {service}"
    return Place(name, account, region[1] if region else "", skipped)


def decoded_key(key: str) -> str:
    """The object's key, from the form that S3 notifications carry it in."""
    return unquote_plus(key)


def printable(name: str) -> str:
    """The name on one line and storable, whatever bytes its file system allowed."""
    if name.isprintable():
        return name
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in name)


def _unwanted(file: str) -> str:
    if _OTHER_FILE.search(file):
        return "is a digest or insight file"
    return "" if file.endswith((".json", ".json.gz")) else OTHER_ENDING
