"""Accounts as they are into accounts as they are wanted: proven, connected, checked, disconnected, removed.

The cloud is asked between transactions, never within one (P8). Each transaction holds the account's row and stores
nothing where the wish has changed since it was read; whoever changed it has planned the work anew. A crash leaves the
work due again after its lease, and all of it is safe to repeat.
"""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from django.conf import settings
from django.db import IntegrityError, transaction

from cloudigrade.clouds.cloud import Account
from cloudigrade.clouds.protocol import CustomerProblem, NotSetUp, Unavailable
from cloudigrade.domain.problems import Problem
from cloudigrade.models import CloudAccount
from cloudigrade.services import availability, clouds, removal, schedules, unmetered
from cloudigrade.services.opened import LEFT, account_of, accounts_of, are_sound
from cloudigrade.services.schedules import Work

SHORTEST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=1)
"""Between two attempts at what the customer must solve; each pause is twice as long as the one before."""
OUTAGE_PAUSE = timedelta(minutes=1)
"""Before the next attempt at what a cloud did not answer."""
CHECK_PAUSE = availability.CHECK_PAUSE
"""In which an account is checked once at most, whoever asks (P10)."""
LOOK_PAUSE = timedelta(days=1)
"""After which a check that holds has the account connected again, in case its trail was removed or stopped."""

_READING = (Work.CHECK, Work.SWEEP, Work.POLL, Work.PROVE)
_WISH = ("credentials", "next_credentials", "external_id", "wanted", "is_paused", "revision")

_log = logging.getLogger(__name__)


class Result(StrEnum):
    """How an attempt ended."""

    DONE = "done"  # it is as wanted
    PROBLEM = "problem"  # the customer must act
    LATER = "later"  # the cloud does not answer, or was asked just before
    MORE = "more"  # a share is done, and there is more to do
    CHANGED = "changed"  # something else is wanted by now
    GONE = "gone"  # there is no such account any more


class Outcome(NamedTuple):
    """What became of an account."""

    result: Result
    account_id: int
    """Another than was asked for where that has taken its place."""
    code: str = ""
    reason: str = ""
    is_ours: bool = False
    """It is our own side that is not set up; the reason says what is missing."""


class _Changed(Exception):
    """The wish has changed since it was read."""


def connect(*, account_id: int, now: datetime) -> Outcome:
    """The account is as it is wanted: verified and connected, disconnected, or removed; or it is known why not.

    What the customer must solve is tried again after growing pauses, so it recovers by itself; when a cloud does not
    answer, nothing changes but the time of the next attempt (C19).
    """
    account = CloudAccount.objects.filter(pk=account_id).first()
    if account is None:
        return Outcome(Result.GONE, account_id)
    try:
        return _as_wanted(account, now)
    except Unavailable as error:
        schedules.done(account_id=account_id, work=Work.CONNECT, next_at=now + OUTAGE_PAUSE)
        return Outcome(Result.LATER, account_id, reason=str(error), is_ours=isinstance(error, NotSetUp))
    except _Changed:
        _plan_again(account_id, now)
        return Outcome(Result.CHANGED, account_id)


def check(*, account_id: int, now: datetime) -> Outcome:
    """The account still lets us in, or its problem is stored and it is not enabled any more (C20).

    Cheap: no trail is looked at and nothing is listed. Once a day it is planned to look at the trail, too; an account
    that is not enabled is planned to be connected.
    """
    # claimed by its time, so that of any number who ask at once one asks the cloud
    due = CloudAccount.objects.filter(pk=account_id, wanted="enabled", is_paused=False, is_enabled=True)
    if not due.exclude(checked_at__gt=now - CHECK_PAUSE).update(checked_at=now):
        return _unchecked(account_id, now)
    account = CloudAccount.objects.get(pk=account_id)
    try:
        clouds.get(account.cloud).verify(account_of(account))
        return _record_check(account, now)
    except Unavailable as error:
        schedules.done(account_id=account_id, work=Work.CHECK, next_at=now + CHECK_PAUSE)
        return Outcome(Result.LATER, account_id, reason=str(error), is_ours=isinstance(error, NotSetUp))
    except CustomerProblem as problem:
        return _record_problem(account, problem, now)
    except _Changed:
        return Outcome(Result.CHANGED, account_id)


