"""Request headers in, the customer who asks out; nothing else ever says whose data is answered."""

import hmac

from django.conf import settings
from django.db.models import Q
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from cloudigrade.models import Customer
from cloudigrade.redhat.identity import Identity, MalformedIdentity, parse_header

IDENTITY_HEADER = "X-RH-IDENTITY"
PSK_HEADER = "X-RH-CLOUDIGRADE-PSK"
ORG_ID_HEADER = "X-RH-CLOUDIGRADE-ORG-ID"
ACCOUNT_NUMBER_HEADER = "X-RH-CLOUDIGRADE-ACCOUNT-NUMBER"

_BAD_PSK = "Authentication Failed: Invalid PSK specified in header"
_BAD_IDENTITY = "Authentication Failed: invalid identity header failed parsing."
_NOBODY = "Authentication Failed: identity account number or org id is required, but neither is present in request."


class CustomerAuthentication(BaseAuthentication):
    """`request.user` is the customer; without `WWW-Authenticate` every refusal is a 403, as callers know it."""

    def authenticate(self, request: Request) -> tuple[Customer, None]:
        """The one customer that the headers name, else a refusal."""
        identity = _identity_of(request)
        if identity.is_nobody():
            raise AuthenticationFailed(_NOBODY)
        return _customer_of(identity), None


def _identity_of(request: Request) -> Identity:
    psk = request.headers.get(PSK_HEADER)
    if psk is not None:
        return _vouched_identity(request, psk)
    header = request.headers.get(IDENTITY_HEADER) if settings.IDENTITY_HEADER_TRUSTED else None
    if not header:
        raise AuthenticationFailed
    try:
        return parse_header(header)
    except MalformedIdentity as fault:
        raise AuthenticationFailed(_BAD_IDENTITY) from fault


def _vouched_identity(request: Request, psk: str) -> Identity:
    """What the companion headers say, which a known key vouches for; the identity header is not looked at."""
    if not _is_known(psk):
        raise AuthenticationFailed(_BAD_PSK)
    try:
        return Identity(
            org_id=request.headers.get(ORG_ID_HEADER, ""),
            account_number=request.headers.get(ACCOUNT_NUMBER_HEADER, ""),
        )
    except MalformedIdentity as fault:
        raise AuthenticationFailed from fault


def _is_known(psk: str) -> bool:
    given = psk.encode("latin-1", "backslashreplace")  # the bytes that were sent
    # Every key is compared, each in constant time: how long it takes tells nothing of them.
    matches = [hmac.compare_digest(given, known.encode()) for known in settings.CLOUDIGRADE_PSKS.values()]
    return bool(given) and any(matches)


def _customer_of(identity: Identity) -> Customer:
    """The customer of that account number, else of that org id; names of two customers are refused."""
    named = Q()
    if identity.org_id:
        named |= Q(org_id=identity.org_id)
    if identity.account_number:
        named |= Q(account_number=identity.account_number)
    found = list(Customer.objects.filter(named))
    if len(found) != 1 or _is_of_another_organisation(found[0], identity):
        raise AuthenticationFailed
    return found[0]


def _is_of_another_organisation(customer: Customer, identity: Identity) -> bool:
    return bool(identity.org_id and customer.org_id and identity.org_id != customer.org_id)
