"""The three forms of the rpm database, written byte by byte, by sqlite, and by rpm's and Berkeley DB's own tools."""

import shutil
import sqlite3
import struct
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudigrade.inspector.reading import Content, Damaged, Exhausted, Unsupported
from cloudigrade.inspector.rpmdb import berkeley, ndb, sqlite
from tests.inspector import rpm_databases as made
from tests.inspector.evidence_files import RELEASE_KEY, packages, rpm_header

FAILURES = (Damaged, Unsupported, Exhausted)
HEADERS = [
    rpm_header("small", RELEASE_KEY),
    rpm_header("page", RELEASE_KEY, filler=4000),
    rpm_header("large", RELEASE_KEY, filler=100_000),
    rpm_header("last", ""),
]
FORMS = {
    "berkeley-little": (lambda headers: made.berkeley(headers, "<"), berkeley.headers),
    "berkeley-big": (lambda headers: made.berkeley(headers, ">"), berkeley.headers),
    "berkeley-512": (lambda headers: made.berkeley(headers, "<", 512), berkeley.headers),
    "berkeley-64k": (lambda headers: made.berkeley(headers, ">", 65536), berkeley.headers),
    "ndb": (made.ndb, ndb.headers),
    "sqlite": (made.sqlite, sqlite.headers),
    "sqlite-512": (lambda headers: made.sqlite(headers, 512), sqlite.headers),
    "sqlite-64k": (lambda headers: made.sqlite(headers, 65536), sqlite.headers),
}
SEEDS = {name: (build(HEADERS), read) for name, (build, read) in FORMS.items()}


@pytest.mark.parametrize("form", FORMS)
def test_every_header_is_read_whole(form):
    content, read = SEEDS[form]

    assert sorted(read(Content(content))) == sorted(HEADERS)


@pytest.mark.parametrize("form", FORMS)
def test_an_empty_database_has_no_headers(form):
    build, read = FORMS[form]

    assert list(read(Content(build([])))) == []


@pytest.mark.parametrize("form", FORMS)
def test_many_headers_are_read_in_trees_and_slots_of_more_than_one_page(form):
    build, read = FORMS[form]
    headers = packages(600, RELEASE_KEY, filler=300)

    assert sorted(read(Content(build(headers)))) == sorted(headers)


def read_until_failure(read, reader):
    """The headers, and the message of the failure that ended them; no exception but the declared ones is caught."""
    headers = []
    try:
        headers.extend(read(reader))
    except FAILURES as failure:
        return headers, str(failure)
    return headers, ""


@given(form=st.sampled_from(sorted(FORMS)), data=st.data())
def test_damage_is_told_and_ends_soon(form, data):
    content, read = SEEDS[form]
    damaged = bytearray(content)
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(0, len(content) - 1) | st.integers(0, min(200, len(content) - 1)))
        damaged[place] = data.draw(st.integers(0, 255))
    counting = CountingReader(bytes(damaged[: data.draw(st.integers(0, len(content)) | st.just(len(content)))]))

    headers, _ = read_until_failure(read, counting)

    assert sum(map(len, headers)) <= 2 * len(content)
    assert counting.taken <= 40 * len(content) + 1_000_000


@given(form=st.sampled_from(sorted(FORMS)), content=st.binary(max_size=3000), keep=st.integers(0, 128))
def test_arbitrary_bytes_are_damage_or_nothing(form, content, keep):
    seed, read = SEEDS[form]

    headers, failure = read_until_failure(read, Content(seed[:keep] + content))

    assert headers == [] or failure


class CountingReader:
    """Content that knows how many bytes were taken of it."""

    def __init__(self, content):
        self._content = Content(content)
        self.size = len(content)
        self.taken = 0

    def read(self, offset, length, /):
        self.taken += length
        return self._content.read(offset, length)


