"""The header of one package, as every form of the database keeps it: bytes in, name, vendor and signers out."""

import base64
import binascii
import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from cloudigrade.inspector.reading import Damaged
from cloudigrade.inspector.rpmdb.openpgp import issuers

_NAME, _VERSION, _RELEASE, _VENDOR, _ARCHITECTURE = 1000, 1001, 1002, 1011, 1022
_TEXTS: Final = frozenset({_NAME, _VERSION, _RELEASE, _VENDOR, _ARCHITECTURE})
_BINARY_SIGNATURES: Final = frozenset({259, 262, 267, 268})
"""Over header and content, RSA and DSA; over the header alone, DSA and RSA."""
_TEXT_SIGNATURES: Final = 278
"""Of rpm 6 (and backported to RHEL 10): any number of signatures in base64."""
_WANTED: Final = _TEXTS | _BINARY_SIGNATURES | {_TEXT_SIGNATURES}
_BINARY, _TEXT, _TEXT_LIST, _TRANSLATED_TEXT = 7, 6, 8, 9
_ENTRY: Final = 16
_MOST_ENTRIES: Final = 65_536
_MOST_SIGNATURES: Final = 16
_LONGEST_SIGNATURE: Final = 64 * 1024
_LONGEST_TEXT: Final = 256


class Package(NamedTuple):
    """An installed package."""

    name: str
    version: str = ""
    release: str = ""
    architecture: str = ""
    vendor: str = ""
    keys: tuple[str, ...] = ()
    """Ids of the keys that signed it, each once."""


def parse(header: bytes) -> Package:
    """The package of a header; raises Damaged for what is none."""
    if len(header) < 8:  # noqa: PLR2004  # two counts
        raise Damaged("a package's header is cut off")
    entries, size = struct.unpack_from(">II", header)
    start = 8 + entries * _ENTRY
    if entries > _MOST_ENTRIES or start + size > len(header):
        raise Damaged("a package's header is longer than it is stored")
    texts: dict[int, str] = {}
    keys: list[str] = []
    for tag, kind, offset, count in struct.iter_unpack(">4I", header[8:start]):
        if tag not in _WANTED or offset >= size:
            continue
        if tag in _TEXTS:
            texts.setdefault(tag, _text(header, start + offset, start + size, kind))
        else:
            keys += _signers(
                header[start + offset : min(start + size, start + offset + _LONGEST_SIGNATURE)], kind, count
            )
    if not texts.get(_NAME):
        raise Damaged("a package has no name")
    return Package(
        texts[_NAME],
        texts.get(_VERSION, ""),
        texts.get(_RELEASE, ""),
        texts.get(_ARCHITECTURE, ""),
        texts.get(_VENDOR, ""),
        tuple(dict.fromkeys(keys)),
    )


def _text(header: bytes, start: int, end: int, kind: int) -> str:
    if kind not in (_TEXT, _TRANSLATED_TEXT):
        return ""
    stop = header.find(b"\0", start, min(end, start + _LONGEST_TEXT))
    return header[start : stop if stop >= 0 else min(end, start + _LONGEST_TEXT)].decode("utf-8", "replace")


def _signers(content: bytes, kind: int, count: int) -> Iterator[str]:
    """The signers by what begins with the tag's value."""
    if kind == _BINARY:
        yield from issuers(content[:count])
    elif kind in (_TEXT, _TEXT_LIST):
        most = min(count, _MOST_SIGNATURES)
        for text in content.split(b"\0", most)[:most]:
            try:
                yield from issuers(base64.b64decode(text))
            except binascii.Error:
                continue
