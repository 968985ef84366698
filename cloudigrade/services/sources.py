"""What Sources said happened, brought about: accounts claimed, updated, paused and deleted, each its own customer's.

Sources is asked before the transaction in which a message takes effect, never within it (P8). No account of another
customer is ever found, whatever ids a message has (S5).
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import cache, partial
from typing import Final, NamedTuple

from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.db import transaction
from django.db.models import QuerySet

from cloudigrade.clouds import registry
from cloudigrade.clouds.protocol import CustomerProblem
from cloudigrade.domain.problems import Problem
from cloudigrade.models import CloudAccount, Customer
from cloudigrade.redhat import messages, request_ids, sources
from cloudigrade.redhat.messages import Event
from cloudigrade.redhat.request_ids import RequestIds
from cloudigrade.redhat.sources import Authentication, Sources, Tenant
from cloudigrade.services import accounts, availability, clouds, inbox, onboarding
from cloudigrade.services.inbox import Claimed
from cloudigrade.services.onboarding import PlatformIds

CLOUDS: Final[Mapping[str, str]] = {"cloud-meter-arn": "aws", "lighthouse_subscription_id": "azure"}
"""Whose credentials an authentication has, by its type."""
_RESOURCE = "Application"

Effect = Callable[[datetime], None]
"""What an event comes to, stored in the caller's transaction."""


@cache
def client() -> Sources:
    """The Sources API that the settings name, one for all threads of this process."""
    return sources.connected(settings.PLATFORM)


def act(*, claimed: Claimed, now: datetime) -> None:
    """The message has taken effect, once, and is done; what the customer must solve is told to the platform.

    Raises SourcesUnavailable, Unavailable and inbox.Lost; then nothing has changed.
    """
    effect = _read(claimed.event)
    with transaction.atomic():
        inbox.hold(claimed=claimed)
        effect(now)
        inbox.done(claimed=claimed, now=now)


def act_now(*, event: Event, now: datetime) -> None:
    """The event has taken effect, without a row of its own; raises SourcesUnavailable and Unavailable."""
    effect = _read(event)
    with transaction.atomic():
        effect(now)


def _read(event: Event) -> Effect:
    with request_ids.bound(RequestIds(platform=event.request_id)):
        return _READERS[event.event_type](event)


class _Offer(NamedTuple):
    """An application that wants an account to be metered."""

    platform: PlatformIds
    authentication: Authentication
    is_paused: bool


class _Refusal(NamedTuple):
    """An application that cannot have one."""

    application_id: int
    problem: Problem


def _read_claim(event: Event) -> Effect:
    return _taken(event, [(event.value["application_id"], event.value["authentication_id"])])


def _taken(event: Event, pairs: Iterable[tuple[str, str]]) -> Effect:
    """The applications' offers are taken or refused."""
    read = [_offer(_tenant(event), application, authentication) for application, authentication in pairs]
    return partial(_take, event, [each for each in read if each is not None])


def _offer(tenant: Tenant, application_id: str, authentication_id: str) -> _Offer | _Refusal | None:
    """What the application offers; None where it is gone or none of ours."""
    application = client().application(tenant, application_id)
    if application is None or application.application_type_id != client().application_type_id(tenant):
        return None
    authentication = client().authentication(tenant, authentication_id)
    problem = _problem(authentication)
    if authentication is None or problem is not None:
        return _Refusal(int(application_id), problem or Problem.NO_AUTHENTICATION)
    platform = PlatformIds(int(authentication_id), int(application_id), int(application.source_id))
    return _Offer(platform, authentication, application.is_paused)


def _problem(authentication: Authentication | None) -> Problem | None:
    """Why the authentication opens no account."""
    if authentication is None:
        return Problem.NO_AUTHENTICATION
    if CLOUDS.get(authentication.authtype) not in registry.names():
        return Problem.UNKNOWN_AUTHENTICATION_TYPE
    if authentication.resource_type != _RESOURCE:
        return Problem.NOT_OF_AN_APPLICATION
    return None if authentication.token else Problem.NO_CREDENTIALS


def _take(event: Event, found: Iterable[_Offer | _Refusal], now: datetime) -> None:
    for each in found:
        if isinstance(each, _Refusal):
            _tell(event, each.application_id, each.problem, now)
        else:
            _claim(event, each, now)


def _claim(event: Event, offer: _Offer, now: datetime) -> None:
    """The account is the customer's to be metered, or the platform hears why not; once more changes nothing (C24)."""
    try:
        with transaction.atomic():
            customer_id = accounts.ensure_customer(org_id=event.org_id, account_number=event.account_number, now=now)
            account_id = onboarding.claim(
                customer_id=customer_id,
                cloud=CLOUDS[offer.authentication.authtype],
                credentials=offer.authentication.token,
                external_id=offer.authentication.external_id,
                platform=offer.platform,
                now=now,
            )
    except CustomerProblem as problem:
        _tell(event, offer.platform.application_id, problem.problem, now)
        return
    if offer.is_paused and CloudAccount.objects.filter(pk=account_id, is_paused=False).exists():
        onboarding.pause(account_id=account_id, now=now)