def test_a_large_berkeley_database_is_read_about_twice_however_its_hash_is_ordered():
    whole = [rpm_header(f"name{number}", RELEASE_KEY, filler=100_000) for number in range(160)]
    content = bytearray(made.berkeley(whole))
    pages_each = 1 + -(-len(whole[0]) // (4096 - 26))
    places = [(3 + number * pages_each) * 4096 - 17 for number in range(160)]
    references = [content[place : place + 12] for place in places]
    for number, place in enumerate(places):
        content[place : place + 12] = references[number * 77 % 160]
    reader = CountingReader(bytes(content))

    assert sorted(berkeley.headers(reader)) == sorted(whole)
    assert reader.taken < 2.2 * reader.size


def test_what_lies_before_a_damaged_page_of_a_berkeley_database_is_read():
    content = bytearray(made.berkeley(HEADERS))
    content[-4096 + 8] ^= 1
    found, error = read_until_failure(berkeley.headers, Content(bytes(content)))

    assert (found, error) == (HEADERS[:3], f"page {len(content) // 4096 - 1} is none")


def test_overflow_pages_that_are_a_circle_end():
    content = bytearray(made.berkeley([rpm_header("large", filler=9000)]))
    struct.pack_into("<I", content, 4096 * 3 + 16, 3)  # the first overflow page is its own successor

    with pytest.raises(Damaged, match="broken"):
        list(berkeley.headers(Content(bytes(content))))


def test_headers_that_share_overflow_pages_are_damage():
    one = bytearray(made.berkeley([rpm_header("large", filler=9000)] * 20))
    shared = [page for page in range(1, len(one) // 4096) if one[4096 * page + 25] == 13][1:]
    where = [page * 4096 + struct.unpack_from("<H", one, page * 4096 + 28)[0] + 4 for page in shared]
    for place in where:
        struct.pack_into("<I", one, place, shared[0] + 1)
    for page in shared * 4:
        one += one[4096 * page : 4096 * page + 4096]
        struct.pack_into("<I", one, len(one) - 4096 + 8, len(one) // 4096 - 1)

    with pytest.raises(Damaged, match="more than once"):
        list(berkeley.headers(Content(bytes(one))))


@pytest.mark.parametrize(
    ("place", "value", "error", "message"),
    [
        (24, 1, Unsupported, "encryption"),
        (26, 1, Unsupported, "checksums"),
        (12, 0x62, Unsupported, "tree"),
        (13, 0, Damaged, "no Berkeley DB hash"),
        (21, 17, Damaged, "pages of"),
        (21, 32, Damaged, "ends before its last page"),
        (21, 8, Damaged, "is none"),
    ],
)
def test_a_berkeley_database_of_another_kind_is_not_read(place, value, error, message):
    content = bytearray(made.berkeley(HEADERS))
    if message == "tree":
        struct.pack_into("<I", content, 12, 0x053162)
    else:
        content[place] = value

    with pytest.raises(error, match=message):
        list(berkeley.headers(Content(bytes(content))))


@pytest.mark.parametrize("place", [12, 36, 40, 44])
def test_slots_that_are_neither_free_nor_in_use_are_damage(place):
    """Their packages would be missed without a word."""
    content = bytearray(made.ndb(HEADERS))
    content[place : place + 4] = bytes(4)

    with pytest.raises(Damaged):
        list(ndb.headers(Content(bytes(content))))


def test_what_only_the_log_has_is_read():
    content, log = made.sqlite_with_log(HEADERS[:2], HEADERS[2:])

    assert sorted(sqlite.headers(Content(content))) == sorted(HEADERS[:2])
    assert sorted(sqlite.headers(Content(content), Content(log))) == sorted(HEADERS)


def test_a_transaction_without_its_commit_is_not_seen():
    more = packages(200, RELEASE_KEY, filler=5000)
    content, log = made.sqlite_with_log(HEADERS[:2], more, committed=False)

    assert len(log) > 32 + 4096
    assert sorted(sqlite.headers(Content(content), Content(log))) == sorted(HEADERS[:2])


@given(st.integers(0, 2**20), st.integers(1, 255))
def test_a_broken_frame_ends_the_log(place, change):
    content, log = LOGGED
    broken = bytearray(log)
    broken[place % len(log)] ^= change

    found, failure = read_until_failure(lambda reader: sqlite.headers(reader, Content(bytes(broken))), Content(content))

    # sqlite's own reader is asked the same
    assert failure or found == _by_sqlite(content, bytes(broken))


LOGGED = made.sqlite_with_log(HEADERS[:2], HEADERS[2:])


def _by_sqlite(content, log):
    """The rows that sqlite itself sees in a database with its log."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "rpmdb.sqlite"
        path.write_bytes(content)
        path.with_name("rpmdb.sqlite-wal").write_bytes(log)
        connection = sqlite3.connect(path)
        try:
            return [row[0] for row in connection.execute("SELECT blob FROM Packages ORDER BY hnum")]
        finally:
            connection.close()


def test_deleted_rows_are_not_read(tmp_path):
    path = tmp_path / "rpmdb.sqlite"
    path.write_bytes(made.sqlite(packages(300, RELEASE_KEY, filler=500)))
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("DELETE FROM Packages WHERE hnum % 3 = 0")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    expected = [row[0] for row in connection.execute("SELECT blob FROM Packages ORDER BY hnum")]
    connection.close()

    assert len(expected) == 200
    assert list(sqlite.headers(Content(path.read_bytes()))) == expected


@pytest.mark.parametrize("tool", [tool for tool in ("db5.3_load",) if shutil.which(tool)])
def test_it_reads_what_berkeley_db_itself_wrote(tool, tmp_path):
    headers = [*HEADERS, *packages(300, RELEASE_KEY, filler=2000)]
    lines = ["VERSION=3", "format=bytevalue", "type=hash", "db_pagesize=4096", "HEADER=END"]
    for number, header in enumerate(headers, start=1):
        lines += [" " + struct.pack("<I", number).hex(), " " + header.hex()]
    text = "\n".join([*lines, "DATA=END", ""])

    subprocess.run([tool, str(tmp_path / "Packages")], input=text.encode(), check=True)

    found = list(berkeley.headers(Content((tmp_path / "Packages").read_bytes())))
    assert sorted(found) == sorted(headers)
