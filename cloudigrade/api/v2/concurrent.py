"""A customer's daily concurrent usage, as stored, page by page."""

from collections.abc import Sequence
from datetime import UTC, date
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.viewsets import ViewSet

from cloudigrade.api.errors import ResultUnavailable
from cloudigrade.api.pagination import Pagination
from cloudigrade.api.requesters import Requester
from cloudigrade.api.v2 import answers, schema, stored_counts
from cloudigrade.api.v2.periods import BadPeriod, parse_period
from cloudigrade.api.v2.stored_counts import Page


def today() -> date:
    """The UTC day on which a request is answered."""
    return timezone.now().astimezone(UTC).date()  # noqa: TID251 - a request's time begins here


class ConcurrentViewSet(ViewSet):
    """Highest number of RHEL instances running at one time, for each day and category."""

    pagination_class = Pagination

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """The answer, of which the view keeps nothing: it waits for the garbage collector, and answers are large."""
        response = super().dispatch(request, *args, **kwargs)
        del self.response
        return response

    @extend_schema(**schema.DAILY_CONCURRENT_USAGE)
    def list(self, request: Request, **_: str) -> HttpResponse:
        """The days of the page; all of them, or none while one is still to be calculated."""
        requester: Requester = request.user  # type: ignore[assignment]  # what CustomerAuthentication gives
        pagination = self.pagination_class()
        page = pagination.paginate_queryset(_days(requester, request), request) or []
        return answers.page(pagination.envelope(), _usage(requester, page))


def _days(requester: Requester, request: Request) -> range:
    try:
        return parse_period(request.query_params, joined=requester.joined, today=today())
    except BadPeriod as bad:
        raise ValidationError({name: [fault] for name, fault in bad.faults.items()}) from bad


def _usage(requester: Requester, page: Sequence[int]) -> bytes:
    """The stored answers of the page's days, given as ordinals."""
    if not page:
        return b"[]"
    first, last = date.fromordinal(page[0]), date.fromordinal(page[-1])
    usage = stored_counts.read(Page(requester.customer_id, first, last))
    if usage is None:
        raise ResultUnavailable
    return usage
