"""What every OpenAPI document says of refusals and of ways to authenticate."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from rest_framework import serializers

from cloudigrade.api import authentication


class Refusal(serializers.Serializer[Any]):
    """Why there is no answer."""

    detail = serializers.CharField()


_WAYS: dict[str, dict[str, Any]] = {
    "identity": {
        "type": "apiKey",
        "in": "header",
        "name": authentication.IDENTITY_HEADER,
        "description": "Base64 of the platform's identity JSON, set by its gateway.",
    },
    "psk": {
        "type": "apiKey",
        "in": "header",
        "name": authentication.PSK_HEADER,
        "description": "Key of a service; what it opens is set with it.",
    },
    "orgId": {
        "type": "apiKey",
        "in": "header",
        "name": authentication.ORG_ID_HEADER,
        "description": "The customer's organisation; only together with a key.",
    },
    "accountNumber": {
        "type": "apiKey",
        "in": "header",
        "name": authentication.ACCOUNT_NUMBER_HEADER,
        "description": "The customer's account number; only together with a key.",
    },
    "token": {"type": "http", "scheme": "bearer", "description": "A token that was made for the customer."},
}


class _Scheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # the framework is not typed
    """Ways of authenticating, which classes share: one of these groups of headers is enough."""

    name = []
    groups: tuple[tuple[str, ...], ...] = ()

    def get_security_requirement(self, auto_schema: AutoSchema) -> list[dict[str, list[Any]]]:
        """Any one of the groups; what is in them is described once in a document."""
        for way in {way: None for group in self.groups for way in group}:
            component = ResolvedComponent(way, ResolvedComponent.SECURITY_SCHEMA, schema=_WAYS[way], object=_Scheme)  # type: ignore[no-untyped-call]  # likewise
            auto_schema.registry.register_on_missing(component)
        return [{way: [] for way in group} for group in self.groups]

    def get_security_definition(self, auto_schema: AutoSchema) -> list[dict[str, Any]]:  # noqa: ARG002 - the framework's signature
        """Nothing besides."""
        return []


_CUSTOMERS = (("identity",), ("token",), ("psk", "orgId"), ("psk", "accountNumber"))


class CustomerScheme(_Scheme):  # type: ignore[no-untyped-call]  # likewise
    """For a known customer."""

    target_class = authentication.CustomerAuthentication
    match_subclasses = True
    groups = _CUSTOMERS


class OptionalCustomerScheme(_Scheme):  # type: ignore[no-untyped-call]  # likewise
    """For a customer whom we may not know."""

    target_class = authentication.OptionalCustomerAuthentication
    groups = _CUSTOMERS


class OperatorScheme(_Scheme):  # type: ignore[no-untyped-call]  # likewise
    """For an operator, or a neighbour with a key."""

    target_class = authentication.OperatorAuthentication
    groups = (("identity",), ("psk",))
