"""Versions of rows in, entity tags out, and whether the one who asks has the answer already."""

import hashlib
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import parse_etags
from rest_framework.request import Request

REVALIDATED = "private, no-cache"
"""May be kept by whoever asked, and is asked for again each time."""


def of(request: Request, customer_id: int, *versions: Any) -> str:
    """The tag of the answer to this request, from these versions of all that it is made of."""
    query = sorted(request.query_params.lists())
    whole = repr((settings.VERSION, customer_id, request.path, query, versions))
    return f'"{hashlib.blake2b(whole.encode(), digest_size=16).hexdigest()}"'


def is_known(request: Request, tag: str) -> bool:
    """Whether the one who asks has the answer with this tag."""
    given = parse_etags(request.headers.get("If-None-Match", ""))
    return given == ["*"] or tag in {each.removeprefix("W/") for each in given}


def unchanged(tag: str) -> HttpResponseBase:
    """304: what was given before holds."""
    answer = HttpResponse(status=304)
    del answer.headers["Content-Type"]
    return tagged(answer, tag)


def tagged(answer: HttpResponseBase, tag: str) -> HttpResponseBase:
    """The answer with its tag."""
    answer.headers["ETag"] = tag
    answer.headers["Cache-Control"] = REVALIDATED
    return answer
