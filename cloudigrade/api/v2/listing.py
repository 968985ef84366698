"""What a customer may see of one kind: read in one statement, whether a page of it or one by its id."""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec
from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.http import HttpResponse, QueryDict
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.viewsets import ViewSet

from cloudigrade.api.pagination import Pagination
from cloudigrade.api.requesters import Requester
from cloudigrade.api.v2 import answers

SHOWN = "a.customer_id = %(customer)s AND a.wanted <> 'deleted' AND NOT a.is_successor AND a.cloud IN ('aws', 'azure')"
"""Accounts of the one who asks, in the clouds that this API has shapes for; none on their way out or in."""

Item = dict[str, Any]
Items = list[Item]


class Filter(NamedTuple):
    """A condition of SQL, and its values by name."""

    condition: str = ""
    values: Mapping[str, Any] = {}


class Kind(NamedTuple):
    """One kind of thing, in SQL."""

    statement: str
    """Selects how many there are, and what is shown of those on the page; `{condition}` narrows both."""
    key: str
    """The id's column in the condition."""
    translate: Callable[..., Item]
    """One of those rows, as it is shown."""
    parse_filters: Callable[[QueryDict], Filter] = lambda _: Filter()
    """What the query asks for; raises ValidationError."""
    is_prepared: bool = False
    """Whether one plan suits customers of every size, so that the database may keep it."""


_LARGEST = 2**63 - 1
_MOST = 2**53
"""More than there ever are of anything."""
_ID = re.compile(r"[0-9]{1,19}", re.ASCII)


def time(column: str) -> str:
    """The time as it is shown: making it in Python takes longer than all else that is read."""
    return f'to_char({column}, \'YYYY-MM-DD"T"HH24:MI:SS.US"Z"\')'


class ListingViewSet(ViewSet):
    """Pages of a kind, and each by its id; whatever is another's does not exist."""

    pagination_class = Pagination
    kind: Kind

    def list(self, request: Request, **_: str) -> HttpResponse:
        """One page, ordered by id."""
        pagination = self.pagination_class()
        pagination.choose(request)
        pagination.count, data = _read(self.kind, request, limit=pagination.limit, offset=pagination.offset)
        return answers.page(pagination.envelope(), msgspec.json.encode(data))

    def retrieve(self, request: Request, pk: str, **_: str) -> HttpResponse:
        """The one with this id."""
        found: Items = []
        if _ID.fullmatch(pk) and int(pk) <= _LARGEST:
            found = _read(self.kind, request, f" AND {self.kind.key} = %(key)s", key=int(pk))[1]
        if not found:
            raise NotFound
        return answers.item(found[0])


def _read(
    kind: Kind, request: Request, narrowed: str = "", *, key: int = 0, limit: int = 1, offset: int = 0
) -> tuple[int, Items]:
    """How many the customer has, and those of the page: in one statement, so that they fit each other."""
    requester: Requester = request.user  # type: ignore[assignment]  # what CustomerAuthentication gives
    condition, values = kind.parse_filters(request.query_params)
    first = min(offset, _MOST)
    given = {"customer": requester.customer_id, "key": key, "limit": limit, "offset": first, "reach": first + limit}
    with _cursor(kind) as cursor:
        cursor.execute(kind.statement.replace("{condition}", condition + narrowed), {**given, **values})
        rows = cursor.fetchall()
    if not rows and offset:  # past the end, where no row is left to tell the count
        return _read(kind, request, narrowed, key=key)[0], []
    return rows[0][0] if rows else 0, [kind.translate(*row[1:]) for row in rows]


def _cursor(kind: Kind) -> CursorWrapper:
    if not kind.is_prepared:
        return connection.cursor()
    backend: Any = connection  # ours: cloudigrade.config.postgresql
    cursor: CursorWrapper = backend.prepared_cursor()
    return cursor
