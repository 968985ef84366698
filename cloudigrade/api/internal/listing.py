"""Resources in, views out: pages in a stable order, as many statements for any number of rows."""

from collections.abc import Iterable
from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from cloudigrade.api.authentication import OperatorAuthentication
from cloudigrade.api.internal import filters, schema
from cloudigrade.api.internal.filters import MOST
from cloudigrade.api.internal.resources import Resource, Row
from cloudigrade.api.pagination import Pagination


class Listing(ViewSet):
    """A list and its rows one by one, of all customers."""

    authentication_classes = [OperatorAuthentication]
    pagination_class = Pagination
    resource: ClassVar[Resource]

    def list(self, request: Request, **_: str) -> Response:
        """A page of the rows that the parameters find, by id."""
        pagination = self.pagination_class()
        wanted = filters.conditions(self.resource.filters, request.query_params)
        found = self.resource.rows().filter(wanted).order_by("pk")
        page: Any = _Sliced(self.resource, found)
        return pagination.get_paginated_response(pagination.paginate_queryset(page, request) or [])

    def retrieve(self, request: Request, pk: str, **_: str) -> Response:  # noqa: ARG002 - the framework's signature
        """The row of this id."""
        return Response(self.row(pk))

    def row(self, pk: str | int) -> Row:
        """The row of this id on the wire; raises NotFound."""
        found = self.resource.read(self.resource.rows().filter(pk=parse_id(pk)))
        if not found:
            raise NotFound
        return found[0]


class _Sliced:
    """A query set whose slice is read as rows on the wire."""

    def __init__(self, resource: Resource, found: QuerySet[Any]) -> None:
        self._resource, self._found = resource, found

    def count(self) -> int:
        """How many rows there are."""
        return self._found.count()

    def __getitem__(self, part: slice) -> list[Row]:
        return self._resource.read(self._found[part])


def parse_id(pk: str | int) -> int:
    """The id; what is none belongs to nothing, so it raises NotFound."""
    try:
        value = int(pk)
    except ValueError:
        raise NotFound from None
    if not 0 < value <= MOST:
        raise NotFound
    return value


_shapes: dict[str, type[serializers.Serializer[Any]]] = {}


def serializer(resource: Resource, *, many: bool = False) -> serializers.Serializer[Any]:
    """The resource's rows for the OpenAPI document, which wants one class for one name."""
    name = f"Internal{resource.name}"
    if name not in _shapes:
        _shapes[name] = type(name, (serializers.Serializer,), dict(resource.fields()))
    return _shapes[name](many=many)


def described(resource: Resource, *, parameters: Iterable[OpenApiParameter] = (), errors: tuple[int, ...] = ()) -> Any:
    """A decorator: the list and its rows as the OpenAPI document tells of them."""
    listed = schema.described(
        f"listInternal{resource.name}s",
        {200: serializer(resource, many=True)},
        parameters=[*filters.parameters(resource.filters), *parameters],
        errors=((400,) if resource.filters else ()) + errors,
    )
    retrieved = schema.described(
        f"retrieveInternal{resource.name}",
        {200: serializer(resource)},
        parameters=[schema.ID, *parameters],
        errors=(404, *errors),
    )
    return extend_schema_view(list=extend_schema(**listed), retrieve=extend_schema(**retrieved))


def view_of(resource: Resource, base: type[Listing] = Listing) -> type[Listing]:
    """The view of a resource that can only be read."""
    made = type(f"{resource.name}Listing", (base,), {"resource": resource, "__doc__": base.__doc__})
    view: type[Listing] = described(resource)(made)
    return view
