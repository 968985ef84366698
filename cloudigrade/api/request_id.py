"""A new id for each request, told in its answer, so that a caller's report can be found in our logs."""

import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

HEADER = "X-CLOUDIGRADE-REQUEST-ID"


class RequestId:
    """Middleware: `request.request_id` and the answer's header; ids that callers send are not looked at."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """The answer with the id of its request."""
        request_id = str(uuid.uuid4())
        request.request_id = request_id  # type: ignore[attr-defined]  # Django's way to hand something on
        response = self.get_response(request)
        response.headers[HEADER] = request_id
        return response
