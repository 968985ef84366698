"""What the OpenAPI document of the internal API says that the code alone does not."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from cloudigrade.api import authentication
from cloudigrade.api.schema import Refusal

_FAULTS: Final = {"type": "object", "additionalProperties": True, "description": "What is wrong, by its name."}
_FAULT_LIST: Final = {"type": "array", "items": {"type": "string"}}

_ERRORS: Final[Mapping[int, OpenApiResponse]] = {
    400: OpenApiResponse({"oneOf": [_FAULTS, _FAULT_LIST]}, "A parameter or the body cannot be read, or must not be."),
    403: OpenApiResponse(Refusal, "No key or associate's identity, or its scope does not allow this."),
    404: OpenApiResponse(Refusal, "There is no such row."),
    415: OpenApiResponse(Refusal, "The body is no JSON."),
    425: OpenApiResponse(Refusal, "A day of the page has not been calculated yet; try again later."),
    429: OpenApiResponse(Refusal, "Too many requests with this key; try again after the seconds of `Retry-After`."),
    500: OpenApiResponse(Refusal, "We failed."),
    503: OpenApiResponse(Refusal, "Something that we need does not answer; try again later."),
}

ID: Final = OpenApiParameter("id", OpenApiTypes.INT64, OpenApiParameter.PATH)


def described(
    operation: str,
    responses: Mapping[int, Any],
    *,
    parameters: Iterable[OpenApiParameter] = (),
    errors: Iterable[int] = (),
    body: Any = None,
) -> dict[str, Any]:
    """The arguments of `extend_schema`."""
    expected = {403, 429, 500, *errors, *((400, 415) if body is not None else ())}
    return {
        "operation_id": operation,
        "tags": ["internal"],
        "parameters": list(parameters),
        "request": body,
        "responses": {**responses, **{status: _ERRORS[status] for status in sorted(expected)}},
    }


def header(name: str, description: str) -> OpenApiParameter:
    """A header that a request may carry."""
    return OpenApiParameter(name, OpenApiTypes.STR, OpenApiParameter.HEADER, description=description)


CUSTOMER_HEADERS: Final = (
    header(authentication.FAKE_IDENTITY_HEADER, "Base64 of an identity JSON: the customer who is meant."),
    header(authentication.ORG_ID_HEADER, "The customer's organisation; only together with a key."),
    header(authentication.ACCOUNT_NUMBER_HEADER, "The customer's account number; only together with a key."),
)
