"""Installed packages as rpm keeps them, in three forms, written apart from the tests of what reads them."""

import sqlite3
import struct
import tempfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

RED_HAT = 0x199E2F91FD431D51
RED_HAT_AUXILIARY = 0x5054E4A45A6340B3
CENTOS = 0x05B555B38483C65D
ROCKY = 0x702D426D350D275D
ORACLE = 0x82562EA9AD986DA3

_NAME, _VERSION, _RELEASE, _VENDOR, _ARCHITECTURE = 1000, 1001, 1002, 1011, 1022
_REGION, _RSA_SIGNATURE = 63, 268
_BINARY, _STRING = 7, 6


class Package(NamedTuple):
    """An installed package."""

    name: str
    signer: int = 0
    """Id of the key; 0: not signed."""
    version: str = "1.0"
    release: str = "1.el9"
    vendor: str = "Red Hat, Inc."
    old_signature: bool = False
    """OpenPGP version 3, as RHEL up to 7 has it."""


def red_hat(count: int, *, signer: int = RED_HAT, release: str = "") -> list[Package]:
    """So many packages signed by Red Hat, and the release package, if named, among them."""
    packages = [Package(f"package-{number}", signer) for number in range(count)]
    return packages + ([Package(release, signer, "9.4")] if release else [])


def header(package: Package) -> bytes:
    """The package's header as it lies in a database."""
    fields = [
        (_RSA_SIGNATURE, _BINARY, _signature(package)) if package.signer else None,
        (_NAME, _STRING, package.name.encode() + b"\0"),
        (_VERSION, _STRING, package.version.encode() + b"\0"),
        (_RELEASE, _STRING, package.release.encode() + b"\0"),
        (_VENDOR, _STRING, package.vendor.encode() + b"\0"),
        (_ARCHITECTURE, _STRING, b"x86_64\0"),
    ]
    index, store = b"", b""
    present = [field for field in fields if field is not None]
    for tag, kind, content in present:
        index += struct.pack(">IIII", tag, kind, len(store), len(content) if kind == _BINARY else 1)
        store += content
    count = len(present) + 1
    region = struct.pack(">IIII", _REGION, _BINARY, len(store), 16)
    store += struct.pack(">IIiI", _REGION, _BINARY, -16 * count, 16)
    return struct.pack(">II", count, len(store)) + region + index + store


def _signature(package: Package) -> bytes:
    signer = package.signer.to_bytes(8, "big")
    number = b"\x04\x00" + bytes(range(128))  # a number of 1024 bits
    if package.old_signature:
        body = b"\x03\x05\x00" + b"\x50\x00\x00\x00" + signer + b"\x01\x02\xab\xcd" + number
    else:
        hashed = b"\x05\x02\x60\x00\x00\x00"  # when
        body = b"\x04\x00\x01\x08" + struct.pack(">H", len(hashed)) + hashed
        unhashed = b"\x09\x10" + signer  # by whom
        body += struct.pack(">H", len(unhashed)) + unhashed + b"\xab\xcd" + number
    return b"\x89" + struct.pack(">H", len(body)) + body


def sqlite(packages: Sequence[Package], *, is_write_ahead: bool = True) -> bytes:
    """rpmdb.sqlite of RHEL 9 and later, marked as written ahead of, as rpm leaves it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rpmdb.sqlite"
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)")
        connection.execute("CREATE TABLE Name (key TEXT NOT NULL, hnum INTEGER NOT NULL, idx INTEGER NOT NULL)")
        connection.executemany("INSERT INTO Packages (blob) VALUES (?)", [(header(each),) for each in packages])
        connection.commit()
        if is_write_ahead:
            connection.execute("PRAGMA journal_mode = WAL")
        connection.close()
        return path.read_bytes()


def write_ahead(before: Sequence[Package], later: Sequence[Package]) -> tuple[bytes, bytes]:
    """The database and its -wal when rpm was stopped before all was moved over."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rpmdb.sqlite"
        path.write_bytes(sqlite(before))
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.executemany("INSERT INTO Packages (blob) VALUES (?)", [(header(each),) for each in later])
        connection.commit()
        files = path.read_bytes(), path.with_name("rpmdb.sqlite-wal").read_bytes()
        connection.close()
        return files


_PAGE = 4096
_METADATA, _HASH, _OVERFLOW = 8, 13, 7


def berkeley(packages: Sequence[Package], *, order: str = "<") -> bytes:
    """Packages of RHEL up to 8: a hash of Berkeley DB; most headers lie on pages of their own, small ones inline."""
    inside = _PAGE - 26
    items: list[tuple[bytes, bytes]] = [
        (struct.pack(order + "I", 0), b"\x01" + struct.pack(order + "I", len(packages)))
    ]
    chains: list[bytes] = []
    following = 2  # page 0 is the metadata, page 1 the only bucket
    for number, package in enumerate(packages, 1):
        content = header(package)
        item = b"\x03\0\0\0" + struct.pack(order + "II", following, len(content))
        parts = [content[start : start + inside] for start in range(0, len(content), inside)]
        for position, part in enumerate(parts):
            is_last = position == len(parts) - 1
            chains.append(_overflow(order, following, 0 if is_last else following + 1, part))
            following += 1
        items.append((struct.pack(order + "I", number), item))
    buckets = [items[start : start + 100] for start in range(0, len(items), 100)]
    pages = [_bucket(order, 1, following if len(buckets) > 1 else 0, buckets[0]), *chains]
    for position, bucket in enumerate(buckets[1:]):
        is_last = position == len(buckets) - 2
        pages.append(_bucket(order, following + position, 0 if is_last else following + position + 1, bucket))
    metadata = struct.pack(order + "8xIIII", 0, 0x061561, 9, _PAGE) + bytes([0, _METADATA, 0, 0])
    metadata += struct.pack(order + "II", 0, len(pages))
    return b"".join([metadata.ljust(_PAGE, b"\0"), *pages])


def _overflow(order: str, page: int, after: int, content: bytes) -> bytes:
    top = struct.pack(order + "8xIIIHH", page, 0, after, 1, len(content)) + bytes([0, _OVERFLOW])
    return (top + content).ljust(_PAGE, b"\0")


def _bucket(order: str, page: int, after: int, items: list[tuple[bytes, bytes]]) -> bytes:
    content, offsets = bytearray(_PAGE), []
    free = _PAGE
    for key, value in items:
        for entry in (b"\x01" + key, value):
            free -= len(entry)
            content[free : free + len(entry)] = entry
            offsets.append(free)
    top = struct.pack(order + "8xIIIHH", page, 0, after, len(offsets), free) + bytes([0, _HASH])
    top += b"".join(struct.pack(order + "H", offset) for offset in offsets)
    content[: len(top)] = top
    return bytes(content)


def ndb(packages: Sequence[Package]) -> bytes:
    """Packages.db of SUSE."""
    slots, blobs = b"", b""
    block = 4096 // 16
    for number, package in enumerate(packages, 1):
        content = header(package)
        blob = struct.pack("<4sIII", b"BlbS", number, 1, len(content)) + content
        blob += b"\0" * (-(len(content) + 12) % 16)
        blob += struct.pack("<II4s", zlib.adler32(blob), len(content), b"BlbE")
        count = len(blob) // 16
        slots += struct.pack("<4sIII", b"Slot", number, block, count)
        blobs += blob
        block += count
    unused = struct.pack("<4sIII", b"Slot", 0, 0, 0)
    top = struct.pack("<4sIIIIIII", b"RpmP", 0, 1, 1, len(packages) + 1, 0, 0, 0) + slots
    return top + unused * ((4096 - len(top)) // 16) + blobs
