"""A customer's daily concurrent usage, as stored, page by page."""

from collections.abc import Sequence
from datetime import UTC, date
from typing import Any

import msgspec
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from cloudigrade.api import schema
from cloudigrade.api.errors import ResultUnavailable
from cloudigrade.api.pagination import Pagination
from cloudigrade.api.periods import BadPeriod, parse_period
from cloudigrade.models import ConcurrentUsage, Customer


def today() -> date:
    """The UTC day on which a request is answered."""
    return timezone.now().astimezone(UTC).date()  # noqa: TID251 - a request's time begins here


class ConcurrentViewSet(ViewSet):
    """Highest number of RHEL instances running at one time, for each day and category."""

    pagination_class = Pagination

    @extend_schema(**schema.DAILY_CONCURRENT_USAGE)
    def list(self, request: Request, **_: str) -> Response:
        """The days of the page; all of them, or none while one is still to be calculated."""
        customer: Customer = request.user  # type: ignore[assignment]  # what CustomerAuthentication gives
        joined = customer.joined_at().astimezone(UTC).date()
        try:
            days = parse_period(request.query_params, joined=joined, today=today())
        except BadPeriod as bad:
            raise ValidationError({name: [fault] for name, fault in bad.faults.items()}) from bad
        pagination = self.pagination_class()
        page = pagination.paginate_queryset(days, request) or []
        response = pagination.get_paginated_response(_usage(customer, page))
        response["Cache-Control"] = "no-store"  # what is one customer's must not be kept for another
        return response


def _usage(customer: Customer, page: Sequence[int]) -> list[dict[str, Any]]:
    """The stored answers of the page's days, whose counts are JSON already."""
    if not page:
        return []
    rows = ConcurrentUsage.objects.filter(
        customer=customer, day__range=(date.fromordinal(page[0]), date.fromordinal(page[-1]))
    ).order_by("day")
    usage = [
        {"date": day, "maximum_counts": msgspec.Raw(counts)}
        for day, counts in rows.values_list("day", "maximum_counts")
    ]
    if len(usage) < len(page):
        raise ResultUnavailable
    return usage
