"""The store: columns, constraints and query sets."""

from cloudigrade.models.customers import CloudAccount, Customer
from cloudigrade.models.feeds import FeedPosition, Quarantine
from cloudigrade.models.images import Image, ImageVerdict, TagEvent
from cloudigrade.models.instances import Instance, InstanceDefinition, InstanceEvent
from cloudigrade.models.runs import Run
from cloudigrade.models.usage import ConcurrentUsage, DirtyDay

__all__ = [
    "CloudAccount",
    "ConcurrentUsage",
    "Customer",
    "DirtyDay",
    "FeedPosition",
    "Image",
    "ImageVerdict",
    "Instance",
    "InstanceDefinition",
    "InstanceEvent",
    "Quarantine",
    "Run",
    "TagEvent",
]
