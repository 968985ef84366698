"""Customers, called users on the wire; swatch reads here which org id belongs to whom."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.db.models import Min, QuerySet
from django.db.models.functions import Coalesce
from drf_spectacular.utils import extend_schema, extend_schema_view, inline_serializer
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from cloudigrade.api.internal import bodies, filters, schema
from cloudigrade.api.internal.filters import BadValue, around, of_customer
from cloudigrade.api.internal.listing import Listing, described, parse_id, serializer
from cloudigrade.api.internal.resources import Column, Resource, flag, integer, moment, text
from cloudigrade.models import Customer
from cloudigrade.redhat.identity import LONGEST_NAME
from cloudigrade.services import customers
from cloudigrade.services.customers import HasAccounts, Taken

_LABELS: Final = {"account_number": "Account Number", "org_id": "Org ID", "uuid": "UUID"}
_NAMELESS: Final = "An account_number or an org_id is required."
_FOLLOWS: Final = "It is when the first of the user's accounts began to be metered, and cannot be changed."


def _rows() -> QuerySet[Customer]:
    return Customer.objects.annotate(joined=Coalesce(Min("accounts__metered_from"), "created_at"))


def _uuid(given: str) -> Any:
    try:
        return serializers.UUIDField().to_internal_value(given)
    except ValidationError:
        raise BadValue("Enter a valid UUID.") from None


USERS = Resource(
    "User",
    "users",
    _rows,
    {
        "date_joined": moment("joined"),
        "id": integer("pk"),
        "uuid": Column("uuid", serializers.UUIDField()),
        "username": text("account_number", null=True),
        "account_number": text("account_number", null=True),
        "org_id": text("org_id", null=True),
        "is_permanent": flag("is_permanent"),
    },
    {
        **of_customer(""),
        "uuid": filters.text("uuid")._replace(parse=_uuid),
        **around("date_joined", "joined"),
    },
)


class Name(serializers.CharField):
    """A short printable text by which a customer is known."""

    def to_internal_value(self, data: Any) -> str | None:  # type: ignore[override]  # none instead of an empty one
        """The name; an empty one is none."""
        value = super().to_internal_value(data)
        if not value.isprintable():
            raise ValidationError("Only printable characters are allowed.")
        return value or None


class Facts(serializers.Serializer[Any]):
    """What can be said of a user."""

    account_number = Name(max_length=LONGEST_NAME, allow_null=True, allow_blank=True, required=False)
    org_id = Name(max_length=LONGEST_NAME, allow_null=True, allow_blank=True, required=False)
    uuid = serializers.UUIDField(required=False)
    is_permanent = serializers.BooleanField(required=False)
    date_joined = serializers.DateTimeField(required=False, source="created_at")


_FACTS: Final = inline_serializer("InternalUserFacts", Facts().get_fields())


@extend_schema_view(
    create=extend_schema(**schema.described("createInternalUser", {201: serializer(USERS)}, body=_FACTS)),
    update=extend_schema(
        **schema.described(
            "updateInternalUser", {200: serializer(USERS)}, body=_FACTS, parameters=[schema.ID], errors=(404,)
        )
    ),
    partial_update=extend_schema(
        **schema.described(
            "changeInternalUser", {200: serializer(USERS)}, body=_FACTS, parameters=[schema.ID], errors=(404,)
        )
    ),
    destroy=extend_schema(
        **schema.described("deleteInternalUser", {202: None}, parameters=[schema.ID], errors=(400, 404))
    ),
)
@described(USERS)
class UserListing(Listing):
    """Customers, with or without cloud accounts."""

    resource = USERS

    def create(self, request: Request) -> Response:
        """The user is there."""
        facts = _facts(request)
        if not (facts.get("account_number") or facts.get("org_id")):
            raise ValidationError({"non_field_errors": [_NAMELESS]})
        try:
            made = customers.create(facts=facts, now=bodies.now())
        except Taken as taken:
            raise _not_unique(taken) from taken
        return Response(self.row(made), status=status.HTTP_201_CREATED)

    def update(self, request: Request, pk: str) -> Response:
        """What is said of the user holds."""
        return self.partial_update(request, pk)

    def partial_update(self, request: Request, pk: str) -> Response:
        """What is said of the user holds, and the rest stays as it is."""
        row, facts = self.row(pk), _facts(request)
        if not (facts.get("account_number", row["account_number"]) or facts.get("org_id", row["org_id"])):
            raise ValidationError({"non_field_errors": [_NAMELESS]})
        _check_time(facts, row)
        try:
            customers.change(customer_id=parse_id(pk), facts=facts)
        except Taken as taken:
            raise _not_unique(taken) from taken
        except Customer.DoesNotExist:
            raise NotFound from None
        return Response(self.row(pk))

    def destroy(self, request: Request, pk: str) -> Response:  # noqa: ARG002 - the framework's signature
        """Nothing of the user is left."""
        customer_id = parse_id(pk)
        try:
            customers.delete(customer_id=customer_id)
        except HasAccounts:
            told = f"User id {customer_id} has related CloudAccounts and cannot be deleted"
            raise bodies.fault(error=told) from None
        except Customer.DoesNotExist:
            raise NotFound from None
        return Response(status=status.HTTP_202_ACCEPTED)


def _facts(request: Request) -> dict[str, Any]:
    given = Facts(data=bodies.fields(request))
    given.is_valid(raise_exception=True)
    return dict(given.validated_data)


def _check_time(facts: Mapping[str, Any], row: Mapping[str, Any]) -> None:
    """A time that is told of the accounts cannot be another."""
    wanted: datetime | None = facts.get("created_at")
    has_accounts = Customer.objects.filter(pk=row["id"], accounts__isnull=False).exists()
    if wanted is not None and has_accounts and wanted != row["date_joined"]:
        raise ValidationError({"date_joined": [_FOLLOWS]})


def _not_unique(taken: Taken) -> ValidationError:
    return ValidationError({taken.name: [f"user with this {_LABELS[taken.name]} already exists."]})
