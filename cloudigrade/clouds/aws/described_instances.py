"""One instance as describe-instances prints it in, its attributes and last transitions as events out."""

from typing import Any, Final, NamedTuple

from cloudigrade.clouds.aws import identifiers, times
from cloudigrade.clouds.protocol import InstanceDescription, Unreadable
from cloudigrade.domain.events import Event, Feed, Kind

_ON: Final = frozenset({"pending", "running"})
_OFF: Final = frozenset({"stopping", "stopped"})
_GONE: Final = frozenset({"shutting-down", "terminated"})


class _Described(NamedTuple):
    """The facts of the description that its events follow from."""

    instance: str
    state: str
    instance_type: str
    billing_code: str
    launched_at: int | None
    stopped_at: int | None
    billed_at: int | None
    """Since when the billing code holds."""


def parse(part: dict[str, Any], account: str) -> InstanceDescription:
    """What the description says; raises Unreadable where instance, owner, zone or state are missing."""
    placement = part.get("Placement")
    region = identifiers.region_of_zone(placement.get("AvailabilityZone") if isinstance(placement, dict) else None)
    described = _facts(part)
    if not account:
        raise Unreadable("has an instance without a valid owner")
    if not region:
        raise Unreadable("has an instance without a valid availability zone")
    return InstanceDescription(
        account=account,
        region=region,
        instance=described.instance,
        image=identifiers.checked(part.get("ImageId"), identifiers.IMAGE),
        instance_type=described.instance_type,
        billing_code=described.billing_code,
        launched_at=described.launched_at or 0,
        described_until=max(described.launched_at or 0, described.stopped_at or 0),
        is_stop_undated=described.state not in _ON and described.stopped_at is None,
        events=tuple(_events(described)),
    )


def _facts(part: dict[str, Any]) -> _Described:
    launched_at = times.parse_time(part.get("LaunchTime"))
    state = _state(part)
    stopped_at = None if state in _ON else times.parse_transition(part.get("StateTransitionReason"))
    if stopped_at is not None and launched_at is not None and stopped_at < launched_at:
        stopped_at = None  # tells of an earlier stop
    return _Described(
        instance=_required(part, "InstanceId", identifiers.INSTANCE),
        state=state,
        instance_type=_required(part, "InstanceType", identifiers.INSTANCE_TYPE),
        billing_code=identifiers.cleaned(part.get("UsageOperation"), 64),
        launched_at=launched_at,
        stopped_at=stopped_at,
        billed_at=times.parse_time(part.get("UsageOperationUpdateTime")),
    )


def _state(part: dict[str, Any]) -> str:
    state = part.get("State")
    name = state.get("Name") if isinstance(state, dict) else None
    if not isinstance(name, str) or name not in _ON | _OFF | _GONE:
        raise Unreadable("has an instance without a known state")
    return name


def _required(part: dict[str, Any], field: str, pattern: identifiers.Pattern) -> str:
    value = identifiers.checked(part.get(field), pattern)
    if not value:
        raise Unreadable(f"has an instance without a valid {field}")
    return value


def _events(described: _Described) -> list[Event]:
    events = _transitions(described)
    code, second = described.billing_code, described.billed_at
    if not code or second is None:
        return events
    if all(event.occurred_at != second for event in events):
        return [*events, _event(described, second, Kind.ATTRIBUTE_CHANGE)._replace(billing_code=code)]
    # One event a second: its source id names no more than the instance and the second.
    return [event._replace(billing_code=code) if event.occurred_at == second else event for event in events]


def _transitions(described: _Described) -> list[Event]:
    launched_at, stopped_at = described.launched_at, described.stopped_at
    if launched_at is not None and launched_at == stopped_at:
        return []  # on and off within a second
    events = []
    if launched_at is not None:
        on = _event(described, launched_at, Kind.POWER_ON)
        # Off, it may have been given another type since; on, it cannot.
        events.append(on._replace(instance_type=described.instance_type if described.state in _ON else ""))
    if stopped_at is not None:
        off = _event(described, stopped_at, Kind.POWER_OFF)
        events.append(off._replace(is_termination=described.state in _GONE))
    return events


def _event(described: _Described, second: int, kind: Kind) -> Event:
    source_id = f"describe:{described.instance}:{times.written(second)}"
    return Event(source_id=source_id, occurred_at=second, kind=kind, feed=Feed.DESCRIPTION)
