"""Images of all customers: what is true for everyone, and what any customer's word adds to it."""

from collections.abc import Iterable
from typing import Any, Final

from django.db.models import BooleanField, Case, Exists, OuterRef, Q, QuerySet, Value, When

from cloudigrade.domain.rhel import Rhel
from cloudigrade.domain.rhel_codes import RED_HAT_OWNERS
from cloudigrade.models import Image, ImageVerdict

STATUSES: Final = ("pending", "preparing", "inspecting", "inspected", "error", "unavailable")
IS_ENCRYPTED: Final = Value(value=False, output_field=BooleanField())
"""An image that cannot be read says so by its status."""

_MARKETPLACE: Final = "marketplace"


def rows() -> QuerySet[Image]:
    """The images, with what their customers' verdicts add up to."""
    verdicts = ImageVerdict.objects.filter(image=OuterRef("pk"))
    decided = verdicts.exclude(rhel=Rhel.UNDETERMINED)
    return Image.objects.annotate(
        wire_status=Case(
            When(~Q(findings="") | Exists(decided), then=Value("inspected")),
            When(asked_at__isnull=False, is_described=False, then=Value("unavailable")),
            default=Value("pending"),
        ),
        is_tagged_rhel=Exists(verdicts.filter(evidence__is_tagged_rhel=True)),
        is_openshift=Exists(verdicts.filter(is_openshift=True)),
    )


def is_cloud_access(*, name: str, owner: str) -> bool:
    """Whether it is Red Hat's own image for customers with subscriptions."""
    return owner in RED_HAT_OWNERS and "-access2" in name.lower()


def is_marketplace(*, name: str, owner: str, product_codes: Iterable[Any]) -> bool:
    """Whether the cloud's market bills it."""
    return has_market_code(product_codes) or (owner in RED_HAT_OWNERS and "-hourly2" in name.lower())


def has_market_code(product_codes: Iterable[Any]) -> bool:
    """Whether one of the pairs of code and type is the market's."""
    return any(kind == _MARKETPLACE for _, kind in product_codes)
