"""Rows into PostgreSQL in bulk: values go by COPY into a temporary table, one statement takes them from there."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import connection
from psycopg import sql


def stage(table: str, columns: str, rows: Iterable[Sequence[Any]], *, is_joined: bool = True) -> None:
    """Make a temporary table of these rows that lasts until the transaction ends; `columns` as in CREATE TABLE."""
    with connection.cursor() as cursor:
        name = sql.Identifier(table)
        cursor.execute(
            sql.SQL("DROP TABLE IF EXISTS {}; CREATE TEMPORARY TABLE {} ({}) ON COMMIT DROP").format(
                sql.Identifier("pg_temp", table), name, sql.SQL(columns)
            )
        )
        copy_into(table, [column.split()[0] for column in columns.split(",")], rows)
        if is_joined:  # without statistics the planner takes it for a large table
            cursor.execute(sql.SQL("ANALYZE {}").format(name))


def copy_into(table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Append the rows to the table by COPY."""
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    # Django passes on to the driver what it does not know, and leaves the driver's errors as they are
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def transposed(rows: Iterable[Sequence[Any]], width: int) -> list[list[Any]]:
    """The rows as columns, as `unnest` takes them: for some thousand short rows cheaper than a table of their own."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    return columns or [[] for _ in range(width)]


def fetch(query: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
    """All rows of a query; empty for a statement that returns none."""
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return cursor.fetchall() if cursor.description else []


def execute(query: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> int:
    """Run a statement; the number of rows it touched."""
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return int(cursor.rowcount)
