"""A sequence and the query's `limit` and `offset` in, a page with the platform's `meta` and `links` out."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.utils.encoding import escape_uri_path
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

_OWN = frozenset({"limit", "offset"})


class Pagination(LimitOffsetPagination):
    """Pages of 10 by default and 100 at most; a limit or offset that means nothing counts as not given."""

    default_limit = 10
    max_limit = 100
    limit_query_description = "Items on a page; a value that means nothing counts as not given."
    offset_query_description = "Items to leave out before the page; likewise."
    template = None
    request: Request
    count: int
    limit: int
    offset: int

    def choose(self, request: Request) -> None:
        """`limit` and `offset` are the request's; the count is left to whoever reads the page."""
        self.request = request
        self.limit = self.get_limit(request) or self.default_limit
        self.offset = self.get_offset(request)

    def get_paginated_response(self, data: Sequence[Any]) -> Response:
        """The page in its envelope, as an answer."""
        return Response({**self.envelope(), "data": data})

    def envelope(self) -> dict[str, Any]:
        """What stands around the items: how many there are, and what leads to other pages."""
        links = {
            "first": self._link(0),
            "next": self.get_next_link(),
            "previous": self.get_previous_link(),
            "last": self._link(max(self.count - self.limit, 0)),
        }
        return {"meta": {"count": self.count}, "links": links}

    def get_next_link(self) -> str | None:
        """The next page, null on the last one."""
        following = self.offset + self.limit
        return self._link(following) if following < self.count else None

    def get_previous_link(self) -> str | None:
        """The page before, null on the first one; a link to the very beginning carries no offset."""
        if self.offset <= 0:
            return None
        preceding = self.offset - self.limit
        return self._link(preceding if preceding > 0 else None)

    def _link(self, offset: int | None) -> str:
        """The request's path and query, without the host, at another offset."""
        own: dict[str, Any] = {"limit": self.limit} if offset is None else {"limit": self.limit, "offset": offset}
        others = {name: given for name, given in self.request.query_params.lists() if name not in _OWN}
        # the usual case goes without encoding, which takes longer than the rest of the envelope
        query = urlencode(sorted((others | own).items()), doseq=True) if others else _plain(own)
        return f"{escape_uri_path(self.request.path)}?{query}"

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        """The parameters with their bounds, for the OpenAPI document."""
        limit, offset = super().get_schema_operation_parameters(view)
        limit["schema"] |= {"minimum": 1, "maximum": self.max_limit, "default": self.default_limit}
        offset["schema"] |= {"minimum": 0, "default": 0}
        return [limit, offset]

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The envelope, for the OpenAPI document."""
        link: dict[str, Any] = {"type": "string", "description": "Path and query, without a host."}
        no_link = {**link, "type": ["string", "null"]}
        count = {"type": "integer", "minimum": 0, "description": "Items on all pages together."}
        links = {"first": link, "next": no_link, "previous": no_link, "last": link}
        return _object(meta=_object(count=count), links=_object(**links), data=schema)


def _plain(numbers: dict[str, Any]) -> str:
    return "&".join(f"{name}={number}" for name, number in numbers.items())


def _object(**properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": list(properties), "properties": properties}
