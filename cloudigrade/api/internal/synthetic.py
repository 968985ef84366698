"""Requests for made-up customers, for demonstrations and load tests."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from drf_spectacular.utils import extend_schema, extend_schema_view, inline_serializer
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from cloudigrade.api.internal import bodies, filters, schema
from cloudigrade.api.internal.filters import around
from cloudigrade.api.internal.listing import Listing, described, parse_id, serializer
from cloudigrade.api.internal.resources import Column, Resource, Row, decimal, flag, integer, moment, text, times
from cloudigrade.models import SyntheticDataRequest
from cloudigrade.services import synthetic
from cloudigrade.tasks import synthetic as tasks

_LIFETIME: Final = timedelta(days=1)
_MOST_DAYS: Final = 366
_MOST_INSTANCES: Final = 100_000
_MOST_RUNS: Final = 1_000_000
"""In all: what is made is made in one transaction."""
_MOST_HOURS: Final = 10_000

_COUNTS: Final = (*("since_days_ago", "account_count", "image_count", "instance_count", "run_count_per_instance_min"),)
_NUMBERS: Final = (
    *("image_ocp_chance", "image_rhel_chance", "image_other_owner_chance", "run_count_per_instance_mean"),
    *("hours_per_run_min", "hours_per_run_mean", "hours_between_runs_mean"),
)


def _shape(row: Row) -> Row:
    return row | {name: float(row[name]) for name in _NUMBERS}


REQUESTS = Resource(
    "SyntheticDataRequest",
    "syntheticdatarequests",
    synthetic.requests,
    {
        "id": integer("pk"),
        **times(),
        "is_ready": flag("is_ready"),
        "user": integer("customer_id", null=True),
        "machine_images": Column("images", serializers.ListField(child=serializers.IntegerField())),
        "cloud_type": text("cloud_type"),
        **{name: integer(name) for name in _COUNTS},
        **{name: decimal(name) for name in _NUMBERS},
        "expires_at": moment("expires_at"),
    },
    {
        "user_id": filters.number("customer"),
        **around("expires_at", "expires_at"),
        **around("created_at", "created_at"),
        **around("updated_at", "updated_at"),
    },
    shape=_shape,
)


def _count(least: int, most: int) -> serializers.IntegerField:
    return serializers.IntegerField(min_value=least, max_value=most, required=False)


def _number(most: int, places: int) -> serializers.DecimalField:
    digits = 9 if places == 4 else 7  # noqa: PLR2004 - as the columns have them
    return serializers.DecimalField(digits, places, min_value=0, max_value=most, required=False)


class Wish(serializers.Serializer[Any]):
    """How large the made-up customer is to be, and how its instances are to run."""

    cloud_type = serializers.ChoiceField([synthetic.CLOUD])
    since_days_ago = _count(1, _MOST_DAYS)
    account_count = _count(1, 100)
    image_count = _count(1, 10_000)
    image_ocp_chance = _number(1, 6)
    image_rhel_chance = _number(1, 6)
    image_other_owner_chance = _number(1, 6)
    instance_count = _count(1, _MOST_INSTANCES)
    run_count_per_instance_min = _count(0, 1_000)
    run_count_per_instance_mean = _number(1_000, 4)
    hours_per_run_min = _number(_MOST_HOURS, 4)
    hours_per_run_mean = _number(_MOST_HOURS, 4)
    hours_between_runs_mean = _number(_MOST_HOURS, 4)
    expires_at = serializers.DateTimeField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """The whole is not too large."""
        instances = attrs.get("instance_count", 100)
        runs = max(attrs.get("run_count_per_instance_min", 1), attrs.get("run_count_per_instance_mean", 1))
        if instances * runs > _MOST_RUNS:
            raise ValidationError({"instance_count": [f"All instances together have more than {_MOST_RUNS} runs."]})
        return attrs


class Lifetime(serializers.Serializer[Any]):
    """What of a request can be changed."""

    expires_at = serializers.DateTimeField(required=False)


_WISH: Final = inline_serializer("InternalSyntheticDataWish", Wish().get_fields())
_LIFE: Final = inline_serializer("InternalSyntheticDataLifetime", Lifetime().get_fields())


@extend_schema_view(
    create=extend_schema(
        **schema.described("createSyntheticDataRequest", {201: serializer(REQUESTS)}, body=_WISH, errors=(404,))
    ),
    update=extend_schema(
        **schema.described(
            "updateSyntheticDataRequest", {200: serializer(REQUESTS)}, body=_LIFE, parameters=[schema.ID], errors=(404,)
        )
    ),
    partial_update=extend_schema(
        **schema.described(
            "changeSyntheticDataRequest", {200: serializer(REQUESTS)}, body=_LIFE, parameters=[schema.ID], errors=(404,)
        )
    ),
    destroy=extend_schema(
        **schema.described("deleteSyntheticDataRequest", {204: None}, parameters=[schema.ID], errors=(404,))
    ),
)
@described(REQUESTS, errors=(404,))
class SyntheticDataRequestListing(Listing):
    """Made-up customers that are asked for; 404 unless `ENABLE_SYNTHETIC_DATA_REQUEST_HTTP_API` is set."""

    resource = REQUESTS

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Operators are told that there is nothing where it is not enabled."""
        super().initial(request, *args, **kwargs)
        if not settings.ENABLE_SYNTHETIC_DATA_REQUEST_HTTP_API:
            raise NotFound

    def create(self, request: Request) -> Response:
        """The customer will be made."""
        wish = Wish(data=bodies.fields(request))
        wish.is_valid(raise_exception=True)
        now = bodies.now()
        request_id = synthetic.create(facts={"expires_at": now + _LIFETIME, **wish.validated_data}, now=now)
        tasks.make.delay_on_commit()
        return Response(self.row(request_id), status=status.HTTP_201_CREATED)

    def update(self, request: Request, pk: str) -> Response:
        """The request ends then."""
        return self.partial_update(request, pk)

    def partial_update(self, request: Request, pk: str) -> Response:
        """The request ends then."""
        body, row = bodies.fields(request), self.row(pk)
        _refuse_changes(body, row)
        lifetime = Lifetime(data=body)
        lifetime.is_valid(raise_exception=True)
        with transaction.atomic():
            found = SyntheticDataRequest.objects.select_for_update(no_key=True).filter(pk=row["id"]).first()
            if found is None:
                raise NotFound
            found.expires_at = lifetime.validated_data.get("expires_at", found.expires_at)
            found.save(update_fields=["expires_at", "updated_at"])
        return Response(self.row(pk))

    def destroy(self, request: Request, pk: str) -> Response:  # noqa: ARG002 - the framework's signature
        """The request is gone, and what was made for it goes."""
        deleted, _ = SyntheticDataRequest.objects.filter(pk=parse_id(pk)).delete()
        if not deleted:
            raise NotFound
        tasks.remove_expired.delay_on_commit()
        return Response(status=status.HTTP_204_NO_CONTENT)


def _refuse_changes(body: Mapping[str, Any], row: Row) -> None:
    faults = {
        name: [f"You cannot update field {name}."]
        for name in body
        if name in Wish().fields and name != "expires_at" and body[name] != row[name]
    }
    if faults:
        raise ValidationError(faults)
