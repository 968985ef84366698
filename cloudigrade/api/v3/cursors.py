"""Where a page ends in, the text that leads to the next page out, and back.

A cursor says nothing that could not be asked for without it, so it holds no secret; its digest tells one that was
altered, cut off, or belongs to another list or customer.
"""

import base64
import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.utils.encoding import escape_uri_path
from rest_framework.request import Request

from cloudigrade.api.v3.parameters import Parameters

DEFAULT_LIMIT, MOST = 50, 100
ACCEPTED = ("cursor", "limit")
LONGEST = 100


class Page(NamedTuple):
    """Which part of a list is asked for."""

    after: int | None
    """Sort key of the item before it; None: from the beginning."""
    limit: int
    whose: str
    """Of which list, and for whom."""


def parse(parameters: Parameters, *, whose: str) -> Page:
    """The page that the parameters ask for."""
    limit = parameters.number("limit", default=DEFAULT_LIMIT, most=MOST)
    text = parameters.one("cursor")
    after = None if text is None else _position(text, whose)
    if text is not None and after is None:
        parameters.refuse("cursor", "It is none that this list has given.")
    return Page(after, limit, whose)


def envelope(request: Request, page: Page, data: Sequence[Any], *, last: int | None) -> dict[str, Any]:
    """The page with the way to the next one; `last` is the sort key of its last item, None if nothing follows."""
    if last is None:
        return {"data": data, "next": None}
    query = dict(request.query_params.lists()) | {"cursor": [_text(last, page.whose)]}
    return {"data": data, "next": f"{escape_uri_path(request.path)}?{urlencode(sorted(query.items()), doseq=True)}"}


def _text(position: int, whose: str) -> str:
    content = f"{position:x}"
    return base64.urlsafe_b64encode(f"{content}.{_digest(content, whose)}".encode()).decode().rstrip("=")


def _position(text: str, whose: str) -> int | None:
    if len(text) > LONGEST or not text.isascii():
        return None
    try:
        content, _, digest = (
            base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True).decode().partition(".")
        )
        is_ours = digest == _digest(content, whose) and _text(int(content, 16), whose) == text
        return int(content, 16) if is_ours else None
    except ValueError:
        return None


def _digest(content: str, whose: str) -> str:
    return hashlib.blake2s(f"{whose}/{content}".encode(), digest_size=8, person=b"cursor").hexdigest()
