"""Images of all customers: what is true for everyone, and what any customer's word adds to it."""

from typing import Final

from django.db.models import BooleanField, Case, Exists, F, OuterRef, Q, QuerySet, TextField, Value, When

from cloudigrade.domain.rhel import Rhel
from cloudigrade.models import Image, ImageVerdict

STATUSES: Final = ("pending", "preparing", "inspecting", "inspected", "error", "unavailable")
IS_ENCRYPTED: Final = Value(value=False, output_field=BooleanField())
"""An image that cannot be read says so by its status."""


def rows() -> QuerySet[Image]:
    """The images, with what their customers' verdicts add up to."""
    verdicts = ImageVerdict.objects.filter(image=OuterRef("pk"))
    decided = verdicts.exclude(rhel=Rhel.UNDETERMINED)
    return Image.objects.annotate(
        wire_status=Case(
            When(inspection__isnull=False, then=F("inspection__state")),
            When(~Q(findings="") | Exists(decided), then=Value("inspected")),
            When(asked_at__isnull=False, is_described=False, then=Value("unavailable")),
            default=Value("pending"),
            output_field=TextField(),
        ),
        is_tagged_rhel=Exists(verdicts.filter(evidence__is_tagged_rhel=True)),
        is_openshift=Exists(verdicts.filter(is_openshift=True)),
    )
