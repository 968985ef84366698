"""Rows as a table for people: as wide in a file as in a terminal, and safe to show."""

import io
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

from cloudigrade.clouds.aws import keys

WIDTH = 120


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A line per row; what others wrote cannot steer the reader's terminal."""
    made = Table()
    for heading in headings:
        made.add_column(heading, overflow="fold")
    for row in rows:
        made.add_row(*(keys.printable(str(cell)) for cell in row))
    written = io.StringIO()
    Console(file=written, width=WIDTH, no_color=True, highlight=False, markup=False).print(made)
    return "".join(f"{line.rstrip()}\n" for line in written.getvalue().splitlines())
