"""The ids of each request: a new one of ours and the caller's, told in the answer, so that logs can be searched."""

import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

from cloudigrade.redhat import request_ids
from cloudigrade.redhat.request_ids import RequestIds

HEADER = "X-CLOUDIGRADE-REQUEST-ID"


class RequestId:
    """Middleware: `request.request_id`, the ids for all that the request causes, and the answer's headers."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """The answer with the ids of its request."""
        ids = RequestIds(
            own=str(uuid.uuid4()), platform=request_ids.accepted(request.headers.get(request_ids.HEADER, ""))
        )
        request.request_id = ids.own  # type: ignore[attr-defined]  # Django's way to hand something on
        with request_ids.bound(ids):
            response = self.get_response(request)
        response.headers[HEADER] = ids.own
        if ids.platform:
            response.headers[request_ids.HEADER] = ids.platform
        return response
