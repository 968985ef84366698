"""Request headers in, the customer who asks out; nothing else ever says whose data is answered."""

import hmac
from datetime import UTC, date
from typing import NamedTuple

from django.conf import settings
from django.db import connection
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from cloudigrade.redhat.identity import Identity, MalformedIdentity, parse_header

IDENTITY_HEADER = "X-RH-IDENTITY"
PSK_HEADER = "X-RH-CLOUDIGRADE-PSK"
ORG_ID_HEADER = "X-RH-CLOUDIGRADE-ORG-ID"
ACCOUNT_NUMBER_HEADER = "X-RH-CLOUDIGRADE-ACCOUNT-NUMBER"

_BAD_PSK = "Authentication Failed: Invalid PSK specified in header"
_BAD_IDENTITY = "Authentication Failed: invalid identity header failed parsing."
_NOBODY = "Authentication Failed: identity account number or org id is required, but neither is present in request."


# One statement with all that an answer needs of the customer, and not by the ORM, which takes longer than the database.
# `joined` is `Customer.joined_at()`.
_CUSTOMERS = """
SELECT customer.id, customer.org_id, coalesce(min(account.metered_from), customer.created_at) AS joined
FROM cloudigrade_customer AS customer
LEFT JOIN cloudigrade_cloudaccount AS account ON account.customer_id = customer.id
WHERE customer.org_id = nullif(%s, '') OR customer.account_number = nullif(%s, '')
GROUP BY customer.id
"""


class Requester(NamedTuple):
    """The customer who asks, as far as an answer depends on it."""

    customer_id: int
    joined: date
    """The UTC day from which on there are answers."""


class CustomerAuthentication(BaseAuthentication):
    """`request.user` is the requester; without `WWW-Authenticate` every refusal is a 403, as callers know it."""

    def authenticate(self, request: Request) -> tuple[Requester, None]:
        """The one customer that the headers name, else a refusal."""
        identity = _identity_of(request)
        if identity.is_nobody():
            raise AuthenticationFailed(_NOBODY)
        return _requester(identity), None


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


def _requester(identity: Identity) -> Requester:
    """The customer of that account number, else of that org id; names of two customers are refused."""
    with connection.cursor() as cursor:
        cursor.execute(_CUSTOMERS, [identity.org_id, identity.account_number])
        found = cursor.fetchall()
    if len(found) != 1:
        raise AuthenticationFailed
    [(customer_id, org_id, joined)] = found
    if identity.org_id and org_id and identity.org_id != org_id:
        raise AuthenticationFailed
    return Requester(customer_id, joined.astimezone(UTC).date())
