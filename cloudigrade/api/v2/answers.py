"""JSON texts in, answers of the API out."""

from typing import Any

import msgspec
from django.http import HttpResponse


def page(envelope: dict[str, Any], data: bytes) -> HttpResponse:
    """The envelope with the data in it, which is not copied on its way out."""
    opening = msgspec.json.encode(envelope)[:-1] + b',"data":'
    response = _json(opening, len(opening) + len(data) + 1)
    response.write(data)
    response.write(b"}")
    return response


def item(content: object) -> HttpResponse:
    """The content by itself."""
    text = msgspec.json.encode(content)
    return _json(text, len(text))


def _json(text: bytes, length: int) -> HttpResponse:
    response = HttpResponse(text, content_type="application/json")
    response.headers["Content-Length"] = str(length)
    response.headers["Cache-Control"] = "no-store"  # what is one customer's must not be kept for another
    return response
