"""Who made an OpenPGP signature, by what the signature itself says; nothing is verified here."""

from collections.abc import Iterator
from typing import Final

_SIGNATURE: Final = 2
_MOST_PACKETS: Final = 16
_KEY_ID: Final = 8
_ISSUER, _ISSUER_FINGERPRINT = 16, 33
_FINGERPRINT_V4: Final = 20


def issuers(content: bytes) -> Iterator[str]:
    """Key ids, 16 hexadecimal digits in lower case, of the signatures in the packets; nothing in what is none."""
    place = 0
    for _ in range(_MOST_PACKETS):
        if place >= len(content):
            return
        tag, start, length = _packet(content, place)
        if tag < 0:
            return
        if tag == _SIGNATURE:
            yield from _of_signature(content[start : start + length])
        place = start + length


def _packet(content: bytes, place: int) -> tuple[int, int, int]:
    """Kind of a packet, where its body begins, and its length; kind -1 for what is no packet."""
    first = content[place]
    if not first & 0x80:
        return -1, 0, 0
    if first & 0x40:
        length, start = _new_length(content, place + 1)
        return (first & 0x3F, start, length) if length >= 0 else (-1, 0, 0)
    size = (1, 2, 4, 0)[first & 3]
    start = place + 1 + size
    length = int.from_bytes(content[place + 1 : start], "big") if size else len(content) - start
    return (first >> 2) & 0xF, start, length


def _new_length(content: bytes, place: int) -> tuple[int, int]:
    """A length of the newer form, which subpackets have as well, and where it ends; -1 where there is none."""
    if place >= len(content):
        return -1, place
    first = content[place]
    if first < 192:  # noqa: PLR2004  # RFC 9580, 4.2.1
        return first, place + 1
    if first == 255:  # noqa: PLR2004
        return int.from_bytes(content[place + 1 : place + 5], "big"), place + 5
    if place + 1 >= len(content):
        return -1, place
    return ((first - 192) << 8) + content[place + 1] + 192, place + 2


def _of_signature(body: bytes) -> Iterator[str]:
    version = body[0] if body else 0
    if version in (2, 3):
        if len(body) >= 15:  # noqa: PLR2004  # version, length, type, time, key id
            yield body[7:15].hex()
    elif version in (4, 5, 6):
        size = 4 if version == 6 else 2  # noqa: PLR2004  # how long the count of subpackets is
        hashed = 4 + size + int.from_bytes(body[4 : 4 + size], "big")
        unhashed = hashed + size + int.from_bytes(body[hashed : hashed + size], "big")
        found = [*_of_subpackets(body[4 + size : hashed]), *_of_subpackets(body[hashed + size : unhashed])]
        yield from dict.fromkeys(found)


def _of_subpackets(content: bytes) -> Iterator[str]:
    place = 0
    while place < len(content):
        length, start = _new_length(content, place)
        if length < 1:
            return
        body = content[start : start + length]
        kind = body[0] & 0x7F if body else 0
        if kind == _ISSUER and len(body) == 1 + _KEY_ID:
            yield body[1:].hex()
        elif kind == _ISSUER_FINGERPRINT and len(body) >= 2 + _FINGERPRINT_V4:
            # The key id is the end of a fingerprint of version 4, and the beginning of a later one.
            yield (body[-_KEY_ID:] if body[1] == 4 else body[2 : 2 + _KEY_ID]).hex()  # noqa: PLR2004
        place = start + length
