"""Stored daily answers of all customers, on request with the runs behind them."""

from typing import Final

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from cloudigrade.api.internal.listing import Listing, described
from cloudigrade.api.internal.resources import Row
from cloudigrade.api.internal.tables import CONCURRENT_USAGES
from cloudigrade.services import recalculation

_INCLUDED: Final = OpenApiParameter(
    "include_runs", OpenApiTypes.BOOL, description="With the ids of the runs that were on that day."
)


@described(CONCURRENT_USAGES, parameters=(_INCLUDED,), errors=(400,))
class ConcurrentUsageListing(Listing):
    """What customers used on the days that have been answered."""

    resource = CONCURRENT_USAGES

    def list(self, request: Request, **_: str) -> Response:
        """A page of the days that the parameters find, by id."""
        is_asked = _is_asked(request)
        answer = super().list(request)
        return _with_runs(answer, answer.data["data"]) if is_asked else answer

    def retrieve(self, request: Request, pk: str, **_: str) -> Response:
        """The day of this id."""
        is_asked = _is_asked(request)
        row = self.row(pk)
        return _with_runs(Response(row), [row]) if is_asked else Response(row)


def _is_asked(request: Request) -> bool:
    given = request.query_params.get("include_runs")
    return given is not None and bool(serializers.BooleanField().to_internal_value(given))


def _with_runs(answer: Response, rows: list[Row]) -> Response:
    related = recalculation.runs_of_days(usage_ids=[row["id"] for row in rows])
    for row in rows:
        row["potentially_related_runs"] = related.get(row["id"], [])
    return answer
