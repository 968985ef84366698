"""Runs whose end contradicts the events, and the way to have them made anew."""

from typing import Final

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cloudigrade.api.authentication import OperatorAuthentication
from cloudigrade.api.internal import bodies, schema
from cloudigrade.api.internal.listing import serializer
from cloudigrade.api.internal.tables import RUNS
from cloudigrade.services import recalculation
from cloudigrade.tasks.metering import rebuild_runs

_BODY: Final = inline_serializer(
    "InternalProblematicRuns", {"user_id": serializers.IntegerField(required=False, allow_null=True)}
)
_CUSTOMER: Final = OpenApiParameter("user_id", OpenApiTypes.INT64, description="One customer's; else all.")


class ProblematicRuns(APIView):
    """Runs that go on, though a later event says that the instance went off."""

    authentication_classes = [OperatorAuthentication]
    pagination_class = None

    @extend_schema(
        **schema.described(
            "listProblematicRuns", {200: serializer(RUNS, many=True)}, parameters=[_CUSTOMER], errors=(400,)
        )
    )
    def get(self, request: Request) -> Response:
        """All of them, by id."""
        customer = bodies.reference(request.query_params, "user_id")
        found = recalculation.problematic_runs(customer_id=customer).order_by("pk")
        return Response(RUNS.read(found))

    @extend_schema(**schema.described("fixProblematicRuns", {202: None}, body=_BODY))
    def post(self, request: Request) -> Response:
        """Their instances are marked."""
        customer = bodies.reference(bodies.fields(request), "user_id")
        runs = list(recalculation.problematic_runs(customer_id=customer).values_list("pk", flat=True))
        recalculation.mark_instances_of(runs=runs)
        rebuild_runs.delay_on_commit()
        return Response(status=status.HTTP_202_ACCEPTED)
