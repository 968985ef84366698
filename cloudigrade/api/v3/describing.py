"""What the OpenAPI document says of each operation of version 3."""

from typing import Any, Literal

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from cloudigrade.api import authentication
from cloudigrade.api.v3 import shapes
from cloudigrade.api.v3.problems import CONTENT_TYPE
from cloudigrade.services.breakdown import DIMENSIONS

_QUERY: Literal["query"] = "query"
_HEADER: Literal["header"] = "header"

_REFUSALS = {
    400: "A parameter or the body cannot be accepted, or only the customer can solve what stands in the way.",
    401: "No credentials were given, or a token that does not count.",
    403: "The credentials do not allow it, or name no customer that is known.",
    404: "The customer has nothing of this id.",
    409: "It does not fit with how things stand.",
    415: "The body is not JSON.",
    429: "Too many requests; Retry-After says when to go on.",
    500: "We failed.",
    503: "It may succeed a little later; Retry-After says when.",
}


def _refusals(*numbers: int) -> dict[Any, Any]:
    wanted = sorted({400, 401, 403, 429, 500, *numbers})
    return {(number, CONTENT_TYPE): OpenApiResponse(shapes.ProblemDocument, _REFUSALS[number]) for number in wanted}


def _operation(name: str, about: str, answers: dict[Any, Any], **more: Any) -> dict[str, Any]:
    return {"operation_id": name, "description": about, "tags": ["api-v3"], "responses": answers, **more}


def _texts(name: str, about: str) -> OpenApiParameter:
    return OpenApiParameter(name, OpenApiTypes.STR, _QUERY, many=True, description=about)


def _day(name: str, about: str) -> OpenApiParameter:
    return OpenApiParameter(name, OpenApiTypes.DATE, _QUERY, required=True, description=about)


def _choice(name: str, choices: tuple[str, ...], default: str, about: str) -> OpenApiParameter:
    return OpenApiParameter(name, OpenApiTypes.STR, _QUERY, enum=choices, default=default, description=about)


_TAGGED = [
    OpenApiParameter("If-None-Match", OpenApiTypes.STR, _HEADER, description="Tag of an answer that was given before."),
    OpenApiParameter("ETag", OpenApiTypes.STR, _HEADER, response=[200, 304], description="Tag of this answer."),
]
_UNCHANGED = {304: OpenApiResponse(description="The answer with that tag holds.")}
_PAGES = [
    OpenApiParameter(
        "limit",
        {"type": "integer", "minimum": 1, "maximum": 100, "default": 50},
        _QUERY,
        description="Items on a page.",
    ),
    OpenApiParameter("cursor", OpenApiTypes.STR, _QUERY, description="From `next` of the page before."),
]

USAGE = _operation(
    "getUsage",
    "Peaks and seconds of the instances that were on, for each hour, day or month (UTC), and for each group in it.",
    {
        (200, "application/json"): OpenApiResponse(shapes.UsageReport, "The usage."),
        (200, "text/csv"): OpenApiResponse(OpenApiTypes.STR, "A line for each group of each interval."),
        (200, "application/vnd.apache.parquet"): OpenApiResponse(OpenApiTypes.BINARY, "The same rows, typed."),
        **_UNCHANGED,
        **_refusals(),
    },
    parameters=[
        _day("start", "First day."),
        _day("end", "Day after the last one; at most 366 days after start, by hour 31."),
        _choice("granularity", ("hour", "day", "month"), "day", "How time is divided."),
        OpenApiParameter(
            "group_by",
            OpenApiTypes.STR,
            _QUERY,
            many=True,
            enum=DIMENSIONS,
            description="What tells groups apart; repeated, or separated by commas.",
        ),
        _choice("rhel", ("true", "false", "all"), "true", "Instances that are RHEL, those not known to be, or all."),
        _choice("format", ("json", "csv", "parquet"), "json", "What the answer is written as."),
        *(
            _texts(name, f"Only instances with one of these values of {name}; the empty text is what is not known.")
            for name in DIMENSIONS
        ),
        *_TAGGED,
    ],
)

COMPLETENESS = _operation(
    "getCompleteness",
    "How far each feed of each account was read, how far that is proven to be all, and what is known to be missing.",
    {200: shapes.page_of(shapes.AccountCoverage, "CoveragePage"), **_UNCHANGED, **_refusals()},
    parameters=[_texts("account", "Only accounts with one of these native ids."), *_PAGES, *_TAGGED],
)

