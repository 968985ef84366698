"""Request headers in, who asks and what they may out; nothing else ever says whose data is answered."""

import hmac
from typing import Any, Literal, NamedTuple

from django.conf import settings
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from cloudigrade.api import requesters
from cloudigrade.api.requesters import UNKNOWN, Requester
from cloudigrade.redhat.identity import Identity, MalformedIdentity, parse_header
from cloudigrade.redhat.psks import Psk
from cloudigrade.services import tokens

__all__ = [
    "BearerCustomerAuthentication",
    "Credential",
    "CustomerAuthentication",
    "OperatorAuthentication",
    "OptionalCustomerAuthentication",
    "Psk",
    "named_identity",
]

IDENTITY_HEADER = "X-RH-IDENTITY"
PSK_HEADER = "X-RH-CLOUDIGRADE-PSK"
ORG_ID_HEADER = "X-RH-CLOUDIGRADE-ORG-ID"
ACCOUNT_NUMBER_HEADER = "X-RH-CLOUDIGRADE-ACCOUNT-NUMBER"
FAKE_IDENTITY_HEADER = "X-RH-INTERNAL-FAKE-IDENTITY"
"""Names a customer like the identity header; only an operator is listened to."""

# Codes of refusals, for whoever answers other than v2.
NOT_GIVEN = "not_given"
INVALID = "authentication_failed"

_BAD_PSK = "Authentication Failed: Invalid PSK specified in header"
_BAD_IDENTITY = "Authentication Failed: invalid identity header failed parsing."
_NOBODY = "Authentication Failed: identity account number or org id is required, but neither is present in request."
_READ = frozenset({"GET", "HEAD", "OPTIONS"})
_CUSTOMERS_OWN = frozenset({"read", "accounts"})
_ASSOCIATES = frozenset({"read", "write", "availability"})


class Credential(NamedTuple):
    """What a request was let in with, and what that opens."""

    kind: Literal["identity", "psk", "token"]
    name: str
    """Of the key or token; type of the identity."""
    scopes: frozenset[str]


class CustomerAuthentication(BaseAuthentication):
    """`request.user` is the requester; without `WWW-Authenticate` every refusal is a 403, as callers know it.

    A view says by `required_scope` what a credential must open; without it, that is `read`.
    """

    def authenticate(self, request: Request) -> tuple[Requester | None, Credential]:
        """The one customer that the headers name, else a refusal."""
        requester, credential = _customer(request)
        _require(getattr(_view(request), "required_scope", "read"), credential)
        if requester is None:
            raise AuthenticationFailed
        return requester, credential


class BearerCustomerAuthentication(CustomerAuthentication):
    """The same with `WWW-Authenticate`, so that a refusal is a 401."""

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002 - the framework's signature
        """How a request may authenticate."""
        return 'Bearer realm="cloudigrade"'


class OptionalCustomerAuthentication(BaseAuthentication):
    """As for customers, but one whom we do not know is let in, and then `request.user` is None."""

    def authenticate(self, request: Request) -> tuple[Requester | None, Credential]:
        """The customer that the headers name, if we know it."""
        requester, credential = _customer(request)
        _require(getattr(_view(request), "required_scope", "read"), credential)
        return requester, credential


class OperatorAuthentication(BaseAuthentication):
    """For the internal API: a key whose scopes allow it, or an associate.

    `request.user` is None for whoever speaks for no customer, else that customer, else `UNKNOWN`. A view whose
    `required_scope` is `availability` lets in every customer too, who then is `request.user`.
    """

    def authenticate(self, request: Request) -> tuple[Requester | None, Credential]:
        """The customer that the operator speaks for, if any, else a refusal."""
        scope = getattr(_view(request), "required_scope", None) or ("read" if request.method in _READ else "write")
        name, psk = _psk(request)
        if psk is not None:
            credential = Credential("psk", name, psk.scopes)
        else:
            identity = _own_identity(request)
            _refuse_nobody(identity)
            credential = Credential("identity", identity.type, _scopes_of(identity))
        _require(scope, credential)
        return _spoken_for(request), credential


