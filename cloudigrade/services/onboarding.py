"""What is wanted of a customer's cloud account: claimed, enabled, paused, moved, deleted. `connecting` brings it about.

Every wish is one transaction: the account's row and the work that follows from it. No cloud is asked here.
"""

from datetime import datetime
from typing import NamedTuple

from django.db import IntegrityError, transaction

from cloudigrade.clouds.protocol import CustomerProblem, Unavailable
from cloudigrade.domain.problems import Problem
from cloudigrade.models import CloudAccount, Customer
from cloudigrade.services import availability, clouds, external_ids, schedules, unmetered
from cloudigrade.services.connecting import check, connect
from cloudigrade.services.schedules import Work

__all__ = [
    "PlatformIds",
    "check",
    "claim",
    "connect",
    "delete",
    "disable",
    "enable",
    "pause",
    "unpause",
    "update",
]


class PlatformIds(NamedTuple):
    """How the platform calls the application that an account is metered for."""

    authentication_id: int
    application_id: int
    source_id: int


def claim(
    *,
    customer_id: int,
    cloud: str,
    credentials: str,
    now: datetime,
    external_id: str = "",
    platform: PlatformIds | None = None,
) -> int:
    """The customer says that these credentials open an account to be metered; its id. Nothing of it is believed yet.

    Saying it again changes nothing (C24, C25). Raises CustomerProblem for what cannot be, Unavailable while an earlier
    account of that name is being deleted.
    """
    native_id, spelling = clouds.get(cloud).parse_credentials(credentials)
    if external_id:
        word = external_ids.bind(customer_id=customer_id, value=external_id, now=now)
    else:
        word = external_ids.for_customer(customer_id=customer_id, now=now)
    claimed = CloudAccount(
        customer_id=customer_id,
        cloud=cloud,
        native_id=native_id,
        credentials=spelling,
        external_id=word,
        metered_from=now,
        created_at=now,
        is_verified=False,
    )
    with transaction.atomic():
        # one claim of a customer at a time: the second finds what the first made
        Customer.objects.select_for_update(no_key=True).get(pk=customer_id)
        known = _locked(cloud=cloud, native_id=native_id, customer_id=customer_id)
        if known is None:
            return _store(claimed, platform, now)
        return _claim_again(known, claimed, platform, now)


def update(*, account_id: int, credentials: str, now: datetime) -> None:
    """These credentials are to open the account, or another in its place; nothing changes before they prove to (C23).

    Raises CustomerProblem, which is kept with the account, where the customer has the other account already.
    """
    account = CloudAccount.objects.get(pk=account_id)
    native_id, spelling = clouds.get(account.cloud).parse_credentials(credentials)
    with transaction.atomic():
        account = _locked_or_gone(account_id)
        conflict = _conflict(account, native_id, spelling)
        account.asked_at = now  # whoever gave it new credentials waits to hear whether they are good
        if conflict:
            account.problem_code, account.problem = conflict.problem.value, conflict.problem.sentence
            availability.settle(account=account, before=None, now=now)
            account.save(update_fields=["problem_code", "problem", "asked_at", "updated_at"])
        else:
            _abandon_successor(account, spelling, now)
            _take_credentials(account, native_id, spelling, now)
    if conflict:
        raise conflict


def _take_credentials(account: CloudAccount, native_id: str, spelling: str, now: datetime) -> None:
    is_same_account = native_id == account.native_id
    if is_same_account and (spelling == account.credentials or not account.is_verified):
        account.credentials, account.next_credentials = spelling, ""
    else:
        account.next_credentials = spelling
    _save_wish(account, "credentials", "next_credentials", "asked_at")
    schedules.plan(account_ids=[account.pk], work=[Work.CONNECT], at=now)


def disable(*, account_id: int, now: datetime) -> None:
    """From now on the account is not metered, and it will be disconnected."""
    _want(account_id, now, wanted="disabled")


def enable(*, account_id: int, now: datetime) -> None:
    """From now on the account is metered, unless it is paused, and it will be connected."""
    _want(account_id, now, wanted="enabled")


def pause(*, account_id: int, now: datetime) -> None:
    """From now on the account is not metered, because the platform says so; the platform is told nothing."""
    _want(account_id, now, is_paused=True)


def unpause(*, account_id: int, now: datetime) -> None:
    """From now on the account is metered, unless it is disabled; the platform is told what comes of it."""
    _want(account_id, now, is_paused=False)


def delete(*, account_id: int, now: datetime) -> None:
    """The account will be disconnected and then removed with all that was recorded of it; see `removal.preview`."""
    with transaction.atomic():
        account = CloudAccount.objects.select_for_update(no_key=True).filter(pk=account_id).first()
        if account is None or account.wanted == "deleted":
            return
        _abandon_successor(account, "", now)
        account.wanted, account.next_credentials = "deleted", ""
        _save_wish(account, "wanted", "next_credentials")
        _plan_connection(account_id, now, is_wanted=False)


def _want(account_id: int, now: datetime, *, wanted: str = "", is_paused: bool | None = None) -> None:
    with transaction.atomic():
        account = _locked_or_gone(account_id)
        is_disabled = wanted == "disabled" != account.wanted
        is_awaited = (wanted == "enabled" != account.wanted) or (account.is_paused and is_paused is False)
        account.wanted = wanted or account.wanted
        account.is_paused = account.is_paused if is_paused is None else is_paused
        if is_disabled:
            availability.tell(account=account, now=now)
        if is_awaited and account.credentials:
            account.asked_at = now
        _save_wish(account, "wanted", "is_paused", "asked_at")
        is_wanted = account.wanted == "enabled" and not account.is_paused
        if is_wanted:
            unmetered.end(account_id=account_id, at=now)
        else:
            unmetered.begin(account_id=account_id, at=now)
        if account.credentials:
            _plan_connection(account_id, now, is_wanted=is_wanted)