def _as_wanted(account: CloudAccount, now: datetime) -> Outcome:
    if account.wanted == "deleted":
        return _remove(account, now)
    if account.wanted == "disabled" or account.is_paused or not (account.credentials or account.next_credentials):
        _disconnect(account)
        return _record_disconnection(account, now)
    if account.next_credentials:
        try:
            opened = _proven_next(account)
            if opened.native_id != account.native_id:
                return _move_to(account, opened, now)
            account = _swap(account, opened)
        except CustomerProblem as problem:
            return _record_problem(account, problem, now, is_kept=True)
    else:
        try:
            clouds.get(account.cloud).verify(account_of(account))
        except CustomerProblem as problem:
            return _record_problem(account, problem, now)
    return _connect(account, now)


# What is asked of the cloud


def _connect(account: CloudAccount, now: datetime) -> Outcome:
    """What has just let us in is the customer's, and connected."""
    try:
        with transaction.atomic():
            _verify(_unchanged(account))
        details = clouds.get(account.cloud).connect(account_of(account), readers=_readers(account))
    except CustomerProblem as problem:
        return _record_problem(account, problem, now)
    with transaction.atomic():
        _store_connection(_unchanged(account), details, now)
    return Outcome(Result.DONE, account.pk)


def _readers(account: CloudAccount) -> list[Account]:
    """The customer's other verified accounts, whose buckets may hold this one's logs."""
    others = CloudAccount.objects.filter(
        customer_id=account.customer_id, cloud=account.cloud, is_verified=True, wanted="enabled"
    )
    usable = others.exclude(pk=account.pk).exclude(credentials="").exclude(external_id="")
    return accounts_of(usable.order_by("native_id"))


def _disconnect(account: CloudAccount) -> None:
    """The cloud has what it had before us; only where the account is proven to be this customer's, not another's."""
    if not account.is_verified or not account.credentials or not account.external_id:
        return
    try:
        clouds.get(account.cloud).disconnect(account_of(account))
    except CustomerProblem as problem:
        _log.warning("account %s could not be disconnected, and is let go: %s", account.native_id, problem)


def _remove(account: CloudAccount, now: datetime) -> Outcome:
    _disconnect(account)
    if removal.remove(account_id=account.pk, now=now):
        return Outcome(Result.GONE, account.pk)
    schedules.done(account_id=account.pk, work=Work.CONNECT, next_at=now)
    return Outcome(Result.MORE, account.pk)


def _proven_next(account: CloudAccount) -> Account:
    """What the next credentials open."""
    cloud = clouds.get(account.cloud)
    native_id, spelling = cloud.parse_credentials(account.next_credentials)
    opened = Account(native_id, spelling, account.external_id)
    cloud.verify(opened)
    return opened


def _swap(account: CloudAccount, opened: Account) -> CloudAccount:
    with transaction.atomic():
        locked = _unchanged(account)
        locked.credentials, locked.next_credentials = opened.credentials, ""
        locked.save(update_fields=["credentials", "next_credentials", "updated_at"])
    return locked


def _move_to(account: CloudAccount, opened: Account, now: datetime) -> Outcome:
    """Another account is connected in this one's place, which goes on until then."""
    with transaction.atomic():
        successor = _successor(_unchanged(account), opened, now)
    details = clouds.get(account.cloud).connect(opened, readers=_readers(successor))
    _move(account, successor, details, now)
    return Outcome(Result.DONE, successor.pk)


# What is stored