def _read_update(event: Event) -> Effect:
    """The authentication's accounts get what it has now; an authentication without any makes some, if it can."""
    tenant, authentication_id = _tenant(event), event.value["id"]
    if not _accounts(event, platform_authentication_id=authentication_id):
        return _taken(event, client().application_authentications(tenant, authentication_id))
    authentication = client().authentication(tenant, authentication_id)
    if authentication is None:
        return _nothing
    return partial(_update_all, event, authentication)


def _nothing(_: datetime) -> None:
    """Nothing comes of it."""


def _update_all(event: Event, authentication: Authentication, now: datetime) -> None:
    problem = _problem(authentication)
    for account in _accounts(event, platform_authentication_id=authentication.id):
        found = _update(account, authentication, now) if problem is None else problem
        if found is not None and account.platform_application_id is not None:
            _tell(event, account.platform_application_id, found, now)


def _update(account: CloudAccount, authentication: Authentication, now: datetime) -> Problem | None:
    """The account is to be opened by what the authentication has; else why it cannot be."""
    if CLOUDS[authentication.authtype] != account.cloud:
        return Problem.UNKNOWN_AUTHENTICATION_TYPE
    try:
        _renew_claim(account, authentication, now)
        onboarding.update(account_id=account.pk, credentials=authentication.token, now=now)
    except CustomerProblem as problem:
        return problem.problem
    except ObjectDoesNotExist:
        pass  # removed since we looked
    return None


def _renew_claim(account: CloudAccount, authentication: Authentication, now: datetime) -> None:
    """An account of which nothing is believed yet takes the external id, too, which may have been what was wrong."""
    native_id, _ = clouds.get(account.cloud).parse_credentials(authentication.token)
    if account.is_verified or native_id != account.native_id or not authentication.external_id:
        return
    with transaction.atomic():
        onboarding.claim(
            customer_id=account.customer_id,
            cloud=account.cloud,
            credentials=authentication.token,
            external_id=authentication.external_id,
            now=now,
        )


def _read_wish(wish: Callable[..., None], *fields: str) -> Callable[[Event], Effect]:
    """The wish is for the accounts whose ids the event has, named in the order of the event's fields."""

    def read(event: Event) -> Effect:
        ids = dict(zip(fields, (event.value[name] for name in messages.FIELDS[event.event_type]), strict=True))
        return partial(_wish, event, ids, wish)

    return read


def _wish(event: Event, ids: Mapping[str, str], wish: Callable[..., None], now: datetime) -> None:
    for account in _accounts(event, **ids):
        try:
            wish(account_id=account.pk, now=now)
        except ObjectDoesNotExist:
            continue  # removed since we looked: nothing is wanted of it any more


def _accounts(event: Event, **ids: str) -> QuerySet[CloudAccount]:
    """The customer's own accounts that have these ids of the platform and stay."""
    found = CloudAccount.objects.filter(customer__in=_customer(event), is_synthetic=False, **ids)
    return found.exclude(wanted="deleted").order_by("pk")


def _customer(event: Event) -> QuerySet[Customer]:
    """Whose event it is: the org id leads, the account number finds those of whom no other org id is known (C26)."""
    if event.org_id:
        named = Customer.objects.filter(org_id=event.org_id)
        if named.exists() or not event.account_number:
            return named
        return Customer.objects.filter(org_id__isnull=True, account_number=event.account_number)
    return Customer.objects.filter(account_number=event.account_number)


def _tell(event: Event, application_id: int, problem: Problem, now: datetime) -> None:
    availability.tell_problem(
        org_id=event.org_id,
        account_number=event.account_number,
        application_id=application_id,
        problem=problem,
        now=now,
    )


def _tenant(event: Event) -> Tenant:
    return Tenant(event.org_id, event.account_number)


_OF_APPLICATION = "platform_application_id"
_READERS: Final[Mapping[str, Callable[[Event], Effect]]] = {
    messages.CLAIMED: _read_claim,
    messages.WITHDRAWN: _read_wish(onboarding.delete, _OF_APPLICATION, "platform_authentication_id"),
    messages.UPDATED: _read_update,
    messages.PAUSED: _read_wish(onboarding.pause, _OF_APPLICATION),
    messages.UNPAUSED: _read_wish(onboarding.unpause, _OF_APPLICATION),
    messages.APPLICATION_GONE: _read_wish(onboarding.delete, _OF_APPLICATION),
    messages.SOURCE_GONE: _read_wish(onboarding.delete, "platform_source_id"),
}
