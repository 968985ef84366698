"""Rpm databases of every form, written byte by byte or by sqlite; headers in, the content of a file out."""

import sqlite3
import struct
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

_ITEM_HERE, _ITEM_ELSEWHERE = 1, 3


def berkeley(headers: Sequence[bytes], order: str = "<", page_size: int = 4096) -> bytes:
    """A hash of Berkeley DB: one hash page for each header, which is on overflow pages where it is long."""
    pages = [b""]
    for number, header in enumerate([b"\0\0\0\0", *headers]):
        place = len(pages)
        pages.append(b"")
        if len(header) < page_size // 4:
            value = bytes([_ITEM_HERE]) + header
        else:
            value = struct.pack(f"{order}B3xII", _ITEM_ELSEWHERE, place + 1, len(header))
            pages += _overflow(header, order, page_size, place + 1)
        key = bytes([_ITEM_HERE]) + struct.pack(f"{order}I", number)
        pages[place] = _hash_page(place, key, value, order, page_size)
    meta = struct.pack(f"{order}8xIIIIBBBB", 0, 0x061561, 9, page_size, 0, 8, 0, 0)
    meta += struct.pack(f"{order}II", 0, len(pages) - 1)
    pages[0] = meta.ljust(page_size, b"\0")
    return b"".join(pages)


def _hash_page(number: int, key: bytes, value: bytes, order: str, page_size: int) -> bytes:
    key_start = page_size - len(key)
    value_start = key_start - len(value)
    head = struct.pack(f"{order}8xIIIHHBB", number, 0, 0, 2, value_start, 0, 13)
    places = struct.pack(f"{order}HH", key_start, value_start)
    return (head + places).ljust(value_start, b"\0") + value + key


def _overflow(content: bytes, order: str, page_size: int, first: int) -> list[bytes]:
    room = page_size - 26
    parts = [content[place : place + room] for place in range(0, len(content), room)]
    pages = []
    for index, part in enumerate(parts):
        following = first + index + 1 if index + 1 < len(parts) else 0
        head = struct.pack(f"{order}8xIIIHHBB", first + index, 0, following, 1, len(part), 0, 7)
        pages.append((head + part).ljust(page_size, b"\0"))
    return pages


def ndb(headers: Sequence[bytes]) -> bytes:
    """The form of SUSE: a page or more of slots, then the headers in blocks of 16 bytes."""
    slot_pages = (32 + 16 * len(headers)) // 4096 + 1
    slots, blobs = b"", b""
    for index, header in enumerate(headers, start=1):
        blob = struct.pack("<4sIII", b"BlbS", index, 1, len(header)) + header
        blob = blob.ljust((len(blob) + 12 + 15) // 16 * 16 - 12, b"\0") + struct.pack("<II4s", 0, len(header), b"BlbE")
        start = (slot_pages * 4096 + len(blobs)) // 16
        slots += struct.pack("<4sIII", b"Slot", index, start, len(blob) // 16)
        blobs += blob
    head = struct.pack("<4sIIII12x", b"RpmP", 0, 1, slot_pages, len(headers) + 1)
    empty = b"Slot" + bytes(12)
    table = head + slots
    table += empty * ((slot_pages * 4096 - len(table)) // 16)
    return table + blobs


_TABLES = (
    "CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)",
    "CREATE TABLE 'Name' (key TEXT NOT NULL, hnum INTEGER NOT NULL, idx INTEGER NOT NULL)",
    "CREATE INDEX 'Name_key_idx' ON 'Name'(key ASC)",
)


def sqlite(headers: Sequence[bytes], page_size: int = 4096) -> bytes:
    """As rpm leaves it: in the mode of a write-ahead log, which is empty."""
    return sqlite_with_log(headers, (), page_size)[0]


def sqlite_with_log(
    headers: Sequence[bytes], logged: Sequence[bytes], page_size: int = 4096, *, committed: bool = True
) -> tuple[bytes, bytes]:
    """A database, and a log with more headers that the database itself does not have."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "rpmdb.sqlite"
        connection = sqlite3.connect(path, isolation_level=None)
        try:
            connection.execute(f"PRAGMA page_size = {page_size}")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA wal_autocheckpoint = 0")
            for statement in _TABLES:
                connection.execute(statement)
            _insert(connection, headers)
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            if not committed:
                connection.execute("PRAGMA cache_size = 1")  # so that pages go to the log before the commit
                connection.execute("PRAGMA cache_spill = 1")
                connection.execute("BEGIN")
            _insert(connection, logged)
            return path.read_bytes(), path.with_name("rpmdb.sqlite-wal").read_bytes()
        finally:
            connection.close()


def _insert(connection: sqlite3.Connection, headers: Sequence[bytes]) -> None:
    connection.executemany("INSERT INTO Packages (blob) VALUES (?)", [(header,) for header in headers])
