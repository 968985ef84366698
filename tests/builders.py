"""Short ways to say what a cloud told: activities, tags, descriptions and batches of them."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from cloudigrade.clouds.protocol import (
    Batch,
    Findings,
    ImageDescription,
    InstanceActivity,
    InstanceDescription,
    Rejected,
    TagChange,
    TypeDefinition,
)
from cloudigrade.domain import days
from cloudigrade.domain.events import Event, Feed, Kind, Previous

ACCOUNT = "000000000042"
REGION = "eu-west-1"
IMAGE = "ami-1"
MONDAY = date(2026, 3, 2)
MIDNIGHT = days.opening(MONDAY)
HOUR = 3600
AS_OF = datetime(2026, 3, 12, tzinfo=UTC)
"""Ten days are over by then: Monday and the nine after it."""

LARGE = TypeDefinition("m5.large", 2, 8192)
XLARGE = TypeDefinition("m5.xlarge", 4, 16384)

RHEL_TAG = "cloudigrade-rhel-present"
OPENSHIFT_TAG = "cloudigrade-ocp-present"

Item = InstanceActivity | TagChange | InstanceDescription | ImageDescription | TypeDefinition | Findings | Rejected


def clock(hours: float) -> int:
    """So many hours after Monday's beginning, as seconds since 1970."""
    return MIDNIGHT + round(hours * HOUR)


def moment(hours: float) -> datetime:
    return days.instant(clock(hours))


def day(number: int) -> date:
    """Monday is 0."""
    return date.fromordinal(MONDAY.toordinal() + number)


def activity(instance: str, event: Event, *, image: str = "", account: str = ACCOUNT) -> InstanceActivity:
    return InstanceActivity(account, REGION, instance, event, image)


def launch(
    instance: str, hours: float, *, image: str = IMAGE, instance_type: str = "m5.large", account: str = ACCOUNT
) -> InstanceActivity:
    event = Event(
        f"launch-{instance}-{hours}", clock(hours), Kind.POWER_ON, is_launch=True, instance_type=instance_type
    )
    return activity(instance, event, image=image, account=account)


def start(instance: str, hours: float, *, previous: Previous = Previous.OFF) -> InstanceActivity:
    return activity(instance, Event(f"start-{instance}-{hours}", clock(hours), Kind.POWER_ON, previous=previous))


def stop(instance: str, hours: float, *, previous: Previous = Previous.ON, account: str = ACCOUNT) -> InstanceActivity:
    event = Event(f"stop-{instance}-{hours}", clock(hours), Kind.POWER_OFF, previous=previous)
    return activity(instance, event, account=account)


def retype(instance: str, hours: float, instance_type: str) -> InstanceActivity:
    event = Event(f"retype-{instance}-{hours}", clock(hours), Kind.ATTRIBUTE_CHANGE, instance_type=instance_type)
    return activity(instance, event)


def revised(item: InstanceActivity, revision: str, **changes: Any) -> InstanceActivity:
    """An addendum to the activity."""
    return item._replace(event=item.event._replace(revision=revision, **changes))


def tag(hours: float, *, image: str = IMAGE, is_present: bool = True, account: str = ACCOUNT) -> TagChange:
    word = "set" if is_present else "removed"
    return TagChange(account, REGION, image, RHEL_TAG, is_present, clock(hours), f"{word}-{image}-{hours}")


def described(
    instance: str, launched: float, stopped: float | None = None, *, image: str = IMAGE, is_stop_undated: bool = False
) -> InstanceDescription:
    """An instance found running since its launch, or off since its stop."""
    events = [_described_event(instance, launched, Kind.POWER_ON)]
    if stopped is not None:
        events.append(_described_event(instance, stopped, Kind.POWER_OFF))
    return InstanceDescription(
        account=ACCOUNT,
        region=REGION,
        instance=instance,
        image=image,
        instance_type="m5.large",
        billing_code="",
        launched_at=clock(launched),
        described_until=events[-1].occurred_at,
        is_stop_undated=is_stop_undated,
        events=tuple(events),
    )


def _described_event(instance: str, hours: float, kind: Kind) -> Event:
    return Event(f"describe:{instance}:{hours}", clock(hours), kind, Feed.DESCRIPTION)


def custom_image(image: str = IMAGE, **facts: Any) -> ImageDescription:
    """An image that the cloud charges nothing for, and which may hold anything."""
    return ImageDescription("", image, **({"architecture": "x86_64", "billing_code": "RunInstances"} | facts))


def red_hat_image(image: str = IMAGE) -> ImageDescription:
    """RHEL on the customer's own subscription, beyond doubt."""
    return custom_image(
        image,
        owner="309956199498",
        name="RHEL-9.4.0_HVM-20240605-x86_64-82-Access2-GP3",
        billing_code="RunInstances:00g0",
        platform_details="Red Hat BYOL Linux",
    )


def found(image: str = IMAGE, **content: Any) -> Findings:
    """Findings with RHEL in them."""
    return Findings(image, {"rhel_product_certs_found": True, **content})


_PLACES: Mapping[type, str] = {
    InstanceActivity: "instances",
    TagChange: "tags",
    InstanceDescription: "described_instances",
    ImageDescription: "described_images",
    TypeDefinition: "definitions",
    Findings: "findings",
    Rejected: "rejected",
}


def batch(*items: Item, **more: Any) -> Batch:
    """The items as one batch; every activity and tag is a record of its own unless they share a source id."""
    made = Batch(**more)
    for item in items:
        getattr(made, _PLACES[type(item)]).append(item)
    if not made.records_relevant:
        made.records_relevant = len(made.instances) + len(made.tags) + sum(bool(item.content) for item in made.rejected)
    return made
