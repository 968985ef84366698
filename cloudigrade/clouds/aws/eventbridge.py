"""EventBridge's notices of EC2 in, activities out: what an instance came to, seconds after it did."""

from collections.abc import Mapping
from typing import Any, Final

from cloudigrade.clouds.aws import identifiers, times
from cloudigrade.clouds.protocol import InstanceActivity, Unreadable
from cloudigrade.domain.events import Event, Feed, Kind

SOURCE: Final = "aws.ec2"
"""Nobody but EC2 can send it: EventBridge takes no `aws.` from anybody else, and names the sender's account itself."""
STATE_CHANGE: Final = "EC2 Instance State-change Notification"

_STATES: Final[Mapping[object, dict[str, Any]]] = {
    "pending": {"kind": Kind.POWER_ON, "feed": Feed.TRANSITION_NOTICE},
    "running": {"kind": Kind.POWER_ON, "feed": Feed.STATE_NOTICE},
    "stopping": {"kind": Kind.POWER_OFF, "feed": Feed.TRANSITION_NOTICE},
    "stopped": {"kind": Kind.POWER_OFF, "feed": Feed.STATE_NOTICE},
    "shutting-down": {"kind": Kind.POWER_OFF, "feed": Feed.TRANSITION_NOTICE, "is_termination": True},
    "terminated": {"kind": Kind.POWER_OFF, "feed": Feed.STATE_NOTICE, "is_termination": True},
}


def is_notice(event: Mapping[str, Any]) -> bool:
    """Whether the event is EC2's own word on an instance's state."""
    return event.get("source") == SOURCE and event.get("detail-type") == STATE_CHANGE


def translate(notice: Mapping[str, Any]) -> InstanceActivity:
    """What happened to the instance; raises Unreadable."""
    detail = notice.get("detail")
    if not isinstance(detail, dict):
        raise Unreadable("notice has no detail")
    occurred_at = times.parse_time(notice.get("time"))
    if occurred_at is None:
        raise Unreadable("notice has no valid time")
    return InstanceActivity(
        account=_named(notice.get("account"), identifiers.ACCOUNT, "account of 12 digits"),
        region=_named(notice.get("region"), identifiers.REGION, "region"),
        instance=_named(detail.get("instance-id"), identifiers.INSTANCE, "instance"),
        event=Event(
            source_id=_named(notice.get("id"), identifiers.EVENT, "event id"),
            occurred_at=occurred_at,
            **_change(detail.get("state")),
        ),
    )


def _named(value: object, pattern: identifiers.Pattern, what: str) -> str:
    name = identifiers.checked(value, pattern)
    if not name:
        raise Unreadable(f"notice names no {what}")
    return name


def _change(state: object) -> dict[str, Any]:
    change = _STATES.get(state) if isinstance(state, str) else None
    if change is None:
        raise Unreadable("notice names no state that we know")
    return change
