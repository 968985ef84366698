"""Usage as CSV and Parquet: the same rows as in JSON."""

import csv
import io
import json

import pyarrow as pa
import pytest
from pyarrow import parquet

from cloudigrade.api.v3 import usage_formats
from tests.api.v3.metered import ASKED, METRICS, MONDAY, TUESDAY


def flat(answer):
    return [
        {"start": each["start"], "end": each["end"], "complete": each["complete"], **group}
        for each in answer["intervals"]
        for group in each["groups"]
    ]


def test_csv_has_the_same_rows(asking, metered, monkeypatch):
    monkeypatch.setattr(usage_formats, "_LINES", 2)
    response = asking.get("usage", **ASKED, format="csv")
    expected = flat(asking.get("usage", **ASKED).json())

    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    text = b"".join(response.streaming_content).decode()
    assert list(csv.DictReader(io.StringIO(text))) == [
        {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in row.items()}
        for row in expected
    ]
    assert len(expected) == 3


def test_parquet_has_the_same_rows_with_types(asking, metered):
    response = asking.get("usage", **ASKED, format="parquet")
    expected = flat(asking.get("usage", **ASKED).json())

    assert response.headers["Content-Type"] == "application/vnd.apache.parquet"
    table = parquet.read_table(io.BytesIO(response.content))
    assert {field.name: field.type for field in table.schema} == {
        "start": pa.timestamp("ms", tz="UTC"),
        "end": pa.timestamp("ms", tz="UTC"),
        "complete": pa.bool_(),
        "payer": pa.string(),
        "instance_type": pa.string(),
        **dict.fromkeys(METRICS, pa.int64()),
    }
    rows = [row | {name: f"{row[name]:%Y-%m-%dT%H:%M:%SZ}" for name in ("start", "end")} for row in table.to_pylist()]
    assert rows == expected
    assert json.loads(table.schema.metadata[b"cloudigrade"]) == {
        "start": "2026-03-02T00:00:00Z",
        "end": "2026-03-04T00:00:00Z",
        "as_of": "2026-03-04T00:00:00Z",
        "granularity": "day",
        "group_by": ["payer", "instance_type"],
        "rhel": "all",
    }


@pytest.mark.parametrize("form", ["json", "csv", "parquet"])
def test_nothing_at_all_can_be_told_in_every_format(asking, stored, form):
    response = asking.get("usage", start=MONDAY, end=TUESDAY, group_by="payer", format=form)

    assert response.status_code == 200
    assert b"".join(response) != b""


def test_o13_years_have_four_digits_whatever_year_it_is(asking, metered):
    """O13: `1-01-01T00:00:00Z` is no time."""
    answer = asking.get("usage", start="0001-01-01", end="0001-01-02").json()

    assert (answer["start"], answer["end"]) == ("0001-01-01T00:00:00Z", "0001-01-02T00:00:00Z")
