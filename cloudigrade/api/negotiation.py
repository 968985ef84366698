"""What a client accepts in, what it gets out; most accept anything, and that needs no reading."""

from collections.abc import Iterable
from typing import Any

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

_ANYTHING = frozenset({"*/*", "application/json"})


class Negotiation(DefaultContentNegotiation):
    """The framework's, which takes a twentieth of the time of a small answer to read `*/*`."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """The only renderer there is for who accepts anything, or what it renders, and asks for no other format."""
        choice = list(renderers)
        asked: Any = format_suffix or request.query_params.get(self.settings.URL_FORMAT_OVERRIDE)
        accepted = request.META.get("HTTP_ACCEPT", "*/*")
        if len(choice) == 1 and not asked and accepted in _ANYTHING and choice[0].media_type == "application/json":
            return choice[0], choice[0].media_type
        chosen: tuple[BaseRenderer, str] = super().select_renderer(request, choice, format_suffix)
        return chosen
