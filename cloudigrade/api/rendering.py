"""Answers in, JSON bytes out; a part that is JSON already (`msgspec.Raw`) is put in as it stands."""

from collections.abc import Mapping
from typing import Any

import msgspec
from rest_framework.renderers import BaseRenderer


class JSONRenderer(BaseRenderer):
    """The only form in which the API answers."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,  # noqa: ARG002 - the framework's signature
        renderer_context: Mapping[str, Any] | None = None,  # noqa: ARG002 - likewise
    ) -> bytes:
        """The data as compact JSON; texts of the framework's own types become plain ones."""
        return b"" if data is None else msgspec.json.encode(data, enc_hook=str)
