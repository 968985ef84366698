"""The store: columns, constraints and query sets."""

from cloudigrade.models.customers import CloudAccount, Customer, DueWork, ExternalId, UnmeteredPeriod
from cloudigrade.models.feeds import FeedPosition, Gap, LogFile, Quarantine, QueueState
from cloudigrade.models.images import Image, ImageVerdict, TagEvent
from cloudigrade.models.inspections import Inspection, Sight
from cloudigrade.models.instances import Instance, InstanceDefinition, InstanceEvent
from cloudigrade.models.platform import ApiToken, Inbox, Outbox, SyntheticDataRequest
from cloudigrade.models.runs import Run
from cloudigrade.models.usage import ConcurrentUsage, DirtyDay

__all__ = [
    "ApiToken",
    "CloudAccount",
    "ConcurrentUsage",
    "Customer",
    "DirtyDay",
    "DueWork",
    "ExternalId",
    "FeedPosition",
    "Gap",
    "Image",
    "ImageVerdict",
    "Inbox",
    "Inspection",
    "Instance",
    "InstanceDefinition",
    "InstanceEvent",
    "LogFile",
    "Outbox",
    "Quarantine",
    "QueueState",
    "Run",
    "Sight",
    "SyntheticDataRequest",
    "TagEvent",
    "UnmeteredPeriod",
]
