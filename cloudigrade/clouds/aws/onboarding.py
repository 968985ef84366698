"""Taking an AWS account on and letting it go: access proven, its activity logged where we may read it."""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from botocore import exceptions

from cloudigrade.clouds import cloud
from cloudigrade.clouds.aws import adoption, own_trail, session, trail_choice
from cloudigrade.clouds.aws import details as kept
from cloudigrade.clouds.aws.own_trail import TooManyTrails, TooNarrow, Wanted
from cloudigrade.clouds.aws.trail_choice import Answer, Choice, Refusal, Trail
from cloudigrade.clouds.cloud import Account, Place
from cloudigrade.clouds.protocol import CustomerProblem
from cloudigrade.domain.problems import Problem

if TYPE_CHECKING:  # type stubs, absent outside development
    from mypy_boto3_cloudtrail import CloudTrailClient

logger = logging.getLogger(__name__)

_DRY_RUN: Final = "DryRunOperation"
_BY_ORGANIZATION: Final = "service control policy"


def verify(access: session.Access, account: Account) -> None:
    """The role opens now, with the external id only, and may read what metering needs; nothing was changed or listed.

    Raises CustomerProblem, which names every action that is not allowed, or Unavailable.
    """
    access.renew(account)  # what was kept opens for an hour, though the role may not
    region = access.home_region(access.partition_of(account))
    ec2 = access.client(account, "ec2", region)
    trails = access.client(account, "cloudtrail", region)
    calls: dict[str, Callable[[], object]] = {
        "ec2:DescribeRegions": partial(ec2.describe_regions, DryRun=True),
        "ec2:DescribeInstances": partial(ec2.describe_instances, DryRun=True),
        "ec2:DescribeImages": partial(ec2.describe_images, DryRun=True),
        "cloudtrail:DescribeTrails": trails.describe_trails,
    }
    with ThreadPoolExecutor(len(calls) + 1) as pool:
        is_open = pool.submit(access.is_open_to_anyone, account)
        denials = [denial for denial in pool.map(_denial, calls, calls.values()) if denial]
    if is_open.result():
        raise CustomerProblem(
            "the role can be assumed without the external id, or with any", Problem.EXTERNAL_ID_NOT_DEMANDED
        )
    if denials:
        raise TooNarrow(f"the role may not call {', '.join(denials)} in {region}")


def connect(access: session.Access, account: Account, *, readers: Sequence[Account] = ()) -> Mapping[str, Any]:
    """A trail logs what changes instances to a bucket that we may read: one that was there, or else ours.

    Safe to repeat: whatever an interrupted run left undone is completed, and what is as it should be is not touched.
    """
    want = own_trail.wanted(access, account)
    client = access.client(account, "cloudtrail", want.region)
    found = _trails(client)
    own = trail_choice.ours(found, name=want.name, bucket=want.bucket)
    if own:
        return _completed(access, account, own, want)
    choice = _choice(access, account, found, readers)
    refused = [*choice.refused]
    for trail in choice.others:
        tried = adoption.details(access, trail, account, readers)
        if isinstance(tried, kept.Details):
            return tried.stored()
        refused.append(tried)
    if any((trail.name, trail.account) == (want.name, account.native_id) for trail in found):
        raise CustomerProblem(f"a trail that writes elsewhere has the name {want.name}, which ours needs")
    return _created(access, account, want, refused)


def disconnect(access: session.Access, account: Account) -> None:
    """Our trail is gone, and no other; neither a missing trail nor a missing role is an error."""
    want = own_trail.wanted(access, account)
    try:
        found = _trails(access.client(account, "cloudtrail", want.region))
        own = trail_choice.ours(found, name=want.name, bucket=want.bucket)
        if own:
            own_trail.delete(access.client(account, "cloudtrail", own.home_region), want)
    except CustomerProblem:
        logger.warning("account %s no longer lets us in; if our trail is still there, it stays", account.native_id)


def places(access: session.Access, account: Account) -> Collection[Place]:  # noqa: ARG001 - as all that Aws calls
    """Where the account logs to; nowhere before it is connected."""
    bucket = kept.parse(account.details).bucket
    return {(bucket, account.native_id)} if bucket else set()


def trail(access: session.Access, account: Account) -> cloud.Trail | None:  # noqa: ARG001 - as all that Aws calls
    """What the account logs by, as it was when it was connected; None before."""
    found = kept.parse(account.details)
    return cloud.Trail(found.trail_arn, found.bucket, found.is_ours) if found.bucket else None


def _denial(action: str, call: Callable[[], object]) -> str:
    """The action and why it is denied; empty if it is allowed."""
    try:
        with session.translated(action, denied=TooNarrow):
            try:
                call()
            except exceptions.ClientError as error:
                if error.response["Error"]["Code"] != _DRY_RUN:
                    raise
    except TooNarrow as denial:
        return f"{action} (a {_BY_ORGANIZATION} denies it)" if _BY_ORGANIZATION in str(denial) else action
    return ""


def _trails(client: "CloudTrailClient") -> list[Trail]:
    with session.translated("cloudtrail:DescribeTrails", denied=TooNarrow):
        return trail_choice.trails(client.describe_trails(includeShadowTrails=True)["trailList"])


def _choice(access: session.Access, account: Account, found: Sequence[Trail], readers: Sequence[Account]) -> Choice:
    selectors: dict[str, Answer | None] = {}
    statuses: dict[str, Answer | None] = {}
    for trail in trail_choice.worth_asking(found):
        selectors[trail.arn], statuses[trail.arn] = adoption.answers(access, trail, account, readers)
    current = kept.known(account.details).trail_arn
    return trail_choice.choose(found, selectors, statuses, current=current)


def _completed(access: session.Access, account: Account, own: Trail, want: Wanted) -> Mapping[str, Any]:
    own_trail.complete(access.client(account, "cloudtrail", own.home_region), own, want)
    return own_trail.details(want, own.arn, own.home_region).stored()


def _created(access: session.Access, account: Account, want: Wanted, refused: Sequence[Refusal]) -> Mapping[str, Any]:
    try:
        arn = own_trail.create(access.client(account, "cloudtrail", want.region), want)
    except TooManyTrails as problem:
        raise _no_room(problem, refused) from problem
    return own_trail.details(want, arn, want.region).stored()


def _no_room(problem: TooManyTrails, refused: Sequence[Refusal]) -> CustomerProblem:
    """What stands in the way, from the trail that lacks least."""
    reasons = "; ".join(f"{each.trail} {each.reason}" for each in refused)
    nearest = next((each.problem for each in refused if each.problem is not problem.problem), problem.problem)
    return CustomerProblem(f"{problem}, and none can be used: {reasons}" if reasons else str(problem), nearest)