def _save_wish(account: CloudAccount, *fields: str) -> None:
    """The fields are stored, and whoever is bringing about an earlier wish will notice, even if the fields are back."""
    account.revision += 1
    account.save(update_fields=[*fields, "revision", "updated_at"])


def _plan_connection(account_id: int, now: datetime, *, is_wanted: bool) -> None:
    if not is_wanted:
        schedules.cancel(account_id=account_id)
    schedules.plan(account_ids=[account_id], work=[Work.CONNECT], at=now)


def _locked(*, customer_id: int, cloud: str, native_id: str) -> CloudAccount | None:
    found = CloudAccount.objects.select_for_update(no_key=True)
    return found.filter(customer_id=customer_id, cloud=cloud, native_id=native_id).first()


def _locked_or_gone(account_id: int) -> CloudAccount:
    account = CloudAccount.objects.select_for_update(no_key=True).get(pk=account_id)
    if account.wanted == "deleted":
        raise _being_deleted(account)
    return account


def _being_deleted(account: CloudAccount) -> Unavailable:
    return Unavailable(f"account {account.native_id} is being deleted")


def _store(claimed: CloudAccount, platform: PlatformIds | None, now: datetime) -> int:
    _name(claimed, platform)
    _save(claimed)
    schedules.plan(account_ids=[claimed.pk], work=[Work.CONNECT], at=now)
    return claimed.pk


def _save(account: CloudAccount) -> None:
    try:
        account.save()
    except IntegrityError:  # the one constraint that can fail here: one account per application
        problem = CustomerProblem("the platform's application has another account", Problem.DUPLICATE_CREDENTIALS)
        raise problem from None


def _name(account: CloudAccount, platform: PlatformIds | None) -> None:
    """The account has the names that the platform gives it."""
    if platform:
        account.platform_authentication_id = platform.authentication_id
        account.platform_application_id = platform.application_id
        account.platform_source_id = platform.source_id


def _claim_again(known: CloudAccount, claimed: CloudAccount, platform: PlatformIds | None, now: datetime) -> int:
    """What the customer said of the account before holds; what is new is added, and proven before it counts."""
    if known.wanted == "deleted":
        raise _being_deleted(known)
    if platform and known.platform_application_id is not None and not _is_named(known, platform):
        is_same = known.credentials == claimed.credentials
        which = Problem.DUPLICATE_CREDENTIALS if is_same else Problem.DUPLICATE_ACCOUNT
        raise CustomerProblem(f"account {known.native_id} belongs to another application", which)
    is_new = platform is not None and not _is_named(known, platform)
    _name(known, platform)
    is_news = _take_claim(known, claimed)
    is_news = is_news or known.is_successor  # until now it was to be connected in another's name
    known.is_successor = False
    known.revision += int(is_news)
    if is_new:  # the platform knows it from now on, and waits to hear of it
        known.asked_at = now
        availability.settle(account=known, before=None, now=now)
    _save(known)
    if is_news:
        schedules.plan(account_ids=[known.pk], work=[Work.CONNECT], at=now)
    return known.pk


def _take_claim(known: CloudAccount, claimed: CloudAccount) -> bool:
    """Whether the claim brings something that is to be proven."""
    if not known.is_verified:  # nothing of it was believed yet
        is_news = (known.credentials, known.external_id) != (claimed.credentials, claimed.external_id)
        known.credentials, known.external_id = claimed.credentials, claimed.external_id
        return is_news
    # files alone were read of it until now
    known.external_id = known.external_id or claimed.external_id
    is_news = claimed.credentials not in (known.credentials, known.next_credentials)
    if is_news:
        known.next_credentials = claimed.credentials
    return is_news


def _is_named(account: CloudAccount, platform: PlatformIds) -> bool:
    return (account.platform_authentication_id, account.platform_application_id) == platform[:2]


def _conflict(account: CloudAccount, native_id: str, spelling: str) -> CustomerProblem | None:
    """Why the account cannot become that one; raises Unavailable while that one is being deleted."""
    if native_id == account.native_id:
        return None
    other = _locked(cloud=account.cloud, native_id=native_id, customer_id=account.customer_id)
    if other and other.wanted == "deleted":
        raise _being_deleted(other)
    if other is None or (other.wanted == "enabled" and account.next_credentials == spelling):
        return None
    which = Problem.DUPLICATE_CREDENTIALS if other.credentials == spelling else Problem.DUPLICATE_ACCOUNT
    return CustomerProblem(f"account {native_id} is there already", which)


def _abandon_successor(account: CloudAccount, spelling: str, now: datetime) -> None:
    """What was made on the way to other credentials than these goes again, unless it was claimed for itself since."""
    if account.next_credentials in ("", spelling):
        return
    abandoned = CloudAccount.objects.filter(
        customer_id=account.customer_id,
        credentials=account.next_credentials,
        is_successor=True,
    ).exclude(pk=account.pk)
    for pk in abandoned.values_list("pk", flat=True):
        delete(account_id=pk, now=now)
