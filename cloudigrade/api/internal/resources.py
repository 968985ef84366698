"""What a list of the internal API shows and is filtered by, as values; `listing` makes views of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.db.models import F, QuerySet
from django.db.models.expressions import Combinable
from rest_framework import serializers

from cloudigrade.api.internal.filters import Filters

Row = dict[str, Any]


class Column(NamedTuple):
    """A field on the wire: where it comes from, and its type."""

    source: str | Combinable | None
    """None: it is not kept, and always null."""
    type: serializers.Field[Any, Any, Any, Any]


def _as_it_is(row: Row) -> Row:
    return row


@dataclass(frozen=True, slots=True)
class Resource:
    """Rows of one kind, as they are on the wire."""

    name: str
    """Of the schema, in the OpenAPI document."""
    path: str
    rows: Callable[[], QuerySet[Any]]
    columns: Mapping[str, Column]
    filters: Filters = field(default_factory=dict)
    shape: Callable[[Row], Row] = _as_it_is
    """The row of the columns into the row on the wire."""
    extra: Mapping[str, serializers.Field[Any, Any, Any, Any]] = field(default_factory=dict)
    """Fields that `shape` adds, with their types."""
    dropped: tuple[str, ...] = ()
    """Columns that `shape` takes away."""

    def read(self, rows: QuerySet[Any]) -> list[Row]:
        """The rows on the wire, in one statement."""
        kept = {name: column.source for name, column in self.columns.items() if column.source is not None}
        sources = [F(source) if isinstance(source, str) else source for source in kept.values()]
        return [
            self.shape(dict.fromkeys(self.columns) | dict(zip(kept, values, strict=True)))
            for values in rows.values_list(*sources)
        ]

    def fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """The fields on the wire with their types."""
        shown = {name: column.type for name, column in self.columns.items() if name not in self.dropped}
        return {**shown, **self.extra}


# Types of fields, for the OpenAPI document


def integer(source: str | Combinable | None, *, null: bool = False) -> Column:
    """A whole number."""
    return Column(source, serializers.IntegerField(allow_null=null or source is None))


def text(source: str | Combinable | None, *, null: bool = False) -> Column:
    """A text."""
    return Column(source, serializers.CharField(allow_null=null or source is None, allow_blank=True))


def decimal(source: str | Combinable, *, null: bool = False) -> Column:
    """A number that need not be whole."""
    field = serializers.DecimalField(max_digits=None, decimal_places=None, coerce_to_string=False, allow_null=null)
    return Column(source, field)


def flag(source: str | Combinable | None) -> Column:
    """A truth value."""
    return Column(source, serializers.BooleanField())


def moment(source: str | Combinable | None, *, null: bool = False) -> Column:
    """A time."""
    return Column(source, serializers.DateTimeField(allow_null=null or source is None))


def json(source: str | Combinable | None) -> Column:
    """Whatever JSON there is, null too."""
    return Column(source, serializers.JSONField())


def times(created: str = "created_at", updated: str = "updated_at") -> dict[str, Column]:
    """When a row came, and when it changed last."""
    return {"created_at": moment(created), "updated_at": moment(updated)}


NO_TIMES = {"created_at": moment(None), "updated_at": moment(None)}
"""Of rows that do not keep them."""


def generic() -> dict[str, Column]:
    """What once led to a second row about the same thing: it has the same id here, and there are no content types."""
    return {"object_id": integer("pk"), "content_type": integer(None)}