def _unchanged(account: CloudAccount) -> CloudAccount:
    """The account's row, locked; raises where it is gone or something else is wanted of it than when it was read."""
    locked = CloudAccount.objects.select_for_update(no_key=True).filter(pk=account.pk).first()
    if locked is None or any(getattr(locked, field) != getattr(account, field) for field in _WISH):
        raise _Changed
    return locked


def _verify(account: CloudAccount) -> None:
    """The locked account is the customer's; raises CustomerProblem where it is proven to be another's."""
    if account.is_verified and account.pk:
        return
    account.is_verified = True
    try:
        account.save()
    except IntegrityError:  # which ends the caller's transaction, as the problem does
        raise CustomerProblem("another customer has the account", Problem.DUPLICATE_ACCOUNT) from None


def _successor(account: CloudAccount, opened: Account, now: datetime) -> CloudAccount:
    """The row of the account that will take this one's place: new, or left by an attempt that was cut off."""
    known = CloudAccount.objects.filter(
        customer_id=account.customer_id, cloud=account.cloud, native_id=opened.native_id
    ).first()
    if known and known.wanted == "deleted":
        raise Unavailable(f"account {known.native_id} is being deleted")
    if known and (known.credentials != opened.credentials or known.platform_application_id is not None):
        is_same = known.credentials == opened.credentials
        which = Problem.DUPLICATE_CREDENTIALS if is_same else Problem.DUPLICATE_ACCOUNT
        raise CustomerProblem(f"account {known.native_id} is there already", which)
    successor = known or CloudAccount(
        customer_id=account.customer_id,
        cloud=account.cloud,
        native_id=opened.native_id,
        credentials=opened.credentials,
        external_id=account.external_id,
        metered_from=now,
        created_at=now,
        is_successor=True,
    )
    _verify(successor)
    return successor


def _move(account: CloudAccount, successor: CloudAccount, details: Mapping[str, Any], now: datetime) -> None:
    """The successor is what the platform's application is metered for; the old account will be removed."""
    names = ("platform_authentication_id", "platform_application_id", "platform_source_id")
    with transaction.atomic():
        locked = {each.pk: _unchanged(each) for each in sorted((account, successor), key=lambda each: each.pk)}
        old, new = locked[account.pk], locked[successor.pk]
        given = {name: getattr(old, name) for name in names}
        for name in names:
            setattr(old, name, None)
        old.wanted, old.next_credentials = "deleted", ""
        old.save()
        for name, value in given.items():
            setattr(new, name, value)
        new.save()
        schedules.cancel(account_id=old.pk)
        schedules.plan(account_ids=[old.pk], work=[Work.CONNECT], at=now)
        _store_connection(new, details, now)


def _store_connection(account: CloudAccount, details: Mapping[str, Any], now: datetime) -> None:
    """The locked account is enabled, and all that follows from it is planned."""
    before = availability.word(account)
    account.details = dict(details)
    account.enabled_at = account.enabled_at if account.is_enabled else now
    account.is_enabled = True
    account.is_successor = False
    account.checked_at = account.connected_at = now
    account.problem_code = account.problem = ""
    availability.settle(account=account, before=before, now=now)
    account.save()
    unmetered.end(account_id=account.pk, at=now)
    is_polled = not details.get("is_notified")
    schedules.cancel(account_id=account.pk, work=[Work.CONNECT, Work.CHECK, Work.POLL])
    reading = [Work.SWEEP, Work.PROVE, *([Work.POLL] if is_polled else [])]
    schedules.plan(account_ids=[account.pk], work=reading, at=now)
    schedules.plan(account_ids=[account.pk], work=[Work.CHECK], at=now + timedelta(seconds=settings.CHECK_INTERVAL))


def _record_disconnection(account: CloudAccount, now: datetime) -> Outcome:
    with transaction.atomic():
        locked = _unchanged(account)
        before = availability.word(locked)
        if not are_sound(locked):
            locked.details = {}
        elif locked.details and LEFT not in locked.details:  # by these what it told before finds its customer
            locked.details = {LEFT: locked.details}
        locked.is_enabled = False
        locked.problem_code = locked.problem = ""
        locked.revision += 1  # whoever connected it meanwhile has connected nothing
        availability.settle(account=locked, before=before, now=now)
        locked.save()
        schedules.cancel(account_id=account.pk)
    return Outcome(Result.DONE, account.pk)


