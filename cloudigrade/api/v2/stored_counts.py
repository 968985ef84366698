"""A customer's days in, their stored answers out as JSON, which the database sends only where it changed."""

from collections import OrderedDict
from datetime import date
from threading import Lock
from typing import NamedTuple

from django.db import connection

ROOM = 8 * 2**20
_OVERHEAD = 512  # bytes that a page needs beside its text, roughly


class Page(NamedTuple):
    """Which days of which customer."""

    customer_id: int
    first: date
    last: date


class Answer(NamedTuple):
    """The answers of a page's days, and the versions of the rows that they were made from, as one text."""

    versions: str
    text: bytes


class Shelf:
    """The answers used last, as many as there is room for."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._answers: OrderedDict[Page, Answer] = OrderedDict()
        self._lock = Lock()

    def take(self, page: Page) -> Answer | None:
        """What it holds of the page, from now on the one used last."""
        with self._lock:
            if page in self._answers:
                self._answers.move_to_end(page)
            return self._answers.get(page)

    def keep(self, page: Page, answer: Answer) -> None:
        """It holds the page's answer, and where that is too much, no longer those used longest ago."""
        with self._lock:
            replaced = self._answers.pop(page, None)
            self._answers[page] = answer
            self._room += (_size(replaced) if replaced else 0) - _size(answer)
            while self._room < 0:
                self._room += _size(self._answers.popitem(last=False)[1])


def _size(answer: Answer) -> int:
    return len(answer.text) + len(answer.versions) + _OVERHEAD


# A row's place and the transaction that wrote it change with every update. When it was calculated
# tells databases apart, should a process meet more than one.
_ROWS = """
WITH stored AS (
    SELECT day, maximum_counts, concat_ws(' ', id, xmin, ctid, computed_at) AS version
    FROM cloudigrade_concurrentusage
    WHERE customer_id = %s AND day BETWEEN %s AND %s
), summary AS (
    SELECT count(*) AS days, md5(string_agg(version, ';' ORDER BY day)) AS versions FROM stored
)
SELECT days, versions, day, maximum_counts
FROM summary LEFT JOIN stored ON versions IS DISTINCT FROM %s
ORDER BY day
"""

_shelf = Shelf(ROOM)


def read(page: Page) -> bytes | None:
    """The answers of the days as a JSON list, as they are stored now; nothing where a day is not calculated."""
    held = _shelf.take(page)
    with connection.cursor() as cursor:
        cursor.execute(_ROWS, [*page, held and held.versions])
        rows = cursor.fetchall()
    days, versions = rows[0][:2]
    if days < (page.last - page.first).days + 1:
        return None
    if held is None or held.versions != versions:
        held = Answer(versions, _text(rows))
        _shelf.keep(page, held)
    return held.text


def _text(rows: list[tuple[int, str, date, str]]) -> bytes:
    text = bytearray()
    for _, _, day, counts in rows:
        # The counts are JSON already, and go in as they are.
        text += b',{"date":"%s","maximum_counts":%s}' % (day.isoformat().encode(), counts.encode())
    text[:1] = b"["
    text += b"]"
    return bytes(text)
