"""What all views of version 3 have in common: who may ask, how refusals look, and that nothing is kept for others."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import msgspec
from django.http import HttpResponse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from rest_framework.exceptions import NotFound
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from cloudigrade.api import authentication
from cloudigrade.api.authentication import BearerCustomerAuthentication
from cloudigrade.api.requesters import Requester
from cloudigrade.api.v3 import problems

LARGEST_ID = 2**63 - 1

_CREDENTIALS = (
    "Authorization",
    authentication.IDENTITY_HEADER,
    authentication.PSK_HEADER,
    authentication.ORG_ID_HEADER,
    authentication.ACCOUNT_NUMBER_HEADER,
)


def now() -> datetime:
    """The time of a request."""
    return timezone.now()  # noqa: TID251 - a request's time begins here


class _OwnFormats(BaseContentNegotiation):
    """Views choose the format themselves: `format` is a parameter like others, and `Accept` is not looked at."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        """The parser of the body's type."""
        given = request.content_type.partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == given), None)

    def select_renderer(
        self,
        request: Request,  # noqa: ARG002 - the framework's signature
        renderers: Iterable[BaseRenderer],
        format_suffix: str | None = None,  # noqa: ARG002 - likewise
    ) -> Any:
        """The only one."""
        renderer = next(iter(renderers))
        return renderer, renderer.media_type


class View(APIView):
    """Everything starts at the customer who asks."""

    authentication_classes = [BearerCustomerAuthentication]
    content_negotiation_class = _OwnFormats
    http_method_names = ["get", "post", "delete", "head"]

    @property
    def required_scope(self) -> str:
        """What a credential must open; the authentication looks it up."""
        return "accounts" if self.request.method in ("POST", "DELETE") else "read"

    @property
    def customer_id(self) -> int:
        """The customer who asks, by authentication alone."""
        requester: Requester = self.request.user  # type: ignore[assignment]  # what the authentication gives
        return requester.customer_id

    def get_exception_handler(self) -> Callable[..., Any]:
        """Refusals are problem documents."""
        return problems.answer_to

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """The answer as nobody else may keep it."""
        answer = super().finalize_response(request, response, *args, **kwargs)
        answer.headers.setdefault("Cache-Control", "no-store")
        patch_vary_headers(answer, _CREDENTIALS)
        return answer


class Nothing(View):
    """All other paths."""

    authentication_classes = []
    throttle_classes = []
    schema = None

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """404, by whatever method."""
        self.http_method_names = [request.method.lower()]
        setattr(self, request.method.lower(), self._refuse)
        return super().dispatch(request, *args, **kwargs)

    def _refuse(self, *_: object, **__: object) -> HttpResponse:
        raise NotFound


def json(content: object, *, status: int = 200) -> HttpResponse:
    """The content as JSON; times are ISO 8601 in UTC."""
    return HttpResponse(msgspec.json.encode(content), status=status, content_type="application/json")


def known_id(number: int) -> int:
    """The number, if anything can have it as its id."""
    if number > LARGEST_ID:
        raise NotFound
    return number
