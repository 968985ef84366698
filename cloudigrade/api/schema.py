"""What the OpenAPI document says that the code alone does not: shapes, errors and ways to authenticate."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiJsonRenderer2
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cloudigrade.api import authentication


class MaximumCount(serializers.Serializer[Any]):
    """One category of a day; `_ANY` stands for whatever, the empty text for not known."""

    arch = serializers.CharField(allow_blank=True)
    role = serializers.CharField(allow_blank=True)
    sla = serializers.CharField(allow_blank=True)
    usage = serializers.CharField(allow_blank=True)
    service_type = serializers.CharField(allow_blank=True)
    instances_count = serializers.IntegerField(min_value=0)


class DailyConcurrentUsage(serializers.Serializer[Any]):
    """A UTC day; without RHEL on it, no counts."""

    date = serializers.DateField()
    maximum_counts = MaximumCount(many=True)


class Refusal(serializers.Serializer[Any]):
    """Why there is no answer."""

    detail = serializers.CharField()


class BadDates(serializers.Serializer[Any]):
    """What is wrong with each date."""

    start_date = serializers.ListField(child=serializers.CharField(), required=False)
    end_date = serializers.ListField(child=serializers.CharField(), required=False)
    detail = serializers.CharField(required=False, help_text="Where the request as a whole is malformed.")


def _date(name: str, description: str) -> OpenApiParameter:
    return OpenApiParameter(name, OpenApiTypes.DATE, OpenApiParameter.QUERY, description=description)


DAILY_CONCURRENT_USAGE: dict[str, Any] = {
    "operation_id": "listDailyConcurrentUsages",
    "description": "The highest number of RHEL instances that need the customer's own subscriptions and were"
    " running at one time, for each UTC day and category.",
    "tags": ["api-v2"],
    "parameters": [
        _date("start_date", "First day, before today; yesterday where not given."),
        _date("end_date", "Day after the last one, today at most; today where not given."),
    ],
    "responses": {
        200: DailyConcurrentUsage(many=True),
        400: OpenApiResponse(BadDates, "A date cannot be read or is out of range."),
        403: OpenApiResponse(Refusal, "The request is not authenticated, or the customer is not known."),
        425: OpenApiResponse(Refusal, "A day of the page has not been calculated yet; try again later."),
        500: OpenApiResponse(Refusal, "We failed."),
    },
}


class CustomerAuthenticationScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # the framework is not typed
    """The identity header, or a pre-shared key with the name of the customer it speaks for."""

    target_class = authentication.CustomerAuthentication
    name = ["identity", "psk", "orgId", "accountNumber"]

    def get_security_requirement(self, auto_schema: AutoSchema) -> list[dict[str, list[Any]]]:  # noqa: ARG002 - the framework's signature
        """Any one of these groups is enough."""
        return [{"identity": []}, {"psk": [], "orgId": []}, {"psk": [], "accountNumber": []}]

    def get_security_definition(self, auto_schema: AutoSchema) -> list[dict[str, Any]]:  # noqa: ARG002 - likewise
        """The headers, in the order of the names."""
        return [
            _header(authentication.IDENTITY_HEADER, "Base64 of the platform's identity JSON, set by its gateway."),
            _header(authentication.PSK_HEADER, "Key of a service that may ask for any customer."),
            _header(authentication.ORG_ID_HEADER, "The customer's organisation; only together with a key."),
            _header(authentication.ACCOUNT_NUMBER_HEADER, "The customer's account number; only together with a key."),
        ]


def _header(name: str, description: str) -> dict[str, Any]:
    return {"type": "apiKey", "in": "header", "name": name, "description": description}


class SchemaView(APIView):
    """The OpenAPI document, for everyone; made at the first request and kept."""

    authentication_classes = []
    renderer_classes = [OpenApiJsonRenderer, OpenApiJsonRenderer2]
    schema = None
    document: dict[str, Any] | None = None

    def get(self, request: Request) -> Response:  # noqa: ARG002 - the framework's signature
        """The document of this very code."""
        if SchemaView.document is None:
            SchemaView.document = SchemaGenerator().get_schema(public=True)  # type: ignore[no-untyped-call]  # likewise
        return Response(SchemaView.document)
