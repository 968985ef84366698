"""A customer's daily concurrent usage for operators: as the public API has it, and the day that goes on too."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, timedelta
from typing import Any, Final

import msgspec
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import AuthenticationFailed, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from cloudigrade.api.authentication import OperatorAuthentication
from cloudigrade.api.errors import ResultUnavailable
from cloudigrade.api.internal import bodies, schema
from cloudigrade.api.pagination import Pagination
from cloudigrade.api.requesters import UNKNOWN, Requester
from cloudigrade.api.v2 import stored_counts
from cloudigrade.api.v2.periods import BadPeriod, parse_period
from cloudigrade.api.v2.schema import DailyConcurrentUsage
from cloudigrade.api.v2.stored_counts import Page
from cloudigrade.services import live_usage

NOBODY: Final = (
    "Authentication Failed: identity account number or org id is required, but neither is present in request."
)
_ONE_DAY: Final = timedelta(days=1)
_START_FAULT: Final = {"start_date cannot be today or in the future.": "start_date cannot be in the future."}


def customer_of(request: Request) -> Requester:
    """The known customer whom the operator speaks for; raises AuthenticationFailed."""
    requester: Requester | None = request.user  # type: ignore[assignment]  # what OperatorAuthentication gives
    if requester is None:
        raise AuthenticationFailed(NOBODY)
    if requester == UNKNOWN:
        raise AuthenticationFailed
    return requester


def _date(name: str, description: str) -> OpenApiParameter:
    return OpenApiParameter(name, OpenApiTypes.DATE, OpenApiParameter.QUERY, description=description)


class ConcurrentUsageViewSet(ViewSet):
    """Highest number of RHEL instances running at one time, for each day and category, of one customer."""

    authentication_classes = [OperatorAuthentication]
    pagination_class = Pagination

    @extend_schema(
        **schema.described(
            "listInternalDailyConcurrentUsages",
            {200: DailyConcurrentUsage(many=True)},
            parameters=(
                _date("start_date", "First day, today at most; yesterday where not given."),
                _date("end_date", "Day after the last one, tomorrow at most; today where not given."),
                *schema.CUSTOMER_HEADERS,
            ),
            errors=(400, 425),
        )
    )
    def list(self, request: Request, **_: str) -> Response:
        """The days of the page; today as far as it has gone."""
        requester = customer_of(request)
        today = bodies.now().astimezone(UTC).date()
        pagination = self.pagination_class()
        page = pagination.paginate_queryset(_days(request.query_params, requester, today), request) or []
        return pagination.get_paginated_response(_usage(requester, page, today))


def _days(query: Mapping[str, str], requester: Requester, today: date) -> range:
    """The public API's rule, a day later; what is not given is the same there and here."""
    given = {"start_date": (today - _ONE_DAY).isoformat(), "end_date": today.isoformat(), **_plain(query)}
    try:
        return parse_period(given, joined=requester.joined, today=today + _ONE_DAY)
    except BadPeriod as bad:
        faults = {name: [_START_FAULT.get(fault, fault)] for name, fault in bad.faults.items()}
        raise ValidationError(faults) from bad


def _plain(query: Mapping[str, str]) -> dict[str, str]:
    return {name: query[name] for name in ("start_date", "end_date") if name in query}


def _usage(requester: Requester, page: Sequence[int], today: date) -> list[dict[str, Any]]:
    ended = [day for day in page if day < today.toordinal()]
    usage: list[dict[str, Any]] = []
    if ended:
        wanted = Page(requester.customer_id, date.fromordinal(ended[0]), date.fromordinal(ended[-1]))
        stored = stored_counts.read(wanted)
        if stored is None:
            raise ResultUnavailable
        usage = msgspec.json.decode(stored)
    if len(ended) < len(page):
        counts = live_usage.counts_of(customer_id=requester.customer_id, day=today, now=bodies.now())
        usage.append({"date": today.isoformat(), "maximum_counts": msgspec.json.decode(counts)})
    return usage
