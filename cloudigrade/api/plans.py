"""What the wire calls Cloud Access and marketplace: facts of an image's name, owner and product codes."""

from collections.abc import Iterable
from typing import Any, Final

from cloudigrade.domain.rhel_codes import RED_HAT_OWNERS

_MARKETPLACE: Final = "marketplace"


def is_cloud_access(*, name: str, owner: str) -> bool:
    """Whether it is Red Hat's own image for customers with subscriptions; anybody can use Red Hat's names."""
    return owner in RED_HAT_OWNERS and "-access2" in name.lower()


def is_marketplace(*, name: str, owner: str, product_codes: Iterable[Any]) -> bool:
    """Whether the cloud's market bills it."""
    return has_market_code(product_codes) or (owner in RED_HAT_OWNERS and "-hourly2" in name.lower())


def has_market_code(product_codes: Iterable[Any]) -> bool:
    """Whether one of the pairs of code and type is the market's."""
    return any(kind == _MARKETPLACE for _, kind in product_codes)
