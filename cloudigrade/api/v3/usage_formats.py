"""Answers about usage as JSON, CSV and Parquet: the same columns in each."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec
import numpy as np
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from cloudigrade.domain import days
from cloudigrade.services.breakdown import METRICS, Answer, Question

PARQUET = "application/vnd.apache.parquet"
_LINES = 2_000
"""Of CSV, sent at a time."""


class Shown(NamedTuple):
    """What is shown."""

    granularity: str
    question: Question
    answer: Answer

    def facts(self) -> dict[str, Any]:
        """What the figures are, without a word of whose."""
        return {
            "start": _text(self.question.boundaries[0]),
            "end": _text(self.question.boundaries[-1]),
            "as_of": _text(self.question.as_of),
            "granularity": self.granularity,
            "group_by": list(self.question.group_by),
            "rhel": {True: "true", False: "false", None: "all"}[self.question.is_rhel],
        }


def as_json(shown: Shown) -> HttpResponseBase:
    """Intervals, each with its groups."""
    answer, names = shown.answer, shown.question.group_by
    by_interval = {
        interval: [
            {**dict(zip(names, row.group, strict=True)), **dict(zip(METRICS, row.metrics, strict=True))} for row in rows
        ]
        for interval, rows in groupby(answer.rows(), key=attrgetter("interval"))
    }
    intervals = [
        {"start": start, "end": end, "complete": complete, "groups": by_interval.get(place, [])}
        for place, (start, end, complete) in enumerate(_intervals(answer))
    ]
    content = msgspec.json.encode({**shown.facts(), "intervals": intervals})
    return HttpResponse(content, content_type="application/json")


def as_csv(shown: Shown) -> HttpResponseBase:
    """One line for each group of each interval, sent while it is written."""
    answer = StreamingHttpResponse(_csv(shown), content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = 'attachment; filename="usage.csv"'
    return answer


def _csv(shown: Shown) -> Iterator[bytes]:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(["start", "end", "complete", *shown.question.group_by, *METRICS])
    intervals = [(start, end, "true" if complete else "false") for start, end, complete in _intervals(shown.answer)]
    for number, row in enumerate(shown.answer.rows(), start=1):
        writer.writerow([*intervals[row.interval], *row.group, *row.metrics])
        if number % _LINES == 0:
            yield _taken(buffer)
    yield _taken(buffer)


def _taken(buffer: io.StringIO) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode()


def as_parquet(shown: Shown) -> HttpResponseBase:
    """The same rows, typed."""
    # costs half a second and much memory, which processes that never make one do without
    import pyarrow as pa  # noqa: PLC0415
    from pyarrow import parquet  # noqa: PLC0415

    answer, usage = shown.answer, shown.answer.usage
    bounds = np.array(answer.boundaries, "datetime64[s]")
    when = pa.timestamp("ms", tz="UTC")  # Parquet knows no seconds
    columns = {
        "start": pa.array(bounds[usage.interval], pa.timestamp("s")).cast(pa.timestamp("ms")).cast(when),
        "end": pa.array(bounds[usage.interval + 1], pa.timestamp("s")).cast(pa.timestamp("ms")).cast(when),
        "complete": pa.array(np.array(answer.complete, bool)[usage.interval]),
        **{
            name: pa.DictionaryArray.from_arrays(
                pa.array(usage.group.astype(np.int32)), pa.array([group[at] for group in answer.groups], pa.string())
            ).cast(pa.string())
            for at, name in enumerate(shown.question.group_by)
        },
        **{name: pa.array(getattr(usage, name)) for name in METRICS},
    }
    facts = {"cloudigrade": msgspec.json.encode(shown.facts())}
    sink = io.BytesIO()
    parquet.write_table(pa.table(columns).replace_schema_metadata(facts), sink, compression="zstd")
    given = HttpResponse(sink.getvalue(), content_type=PARQUET)
    given.headers["Content-Disposition"] = 'attachment; filename="usage.parquet"'
    return given


FORMATS: Mapping[str, Callable[[Shown], HttpResponseBase]] = {"json": as_json, "csv": as_csv, "parquet": as_parquet}


def _intervals(answer: Answer) -> list[tuple[str, str, bool]]:
    texts = [_text(second) for second in answer.boundaries]
    return list(zip(texts, texts[1:], answer.complete, strict=False))


def _text(second: int) -> str:
    return f"{days.instant(second).isoformat()[:19]}Z"  # strftime gives early years fewer than four digits
