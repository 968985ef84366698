"""The instances of a customer's cloud accounts."""

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.http import QueryDict
from drf_spectacular.utils import extend_schema_view

from cloudigrade.api.v2 import filters, schema
from cloudigrade.api.v2.listing import SHOWN, Filter, Item, Kind, ListingViewSet, time

_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


class _Moment(forms.DateTimeField):
    """A time as Django's forms read it, in UTC: its zone may be further away than the database knows any."""

    def to_python(self, value: Any) -> datetime | None:
        """The time, the first or last of all for one beyond them; raises ValidationError for anything else."""
        found = super().to_python(value)
        try:
            return found and found.astimezone(UTC)
        except OverflowError:
            return _FIRST if found and found.year == _FIRST.year else _LAST


_RUNNING_SINCE = _Moment(required=False)


def _translate(  # noqa: PLR0913, PLR0917 - the columns of the statement, in its order
    instance_id: int,
    account_id: int,
    image_id: int | None,
    cloud: str,
    native_id: str,
    region: str,
    created_at: str,
    updated_at: str,
) -> Item:
    times = {"created_at": created_at, "updated_at": updated_at}
    named = "ec2_instance_id" if cloud == "aws" else "resource_id"
    return {
        "cloud_account_id": account_id,
        **times,
        "instance_id": instance_id,
        "machine_image_id": image_id,
        "cloud_type": cloud,
        "content_object": {f"{cloud}_instance_id": instance_id, **times, named: native_id, "region": region},
    }


def _parse_filters(query: QueryDict) -> Filter:
    since = filters.clean(_RUNNING_SINCE, query, "running_since")
    if since is None:
        return Filter()
    # at most one run of an instance goes on, because runs do not overlap
    return Filter(
        " AND EXISTS (SELECT FROM cloudigrade_run AS r WHERE r.instance_id = i.id AND upper_inf(r.period)"
        " AND lower(r.period) <= %(since)s)",
        {"since": since},
    )


# Of each account no more is read than the page may need, in the order of the index, and only counting sees all.
_STATEMENT = f"""
WITH page AS MATERIALIZED (
    SELECT first.id FROM cloudigrade_cloudaccount AS a CROSS JOIN LATERAL (
        SELECT i.id FROM cloudigrade_instance AS i WHERE i.account_id = a.id{{condition}} ORDER BY i.id LIMIT %(reach)s
    ) AS first WHERE {SHOWN} ORDER BY first.id LIMIT %(limit)s OFFSET %(offset)s
)
SELECT (
    SELECT count(*) FROM cloudigrade_instance AS i
    WHERE i.account_id = ANY(ARRAY(SELECT a.id FROM cloudigrade_cloudaccount AS a WHERE {SHOWN})){{condition}}
), i.id, i.account_id, i.image_id, a.cloud, i.native_id, i.region, {time("i.created_at")}, {time("i.updated_at")}
FROM cloudigrade_instance AS i JOIN cloudigrade_cloudaccount AS a ON a.id = i.account_id
WHERE i.id = ANY(ARRAY(SELECT id FROM page)) ORDER BY i.id
"""  # noqa: S608 - our own literals


@extend_schema_view(
    **schema.operations(
        ("listInstances", "retrieveInstance"),
        schema.Instance,
        "What ever ran in the customer's accounts.",
        **schema.INSTANCE_FILTERS,
    )
)
class InstanceViewSet(ListingViewSet):
    """Instances that ever ran in the customer's accounts, as far as is known."""

    kind = Kind(
        statement=_STATEMENT,
        key="i.id",
        translate=_translate,
        parse_filters=_parse_filters,
    )
