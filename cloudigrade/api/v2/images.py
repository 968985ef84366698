"""The images that a customer's instances boot from, each as this customer's evidence shows it."""

from django import forms
from django.http import QueryDict
from drf_spectacular.utils import extend_schema_view

from cloudigrade.api.v2 import filters, schema
from cloudigrade.api.v2.image_facts import Facts
from cloudigrade.api.v2.listing import SHOWN, Filter, Item, Kind, ListingViewSet, time

_SEEN = "(m.is_public OR s.id IS NOT NULL)"
"""What the image is, what was found on it, and how far that is, is the customer's to know."""


def _told(column: str, otherwise: str = "''") -> str:
    """What is stored of the image, as far as it is the customer's to know.

    Whoever can write a log file can claim an instance of anybody's image. To those who do not see it, it is shown as
    if it had never been described, but for what their usage is counted by: their tags and verdict.
    """
    return f"CASE WHEN {_SEEN} THEN m.{column} ELSE {otherwise} END"


_STATUS = (
    f"CASE WHEN v.rhel <> 'undetermined' AND m.findings = '' THEN 'inspected' WHEN n.id IS NOT NULL AND {_SEEN} THEN"
    f" n.state WHEN v.rhel <> 'undetermined' OR (m.findings <> '' AND {_SEEN}) THEN 'inspected'"
    f" WHEN m.asked_at IS NOT NULL AND NOT (m.is_described AND {_SEEN}) THEN 'unavailable' ELSE 'pending' END"
)
"""Facts or a tag decide; else how far looking into it is; nobody can, for its cloud does not know it; or it waits."""

_CHANGED = _told("updated_at", "m.created_at")

_FACTS = ", ".join(
    _told(column) for column in ("owner", "name", "architecture", "platform", "billing_code", "platform_details")
)

_VERDICT = (
    "LEFT JOIN cloudigrade_imageverdict AS v ON v.image_id = m.id AND v.customer_id = %(customer)s"
    " LEFT JOIN cloudigrade_inspection AS n ON n.image_id = m.id"
    " LEFT JOIN cloudigrade_sight AS s ON s.image_id = m.id AND s.customer_id = %(customer)s"
)

_FILTERS = {
    "architecture": (forms.CharField(required=False), f"{_told('architecture')} = %(architecture)s"),
    "status": (
        forms.ChoiceField(required=False, choices=[(word, word) for word in schema.STATUSES]),
        f"{_STATUS} = %(status)s",
    ),
}


# A tag is the customer's own word, so its time is shown to no one else; nor is when something was told of the image.
_STATEMENT = f"""
WITH own AS MATERIALIZED (
    SELECT DISTINCT i.image_id AS id FROM cloudigrade_instance AS i
    JOIN cloudigrade_cloudaccount AS a ON a.id = i.account_id
    WHERE i.image_id IS NOT NULL AND {SHOWN}{{condition}}
), page AS (SELECT id FROM own ORDER BY id LIMIT %(limit)s OFFSET %(offset)s)
SELECT (SELECT count(*) FROM own), m.id, m.cloud, m.native_id, m.region, {_FACTS},
       {_told("product_codes::text", "'[]'")}, {_told("findings")}, v.rhel = 'rhel', v.version, v.is_openshift,
       (v.evidence->>'is_tagged_rhel')::boolean, {_STATUS}, {time("m.created_at")},
       {
    time(
        f"greatest({_CHANGED}, (SELECT max(t.occurred_at) FROM cloudigrade_tagevent AS t"
        " WHERE t.image_id = m.id AND t.customer_id = %(customer)s))"
    )
}
FROM page JOIN cloudigrade_image AS m ON m.id = page.id {_VERDICT} ORDER BY m.id
"""  # noqa: S608 - our own literals


def _translate(*row: object) -> Item:
    facts = Facts(*row)  # type: ignore[arg-type]  # the columns of the statement, in its order
    times = {"created_at": facts.created_at, "updated_at": facts.updated_at}
    content = facts.aws() if facts.cloud == "aws" else facts.azure()
    return {
        "architecture": facts.architecture or None,
        **times,
        "image_id": facts.id,
        "is_encrypted": False,  # an image is looked into where it is, and nobody asks whether it is encrypted
        "name": facts.name or None,
        "openshift": facts.is_openshift,
        "openshift_detected": facts.is_openshift,
        "rhel": facts.is_rhel,
        "rhel_detected": facts.is_rhel,
        "rhel_detected_by_tag": facts.is_tagged,
        "rhel_version": facts.version or None,
        **facts.found(),
        "status": facts.status,
        "cloud_type": facts.cloud,
        "content_object": {"id": facts.id, f"{facts.cloud}_image_id": facts.id, **times, **content},
    }


def _parse_filters(query: QueryDict) -> Filter:
    given = {name: filters.clean(field, query, name) for name, (field, _) in _FILTERS.items() if name in query}
    values = {name: value for name, value in given.items() if value}
    if not values:
        return Filter()
    # what is shown of an image is compared, after what is stored has been looked up
    wanted = " AND ".join(_FILTERS[name][1] for name in values)
    images = f"SELECT m.id FROM cloudigrade_image AS m {_VERDICT} WHERE {wanted}"  # noqa: S608 - our own literals
    return Filter(f" AND i.image_id IN ({images})", values)


@extend_schema_view(
    **schema.operations(
        ("listMachineImages", "retrieveMachineImage"),
        schema.MachineImage,
        "The images that the customer's instances boot from.",
        **schema.IMAGE_FILTERS,
    )
)
class MachineImageViewSet(ListingViewSet):
    """Images of which the customer has instances, running or not."""

    kind = Kind(
        statement=_STATEMENT,
        key="i.image_id",
        translate=_translate,
        parse_filters=_parse_filters,
    )
