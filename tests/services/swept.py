"""What sweeps found, said in short, and recorded."""

from collections.abc import Iterable
from typing import Any

from cloudigrade.clouds.cloud import RegionSweep
from cloudigrade.clouds.protocol import Batch, ImageDescription, InstanceDescription
from cloudigrade.domain.events import Event, Feed, Kind
from cloudigrade.models import CloudAccount
from cloudigrade.services import sweeps
from cloudigrade.services.sweeps import Swept
from tests import builders
from tests.builders import ACCOUNT, AS_OF, REGION, clock
from tests.services.stored import Stored

ANY = ("_ANY",) * 5
PAYG, BYOS = "RunInstances:0010", "RunInstances:00g0"


class Sweeper:
    """Records sweeps of the customer's account, and makes runs and answers of them."""

    def __init__(self, stored: Stored) -> None:
        self._stored = stored
        self.account = CloudAccount.objects.get(native_id=ACCOUNT)

    def record(self, *regions: RegionSweep) -> Swept:
        return sweeps.record(account_id=self.account.pk, sweep=iter(regions), now=AS_OF)

    def __call__(self, *regions: RegionSweep) -> Swept:
        swept = self.record(*regions)
        self._stored.recalculate()
        return swept


def described(
    name: str, launched: float, stopped: float | None = None, *, instance_type: str = "m5.large", **more: Any
) -> InstanceDescription:
    """As tests/builders.py makes them, with the type in the event of an instance that is on."""
    one = builders.described(name, launched, stopped, **more)
    is_on = stopped is None and not one.is_stop_undated
    events = (one.events[0]._replace(instance_type=instance_type if is_on else ""), *one.events[1:])
    return one._replace(instance_type=instance_type, events=events)


def off(name: str, launched: float, **more: Any) -> InstanceDescription:
    """Found off, and the cloud does not say since when."""
    return described(name, launched, is_stop_undated=True, **more)


def converted(one: InstanceDescription, hours: float, code: str) -> InstanceDescription:
    """With a billing code that holds since then."""
    name = f"describe:{one.instance}:{hours}"
    change = Event(name, clock(hours), Kind.ATTRIBUTE_CHANGE, Feed.DESCRIPTION, billing_code=code)
    return one._replace(billing_code=code, events=(*one.events, change))


def looked(
    hours: float,
    *instances: InstanceDescription,
    images: Iterable[ImageDescription] = (),
    region: str = REGION,
    problem: str = "",
    **more: Any,
) -> RegionSweep:
    """A region as it was so many hours after Monday's beginning."""
    told = Batch(described_images=[image._replace(region=region) for image in images], **more)
    return RegionSweep(region, clock(hours), list(instances), told, problem)
