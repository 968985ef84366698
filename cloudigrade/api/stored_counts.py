"""A customer's days in, their stored counts out: JSON as bytes, which the database sends only if they are new to us."""

from collections import OrderedDict
from collections.abc import Sequence
from datetime import date
from threading import Lock
from typing import NamedTuple

from django.db import connection

ROOM = 16 * 2**20
_OVERHEAD = 512  # bytes that an entry needs beside its text, roughly


class Counts(NamedTuple):
    """The counts of a day, and the version of the row that holds them."""

    version: str
    text: bytes


class Shelf:
    """The counts used last, by customer and day, as many as there is room for."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._counts: OrderedDict[tuple[int, date], Counts] = OrderedDict()
        self._lock = Lock()

    def take(self, customer_id: int, days: Sequence[date]) -> list[Counts]:
        """What it holds of the days, from now on those used last."""
        with self._lock:
            held = [key for day in days if (key := (customer_id, day)) in self._counts]
            for key in held:
                self._counts.move_to_end(key)
            return [self._counts[key] for key in held]

    def keep(self, customer_id: int, day: date, counts: Counts) -> None:
        """It holds the counts of the day, and where that is too much, no longer those used longest ago."""
        with self._lock:
            replaced = self._counts.pop((customer_id, day), None)
            self._counts[customer_id, day] = counts
            self._room += (_size(replaced) if replaced else 0) - _size(counts)
            while self._room < 0:
                self._room += _size(self._counts.popitem(last=False)[1])


def _size(counts: Counts) -> int:
    return len(counts.text) + _OVERHEAD


# A row's place and the transaction that wrote it change with every update. When it was calculated
# tells databases apart, should a process meet more than one.
_ROWS = """
SELECT day, version, CASE WHEN version = ANY(string_to_array(%s, ';')) THEN NULL ELSE maximum_counts END
FROM (
    SELECT day, maximum_counts, concat_ws(' ', id, xmin, ctid, extract(epoch FROM computed_at)) AS version
    FROM cloudigrade_concurrentusage
    WHERE customer_id = %s AND day BETWEEN %s AND %s
) AS usage
ORDER BY day
"""

_shelf = Shelf(ROOM)


def read(customer_id: int, days: Sequence[date]) -> dict[date, bytes]:
    """The counts of those of the consecutive days that have any, as they are stored now."""
    held = {counts.version: counts for counts in _shelf.take(customer_id, days)}
    with connection.cursor() as cursor:
        cursor.execute(_ROWS, [";".join(held), customer_id, days[0], days[-1]])
        rows = cursor.fetchall()
    texts = {}
    for day, version, text in rows:
        if text is not None:
            held[version] = Counts(version, text.encode())
            _shelf.keep(customer_id, day, held[version])
        texts[day] = held[version].text
    return texts