RUNS = _operation(
    "listInstanceRuns",
    "The periods in which an instance was on, in order, and what each counts as.",
    {200: shapes.page_of(shapes.InstanceRun, "RunPage"), **_refusals(404)},
    parameters=_PAGES,
)

VERDICT = _operation(
    "getImageVerdict",
    "Whether an image is RHEL, which version and product, who pays for it, and the evidence and reasons for that.",
    {200: shapes.ImageVerdictShape, **_refusals(404)},
)

ACCOUNTS = _operation(
    "listAccounts",
    "How the customer's cloud accounts stand.",
    {200: shapes.page_of(shapes.CloudAccountStatus, "AccountPage"), **_refusals()},
    parameters=[
        _texts("cloud", "Only accounts of these clouds."),
        _texts("native_id", "Only accounts that their cloud calls so."),
        *_PAGES,
    ],
)

CREATE = _operation(
    "createAccount",
    "Say which account is to be metered, and what opens it. It is connected soon, and tried again while something"
    " stands in the way. Saying it again changes nothing.",
    {
        200: OpenApiResponse(shapes.ClaimedAccount, "It was known, and nothing is left to be done."),
        202: OpenApiResponse(shapes.ClaimedAccount, "It will be connected."),
        **_refusals(409, 415, 503),
    },
    request=shapes.AccountClaim,
)

ACCOUNT = _operation("getAccount", "How a cloud account stands.", {200: shapes.CloudAccountStatus, **_refusals(404)})

DELETE = _operation(
    "deleteAccount",
    "The account will be disconnected, and removed with all that was recorded of it.",
    {
        200: OpenApiResponse(shapes.AccountRemoval, "Only asked: what would go."),
        202: OpenApiResponse(shapes.CloudAccountStatus, "It will go."),
        **_refusals(404, 503),
    },
    parameters=[OpenApiParameter("dry_run", OpenApiTypes.BOOL, _QUERY, default=False, description="Only ask.")],
)

_SOON = {202: OpenApiResponse(shapes.CloudAccountStatus, "It will be brought about."), **_refusals(404, 503)}
PAUSE = _operation("pauseAccount", "Stop metering for a while.", _SOON, request=None)
UNPAUSE = _operation("unpauseAccount", "Meter a paused account again.", _SOON, request=None)
ENABLE = _operation("enableAccount", "Meter a disabled account again.", _SOON, request=None)
DISABLE = _operation("disableAccount", "Stop metering and disconnect.", _SOON, request=None)

VERIFY = _operation(
    "verifyAccount",
    "Ask the cloud whether the account lets us in; at most once in five minutes, however often it is called.",
    {
        200: OpenApiResponse(shapes.CloudAccountStatus, "It was asked; `problem` says if it refuses."),
        202: OpenApiResponse(shapes.CloudAccountStatus, "It will be asked."),
        **_refusals(404, 409),
    },
    request=None,
)


class BearerAuthenticationScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # the framework is not typed
    """A token, the identity header, or a pre-shared key with the name of the customer it speaks for."""

    target_class = authentication.BearerCustomerAuthentication
    name = ["token", "identity", "psk", "orgId", "accountNumber"]

    def get_security_requirement(self, auto_schema: AutoSchema) -> list[dict[str, list[Any]]]:  # noqa: ARG002 - the framework's signature
        """Any one of these groups is enough."""
        return [{"token": []}, {"identity": []}, {"psk": [], "orgId": []}, {"psk": [], "accountNumber": []}]

    def get_security_definition(self, auto_schema: AutoSchema) -> list[dict[str, Any]]:  # noqa: ARG002 - likewise
        """The headers, in the order of the names."""
        return [
            {"type": "http", "scheme": "bearer", "description": "A token of the customer's, by `cloudigrade tokens`."},
            _header(authentication.IDENTITY_HEADER, "Base64 of the platform's identity JSON, set by its gateway."),
            _header(authentication.PSK_HEADER, "Key of a service that may ask for any customer."),
            _header(authentication.ORG_ID_HEADER, "The customer's organisation; only together with a key."),
            _header(authentication.ACCOUNT_NUMBER_HEADER, "The customer's account number; only together with a key."),
        ]


def _header(name: str, description: str) -> dict[str, Any]:
    return {"type": "apiKey", "in": "header", "name": name, "description": description}