def _record_problem(
    account: CloudAccount, problem: CustomerProblem, now: datetime, *, is_kept: bool = False
) -> Outcome:
    """The problem is stored and the account not enabled, unless its old credentials go on; the next attempt is due."""
    sentence = f"{problem.problem.sentence} ({problem})"
    with transaction.atomic():
        locked = _unchanged(account)
        before = availability.word(locked)
        pause = _pause(locked, now)
        locked.problem_code, locked.problem = problem.problem.value, sentence
        locked.checked_at = now
        locked.is_enabled = locked.is_enabled and is_kept
        availability.settle(account=locked, before=before, now=now)
        locked.save()
        if not locked.is_enabled:  # nothing is read of it until it is connected again
            schedules.cancel(account_id=account.pk, work=_READING)
        _plan_next(account.pk, Work.CONNECT, now + pause)
    return Outcome(Result.PROBLEM, account.pk, problem.problem.value, sentence)


def _record_check(account: CloudAccount, now: datetime) -> Outcome:
    with transaction.atomic():
        locked = _unchanged(account)
        before = availability.word(locked)
        if not locked.next_credentials:  # else the problem is theirs
            locked.problem_code = locked.problem = ""
        availability.settle(account=locked, before=before, now=now)
        locked.save()
        is_to_be_looked_at = not locked.connected_at or locked.connected_at <= now - LOOK_PAUSE
        if is_to_be_looked_at and not locked.next_credentials:
            schedules.plan(account_ids=[account.pk], work=[Work.CONNECT], at=now)
        _plan_next(account.pk, Work.CHECK, now + timedelta(seconds=settings.CHECK_INTERVAL))
    return Outcome(Result.DONE, account.pk)


def _unchecked(account_id: int, now: datetime) -> Outcome:
    """Why the account is not checked now; what was asked for is done as soon as it may be."""
    with transaction.atomic():
        account = CloudAccount.objects.select_for_update(no_key=True).filter(pk=account_id).first()
        if account is None:
            return Outcome(Result.GONE, account_id)
        if account.wanted != "enabled" or account.is_paused or not account.credentials:
            schedules.cancel(account_id=account_id, work=[Work.CHECK])
            return Outcome(Result.CHANGED, account_id)
        at = max(account.checked_at + CHECK_PAUSE, now) if account.checked_at else now
        if account.is_enabled:
            _plan_next(account_id, Work.CHECK, at)
        else:  # connecting it checks more than a check would
            schedules.cancel(account_id=account_id, work=[Work.CHECK])
            schedules.plan(account_ids=[account_id], work=[Work.CONNECT], at=at)
        return Outcome(Result.LATER, account_id, account.problem_code, account.problem)


def _plan_again(account_id: int, now: datetime) -> None:
    """The account, if it is still there, is looked at once more.

    What was planned with the new wish may have been done already, before this attempt changed the cloud.
    """
    with transaction.atomic():
        if CloudAccount.objects.select_for_update(no_key=True).filter(pk=account_id).first():
            schedules.plan(account_ids=[account_id], work=[Work.CONNECT], at=now)


def _plan_next(account_id: int, work: Work, at: datetime) -> None:
    """The work of the locked account is due then, neither earlier nor later."""
    schedules.cancel(account_id=account_id, work=[work])
    schedules.plan(account_ids=[account_id], work=[work], at=at)


def _pause(account: CloudAccount, now: datetime) -> timedelta:
    if not account.problem_code or account.checked_at is None:
        return SHORTEST_PAUSE
    return min(max(2 * (now - account.checked_at), SHORTEST_PAUSE), LONGEST_PAUSE)
