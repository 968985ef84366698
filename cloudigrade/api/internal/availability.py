"""Sources asks how a source's accounts are: it hears it by Kafka, when it is known."""

from typing import Any, Final

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cloudigrade.api.authentication import OperatorAuthentication
from cloudigrade.api.internal import bodies, schema
from cloudigrade.api.requesters import Requester
from cloudigrade.services import availability
from cloudigrade.tasks.accounts import check_accounts

_BODY: Final = inline_serializer("InternalAvailabilityQuestion", {"source_id": serializers.IntegerField()})


class AvailabilityStatus(APIView):
    """The availability of all accounts of a source, of the customer who asks where a customer does."""

    authentication_classes = [OperatorAuthentication]
    required_scope = "availability"

    @extend_schema(
        **schema.described("availabilityStatus", {204: None}, body=_BODY, parameters=schema.CUSTOMER_HEADERS)
    )
    def post(self, request: Request) -> Response:
        """Each account's availability is told soon."""
        requester: Requester | None = request.user  # type: ignore[assignment]  # what OperatorAuthentication gives
        source_id = _source_id(bodies.fields(request).get("source_id"))
        customer_id = None if requester is None else requester.customer_id
        if availability.ask(source_id=source_id, customer_id=customer_id, now=bodies.now()):
            check_accounts.delay_on_commit()
        return Response(status=status.HTTP_204_NO_CONTENT)


def _source_id(given: Any) -> int:
    if given is None or given == "":
        raise ValidationError(["source_id field is required"])
    try:
        return bodies.integer(given)
    except ValueError:
        raise ValidationError(["source_id must be an integer"]) from None