def named_identity(request: Request) -> Identity:
    """The customer's names that an operator's request carries, nobody's where it has none.

    The fake identity comes first, then what stands beside a key, then the identity itself.
    """
    has_key = request.headers.get(PSK_HEADER) is not None
    identity = _companions(request) if has_key else _own_identity(request)
    fake = request.headers.get(FAKE_IDENTITY_HEADER)
    # A customer must not speak for another by it.
    return _parsed(fake) if fake and (has_key or identity.is_associate()) else identity


def _customer(request: Request) -> tuple[Requester | None, Credential]:
    """The customer, None for one that is not known, and what the request was let in with."""
    name, psk = _psk(request)
    if psk is not None:
        return _named(_companions(request)), Credential("psk", name, psk.scopes)
    token = _token(request)
    if token:
        return _token_owner(token)
    identity = _own_identity(request)
    return _named(identity), Credential("identity", identity.type, _CUSTOMERS_OWN)


def _named(identity: Identity) -> Requester | None:
    if identity.is_nobody():
        raise AuthenticationFailed(_NOBODY)
    return requesters.known.find(identity)


def _spoken_for(request: Request) -> Requester | None:
    """None where the request names no customer; one that is not known must not count as none."""
    identity = named_identity(request)
    return None if identity.is_nobody() else requesters.find(identity) or UNKNOWN


def _refuse_nobody(identity: Identity) -> None:
    if identity.is_nobody() and not identity.is_associate():
        raise AuthenticationFailed(_NOBODY)


def _scopes_of(identity: Identity) -> frozenset[str]:
    """What the internal API opens to an identity: everything to associates, to customers what bounds itself to them."""
    return _ASSOCIATES if identity.is_associate() else frozenset({"availability"})


def _own_identity(request: Request) -> Identity:
    """The identity header's, where its sender is trusted."""
    header = request.headers.get(IDENTITY_HEADER) if settings.IDENTITY_HEADER_TRUSTED else None
    if not header:
        raise AuthenticationFailed(code=NOT_GIVEN)
    return _parsed(header)


def _parsed(header: str) -> Identity:
    try:
        return parse_header(header)
    except MalformedIdentity as fault:
        raise AuthenticationFailed(_BAD_IDENTITY) from fault


def _companions(request: Request) -> Identity:
    """What the headers beside a known key say, which it vouches for; the identity header is not looked at."""
    try:
        return Identity(
            org_id=request.headers.get(ORG_ID_HEADER, ""),
            account_number=request.headers.get(ACCOUNT_NUMBER_HEADER, ""),
        )
    except MalformedIdentity as fault:
        raise AuthenticationFailed from fault


def _psk(request: Request) -> tuple[str, Psk | None]:
    """The key that was sent, by its name; none where none was sent, and a refusal where it is not known."""
    sent = request.headers.get(PSK_HEADER)
    if sent is None:
        return "", None
    given = sent.encode("latin-1", "backslashreplace")  # the bytes that were sent
    keys: dict[str, Psk] = settings.CLOUDIGRADE_PSKS
    # Every key is compared, each in constant time: how long it takes tells nothing of them.
    matches = [name for name, psk in keys.items() if hmac.compare_digest(given, psk.key.encode())]
    if not given or not matches:
        raise AuthenticationFailed(_BAD_PSK)
    return matches[0], keys[matches[0]]


def _token(request: Request) -> str:
    """The API token that was sent; other credentials of that header are for others than us."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    is_ours = scheme.lower() == "bearer" and token.strip().startswith(tokens.PREFIX)
    return token.strip() if is_ours else ""


def _token_owner(token: str) -> tuple[Requester, Credential]:
    now = timezone.now()  # noqa: TID251 - a request's time begins here
    opened = tokens.find(token=token, now=now)
    if opened is None:
        raise AuthenticationFailed
    return Requester.since(opened.customer_id, opened.joined_at), Credential("token", opened.name, opened.scopes)


def _require(scope: str, credential: Credential) -> None:
    if scope not in credential.scopes:
        raise PermissionDenied


def _view(request: Request) -> Any:
    return (request.parser_context or {}).get("view")
