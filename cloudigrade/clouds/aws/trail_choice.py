"""Which of an account's trails tells us what happens there: CloudTrail's answers in, our choice and its reasons out."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from cloudigrade.domain.problems import Problem

Answer = Mapping[str, Any]
"""What CloudTrail answered about one trail."""

_ARN: Final = re.compile(r"arn:[a-z-]+:cloudtrail:[a-z0-9-]+:([0-9]{12}):trail/[A-Za-z0-9._-]+")
_SOURCES: Final = frozenset({"autoscaling.amazonaws.com", "ec2.amazonaws.com"})
"""Whose events tell of instances."""


class Trail(NamedTuple):
    """A trail as its account sees it; an organization's trail shows in every member's account."""

    name: str
    arn: str
    home_region: str
    bucket: str
    prefix: str = ""
    key: str = ""
    """KMS key of its log files; empty where they are not encrypted with one."""
    is_multi_region: bool = False
    is_organization: bool = False
    has_global_events: bool = False
    has_digests: bool = False
    has_own_selectors: bool = False
    """Without, it logs every management event."""

    @property
    def account(self) -> str:
        """Native id of the account that the trail belongs to; empty where its ARN does not say."""
        found = _ARN.fullmatch(self.arn)
        return found[1] if found else ""


class Refusal(NamedTuple):
    """Why a trail was not taken."""

    trail: str
    reason: str
    problem: Problem = Problem.TOO_MANY_TRAILS
    """What the customer has to solve, if no trail can be added."""


class Choice(NamedTuple):
    """The trails that can tell us what happens, the best first."""

    ours: Trail | None
    """The one that we made."""
    others: tuple[Trail, ...]
    """Those of the customer that log what we need; whether we may read them is another question."""
    refused: tuple[Refusal, ...]


def trails(listed: Iterable[Answer]) -> list[Trail]:
    """The trails that DescribeTrails lists."""
    return [
        Trail(
            name=each.get("Name", ""),
            arn=each.get("TrailARN", ""),
            home_region=each.get("HomeRegion", ""),
            bucket=each.get("S3BucketName", ""),
            prefix=each.get("S3KeyPrefix") or "",
            key=each.get("KmsKeyId") or "",
            is_multi_region=each.get("IsMultiRegionTrail", False),
            is_organization=each.get("IsOrganizationTrail", False),
            has_global_events=each.get("IncludeGlobalServiceEvents", False),
            has_digests=each.get("LogFileValidationEnabled", False),
            has_own_selectors=each.get("HasCustomEventSelectors", False),
        )
        for each in listed
    ]


def ours(found: Iterable[Trail], *, name: str, bucket: str) -> Trail | None:
    """The trail that we made: it has our name and writes to our bucket."""
    return next((trail for trail in found if (trail.name, trail.bucket) == (name, bucket)), None)


def worth_asking(found: Iterable[Trail]) -> list[Trail]:
    """Those whose selectors and status decide."""
    return [trail for trail in found if trail.is_multi_region]


def choose(
    found: Sequence[Trail],
    selectors: Mapping[str, Answer | None],
    statuses: Mapping[str, Answer | None],
    *,
    own: Trail | None = None,
    current: str = "",
) -> Choice:
    """The choice, from what each trail's ARN was answered with; None: we may not ask. `current`: ARN in use now.

    A trail in use stays in use; then digests count, which prove that nothing is missing; then an organization's trail,
    which no member can switch off.
    """
    good: list[Trail] = []
    refused: list[Refusal] = []
    for trail in found:
        if trail == own:
            continue
        refusal = _refusal(trail, selectors.get(trail.arn), statuses.get(trail.arn))
        if refusal:
            refused.append(refusal)
        else:
            good.append(trail)
    good.sort(key=lambda trail: (trail.arn != current, not trail.has_digests, not trail.is_organization, trail.arn))
    return Choice(own, tuple(good), tuple(refused))


def logs_changes(trail: Trail, selectors: Answer | None) -> bool:
    """Every change of an instance is logged."""
    basic = (selectors or {}).get("EventSelectors") or ()
    advanced = (selectors or {}).get("AdvancedEventSelectors") or ()
    if basic or advanced:
        return any(map(_takes_changes, basic)) or any(map(_picks_changes, advanced))
    # A member's account is not told the selectors of its organization's trail, but that there are none of its own.
    return not trail.has_own_selectors


def _refusal(trail: Trail, selectors: Answer | None, status: Answer | None) -> Refusal | None:
    if not trail.is_multi_region:
        return Refusal(trail.name, "covers one region only")
    if status is None:
        return Refusal(trail.name, "does not let us ask whether it is on")
    if not status.get("IsLogging"):
        return Refusal(trail.name, "is switched off")
    if not logs_changes(trail, selectors):
        return Refusal(trail.name, "does not log every change of an instance")
    failure = status.get("LatestDeliveryError")
    if failure:
        return Refusal(trail.name, f"cannot write to its bucket: {failure}", Problem.TRAIL_CANNOT_WRITE)
    return None


def _takes_changes(selector: Answer) -> bool:
    # CloudTrail's own defaults where a selector is silent
    return (
        selector.get("IncludeManagementEvents", True)
        and selector.get("ReadWriteType", "All") in {"All", "WriteOnly"}
        and _SOURCES.isdisjoint(selector.get("ExcludeManagementEventSources") or ())
    )


def _picks_changes(selector: Answer) -> bool:
    fields = selector.get("FieldSelectors") or ()
    is_management = any(
        field.get("Field") == "eventCategory" and field.get("Equals") == ["Management"] for field in fields
    )
    return is_management and all(map(_lets_changes_pass, fields))


def _lets_changes_pass(field: Answer) -> bool:
    name = field.get("Field")
    conditions = {key: set(values) for key, values in field.items() if key != "Field" and values}
    if name == "eventCategory":
        return True
    if name == "readOnly" and conditions.keys() == {"Equals"}:
        return "false" in conditions["Equals"]
    if name == "eventSource" and conditions.keys() == {"NotEquals"}:
        return _SOURCES.isdisjoint(conditions["NotEquals"])
    if name == "eventSource" and conditions.keys() == {"Equals"}:
        return conditions["Equals"] >= _SOURCES
    return False  # whatever else narrows the choice may leave out what we need
